package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// size is how much a year holds.
type size struct{ rollouts, services, clusters int }

// result is what a year had, and what its sweep did.
type result struct {
	rollouts, unhappy, deleted, meddled  int
	events, lost, late, repeated, killed int
	calls, recorded, put, retired, asked int
	before                               int // wrong before the sweep
	again                                int // writes and puts of a second sweep
	beside                               int // rollouts that ended in the midst of a sweep
	wrong                                []string
}

func (r *result) add(o result) {
	for _, sum := range []struct {
		to *int
		n  int
	}{
		{&r.rollouts, o.rollouts}, {&r.unhappy, o.unhappy}, {&r.deleted, o.deleted}, {&r.meddled, o.meddled},
		{&r.events, o.events}, {&r.lost, o.lost}, {&r.late, o.late}, {&r.repeated, o.repeated}, {&r.killed, o.killed},
		{&r.calls, o.calls}, {&r.recorded, o.recorded}, {&r.put, o.put}, {&r.retired, o.retired}, {&r.asked, o.asked},
		{&r.before, o.before}, {&r.again, o.again}, {&r.beside, o.beside},
	} {
		*sum.to += sum.n
	}
	r.wrong = append(r.wrong, o.wrong...)
}

// observedService is a service of the simulation, with what it deploys.
type observedService struct {
	service    tagalong.Service
	repository tagalong.Repository
	deployment string    // the newest
	completed  time.Time // when the running one did
	// reads says that it is deployed from the environment's tag, which its builds push.
	reads bool
	// sidecars are how many more containers it has.
	sidecars int
}

// year is an inventory with all that hangs on it, a clock, and what is still to happen.
type year struct {
	*agenda
	size      size
	dice      *rand.Rand
	inventory *tagalongtest.Inventory
	ledger    *tagalongtest.Ledger
	registry  *tagalongtest.Registry
	sweeper   *sweep.Sweeper
	services  []*observedService
	images    map[string]digest.Digest         // what each deployment should tag
	pushed    map[tagalong.TagID]digest.Digest // where builds and people have put tags that are deployed from
	harm      []string                         // what was done that must never be
	heard     int
	calls     atomic.Int64
	kill      kill
	beside    beside
	lag       time.Duration // by how much what happens just now lies back
	result    result
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	account      = "111122223333"
	otherAccount = "444455556666" // whose services run images of our registry
	region       = "us-east-1"
	ecrHost      = account + ".dkr.ecr." + region + ".amazonaws.com"
	days         = 365
)

func newYear(seed uint64, of size) *year {
	y := &year{
		agenda: &agenda{now: start}, size: of, dice: rand.New(rand.NewPCG(seed, 0)),
		ledger: &tagalongtest.Ledger{}, registry: &tagalongtest.Registry{},
		images: map[string]digest.Digest{}, pushed: map[tagalong.TagID]digest.Digest{},
	}
	clock := func() time.Time { return y.now }
	y.inventory = &tagalongtest.Inventory{Now: func() time.Time { return y.now.Add(-y.lag) }, Jitter: func() time.Duration { return time.Duration(y.dice.IntN(400)) * time.Millisecond }}
	y.sweeper = &sweep.Sweeper{
		Reactor: &reactor.Reactor{
			Rules: tagalong.Rules{
				{Environment: "prod", Accounts: []string{account, otherAccount}, Clusters: []string{"prod-*"}, Tags: []string{"{environment}", "{environment}-{cluster}"}},
				{Environment: "staging", Repositories: []string{"shop/*"}, Clusters: []string{"staging-*"}, Tags: []string{"{environment}"}},
				{Environment: "dev", Tags: []string{"{environment}"}}, // of no other account
			},
			Ledger: lossy{y.ledger, y}, Workload: y.inventory, Registry: y.registry, Now: clock,
			Coverage: tagalongtest.Covering(account, otherAccount),
		},
		Inventory: watched{y.inventory, y}, Records: y.ledger, Scopes: []tagalong.Scope{{Account: account, Region: region}, {Account: otherAccount, Region: region}}, PendingAfter: time.Hour,
	}
	y.hook()
	for i := range of.services {
		y.services = append(y.services, y.service(i))
	}
	return y
}

// service makes up a service: some share their repositories, and so contend for tags;
// some run in another account; some are deployed from the tag of their environment.
func (y *year) service(i int) *observedService {
	stage := []string{"prod", "prod", "prod", "staging", "dev"}[i%5]
	of := map[bool]string{true: otherAccount, false: account}[i%6 == 5]
	alone := i >= y.size.services/4 && i < y.size.services*3/4
	return &observedService{
		reads:      alone && i%4 == 3,
		sidecars:   map[bool]int{true: 36}[i%20 == 0],
		service:    tagalong.Service{Account: of, Region: region, Cluster: fmt.Sprintf("%s-%d", stage, i%y.size.clusters), Name: fmt.Sprintf("service-%03d", i)},
		repository: tagalong.Repository{Registry: ecrHost, Name: fmt.Sprintf("shop/app-%03d", i%(y.size.services*3/4))},
	}
}

// live lets a year pass, sweeps once, and checks everything.
func live(ctx context.Context, seed uint64, of size) (result, error) {
	y := newYear(seed, of)
	y.plan()
	if err := y.pass(ctx); err != nil {
		return y.result, err
	}
	y.result.before = len(y.wrong(ctx))
	y.now = y.now.Add(24 * time.Hour)
	if err := y.sweep(ctx); err != nil {
		return y.result, err
	}
	y.result.wrong = y.wrong(ctx)
	if n := len(y.result.wrong); n > 0 {
		return y.result, fmt.Errorf("%d wrong after the sweep, such as %s", n, y.result.wrong[0])
	}
	return y.result, y.sweepAgain(ctx)
}

// sweep takes the one sweep.
func (y *year) sweep(ctx context.Context) error {
	asked := total(y.inventory.Calls())
	report, err := y.sweeper.Sweep(ctx, sweep.Options{Whole: true})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	y.result.recorded, y.result.put, y.result.asked = report.Recorded, report.Moved, total(y.inventory.Calls())-asked
	for _, d := range report.Drift {
		if d.Kind == sweep.DriftRetired {
			y.result.retired++
		}
	}
	y.result.calls = int(y.calls.Load())
	return nil
}

func total(calls map[string]int) (n int) {
	for _, times := range calls {
		n += times
	}
	return n
}

// sweepAgain takes a second sweep, which must find nothing to do.
func (y *year) sweepAgain(ctx context.Context) error {
	writes, puts := y.ledger.Writes(), y.registry.Puts()
	if _, err := y.sweeper.Sweep(ctx, sweep.Options{Whole: true}); err != nil {
		return fmt.Errorf("second sweep: %w", err)
	}
	if y.result.again = y.ledger.Writes() - writes + y.registry.Puts() - puts; y.result.again > 0 {
		return fmt.Errorf("the second sweep wrote and put %d times", y.result.again)
	}
	return nil
}
