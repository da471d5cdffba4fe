package stories_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// fluentBit lies in a registry of AWS's own, which nobody else may tag.
var fluentBit = tagalong.Repository{Registry: "906394416424.dkr.ecr.us-east-1.amazonaws.com", Name: "aws-for-fluent-bit"}

// refuses has the registry refuse every call for some repositories, and counts them.
func (w *world) refuses(refused ...tagalong.Repository) *int {
	calls := new(int)
	w.registry.OnRead = func(_ context.Context, r tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if slices.Contains(refused, r) {
			*calls++
			return tagalong.Images{}, errors.New("AccessDeniedException: BatchGetImage")
		}
		return read()
	}
	w.registry.OnTag = func(_ context.Context, r tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
		if slices.Contains(refused, r) {
			*calls++
			return errors.New("AccessDeniedException: PutImage")
		}
		return put()
	}
	return calls
}

func (w *world) wantRows(t *testing.T, want ...string) {
	t.Helper()
	page, err := query.Queries{Records: w.ledger}.Running(t.Context(), query.RunningQuery{}, query.Paging{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range page.Items {
		got = append(got, fmt.Sprintf("%s %s %s", row.Service, row.Container, row.TagState))
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}

// The event succeeds, now and whenever it is repeated: the sidecar is recorded and
// left alone, and the service's own image is tagged as ever.
func TestAnImageInARegistryThatIsNotOursIsForeignWithoutACall(t *testing.T) {
	for name, test := range map[string]struct {
		sidecar tagalong.Repository
		covered func(context.Context) (tagalong.Coverage, error)
		rules   tagalong.Rules
	}{
		"a registry of AWS's":             {fluentBit, tagalongtest.Covering("111122223333"), prodRules()},
		"of an account that nobody lists": {awayAPI, tagalongtest.Covering("111122223333"), prodRules()},
		"a repository that was left out": {shopWeb, func(context.Context) (tagalong.Coverage, error) {
			return tagalong.Coverage{Own: "111122223333", Listed: map[string]tagalong.Given{"111122223333": {Repositories: []string{"*/api"}}}}, nil
		}, prodRules()},
		"a Region that was left out": {tagalong.Repository{Registry: "111122223333.dkr.ecr.eu-west-1.amazonaws.com", Name: "shop/api"}, func(context.Context) (tagalong.Coverage, error) {
			return tagalong.Coverage{Own: "111122223333", Listed: map[string]tagalong.Given{"111122223333": {Regions: []string{"us-east-1"}}}}, nil
		}, prodRules()},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(test.rules)
			w.Coverage = test.covered
			calls := w.refuses(test.sidecar)
			sidecar := tagalong.Ran{Name: "log", Image: test.sidecar.String() + ":stable", Digest: imageOf(shopWeb, 2).Digest}
			unresolved := sidecar
			unresolved.Name, unresolved.Digest = "guess", ""
			w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{
				TaskDefinition: "td", Defined: []tagalong.Ran{ran("app", shopAPI, 1), sidecar, unresolved},
				Tasks: []tagalong.TaskRun{{Containers: []tagalong.Ran{ran("app", shopAPI, 1), sidecar}}},
			})
			for range 2 {
				o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
				if err != nil || o.Blocked+o.Missing+o.InDoubt+o.Unproven != 0 {
					t.Errorf("outcome %+v, error %v", o, err)
				}
			}
			w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
			w.wantRows(t, "api app confirmed", "api guess foreign", "api log foreign")
			if *calls != 0 {
				t.Errorf("%d calls of a registry that is not ours", *calls)
			}
		})
	}
}

// A service in another account's cluster that is called prod, on an old image of ours,
// must not take everybody's prod back.
func TestAServiceOfAnotherAccountMovesOurTagsOnlyByARuleThatSaysSo(t *testing.T) {
	other := tagalong.Service{Account: "444455556666", Region: "us-east-1", Cluster: "prod-a", Name: "payments"}
	for name, test := range map[string]struct {
		rules tagalong.Rules
		moves bool
	}{
		"no rules":                          {nil, false},
		"a rule for everybody":              {tagalong.Rules{{Environment: "prod"}}, false},
		"by a star":                         {tagalong.Rules{{Environment: "prod", Accounts: []string{"*"}, Repositories: []string{"*"}}}, false},
		"by a glob of accounts":             {tagalong.Rules{{Environment: "prod", Accounts: []string{"4444*"}}}, false},
		"that names another repository":     {tagalong.Rules{{Environment: "prod", Repositories: []string{"shop/web", "base/*"}}}, false},
		"that names the account":            {tagalong.Rules{{Environment: "prod", Accounts: []string{"111122223333", "444455556666"}}}, true},
		"that names the repositories":       {tagalong.Rules{{Environment: "prod", Repositories: []string{"shop/*"}}}, true},
		"that names the registry":           {tagalong.Rules{{Environment: "prod", Repositories: []string{home + "/*"}}}, true},
		"the account, but not the registry": {tagalong.Rules{{Environment: "prod", Accounts: []string{"444455556666"}, Repositories: []string{away + "/*"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(test.rules)
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 2))
			w.runs(other, "ecs-svc/2", ran("app", shopAPI, 1))
			environment := "prod"
			if test.rules == nil {
				environment = prodAPI.Cluster
			}
			w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
			before := w.registry.Tags(shopAPI)[environment]
			w.tell(t, completed(other, "ecs-svc/2", 10))
			want, state := before, "payments app foreign"
			if test.moves {
				want, state = imageOf(shopAPI, 1).Digest, "payments app confirmed"
			}
			if sits := w.registry.Tags(shopAPI)[environment]; sits != want {
				t.Errorf("the tag sits on %s, want %s", sits, want)
			}
			page, err := query.Queries{Records: w.ledger}.Running(t.Context(), query.RunningQuery{}, query.Paging{})
			if err != nil {
				t.Fatal(err)
			}
			last := page.Items[len(page.Items)-1]
			if got := fmt.Sprintf("%s %s %s", last.Service, last.Container, last.TagState); got != state {
				t.Errorf("row %q, want %q", got, state)
			}
		})
	}
}

