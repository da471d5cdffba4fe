package pipeline

import (
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

func TestTheImagesThatAPipelineTook(t *testing.T) {
	one, two := digest.FromString("one"), digest.FromString("two")
	second := func(n int) time.Time { return time.Date(2026, 3, 4, 12, 0, n, 0, time.UTC) }
	took := func(category, tag string, d digest.Digest, at int, parameters string) Action {
		return Action{
			ID: tag, Category: category, Provider: "ECR", Status: ActionSucceeded, StartedAt: second(at), UpdatedAt: second(at + 1),
			Configuration: map[string]string{"UserParameters": parameters}, Variables: map[string]string{"ImageTag": tag, "ImageDigest": d.String()},
		}
	}
	failed := took("Source", "failed", one, 0, "")
	failed.Status = ActionFailed
	deploy := Action{Category: "Deploy", Provider: "ECS", StartedAt: second(10), Status: ActionInProgress}
	got := deploying([]Action{
		took("Invoke", "later", one, 10, ""),
		took("Invoke", "build-2", two, 3, `{"ContainerName": "app"}`),
		took("Source", "build-1", one, 5, ""),
		took("Source", "no tag", one, 1, ""),
		took("Source", "none", "", 1, ""),
		took("Invoke", "prod", one, 1, `{"NewImageTag": "prod"}`),
		took("Invoke", "live", one, 1, `{"Environment": "live"}`),
		took("Invoke", "build-2", two, 4, "any text"),
		failed, deploy,
	})
	want := "build-1@" + one.String() + " build-2@" + two.String()
	if len(got) != 1 || got[0].Images != want {
		t.Errorf("took %+v, want %s", got, want)
	}
}
