package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

var (
	noon  = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	api   = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
	shop  = tagalong.Repository{Registry: "111122223333.dkr.ecr.us-east-1.amazonaws.com", Name: "shop"}
	prod  = policy("prod", "{environment}")
	retag = policy("prod", "live")
)

func policy(environment string, tags ...string) tagalong.Policy {
	p, _ := tagalong.Rules{{Environment: environment, Tags: tags}}.Within(tagalong.Coverage{Own: api.Account}, api)
	return p
}

// observed reads "N NAME MINUTE": a fact about deployment N, which runs image N.
func observed(t *testing.T, text string, p tagalong.Policy) decide.Observation {
	t.Helper()
	var (
		id, name string
		minute   int
	)
	if _, err := fmt.Sscan(text, &id, &name, &minute); err != nil {
		t.Fatal(err)
	}
	f := tagalong.Fact{Deployment: id, Name: tagalong.FactName(name), Time: noon.Add(time.Duration(minute) * time.Minute), Source: tagalong.FromEvent}
	o := decide.Observation{Service: api, Policy: p, Fact: f, Now: noon.Add(time.Hour)}
	if f.Name == tagalong.Retired {
		o.Fact.Deployment = ""
		return o
	}
	o.Details.Containers = []tagalong.Container{{Name: "app", Image: shop, Digest: digest.FromString(id), Evidence: tagalong.Revision}}
	return o
}

// books are a ledger of one service, and how often something of it was read.
type books struct {
	know   decide.LedgerView
	facts  []tagalong.Fact
	rows   map[timeline.RolloutKey]ledger.Details
	claims []ledger.Claim // of others, on tags of the repository
	tags   map[tagalong.TagID]ledger.Tag
	reads  int
}

func newBooks() *books {
	return &books{rows: map[timeline.RolloutKey]ledger.Details{}, tags: map[tagalong.TagID]ledger.Tag{}}
}

// decide decides on what was observed, and keeps the change.
func (b *books) decide(t *testing.T, o decide.Observation) (ledger.Change, bool) {
	t.Helper()
	versions := 0
	version := func() string { versions++; return fmt.Sprint("v", len(b.facts), ".", versions) }
	for range 10 {
		c, changed, missing, err := decide.Decide(b.know, o, decide.Keeping{}, version)
		if err != nil {
			t.Fatal(err)
		}
		if missing.None() {
			b.keep(c, changed)
			return c, changed
		}
		if len(missing.Images) > 0 {
			o.Images = missing.Images // which the registry does not have
			continue
		}
		b.read(missing)
	}
	t.Fatal("it asks for ever")
	return ledger.Change{}, false
}

// read reads what a decision asks for.
func (b *books) read(missing decide.Reads) {
	b.reads++
	if missing.Whole {
		b.know = decide.LedgerView{Snapshot: ledger.Snapshot{Head: b.know.Head, Facts: b.facts, Whole: true}}
		return
	}
	if b.know.Rows == nil {
		b.know.Rows = map[timeline.RolloutKey]ledger.Details{}
	}
	for _, key := range missing.Rows {
		b.know.Rows[key] = b.rows[key]
	}
	b.know.Claims, b.know.Others = map[tagalong.Repository]ledger.RepositoryClaims{}, map[tagalong.Repository]bool{}
	for _, r := range missing.Others {
		b.know.Others[r] = len(b.claims) > 0
	}
	for _, r := range missing.Repos {
		b.know.Claims[r] = ledger.RepositoryClaims{Claims: slices.Concat(b.claims, b.know.Head.Claims), Tags: b.tags}
	}
}

// keep takes a change as a store does; what was read for it is forgotten.
func (b *books) keep(c ledger.Change, changed bool) {
	if !changed {
		return
	}
	b.know = b.know.With(c)
	b.know.Rows, b.know.Claims, b.know.Others = nil, nil, nil
	if c.Fact != nil {
		b.facts = append(b.facts, *c.Fact)
	}
	for _, row := range c.Rollouts {
		b.rows[row.Key()] = row.Details
	}
	for _, w := range c.Tags {
		b.tags[w.Wish.Tag] = ledger.Tag{ID: w.Wish.Tag, Wish: w.Wish, Version: w.Version, Claims: w.Claims, State: ledger.TagConfirmed}
		if w.Mode == ledger.Drop {
			delete(b.tags, w.Wish.Tag)
		}
	}
}

var modes = map[ledger.TagMode]string{ledger.Advance: "advance", ledger.Renew: "renew", ledger.Touch: "touch", ledger.Drop: "drop"}

// linesOf returns a change in lines: what it puts, and what it drops.
func linesOf(c ledger.Change) (lines []string) {
	line := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, r := range c.Rollouts {
		line("rollout %s %s", r.Deployment, r.State)
	}
	for range c.DropRollouts {
		line("drop a rollout")
	}
	if c.Running != nil {
		line("running %s in %s", c.Running.Deployment, c.Running.Environment)
	}
	if c.DropRunning != "" {
		line("nothing runs in %s", c.DropRunning)
	}
	for _, p := range c.Past {
		line("past %s", p.Deployment)
	}
	for _, p := range c.Placements {
		line("placement %s %s", p.Deployment, p.Phase)
	}
	for _, p := range c.DropPlacements {
		line("drop placement %s %s", p.Deployment, p.Phase)
	}
	for _, id := range c.Shared {
		line("%s is shared", id.Tag)
	}
	for _, to := range c.Head.Rest.Tags {
		line("%s is looked at later", to.ID.Tag)
	}
	for _, w := range c.Tags {
		of := "nothing"
		for id := range 10 {
			if w.Wish.Digest == digest.FromString(fmt.Sprint(id)) {
				of = fmt.Sprint(id)
			}
		}
		line("%s %s on %s", modes[w.Mode], w.Wish.Tag.Tag, of)
	}
	return lines
}

