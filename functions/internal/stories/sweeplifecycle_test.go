package stories_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var (
	expireUntagged = sweep.LifecycleRule{Priority: 10, Untagged: true}
	expireAny      = sweep.LifecycleRule{Priority: 20}
	keepProd       = sweep.LifecycleRule{Priority: 1, Tagged: []string{"prod*"}}
)

// lifecycleWorld has one service in prod on an image that has the tag v1 beside its
// environment's.
type lifecycleWorld struct {
	*inventoryWorld
	asked []string // of lifecycle policies, and of tags
	deny  bool
}

func newLifecycleWorld(t *testing.T, rules tagalong.Rules) *lifecycleWorld {
	t.Helper()
	w := &lifecycleWorld{inventoryWorld: newInventoryWorld(rules)}
	w.Lifecycles = w
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	return w
}

func (w *lifecycleWorld) LifecycleRules(ctx context.Context, r tagalong.Repository) ([]sweep.LifecycleRule, error) {
	w.asked = append(w.asked, "rules of "+r.Name)
	if w.deny {
		return nil, fmt.Errorf("%w: AccessDeniedException", tagalong.ErrNoAccess)
	}
	return w.registry.LifecycleRules(ctx, r)
}

func (w *lifecycleWorld) TagsOf(ctx context.Context, r tagalong.Repository, digests []digest.Digest) (map[digest.Digest][]string, error) {
	w.asked = append(w.asked, "tags in "+r.Name)
	return w.registry.TagsOf(ctx, r, digests)
}

// unprotected sweeps, and returns the reasons of what it found.
func (w *lifecycleWorld) unprotected(t *testing.T, o sweep.Options) (reasons []string) {
	t.Helper()
	report := w.sweeps(t, o)
	if report.Left() {
		t.Errorf("what may come counts: %+v", report.Drift)
	}
	for _, d := range report.Drift {
		if d.Kind == sweep.DriftUnprotected {
			reasons = append(reasons, d.Reason)
		}
	}
	return reasons
}

// Moving the environment's tag on would leave the image without any, or without the one
// that a rule keeps it for.
func TestAnImageThatMovingItsTagWouldExposeIsUnprotected(t *testing.T) {
	const previous = `previousTags in the environment's rule, such as "prod-previous"`
	for _, test := range []struct {
		name  string
		rules tagalong.Rules
		other bool // the image has another tag, that stays
		of    []sweep.LifecycleRule
		want  []string // of the one reason
	}{
		{"the only tag, untagged images expire", prodRules(), false, []sweep.LifecycleRule{expireUntagged}, []string{"once prod moves on the image has no tag", "rule 10", "expires", previous}},
		{"the only tags of several", prodRules("{environment}", "{environment}-{service}"), false, []sweep.LifecycleRule{expireUntagged}, []string{"no tag", previous}},
		{"untagged images are archived", prodRules(), false, []sweep.LifecycleRule{{Priority: 10, Untagged: true, Archives: true}}, []string{"rule 10", "archives"}},
		{"another tag stays", prodRules(), true, []sweep.LifecycleRule{expireUntagged}, nil},
		{"a tag that is put once stays", prodRules("{environment}", "{environment}-{time}"), false, []sweep.LifecycleRule{expireUntagged}, nil},
		{"previous tags hold it", tagalong.Rules{{Environment: "prod", PreviousTags: []string{"{environment}-previous"}}}, false, []sweep.LifecycleRule{expireUntagged}, nil},
		{"no policy", prodRules(), false, nil, nil},
		{"tagged images alone expire", prodRules(), false, []sweep.LifecycleRule{{Priority: 3, Tagged: []string{"build-*"}}}, nil},
		{"a rule for prod keeps it from one for all", prodRules(), true, []sweep.LifecycleRule{keepProd, expireAny}, []string{"has no tag that a rule keeps", "rule 20", previous, "that an earlier rule is about"}},
		{"all images expire, whatever their tags", prodRules(), false, []sweep.LifecycleRule{expireAny}, nil},
		{"previous tags that the keeping rule is about", tagalong.Rules{{Environment: "prod", PreviousTags: []string{"{environment}-previous"}}}, true, []sweep.LifecycleRule{keepProd, expireAny}, nil},
		{"previous tags that it is not about", tagalong.Rules{{Environment: "prod", PreviousTags: []string{"last-{environment}"}}}, true, []sweep.LifecycleRule{keepProd, expireAny}, []string{"rule 20", "want a tag of its own that stays and that an earlier rule is about"}},
		{"a rule asks for two tags, of which one stays", prodRules(), true, []sweep.LifecycleRule{{Priority: 1, Tagged: []string{"prod", "v*"}}, expireAny}, []string{"rule 20"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newLifecycleWorld(t, test.rules)
			if !test.other {
				w.registry.Untag(shopAPI, "v1")
			}
			w.registry.SetLifecycle(shopAPI, test.of...)
			got := w.unprotected(t, sweep.Options{Whole: true})
			if len(got) > 1 || (len(got) == 1) != (test.want != nil) {
				t.Fatalf("reasons %q, want one with %q", got, test.want)
			}
			for _, want := range test.want {
				if !strings.Contains(got[0], want) {
					t.Errorf("reason %q, want one with %q", got[0], want)
				}
			}
		})
	}
}

