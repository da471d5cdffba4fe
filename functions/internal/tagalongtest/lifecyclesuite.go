package tagalongtest

import (
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// LifecyclesWorld sets up what LifecyclesSuite asks of a registry.
type LifecyclesWorld interface {
	// Push is RegistryWorld's.
	Push(t *testing.T, r tagalong.Repository, seed string, tags ...string) digest.Digest
	// SetLifecycle returns a repository a lifecycle policy of these rules.
	SetLifecycle(t *testing.T, r tagalong.Repository, rules ...sweep.LifecycleRule)
}

// LifecyclesSuite checks that an implementation keeps the contract of
// sweep.Lifecycles. open returns a new one and the world behind it.
func LifecyclesSuite(t *testing.T, open func(t *testing.T) (sweep.Lifecycles, LifecyclesWorld)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, r suiteLifecycles)
	}{
		{"rules come in the order of their priority", rulesInOrder},
		{"a repository without a policy has no rules, nor has one that is not there", noRules},
		{"each image has all of its tags and no others", tagsOfEach},
		{"an image that is not there keeps nothing from the others", tagsOfWhatIsThere},
	} {
		t.Run(test.name, func(t *testing.T) {
			lifecycles, world := open(t)
			test.run(t, suiteLifecycles{Lifecycles: lifecycles, LifecyclesWorld: world, t: t})
		})
	}
}

type suiteLifecycles struct {
	sweep.Lifecycles
	LifecyclesWorld
	t *testing.T
}

func (r suiteLifecycles) rules(repo tagalong.Repository) []sweep.LifecycleRule {
	r.t.Helper()
	rules, err := r.LifecycleRules(r.t.Context(), repo)
	if err != nil {
		r.t.Fatalf("rules of %s: %v", repo, err)
	}
	return rules
}

func (r suiteLifecycles) tagsOf(repo tagalong.Repository, digests ...digest.Digest) map[digest.Digest][]string {
	r.t.Helper()
	tags, err := r.TagsOf(r.t.Context(), repo, digests)
	if err != nil {
		r.t.Fatalf("tags in %s: %v", repo, err)
	}
	for _, names := range tags {
		slices.Sort(names)
	}
	return tags
}

func rulesInOrder(t *testing.T, r suiteLifecycles) {
	r.Push(t, suiteRepo, "one", "v1")
	keep := sweep.LifecycleRule{Priority: 1, Tagged: []string{"prod*", "*-v1"}}
	archive := sweep.LifecycleRule{Priority: 5, Untagged: true, Archives: true}
	rest := sweep.LifecycleRule{Priority: 20}
	r.SetLifecycle(t, suiteRepo, rest, keep, archive)
	same(t, "rules", []sweep.LifecycleRule{keep, archive, rest}, r.rules(suiteRepo))
}

func noRules(t *testing.T, r suiteLifecycles) {
	r.Push(t, suiteRepo, "one", "v1")
	if rules := slices.Concat(r.rules(suiteRepo), r.rules(suiteOther)); len(rules) > 0 {
		t.Errorf("rules %v", rules)
	}
}

func tagsOfEach(t *testing.T, r suiteLifecycles) {
	one, two := r.Push(t, suiteRepo, "one", "v1", "prod"), r.Push(t, suiteRepo, "two")
	r.Push(t, suiteOther, "one", "live")
	same(t, "tags", map[digest.Digest][]string{one: {"prod", "v1"}, two: nil}, r.tagsOf(suiteRepo, one, two))
	if none := r.tagsOf(suiteRepo); len(none) > 0 {
		t.Errorf("tags of no image: %v", none)
	}
}

func tagsOfWhatIsThere(t *testing.T, r suiteLifecycles) {
	one := r.Push(t, suiteRepo, "one", "v1")
	same(t, "tags", map[digest.Digest][]string{one: {"v1"}}, r.tagsOf(suiteRepo, digest.FromString("absent"), one))
	if none := r.tagsOf(suiteOther, one); len(none) > 0 {
		t.Errorf("tags where there is no repository: %v", none)
	}
}
