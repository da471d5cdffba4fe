package stories_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// happening is one event of a story: a fact about a service, or a promotion.
type happening struct {
	Service   tagalong.Service
	Fact      tagalong.Fact
	Promotion *reactor.Promotion
}

// truth is what a story knows of a container, independent of how the core finds it out.
type truth struct {
	name   string
	repo   tagalong.Repository
	digest digest.Digest
	proven bool
}

type deploymentOf struct {
	service    tagalong.Service
	deployment string
}

// story is what happens to some services, and what their deployments are made of.
type story struct {
	images      int // of each repository
	items       int // that a transaction takes
	rules       tagalong.Rules
	happenings  []happening
	deployments map[deploymentOf]tagalongtest.Deployment
	truths      map[deploymentOf][]truth
}

var (
	home = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	away = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"

	// shopAPI and awayAPI have one name in two registries.
	shopAPI = tagalong.Repository{Registry: home, Name: "shop/api"}
	shopWeb = tagalong.Repository{Registry: home, Name: "shop/web"}
	awayAPI = tagalong.Repository{Registry: away, Name: "shop/api"}
	nginx   = tagalong.Repository{Registry: "docker.io", Name: "library/nginx"}

	allServices = []tagalong.Service{
		{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "api"},
		{Account: "111122223333", Region: "us-east-1", Cluster: "prod-b", Name: "web"},
		{Account: "444455556666", Region: "eu-west-1", Cluster: "prod-a", Name: "api"},
		{Account: "444455556666", Region: "eu-west-1", Cluster: "test", Name: "web"},
	}
	bothAccounts = []string{"111122223333", "444455556666"}
	// Some name what may be tagged in another account's registry, see mayTag.
	allRules = []tagalong.Rules{
		nil,
		{{Environment: "prod"}},
		{{Environment: "prod", Accounts: bothAccounts, Clusters: []string{"prod-*"}, Tags: []string{"{environment}", "{environment}-{container}"}}, {Environment: "rest", Accounts: []string{"*"}, Repositories: []string{"*"}, Tags: []string{"live"}}},
		{{Environment: "one", Services: []string{"api"}, Repositories: []string{away + "/*/api", "shop/w*"}, Tags: []string{"live", "{service}"}}, {Environment: "two", Accounts: bothAccounts, Tags: []string{"live", "{environment}-{container}"}}},
		{{Environment: "prod", Accounts: bothAccounts, Clusters: []string{"prod-*"}}},
		{{Environment: "kept", Repositories: []string{"shop/*"}, PreviousTags: []string{"{environment}-previous", "{environment}-{container}"}}},
		{{Environment: "shop", Accounts: bothAccounts, Clusters: []string{"prod-*"}, Tags: []string{"live"}, PreviousTags: []string{"previous"}}, {Environment: "misc", Tags: []string{"live", "{service}"}, PreviousTags: []string{"previous", "{container}"}}},
	}
)

const (
	versions = 4 // of each image
	indexes  = 2 // and so many more that are indexes
)

func imageOf(repo tagalong.Repository, version int) tagalong.Manifest {
	if version >= versions {
		index, _ := tagalongtest.Index(fmt.Sprint(repo, version))
		return index
	}
	return tagalongtest.Image(fmt.Sprint(repo, version))
}

// platformOf returns the image of an index that a task of the platform reports.
func platformOf(repo tagalong.Repository, version int) tagalong.Manifest {
	_, children := tagalongtest.Index(fmt.Sprint(repo, version))
	return children[1]
}

func versionTag(version int) string { return fmt.Sprintf("v%d", version) }

func drawStory(t *rapid.T) story { return drawStoryOf(t, versions) }

// drawPlatformStory draws a story in which ECS reports platforms' digests, too.
func drawPlatformStory(t *rapid.T) story { return drawStoryOf(t, versions+indexes) }

