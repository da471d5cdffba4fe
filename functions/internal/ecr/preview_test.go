package ecr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const newestBuild = `{"rules":[
	{"rulePriority":9,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"transition","targetStorageClass":"archive"}},
	{"rulePriority":3,"selection":{"tagStatus":"tagged","tagPrefixList":["build-"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`

// What ECR lists of images that are kept, and how long a preview takes, its documents leave
// open.
func TestWhatALifecyclePolicyWouldTake(t *testing.T) {
	for _, kept := range []bool{false, true} {
		for _, polls := range []int{1, 3} {
			t.Run(fmt.Sprintf("kept ones are listed: %t, polls: %d", kept, polls), func(t *testing.T) {
				r, s, h := start(t)
				s.ECR.PreviewListsKept, s.ECR.PreviewPolls = kept, polls
				first, second := push(t, h, "one", "build-1"), push(t, h, "two", "build-2")
				index, err := h.PushIndex(ecr.Index{Seed: "index", Tags: []string{"v1"}})
				if err != nil {
					t.Fatal(err)
				}
				newest := push(t, h, "three", "v2")
				all := []digest.Digest{first, second, index.Digest, index.ARM64, newest, digest.FromString("absent")}
				h.SetLifecyclePolicy(newestBuild)
				taken, err := r.Taken(t.Context(), shop, all)
				want := []query.TakenImage{{Digest: first, Rule: 3, Tags: []string{"build-1"}}, {Digest: index.Digest, Rule: 9, Archives: true, Tags: []string{"v1"}}}
				if err != nil || !slices.EqualFunc(taken, want, func(a, b query.TakenImage) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
					t.Errorf("taken %+v, error %v; want %+v", taken, err, want)
				}
			})
		}
	}
}

func TestARepositoryWithoutAPolicyTakesNothing(t *testing.T) {
	r, s, h := start(t)
	d := push(t, h, "one", "v1")
	for _, name := range []string{shop.Name, "nowhere"} {
		s.ResetCalls()
		taken, err := r.Taken(t.Context(), tagalong.Repository{Registry: shop.Registry, Name: name}, []digest.Digest{d})
		if err != nil || len(taken) != 0 || len(s.Calls()) != 1 {
			t.Errorf("%s: taken %v, error %v, %d calls", name, taken, err, len(s.Calls()))
		}
	}
	s.ECR.Deny("StartLifecyclePolicyPreview")
	if _, err := r.Taken(t.Context(), shop, []digest.Digest{d}); !errors.Is(err, tagalong.ErrNoAccess) {
		t.Errorf("denied: %v", err)
	}
	s.ECR.Permit("StartLifecyclePolicyPreview")
	s.ECR.Deny("GetLifecyclePolicyPreview")
	h.SetLifecyclePolicy(newestBuild)
	if _, err := r.Taken(t.Context(), shop, []digest.Digest{d}); !errors.Is(err, tagalong.ErrNoAccess) {
		t.Errorf("denied: %v", err)
	}
}

// A repository has one preview: while somebody previews a policy of their own, theirs is
// waited out and not taken for ours.
func TestThePreviewOfAnotherPolicyIsNotTakenForOurs(t *testing.T) {
	r, s, h := start(t)
	d := push(t, h, "one", "build-1")
	push(t, h, "two", "build-2")
	h.SetLifecyclePolicy(newestBuild)
	client := awsecr.NewFromConfig(s.Config())
	if _, err := client.StartLifecyclePolicyPreview(t.Context(), &awsecr.StartLifecyclePolicyPreviewInput{
		RepositoryName: &shop.Name, LifecyclePolicyText: aws.String(strings.ReplaceAll(newestBuild, "build-", "none-")),
	}); err != nil {
		t.Fatal(err)
	}
	taken, err := r.Taken(t.Context(), shop, []digest.Digest{d})
	if err != nil || len(taken) != 1 || taken[0].Rule != 3 || taken[0].Action() != "expire" {
		t.Errorf("taken %+v, error %v", taken, err)
	}
}
