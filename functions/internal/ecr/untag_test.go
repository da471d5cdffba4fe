package ecr

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What a rule may have is read as it comes: the SDK knows nothing of it.
func TestWhatOfTheReplicationRulesCountsAsDeletes(t *testing.T) {
	for rules, want := range map[string]bool{
		`[]`: false,
		`[{"destinations":[{"region":"eu-west-1","registryId":"111122223333"}],"repositoryFilters":[{"filter":"shop","filterType":"PREFIX_MATCH"}]}]`: false,
		`[{"destinations":[],"deleteReplication":{"enabled":true}}]`:                                                                                  true,
		`[{"destinations":[],"deleteReplication":{"enabled":false}}]`:                                                                                 false,
		`[{"destinations":[],"deleteReplication":null}]`:                                                                                              false,
		`[{"destinations":[]},{"destinations":[],"deleteReplication":{"enabled":true}}]`:                                                              true,
		`[{"destinations":[],"deleteReplication":{}}]`:                                                                                                true,
		`[{"destinations":[],"deleteReplication":"ENABLED"}]`:                                                                                         true,
		`[{"destinations":[],"somethingNew":{"mode":"ALL"}}]`:                                                                                         true,
	} {
		r := serving(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			reply := `{"imageDetails":[{"imageDigest":"sha256:` + strings.Repeat("a", 64) + `","imageTags":["prod"]}]}`
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DescribeRegistry") {
				reply = `{"registryId":"111122223333","replicationConfiguration":{"rules":` + rules + `}}`
			}
			_, _ = io.WriteString(w, reply)
		})
		tags, err := r.ImageTags(t.Context(), shop, digest.FromString("m"))
		if err != nil || tags.Replicated != want {
			t.Errorf("%s: replicated %t, error %v", rules, tags.Replicated, err)
		}
	}
}

// Our own account's settings say nothing of another's registry.
func TestOfAnothersRegistryRemovalsMayReachAnything(t *testing.T) {
	s := sandboxtest.Start(t)
	r := New(func(_ context.Context, _, region string) (aws.Config, error) {
		cfg := s.Config()
		cfg.Region = region
		return cfg, nil
	})
	const other = "444455556666"
	far := tagalong.Repository{Registry: other + ".dkr.ecr.us-east-1.amazonaws.com", Name: shop.Name}
	d := push(t, s.ECR.Repository(wire.Scope{Account: other, Region: "us-east-1"}, shop.Name), "v1", "v1", "prod")
	s.ECR.Allow(other, "*", "*")
	tags, err := r.ImageTags(t.Context(), far, d)
	if err != nil || !tags.Replicated || len(tags.Tags) != 2 {
		t.Errorf("standing %+v, error %v", tags, err)
	}
}

func TestWhoMayNotAskOrRemoveIsTold(t *testing.T) {
	for _, operation := range []string{"DescribeRegistry", "DescribeImages", "BatchDeleteImage"} {
		r, s, h := start(t)
		d := push(t, h, "v1", "v1", "prod")
		s.ECR.Deny(operation)
		_, err := r.ImageTags(t.Context(), shop, d)
		err = errors.Join(err, r.RemoveTag(t.Context(), shop, "prod"))
		if err == nil || kinds(err) != 0 || !strings.Contains(err.Error(), operation) {
			t.Errorf("%s: %v", operation, err)
		}
	}
}

func TestARemovalIsOneAttempt(t *testing.T) {
	r, s, h := start(t)
	push(t, h, "v1", "v1", "prod")
	s.ECR.Throttle("BatchDeleteImage", 1)
	s.ResetCalls()
	if err := r.RemoveTag(t.Context(), shop, "prod"); !errors.Is(err, tagalong.ErrBusy) || len(s.Calls()) != 1 || h.Tag("prod") == "" {
		t.Errorf("%d calls, tag on %q, error %v", len(s.Calls()), h.Tag("prod"), err)
	}
	var calls atomic.Int32
	hangsUp := serving(t, func(http.ResponseWriter, *http.Request) { calls.Add(1); panic(http.ErrAbortHandler) })
	if err := hangsUp.RemoveTag(t.Context(), shop, "prod"); !errors.Is(err, tagalong.ErrUnanswered) || kinds(err) != 1 || calls.Load() != 1 {
		t.Errorf("hung up after %d calls: %v", calls.Load(), err)
	}
}

// The protocol names a tag, and never a digest: that would be the whole image.
func TestARemovalNamesTheTagAlone(t *testing.T) {
	var body atomic.Value
	r := serving(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body.Store(string(raw))
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"imageIds":[],"failures":[]}`)
	})
	if err := r.RemoveTag(t.Context(), shop, "prod"); err != nil {
		t.Fatal(err)
	}
	if sent := body.Load().(string); !strings.Contains(sent, `"imageIds":[{"imageTag":"prod"}]`) {
		t.Errorf("sent %s", sent)
	}
}

func TestARemovalThatTheRegistryRefusesIsAnError(t *testing.T) {
	r, _, h := start(t)
	index, err := h.PushIndex(ecr.Index{Seed: "multi", Tags: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Retag(index.ARM64, "arm"); err != nil {
		t.Fatal(err)
	}
	if err := r.RemoveTag(t.Context(), shop, "arm"); err == nil || kinds(err) != 0 || !strings.Contains(err.Error(), "ImageReferencedByManifestList") {
		t.Errorf("the last tag of an index's image: %v", err)
	}
}