func drawStoryOf(t *rapid.T, images int) story {
	s := story{
		images:      images,
		rules:       rapid.SampledFrom(allRules).Draw(t, "rules"),
		deployments: map[deploymentOf]tagalongtest.Deployment{},
		truths:      map[deploymentOf][]truth{},
	}
	count := rapid.IntRange(1, len(allServices)).Draw(t, "services")
	for _, service := range rapid.Permutation(allServices).Draw(t, "order of services")[:count] {
		for _, fact := range drawHistory(t) {
			s.happenings = append(s.happenings, happening{Service: service, Fact: fact})
			if fact.Deployment != "" { // neither an action's nor the service's own
				s.deploy(t, deploymentOf{service, fact.Deployment})
			}
		}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "promotions") {
		s.happenings = append(s.happenings, happening{Promotion: s.drawPromotion(t, i)})
	}
	slices.SortStableFunc(s.happenings, func(a, b happening) int { return a.when().Compare(b.when()) })
	s.items = drawItems(t)
	return s
}

func (h happening) when() time.Time {
	if h.Promotion != nil {
		return h.Promotion.At
	}
	return h.Fact.Time
}

// drawPromotion draws one whose tags are likely to be those of environments, too.
func (s story) drawPromotion(t *rapid.T, n int) *reactor.Promotion {
	repo := rapid.SampledFrom([]tagalong.Repository{shopAPI, shopAPI, shopWeb, awayAPI}).Draw(t, "promoted repository")
	return &reactor.Promotion{
		Job: fmt.Sprintf("job-%d", n), Repository: repo,
		Digest: imageOf(repo, rapid.IntRange(0, s.images-1).Draw(t, "promoted version")).Digest,
		Tags:   []string{rapid.SampledFrom([]string{"prod", "live", "prod-a", "promoted"}).Draw(t, "promoted tag")},
		At:     at(rapid.IntRange(0, 10).Draw(t, "promoted at")),
		Release: tagalong.Release{
			Pipeline: "release", Execution: fmt.Sprint(rapid.IntRange(0, 1).Draw(t, "promoting execution")), Stage: "Promote",
		},
	}
}

// drawHistory draws a service's facts: either any, or such as ECS would tell.
func drawHistory(t *rapid.T) []tagalong.Fact {
	if rapid.Bool().Draw(t, "anything") {
		return tagalongtest.DrawFacts(t, 4, 10, 8)
	}
	return drawPlausible(t, 4)
}

// drawPlausible draws deployments one after the other, with rollbacks, with
// facts that are lost, with whole seconds and with ties.
func drawPlausible(t *rapid.T, steps int) (facts []tagalong.Fact) {
	now := at(0)
	pass := func() time.Time {
		now = now.Add(rapid.SampledFrom([]time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second}).Draw(t, "pass"))
		return now
	}
	tell := func(deployment string, name tagalong.FactName, reason string) {
		f := tagalong.Fact{Deployment: deployment, Name: name, Time: pass(), Source: tagalong.FromEvent, Reason: reason}
		lost := rapid.IntRange(0, 5).Draw(t, "lost") == 0
		if !lost && !slices.ContainsFunc(facts, func(o tagalong.Fact) bool {
			return o.Deployment == f.Deployment && o.Name == f.Name && o.Time.Equal(f.Time)
		}) {
			facts = append(facts, f)
		}
	}
	completed := ""
	for step := range rapid.IntRange(1, steps).Draw(t, "steps") {
		d := "ecs-svc/" + string(rune('A'+step))
		tell(d, tagalong.InProgress, "ECS deployment "+d+" in progress.")
		switch rapid.SampledFrom([]string{"completes", "completes", "fails", "never ends"}).Draw(t, "ending") {
		case "completes":
			tell(d, tagalong.Completed, "ECS deployment "+d+" completed.")
			completed = d
		case "fails":
			tell(d, tagalong.Failed, "ECS deployment circuit breaker: tasks failed to start.")
			if completed != "" {
				tell(completed, tagalong.InProgress, "ECS deployment circuit breaker: rolling back to deploymentId "+completed+".")
				tell(completed, tagalong.Completed, "ECS deployment "+completed+" completed.")
			}
		}
	}
	return facts
}