func TestTheSweepSaysWhichRuleWouldLetAServiceTagAnotherAccountsImages(t *testing.T) {
	w := newInventoryWorld(tagalong.Rules{{Environment: "prod"}})
	w.rolls(awayService, ran("app", shopAPI, 1))
	w.hears(t)
	report := w.sweeps(t, sweep.Options{})
	w.wantDrift(t, report, "foreign prod-a/api#app")
	if reason := report.Drift[0].Reason; report.Left() || !strings.Contains(reason, `"accounts": ["444455556666"] or "repositories": ["`+shopAPI.String()+`"]`) {
		t.Errorf("reason %q, left %t", reason, report.Left())
	}
	w.Rules = prodRules()
	w.sweeps(t, sweep.Options{})
	w.wantState(t, shopAPI, "prod", 1, ledger.TagConfirmed)
	w.wantQuiet(t, sweep.Options{})
}

// A cluster that was left out is denied to us: whoever asks for it errs each hour.
func TestAClusterThatWasLeftOutIsAskedForNothing(t *testing.T) {
	w := newInventoryWorld(nil)
	w.Coverage = func(context.Context) (tagalong.Coverage, error) {
		return tagalong.Coverage{Own: "111122223333", Listed: map[string]tagalong.Given{"111122223333": {Clusters: []string{"prod-b"}}, "444455556666": {}}}, nil
	}
	w.inventory.Hook = func(_ context.Context, c tagalongtest.Call) error {
		if c.Cluster == prodAPI.Cluster && c.Account == prodAPI.Account {
			return tagalong.ErrDenied
		}
		return nil
	}
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.rolls(prodWeb, ran("app", shopAPI, 2))
	w.hears(t)
	report := w.sweeps(t, sweep.Options{})
	if running := w.running(t); len(running) != 1 || report.Left() {
		t.Errorf("members %v, drift %+v", running, report.Drift)
	}
}

// A repository that was left out since still has the ledger's wishes. Nobody asks for it,
// neither to put a tag that another claim gets, nor to tell what a sweep would do.
func TestARepositoryThatWasLeftOutSinceIsNotAskedFor(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	if _, err := w.Promote(t.Context(), reactor.Promotion{Job: "job", Repository: shopAPI, Digest: imageOf(shopAPI, 2).Digest, Tags: []string{"prod"}, At: w.now.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	w.Coverage = func(context.Context) (tagalong.Coverage, error) {
		return tagalong.Coverage{Own: "111122223333", Listed: map[string]tagalong.Given{"111122223333": {Repositories: []string{"shop/web"}}}}, nil
	}
	w.registry.OnRead = func(_ context.Context, r tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if r == shopAPI {
			t.Errorf("the registry was asked for %s", r)
		}
		return read()
	}
	w.wantDrift(t, w.sweeps(t, sweep.Options{DryRun: true}), "ledger prod-a/api")
	w.wantDrift(t, w.sweeps(t, sweep.Options{}), "ledger healed prod-a/api")
	if _, err := (query.Queries{Records: w.ledger, Registry: w.registry, Coverage: w.Coverage}).Tags(t.Context(), query.TagsQuery{Check: true}, query.Paging{}); err != nil {
		t.Error(err)
	}
}

// What ECR refuses for good is said of the tag, and tried again by the sweep alone.
func TestWhatECRRefusesForGoodIsBlockedAndNoError(t *testing.T) {
	for name, refuse := range map[string]func(w *world){
		"the image, whose key is disabled": func(w *world) {
			w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
				images, err := read()
				images.Manifests, images.Refused = nil, map[string]error{imageOf(shopAPI, 1).Digest.String(): errors.New("KmsError: the key is disabled")}
				return images, err
			}
		},
		"the put, since the key is disabled": func(w *world) {
			w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
				return fmt.Errorf("KmsException: %w", tagalong.ErrRefused)
			}
		},
		"an image of schema 1, whose bytes are signed anew": func(w *world) {
			w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
				images, err := read()
				for d, m := range images.Manifests {
					m.Bytes = append([]byte(" "), m.Bytes...)
					images.Manifests[d] = m
				}
				return images, err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(prodRules())
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
			refuse(w)
			for range 2 {
				if o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0)); err != nil || o.Blocked != 1 {
					t.Errorf("outcome %+v, error %v", o, err)
				}
			}
			if tag := w.tag(t, shopAPI, "prod"); tag.State != ledger.TagBlocked || tag.Reason == "" {
				t.Errorf("tag %+v", tag)
			}
			w.registry.OnRead, w.registry.OnTag = nil, nil
			w.retryBlocked(t)
			w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
		})
	}
}

// retryBlocked sweeps by hand, as somebody does who has mended the repository.
func (w *world) retryBlocked(t *testing.T) {
	t.Helper()
	s := &sweep.Sweeper{Reactor: w.Reactor, Records: w.ledger}
	if _, err := s.Sweep(t.Context(), sweep.Options{Blocked: true}); err != nil {
		t.Fatal(err)
	}
}
