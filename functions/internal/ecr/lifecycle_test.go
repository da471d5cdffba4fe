package ecr

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// policyOf writes rules as a lifecycle policy.
func policyOf(t *testing.T, rules ...sweep.LifecycleRule) string {
	t.Helper()
	var all []any
	for _, r := range rules {
		selection := map[string]any{"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
		switch {
		case r.Untagged:
			selection["tagStatus"] = "untagged"
		case len(r.Tagged) > 0:
			selection["tagStatus"], selection["tagPatternList"] = "tagged", r.Tagged
		}
		action := map[string]any{"type": "expire"}
		if r.Archives {
			action = map[string]any{"type": "transition", "targetStorageClass": "archive"}
		}
		all = append(all, map[string]any{"rulePriority": r.Priority, "selection": selection, "action": action})
	}
	raw, err := json.Marshal(map[string]any{"rules": all})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The policies are those of AWS's examples,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html.
func TestWhichImagesTheRulesOfAPolicyAreAbout(t *testing.T) {
	for name, test := range map[string]struct {
		policy string
		want   []sweep.LifecycleRule
	}{
		"untagged images": {
			`{"rules":[{"rulePriority":1,"description":"x","selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}`,
			[]sweep.LifecycleRule{{Priority: 1, Untagged: true}},
		},
		"prefixes and patterns, and then any": {
			`{"rules":[{"rulePriority":9,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":10},"action":{"type":"expire"}},
				{"rulePriority":2,"selection":{"tagStatus":"tagged","tagPrefixList":["prod","v"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}},
				{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["*alpha*"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`,
			[]sweep.LifecycleRule{{Priority: 1, Tagged: []string{"*alpha*"}}, {Priority: 2, Tagged: []string{"prod*", "v*"}}, {Priority: 9}},
		},
		"to the archive, and out of it": {
			`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","storageClass":"standard","countType":"sinceImagePulled","countUnit":"days","countNumber":90},"action":{"type":"transition","targetStorageClass":"archive"}},
				{"rulePriority":2,"selection":{"tagStatus":"any","storageClass":"archive","countType":"sinceImageTransitioned","countUnit":"days","countNumber":365},"action":{"type":"expire"}}]}`,
			[]sweep.LifecycleRule{{Priority: 1, Untagged: true, Archives: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, h := start(t)
			h.SetLifecyclePolicy(test.policy)
			got, err := r.LifecycleRules(t.Context(), shop)
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("error %v, rules (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAPolicyThatIsNoneIsAnError(t *testing.T) {
	r, _, h := start(t)
	h.SetLifecyclePolicy("rules: []")
	if rules, err := r.LifecycleRules(t.Context(), shop); err == nil || !strings.Contains(err.Error(), "lifecycle policy of "+shop.String()) {
		t.Errorf("rules %v, error %v", rules, err)
	}
}

func TestWhoMayNotLookAtALifecycleIsTold(t *testing.T) {
	for _, operation := range []string{"GetLifecyclePolicy", "DescribeImages"} {
		r, s, h := start(t)
		d := push(t, h, "v1", "v1")
		s.ECR.Deny(operation)
		_, err := r.LifecycleRules(t.Context(), shop)
		_, another := r.TagsOf(t.Context(), shop, []digest.Digest{d})
		if err = errors.Join(err, another); !errors.Is(err, tagalong.ErrNoAccess) || !strings.Contains(err.Error(), operation) {
			t.Errorf("%s: %v", operation, err)
		}
	}
}

// One call for all, and one for each only where one of them is not there.
func TestTheTagsOfManyImagesAreOneCall(t *testing.T) {
	r, s, h := start(t)
	one, two := push(t, h, "v1", "v1"), push(t, h, "v2", "v2")
	absent := digest.FromString("absent")
	for _, test := range []struct {
		digests []digest.Digest
		calls   int
	}{{[]digest.Digest{one, two}, 1}, {[]digest.Digest{one, absent, two}, 4}, {nil, 0}} {
		s.ResetCalls()
		tags, err := r.TagsOf(t.Context(), shop, test.digests)
		if n := len(s.Calls()); n != test.calls || err != nil {
			t.Errorf("%d images: %d calls, tags %v, error %v; want %d calls", len(test.digests), n, tags, err, test.calls)
		}
	}
}