// deploy makes up the containers of a deployment, once.
func (s story) deploy(t *rapid.T, of deploymentOf) {
	if _, ok := s.deployments[of]; ok {
		return
	}
	d := tagalongtest.Deployment{TaskDefinition: "arn:aws:ecs:task-definition/" + of.service.Name + of.deployment[len(of.deployment)-1:]}
	task := tagalong.TaskRun{TaskDefinition: d.TaskDefinition}
	other := task
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"app", "log", "web"}), 1, 3, rapid.ID).Draw(t, "containers")
	reviseAll := rapid.Bool().Draw(t, "revision")
	for _, name := range names {
		repo := rapid.SampledFrom([]tagalong.Repository{shopAPI, shopAPI, shopWeb, awayAPI, nginx}).Draw(t, "repository")
		version := rapid.IntRange(0, s.images-1).Draw(t, "version")
		image := imageOf(repo, version).Digest
		reported := image
		if version >= versions {
			reported = platformOf(repo, version).Digest
		}
		written := tagalong.Ran{Name: name, Image: repo.String() + ":" + versionTag(version)}
		resolved := written
		resolved.Digest = reported
		tr := truth{name: name, repo: repo, digest: image, proven: true}
		kind := rapid.SampledFrom([]string{"resolved", "resolved", "pinned", "reported", "disputed", "guessed"}).Draw(t, "evidence")
		switch kind {
		case "pinned":
			written.Image = repo.String() + "@" + image.String()
			d.Defined, d.Revised = append(d.Defined, written), append(d.Revised, written)
		case "reported", "disputed":
			d.Defined, d.Revised = append(d.Defined, written), append(d.Revised, written)
			task.Containers = append(task.Containers, resolved)
			if kind == "disputed" {
				resolved.Digest = imageOf(repo, (version+1)%versions).Digest
				tr.proven = false
			}
			other.Containers = append(other.Containers, resolved)
		case "guessed":
			d.Defined, d.Revised = append(d.Defined, written), append(d.Revised, written)
			tr.proven = false
		default:
			d.Defined, d.Revised = append(d.Defined, written), append(d.Revised, resolved)
			task.Containers = append(task.Containers, resolved)
			other.Containers = append(other.Containers, resolved)
		}
		s.truths[of] = append(s.truths[of], tr)
	}
	if !reviseAll {
		d.Revised = nil
	}
	d.Tasks = []tagalong.TaskRun{task, other}
	s.deployments[of] = d
}

// world is a reactor with all that it needs, in memory.
type world struct {
	*reactor.Reactor
	ledger   *tagalongtest.Ledger
	registry *tagalongtest.Registry
	workload *tagalongtest.Workload
}

func newWorld(rules tagalong.Rules) *world {
	w := &world{ledger: &tagalongtest.Ledger{}, registry: &tagalongtest.Registry{}, workload: &tagalongtest.Workload{}}
	w.Reactor = &reactor.Reactor{
		Rules: rules, Ledger: w.ledger, Promotions: w.ledger, Registry: w.registry, Workload: w.workload,
		Now: func() time.Time { return at(3600) }, Coverage: tagalongtest.Covering("111122223333", "444455556666"),
	}
	for _, repo := range []tagalong.Repository{shopAPI, shopWeb, awayAPI} {
		for version := range versions + indexes {
			w.registry.Push(repo, imageOf(repo, version), versionTag(version))
			if version >= versions {
				w.registry.Push(repo, platformOf(repo, version))
			}
		}
	}
	return w
}

// drawItems draws how many items a transaction takes: as many as DynamoDB's, or so few
// that hardly any change fits into one.
func drawItems(t *rapid.T) int {
	return rapid.SampledFrom([]int{100, 10}).Draw(t, "items of a transaction")
}

// takes lets a world's transactions take so many items.
func takes(items int, r *reactor.Reactor, l *tagalongtest.Ledger) {
	r.TransactionItems = items
	l.MaxItems = items
}