// TestAChangeIsTheDifferenceOfTwoStates has, for each case, what was observed before and the one
// fact whose change is looked at.
func TestAChangeIsTheDifferenceOfTwoStates(t *testing.T) {
	for _, test := range []struct {
		name   string
		before []string
		fact   string
		policy *tagalong.Policy // if it is another one by then
		want   []string
	}{
		{"the first start", nil, "1 IN_PROGRESS 0", nil, []string{"rollout 1 in_progress", "placement 1 rolling_out"}},
		{"the first completion", []string{"1 IN_PROGRESS 0"}, "1 COMPLETED 1", nil,
			[]string{"rollout 1 completed", "running 1 in prod", "placement 1 running", "drop placement 1 rolling_out", "advance prod on 1"}},
		{"a completion ends what ran", []string{"1 IN_PROGRESS 0", "1 COMPLETED 1"}, "2 COMPLETED 2", nil,
			[]string{"rollout 1 completed", "rollout 2 completed", "running 2 in prod", "placement 1 ended", "placement 2 running", "advance prod on 2"}},
		{"an older completion that comes late moves no tag, but the service is known for longer", []string{"2 IN_PROGRESS 1", "2 COMPLETED 2"}, "1 COMPLETED 0", nil,
			[]string{"rollout 1 completed", "running 2 in prod", "placement 1 ended"}},
		{"a failure leaves what runs", []string{"1 IN_PROGRESS 0", "1 COMPLETED 1", "2 IN_PROGRESS 2"}, "2 FAILED 3", nil,
			[]string{"rollout 2 failed", "running 1 in prod", "placement 2 ended", "drop placement 2 rolling_out"}},
		{"a repeat changes nothing", []string{"1 IN_PROGRESS 0", "1 COMPLETED 1"}, "1 COMPLETED 1", nil, nil},
		{"a repeat under another rule moves the claim", []string{"1 IN_PROGRESS 0", "1 COMPLETED 1"}, "1 COMPLETED 1", &retag,
			[]string{"running 1 in prod", "placement 1 running", "advance live on 1", "drop prod on nothing"}},
		{"a service that goes leaves what ran", []string{"1 IN_PROGRESS 0", "1 COMPLETED 1"}, "- RETIRED 2", nil,
			[]string{"rollout 1 completed", "nothing runs in prod", "past 1", "placement 1 ended", "drop placement 1 running", "drop prod on nothing"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBooks()
			for _, fact := range test.before {
				b.decide(t, observed(t, fact, prod))
			}
			then := prod
			if test.policy != nil {
				then = *test.policy
			}
			c, changed := b.decide(t, observed(t, test.fact, then))
			if changed != (test.want != nil) {
				t.Fatalf("changed: %v", changed)
			}
			got := linesOf(c)
			slices.Sort(got)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What follows from the head alone reads nothing: a decision that asks costs a round trip.
func TestWhatADecisionMustRead(t *testing.T) {
	for _, test := range []struct {
		name   string
		before string
		fact   string
		reads  int
	}{
		{"the next completion", "1 IN_PROGRESS 0, 1 COMPLETED 1", "2 COMPLETED 2", 0},
		{"a start", "1 IN_PROGRESS 0, 1 COMPLETED 1", "2 IN_PROGRESS 2", 0},
		{"a failure", "1 IN_PROGRESS 0, 1 COMPLETED 1, 2 IN_PROGRESS 2", "2 FAILED 3", 0},
		{"a service that goes: who else claims its tag", "1 IN_PROGRESS 0, 1 COMPLETED 1", "- RETIRED 2", 1},
		{"a start in between: what the row before says", "1 IN_PROGRESS 0, 1 COMPLETED 1, 3 COMPLETED 3", "2 COMPLETED 2", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBooks()
			for fact := range strings.SplitSeq(test.before, ", ") {
				b.decide(t, observed(t, fact, prod))
			}
			b.reads = 0
			if b.decide(t, observed(t, test.fact, prod)); b.reads != test.reads {
				t.Errorf("%d reads, want %d", b.reads, test.reads)
			}
		})
	}
}

// A tag that the service lets go of falls to the newest claim of another one.
func TestATagThatIsLetGoFallsToTheNewestOtherClaim(t *testing.T) {
	b := newBooks()
	b.decide(t, observed(t, "1 IN_PROGRESS 4", prod))
	b.decide(t, observed(t, "1 COMPLETED 5", prod))
	tag, web := tagalong.TagID{Repository: shop, Tag: "prod"}, api
	web.Name = "web"
	for minute, id := range []string{"8", "9"} {
		b.claims = append(b.claims, ledger.Claim{Tag: tag, Digest: digest.FromString(id), At: noon.Add(time.Duration(minute) * time.Minute), By: ledger.ContainerClaimant(web, "app"+id)})
	}
	c, _ := b.decide(t, observed(t, "- RETIRED 6", prod))
	if got := linesOf(c); !slices.Contains(got, "renew prod on 9") {
		t.Errorf("%q, want the tag renewed on 9", got)
	}
}
