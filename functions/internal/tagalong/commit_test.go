package tagalong

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestTheCommitOfAnImage(t *testing.T) {
	const child = `{"digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17", "platform": {"os": "linux", "architecture": %q}, "annotations": {%q: %q}}`
	of := func(architecture, commit string) string {
		return fmt.Sprintf(child, architecture, specs.AnnotationRevision, commit)
	}
	annotated := func(commit string) string {
		return fmt.Sprintf(`{"annotations": {"org.opencontainers.image.revision": %q}}`, commit)
	}
	for name, test := range map[string]struct {
		mediaType, manifest, want string
	}{
		"an image":                    {specs.MediaTypeImageManifest, annotated("c0ffee1"), "c0ffee1"},
		"an index":                    {specs.MediaTypeImageIndex, annotated("c0ffee1"), "c0ffee1"},
		"Docker's list":               {dockerList, annotated("c0ffee1"), "c0ffee1"},
		"no annotations":              {specs.MediaTypeImageManifest, `{}`, ""},
		"no manifest":                 {specs.MediaTypeImageManifest, `?`, ""},
		"annotations of another kind": {specs.MediaTypeImageManifest, `{"annotations": ["c0ffee1"]}`, ""},
		"all children agree":          {specs.MediaTypeImageIndex, `{"manifests": [` + of("amd64", "c0ffee1") + `,` + of("arm64", "c0ffee1") + `]}`, "c0ffee1"},
		"children disagree":           {specs.MediaTypeImageIndex, `{"manifests": [` + of("amd64", "c0ffee1") + `,` + of("arm64", "c0ffee2") + `]}`, ""},
		"one child is silent":         {specs.MediaTypeImageIndex, `{"manifests": [` + of("amd64", "c0ffee1") + `,` + of("arm64", "") + `]}`, ""},
		"a line break":                {specs.MediaTypeImageManifest, annotated("c0ffee1\nINFO all is well"), ""},
		"a novel":                     {specs.MediaTypeImageManifest, annotated(strings.Repeat("c", 129)), ""},
		"an escape sequence":          {specs.MediaTypeImageManifest, annotated("\x1b[31mred"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := Manifest{MediaType: test.mediaType, Bytes: []byte(test.manifest)}
			if got := m.commit(); got != test.want {
				t.Errorf("commit %q, want %q", got, test.want)
			}
		})
	}
}

func TestTheCommitOfARollout(t *testing.T) {
	service := Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
	for name, test := range map[string]struct {
		containers []Container
		want       string
	}{
		"none":                        {[]Container{{Name: "api"}}, ""},
		"one, and one that is silent": {[]Container{{Name: "app", Commit: "a"}, {Name: "log"}}, "a"},
		"the same":                    {[]Container{{Name: "app", Commit: "a"}, {Name: "log", Commit: "a"}}, "a"},
		"several":                     {[]Container{{Name: "app", Commit: "a"}, {Name: "log", Commit: "b"}}, ""},
		"one that ECS added":          {[]Container{{Name: "agent", Added: true, Commit: "b"}, {Name: "app", Commit: "a"}}, "a"},
		"the service's namesake":      {[]Container{{Name: "agent", Commit: "b"}, {Name: "api", Commit: "a"}}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Release{}).of(service, test.containers).Commit; got != test.want {
				t.Errorf("commit %q, want %q", got, test.want)
			}
		})
	}
}

func TestTheVersionOfAnImageIsATagOrNone(t *testing.T) {
	for version, want := range map[string]string{"1.0.4": "1.0.4", "v1": "v1", "build 42": "", "1.0+dirty": "", "-1": "", "": "", strings.Repeat("9", 129): "", "\x1b[31m": ""} {
		m := Manifest{MediaType: specs.MediaTypeImageManifest, Bytes: fmt.Appendf(nil, `{"annotations": {"org.opencontainers.image.version": %q}}`, version)}
		if version == "\x1b[31m" {
			m.Bytes = []byte(`{"annotations": {"org.opencontainers.image.version": "\u001b[31m"}}`)
		}
		if got := m.version(); got != want {
			t.Errorf("version %q: tag %q, want %q", version, got, want)
		}
	}
}

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

// A tag that a digest is known by is shown, and nothing is deployed from it.
func TestTheTagThatIsShown(t *testing.T) {
	one, index := digest.FromString("one"), digest.FromString("index")
	taken := Release{Images: "other@" + digest.FromString("other").String() + " build-1@" + one.String()}
	for name, test := range map[string]struct {
		release Release
		c       Container
		want    string
	}{
		"the one that is named":         {taken, Container{ImageTag: "live", Digest: one, KnownTag: "1.0"}, "live"},
		"the pipeline's":                {taken, Container{Digest: one, KnownTag: "1.0"}, "build-1"},
		"the pipeline's, for the index": {Release{Images: "build-1@" + index.String()}, Container{Digest: one, Index: index}, "build-1"},
		"the image's own":               {Release{}, Container{Digest: one, KnownTag: "1.0"}, "1.0"},
		"none":                          {taken, Container{Digest: index}, ""},
		"no digest":                     {taken, Container{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.release.imageTag(test.c); got != test.want {
				t.Errorf("tag %q, want %q", got, test.want)
			}
		})
	}
	if at := (Images{Tags: map[string]digest.Digest{"1.0": index}}).index(Container{Digest: one, KnownTag: "1.0"}); at != "" {
		t.Errorf("a tag that is only known proves %s", at)
	}
}