func (s story) world() *world {
	w := newWorld(s.rules)
	takes(s.items, w.Reactor, w.ledger)
	for of, d := range s.deployments {
		w.workload.Deploy(of.service, of.deployment, d)
	}
	return w
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

var _ failer = (*testing.T)(nil)

// tell tells happenings to the reactor, one after the other.
func (w *world) tell(t failer, happenings ...happening) {
	t.Helper()
	for _, h := range happenings {
		if h.Promotion != nil {
			if _, err := w.Promote(t.Context(), *h.Promotion); err != nil {
				t.Fatalf("promoting %+v: %v", h.Promotion, err)
			}
			continue
		}
		if _, err := w.Observe(t.Context(), h.Service, h.Fact); err != nil {
			t.Fatalf("observing %s %s of %s: %v", h.Fact.Deployment, h.Fact.Name, h.Service, err)
		}
	}
}

// wish is where a tag should sit, and by whose claim.
type wish struct {
	digest digest.Digest
	at     time.Time
	by     string
}

// wishes works out from the happenings alone where each tag should sit: the
// newest claim by time, then by service and container, then by job.
func (s story) wishes(happenings []happening) map[tagalong.TagID]wish {
	all := map[tagalong.TagID]wish{}
	claim := func(id tagalong.TagID, mine wish) {
		if held, ok := all[id]; !ok || mine.at.After(held.at) || mine.at.Equal(held.at) && mine.by < held.by {
			all[id] = mine
		}
	}
	for _, h := range happenings {
		if p := h.Promotion; p != nil {
			claim(tagalong.TagID{Repository: p.Repository, Tag: p.Tags[0]}, wish{p.Digest, p.At, "promotion#" + p.Job})
		}
	}
	for service, facts := range byService(happenings) {
		environment, templates := s.rulesFor(service)
		rollouts := tagalongtest.NaiveFold(facts)
		for _, r := range rollouts {
			if r.State != timeline.StateCompleted || !r.Until.IsZero() {
				continue
			}
			for _, c := range s.truths[deploymentOf{service, r.Deployment}] {
				mine := map[tagalong.TagID]bool{}
				filled := func(repo tagalong.Repository, template string) tagalong.TagID {
					tag := template
					for name, value := range map[string]string{"{environment}": environment, "{service}": service.Name, "{container}": c.name} {
						tag = strings.ReplaceAll(tag, name, value)
					}
					return tagalong.TagID{Repository: repo, Tag: tag}
				}
				by := service.String() + "#" + c.name
				if !c.proven {
					continue
				}
				if s.mayTag(service, c.repo) {
					for _, template := range templates {
						id := filled(c.repo, template)
						mine[id] = true
						claim(id, wish{c.digest, r.FinishedAt, by})
					}
				}
				before, ok := s.ranBefore(service, rollouts, c)
				if !ok {
					continue
				}
				for _, template := range s.previousFor(environment) {
					if id := filled(before.repo, template); !mine[id] {
						claim(id, wish{before.digest, r.FinishedAt, by})
					}
				}
			}
		}
	}
	return all
}

// ranBefore looks through all that ever ran of a service for the container's last
// image that is not this one.
func (s story) ranBefore(service tagalong.Service, rollouts []timeline.Rollout, c truth) (before truth, ok bool) {
	var at time.Time
	for _, r := range rollouts {
		if r.State != timeline.StateCompleted || r.Until.IsZero() || r.Until.Equal(r.FinishedAt) || ok && r.FinishedAt.Before(at) {
			continue
		}
		for _, o := range s.truths[deploymentOf{service, r.Deployment}] {
			if o.name == c.name && o.proven && s.mayTag(service, o.repo) && (o.repo != c.repo || o.digest != c.digest) {
				before, ok, at = o, true, r.FinishedAt
			}
		}
	}
	return before, ok
}

// previousFor knows what allRules say.
func (s story) previousFor(environment string) []string {
	return map[string][]string{
		"kept": {"kept-previous", "kept-{container}"},
		"shop": {"previous"},
		"misc": {"previous", "{container}"},
	}[environment]
}

// rulesFor knows what allRules say.
func (s story) rulesFor(service tagalong.Service) (environment string, templates []string) {
	prod := strings.HasPrefix(service.Cluster, "prod-")
	switch {
	case len(s.rules) == 0:
		return service.Cluster, []string{"{environment}"}
	case len(s.rules) == 1 && len(s.rules[0].Clusters) == 0:
		return s.rules[0].Environment, []string{"{environment}"}
	case s.rules[0].Environment == "shop" && prod:
		return "shop", []string{"live"}
	case s.rules[0].Environment == "shop":
		return "misc", []string{"live", "{service}"}
	case len(s.rules) == 1 && prod:
		return "prod", []string{"{environment}"}
	case len(s.rules) == 1:
		return "", nil
	case s.rules[0].Environment == "prod" && prod:
		return "prod", []string{"{environment}", "{environment}-{container}"}
	case s.rules[0].Environment == "prod":
		return "rest", []string{"live"}
	case service.Name == "api":
		return "one", []string{"live", "{service}"}
	}
	return "two", []string{"live", "{environment}-{container}"}
}

// mayTag knows what allRules say.
func (s story) mayTag(service tagalong.Service, repo tagalong.Repository) bool {
	switch environment, _ := s.rulesFor(service); {
	case repo == nginx:
		return false
	case environment == "one":
		return repo == awayAPI || repo == shopWeb
	case environment == "two", environment == "kept", environment == "shop", environment == "prod" && len(s.rules[0].Clusters) > 0:
		return true
	}
	return strings.HasPrefix(repo.Registry, service.Account)
}

// managed leaves out the services that no rule matches.
func (s story) managed(happenings []happening) []happening {
	return slices.DeleteFunc(slices.Clone(happenings), func(h happening) bool {
		if h.Promotion != nil {
			return true
		}
		environment, _ := s.rulesFor(h.Service)
		return environment == ""
	})
}

func byService(happenings []happening) map[tagalong.Service][]tagalong.Fact {
	facts := map[tagalong.Service][]tagalong.Fact{}
	for _, h := range happenings {
		if h.Promotion == nil && !slices.Contains(facts[h.Service], h.Fact) {
			facts[h.Service] = append(facts[h.Service], h.Fact)
		}
	}
	return facts
}

// check compares ledger and registry with what the happenings alone say.
func (w *world) check(t failer, s story, happenings []happening) {
	t.Helper()
	w.checkTags(t, s, happenings)
	for service, facts := range byService(s.managed(happenings)) {
		rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), service, ledger.Span{}, 0))
		if err != nil {
			t.Fatalf("rollouts of %s: %v", service, err)
		}
		var rollouts []timeline.Rollout
		for _, row := range rows {
			rollouts = append(rollouts, row.Rollout)
		}
		naive := tagalongtest.NaiveFold(facts)
		if diff := gocmp.Diff(tagalongtest.SortedTell(naive), tagalongtest.SortedTell(rollouts)); diff != "" {
			t.Fatalf("rollouts of %s (-facts say +ledger says):\n%s", service, diff)
		}
		w.checkRunning(t, s, service, naive)
		w.checkSteady(t, service, naive)
	}
}