// Whose image it is stands in the row.
func TestWhatIsUnprotectedNamesTheServiceAndTheImage(t *testing.T) {
	w := newLifecycleWorld(t, prodRules())
	w.registry.Untag(shopAPI, "v1")
	w.registry.SetLifecycle(shopAPI, expireUntagged)
	report := w.sweeps(t, sweep.Options{Whole: true})
	if len(report.Drift) != 1 {
		t.Fatalf("drift %+v", report.Drift)
	}
	got := report.Drift[0]
	got.Reason = ""
	want := sweep.Drift{
		Kind: sweep.DriftUnprotected, Environment: "prod", Account: prodAPI.Account, Region: prodAPI.Region, Cluster: prodAPI.Cluster, Service: prodAPI.Name, Container: "app",
		Registry: shopAPI.Registry, Repository: shopAPI.Name, Tag: "prod", Want: d(1), Actual: d(1),
	}
	if got != want {
		t.Errorf("drift %+v, want %+v", got, want)
	}
}

// The image that ran before, which a rollback would go back to, is the one that had been
// warned of: the policy may take it as soon as the tag is gone.
func TestTheImageThatRanBeforeIsTheOneThatWasUnprotected(t *testing.T) {
	w := newLifecycleWorld(t, prodRules())
	w.registry.Untag(shopAPI, "v1")
	w.registry.SetLifecycle(shopAPI, expireUntagged)
	if got := w.unprotected(t, sweep.Options{Whole: true}); len(got) != 1 {
		t.Fatalf("reasons %q", got)
	}
	w.rolls(prodAPI, ran("app", shopAPI, 2))
	w.hears(t)
	tags, err := w.registry.TagsOf(t.Context(), shopAPI, []digest.Digest{d(1), d(2)})
	if err != nil || len(tags[d(1)]) != 0 || !slices.Contains(tags[d(2)], "prod") {
		t.Errorf("tags %v, error %v", tags, err)
	}
}

// A promotion's tag moves on by the next promotion.
func TestAPromotedImageIsUnprotected(t *testing.T) {
	w := newLifecycleWorld(t, prodRules())
	w.registry.Untag(shopAPI, "v2")
	w.registry.SetLifecycle(shopAPI, expireUntagged)
	if _, err := w.Promote(t.Context(), reactor.Promotion{Job: "job", Repository: shopAPI, Digest: d(2), Tags: []string{"approved"}, At: w.now}); err != nil {
		t.Fatal(err)
	}
	got := w.unprotected(t, sweep.Options{Whole: true})
	if len(got) != 1 || !strings.HasPrefix(got[0], "once approved moves on") || !strings.HasSuffix(got[0], "want a tag of its own that stays") {
		t.Errorf("reasons %q", got)
	}
}

func TestALifecyclePolicyIsReadOnceADay(t *testing.T) {
	staging := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "staging", Name: prodAPI.Name}
	w := newLifecycleWorld(t, tagalong.Rules{{Environment: "staging", Clusters: []string{"staging"}}, {Environment: "prod"}})
	w.rolls(staging, ran("app", shopAPI, 2))
	w.hears(t)
	w.registry.SetLifecycle(shopAPI, expireUntagged)
	w.unprotected(t, sweep.Options{Scheduled: true}) // the first looks at everything
	if want := []string{"rules of shop/api", "tags in shop/api"}; !slices.Equal(w.asked, want) {
		t.Errorf("the first pass asked for %q, want %q", w.asked, want)
	}
	w.asked = nil
	for range 48 {
		w.unprotected(t, sweep.Options{Scheduled: true})
	}
	if len(w.asked) != 4 {
		t.Errorf("in two days %q were asked for, want each twice", w.asked)
	}
	w.asked = nil
	w.registry.SetLifecycle(shopAPI)
	w.unprotected(t, sweep.Options{Whole: true})
	if want := []string{"rules of shop/api"}; !slices.Equal(w.asked, want) {
		t.Errorf("without rules %q were asked for, want %q", w.asked, want)
	}
	w.asked = nil
	w.unprotected(t, sweep.Options{})
	if w.asked != nil {
		t.Errorf("by hand, not whole: %q were asked for", w.asked)
	}
}

func TestAPolicyThatMayNotBeReadIsToldOnceForEachRegistry(t *testing.T) {
	w := newLifecycleWorld(t, prodRules())
	w.rolls(tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: prodAPI.Cluster, Name: "web"}, ran("app", shopWeb, 2))
	w.hears(t)
	w.deny = true
	got := w.unprotected(t, sweep.Options{Whole: true})
	if len(got) != 1 || !strings.HasPrefix(got[0], "lifecycle policies could not be looked at: no access") || len(w.asked) != 2 {
		t.Errorf("reasons %q, asked %q", got, w.asked)
	}
}

// Any other failure is one, as of everything that the sweep cannot look at.
func TestAPolicyThatCannotBeReadIsAFailure(t *testing.T) {
	w := newLifecycleWorld(t, prodRules())
	w.Lifecycles = broken{}
	w.pass(time.Hour)
	report, err := w.Sweep(t.Context(), sweep.Options{Whole: true})
	if err == nil || !strings.Contains(err.Error(), "out of order") || !report.Left() {
		t.Errorf("report %+v, error %v", report, err)
	}
}

type broken struct{ sweep.Lifecycles }

func (broken) LifecycleRules(context.Context, tagalong.Repository) ([]sweep.LifecycleRule, error) {
	return nil, errors.New("out of order")
}
