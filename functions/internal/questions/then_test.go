package questions_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// changing are rules that all match every service, so that a service may come from
// any environment into any other.
var changing = []tagalong.Rules{
	nil,
	{{Environment: "blue"}},
	{{Environment: "green"}},
	{{Environment: "green", Clusters: []string{"prod*"}}, {Environment: "blue"}},
	{{Environment: "blue", Services: []string{"api"}}, {Environment: "green", Accounts: []string{"111122223333"}}, {Environment: "grey"}},
}

// said is what was said of an environment at a moment.
type said struct {
	environment string
	at          time.Time
	rows        []query.RunningRow
}

// reporter tells a story as it happens, under rules that change, and asks again and again.
type reporter struct {
	*rapid.T
	*world
	said []said
	log  strings.Builder
}

// observe observes a fact now, perhaps again, perhaps under other rules.
func (r *reporter) observe(h happening) {
	if rapid.IntRange(0, 3).Draw(r.T, "new rules") == 0 {
		r.Rules = rapid.SampledFrom(changing).Draw(r.T, "rules")
	}
	policy, _ := r.Rules.For(h.service)
	fmt.Fprintf(&r.log, "  at %v %s %s %s of %v in %s\n", r.now().Sub(noon), h.service, h.fact.Deployment, h.fact.Name, h.fact.Time.Sub(noon), policy.Environment)
	r.tell(r.T, h)
}

func (r *reporter) now() time.Time { return r.Reactor.Now() }

func (r *reporter) ask() {
	for _, environment := range []string{"", "blue", "green", "prod-a"} {
		page, err := r.Running(r.Context(), query.RunningQuery{Environment: environment}, query.Paging{})
		if _, unknown := errors.AsType[*tagalong.UnknownNameError](err); unknown {
			page, err = query.Page[query.RunningRow]{Items: []query.RunningRow{}}, nil // nothing came there yet
		}
		if err != nil {
			r.Fatalf("running in %q: %v", environment, err)
		}
		for i := range page.Items { // of a past time this is not said
			page.Items[i].TagState, page.Items[i].RollingOut, page.Items[i].Rollout = "", "", query.UnderWay{}
		}
		r.said = append(r.said, said{environment, r.now(), page.Items})
	}
}

// ran asks later what ran then, in one page or in several.
func (r *reporter) ran(then said, limit int) (rows []query.RunningRow) {
	wanted := query.RunningQuery{Environment: then.environment, At: then.at}
	rows = []query.RunningRow{}
	for p := (query.Paging{Limit: limit}); ; {
		page, err := r.Running(r.Context(), wanted, p)
		if horizon := (*query.HorizonError)(nil); errors.As(err, &horizon) {
			return rows // nothing at all was known then
		}
		if _, unknown := errors.AsType[*tagalong.UnknownNameError](err); unknown {
			return rows // nor is it now
		}
		if err != nil {
			r.Fatalf("running in %q at %v: %v", then.environment, then.at, err)
		}
		rows = append(rows, page.Items...)
		if p.Cursor = page.Next; p.Cursor == "" {
			return rows
		}
	}
}

func TestWhatRanIsWhatWasSaidThen(t *testing.T) {
	checkTimes(t, 150, func(t *rapid.T) {
		s := drawStory(t, varied(), func(t *rapid.T) []tagalong.Fact { return drawPlausible(t, 5) })
		r := &reporter{T: t, world: s.world(&tagalongtest.Ledger{})}
		r.Rules = rapid.SampledFrom(changing).Draw(t, "first rules")
		var observed []happening
		for len(s.happenings) > 0 {
			now := s.happenings[0].fact.Time
			r.Reactor.Now = func() time.Time { return now }
			for len(s.happenings) > 0 && s.happenings[0].fact.Time.Equal(now) {
				r.observe(s.happenings[0])
				observed, s.happenings = append(observed, s.happenings[0]), s.happenings[1:]
			}
			r.ask()
			if between := now.Add(250 * time.Millisecond); len(s.happenings) == 0 || between.Before(s.happenings[0].fact.Time) {
				r.Reactor.Now = func() time.Time { return between }
				for _, again := range rapid.SliceOfN(rapid.SampledFrom(observed), 0, 2).Draw(t, "again") {
					r.observe(again)
				}
				r.ask()
			}
		}
		for _, then := range r.said {
			for _, limit := range []int{0, 2} {
				if diff := cmp.Diff(then.rows, r.ran(then, limit)); diff != "" {
					t.Fatalf("in %q after %v, %d at a time (-said then +said now):\n%s\n%s", then.environment, then.at.Sub(noon), limit, diff, &r.log)
				}
			}
		}
	})
}