// checkSteady checks what the head alone says of a service: that one rollout runs, and
// nothing else is to come.
func (w *world) checkSteady(t failer, service tagalong.Service, naive []timeline.Rollout) {
	t.Helper()
	heads, err := w.ledger.HeadStates(t.Context(), []tagalong.Service{service})
	if err != nil {
		t.Fatalf("head of %s: %v", service, err)
	}
	var steady time.Time
	for _, r := range naive {
		if r.State == timeline.StateCompleted && r.Until.IsZero() {
			steady = r.FinishedAt
		}
	}
	if slices.ContainsFunc(naive, func(r timeline.Rollout) bool { return r.State == timeline.StateInProgress || r.Draining }) {
		steady = time.Time{}
	}
	if head := heads[service]; !head.Steady.Equal(steady) {
		t.Fatalf("%s is steady since %v, and its head says %v", service, steady, head.Steady)
	}
}

func (w *world) checkTags(t failer, s story, happenings []happening) {
	t.Helper()
	want := s.wishes(happenings)
	got := map[tagalong.TagID]wish{}
	for _, tag := range w.allTags(t) {
		got[tag.ID] = wish{tag.Wish.Digest, tag.Wish.At, string(tag.Wish.By)}
		if newest, ok := want[tag.ID]; ok && tag.Shared && newest.digest == tag.Wish.Digest && !tag.Wish.At.After(newest.at) {
			got[tag.ID] = newest // a further claim of the same digest leaves the wish as it is
		}
		if tag.State != ledger.TagConfirmed || tag.Actual != tag.Wish.Digest {
			t.Fatalf("tag %s is %s at %q, wished on %s", tag.ID, tag.State, tag.Actual, tag.Wish.Digest)
		}
	}
	if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(wish{})); diff != "" {
		t.Fatalf("wishes (-facts say +ledger says):\n%s", diff)
	}
	for id, wish := range want {
		if sits := w.registry.Tags(id.Repository)[id.Tag]; sits != wish.digest {
			t.Fatalf("tag %s sits on %q, wished on %s", id, sits, wish.digest)
		}
	}
}

func (w *world) allTags(t failer) (tags []ledger.Tag) {
	t.Helper()
	environments, err := w.ledger.Environments(t.Context())
	if err != nil {
		t.Fatalf("environments: %v", err)
	}
	for _, environment := range append(environments, "") {
		for _, confirmed := range []bool{false, true} {
			more, err := stream.Collect(w.ledger.EnvironmentTags(t.Context(), environment, confirmed, tagalong.TagID{}, 0))
			if err != nil {
				t.Fatalf("tags of %s: %v", environment, err)
			}
			tags = append(tags, more...)
		}
	}
	return tags
}

// checkRunning checks that the running row is that of the rollout that completed last.
func (w *world) checkRunning(t failer, s story, service tagalong.Service, naive []timeline.Rollout) {
	t.Helper()
	environment, _ := s.rulesFor(service)
	running, err := stream.Collect(w.ledger.RunningRecords(t.Context(), environment, tagalong.Service{}, 0))
	if err != nil {
		t.Fatalf("members of %s: %v", environment, err)
	}
	running = slices.DeleteFunc(running, func(m ledger.RunningRecord) bool { return m.Service != service })
	var want, got []string
	rollingOut := ""
	for _, r := range naive {
		if r.State == timeline.StateInProgress {
			rollingOut = r.Deployment
		}
	}
	for _, r := range naive {
		if r.State == timeline.StateCompleted && r.Until.IsZero() {
			want = append(want, fmt.Sprintf("%s since %v, then %q, %d containers", r.Deployment, r.FinishedAt, rollingOut, len(s.truths[deploymentOf{service, r.Deployment}])))
		}
	}
	for _, m := range running {
		got = append(got, fmt.Sprintf("%s since %v, then %q, %d containers", m.Deployment, m.Since, m.RollingOut, len(m.Containers)))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("running row of %s (-facts say +ledger says):\n%s", service, diff)
	}
}

// drawShuffled draws another order of the happenings, with repeats.
func drawShuffled(t *rapid.T, happenings []happening) []happening {
	if len(happenings) == 0 {
		return nil
	}
	repeats := rapid.SliceOfN(rapid.SampledFrom(happenings), 0, 4).Draw(t, "repeats")
	return rapid.Permutation(slices.Concat(happenings, repeats)).Draw(t, "arrivals")
}

func describe(happenings []happening) string {
	var b strings.Builder
	for _, h := range happenings {
		if h.Promotion != nil {
			fmt.Fprintf(&b, "  promoted %s:%s to %s at %v by %s\n", h.Promotion.Repository, h.Promotion.Tags, h.Promotion.Digest, h.Promotion.At.Sub(noon), h.Promotion.Job)
			continue
		}
		fmt.Fprintf(&b, "  %s %s %s at %v by %s\n", h.Service, h.Fact.Deployment, h.Fact.Name, h.Fact.Time.Sub(noon), cmp.Or(h.Fact.Source, tagalong.FromEvent))
	}
	return b.String()
}

// completedWith reports whether any deployment with that image ever completed, or
// whether the image was promoted.
func (s story) completedWith(repo tagalong.Repository, d digest.Digest) bool {
	return slices.ContainsFunc(s.happenings, func(h happening) bool {
		return h.Promotion != nil && h.Promotion.Repository == repo && h.Promotion.Digest == d || h.Fact.Name == tagalong.Completed && slices.ContainsFunc(s.truths[deploymentOf{h.Service, h.Fact.Deployment}], func(c truth) bool {
			return c.repo == repo && c.digest == d && c.proven
		})
	})
}
