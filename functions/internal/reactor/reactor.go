package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Ledger is what the reactor keeps, but for promotions.
type Ledger interface {
	ledger.Journal
	ledger.Wishes
	ledger.ProgressKeeper
	ledger.UnmanagedServices
	ledger.TaskFamilies
	ledger.Outbox
}

// Reactor takes what happened to deployments and keeps ledger and tags true.
type Reactor struct {
	Rules  tagalong.Rules
	Ledger Ledger
	// Promotions are for Promote alone: nil where no pipeline asks for tags.
	Promotions ledger.Promotions
	Workload   tagalong.Workload
	Registry   tagalong.Registry
	// Coverage returns what we were given. It is asked for each event, since only inside
	// of an invocation our own account is known without a call.
	Coverage func(context.Context) (tagalong.Coverage, error)
	// Announcer hears of the rollouts that end; nil is nobody.
	Announcer Announcer
	// ContainerEvents has it hear of each container of such a rollout, too, by an event of its own.
	ContainerEvents bool
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Retention is how long closed rows are kept; 0 is for ever.
	Retention time.Duration
	// Untag records the tags that retired services leave in ECR, for the sweep to
	// remove; else they are left alone for good.
	Untag bool
	// Recheck makes every repeat compare ECR again, however old: for replays by hand.
	Recheck bool
	Log     *slog.Logger

	// TransactionItems is how many items a transaction takes; 0 is DynamoDB's 100.
	TransactionItems int
}

const (
	// maxConflicts is how often a commit is decided anew, each time because
	// somebody else's commit went through.
	maxConflicts = 16
)

// Observe takes one fact from the event to the tag: it reads the service's head
// and, beside it, resolves the deployment's digests; reads the images that are new;
// decides; commits and, beside it, reads the registry; and converges the tags whose wish
// it set. It is safe to repeat at any time and by several at once. An error means that
// something remains to be done: the repeat does only that. One that comes within 15
// minutes, or where Recheck is set, compares all tags of the fact with ECR once more, a
// later one those that are still pending.
func (r *Reactor) Observe(ctx context.Context, s tagalong.Service, f tagalong.Fact) (Outcome, error) {
	policy, managed, err := r.Policy(ctx, s)
	o := Outcome{Service: s, Environment: policy.Environment, Unmanaged: !managed}
	if err != nil {
		return o, err
	}
	if !managed {
		return o, r.observeUnmanaged(ctx, s, f)
	}
	if r.Retention > 0 && f.Time.Before(r.Clock().Add(-r.Retention)) {
		o.Expired = true
		return o, nil
	}
	obs := decide.Observation{Service: s, Policy: policy, Fact: f, Now: r.Clock()}
	know, partial, err := r.load(ctx, &obs)
	if err != nil {
		return o, err
	}
	p := pass{Reactor: r, obs: obs, know: know, wishes: map[tagalong.TagID]ledger.Tag{}, readings: map[tagalong.Repository]reading{}}
	o, err = p.run(ctx, o)
	return o, joined(partial, err)
}

// Policy returns what the rules say of a service; ok is false if none manages it, or if
// it lies in a cluster that we were not given.
func (r *Reactor) Policy(ctx context.Context, s tagalong.Service) (policy tagalong.Policy, ok bool, err error) {
	covered, err := r.Coverage(ctx)
	if err != nil {
		return tagalong.Policy{}, false, err
	}
	policy, ok = r.Rules.Within(covered, s)
	return policy, ok, nil
}

// load reads the ledger and resolves the digests, one beside the other. partial is
// what could not be resolved of a deployment of which something could.
func (r *Reactor) load(ctx context.Context, obs *decide.Observation) (know decide.LedgerView, partial, err error) {
	err = parallel.All(
		func() (err error) {
			know.Snapshot, err = r.Ledger.Load(ctx, obs.Service)
			return err
		},
		func() (err error) {
			if !obs.Fact.OfDeployment() {
				return nil
			}
			obs.Details, partial = r.resolve(ctx, obs.Policy.Coverage, obs.Service, obs.Fact.Deployment)
			if len(obs.Details.Containers) == 0 {
				return partial // nothing is known to go on with
			}
			return nil
		},
	)
	return know, partial, err
}

// decide asks for what it must know until it knows enough.
func (p *pass) decide(ctx context.Context) (ledger.Change, bool, error) {
	keep := decide.Keeping{Retention: p.Retention, Untag: p.Untag, Announced: p.Announcer != nil}
	for {
		change, changed, n, err := decide.Decide(p.know, p.obs, keep, ledger.NewVersion)
		if err != nil || n.None() {
			return change, changed, err
		}
		if err := parallel.All(
			func() error { p.readImages(ctx, n.Images); return nil },
			func() error { return p.fetch(ctx, &p.know, p.obs.Service, n) },
		); err != nil {
			return ledger.Change{}, false, err
		}
	}
}

// fetch reads what a decision needs. What is not there is learned too, as nothing.
func (r *Reactor) fetch(ctx context.Context, know *decide.LedgerView, s tagalong.Service, n decide.Reads) (err error) {
	if n.Whole {
		*know = decide.LedgerView{}
		know.Snapshot, err = r.Ledger.LoadWhole(ctx, s)
		return err
	}
	if know.Rows == nil {
		know.Rows = map[timeline.RolloutKey]ledger.Details{}
	}
	if len(n.Rows) > 0 {
		rows, err := r.Ledger.Details(ctx, s, n.Rows)
		if err != nil {
			return err
		}
		for _, key := range n.Rows {
			know.Rows[key] = rows[key]
		}
	}
	if err := r.fetchOthers(ctx, know, s, n.Others); err != nil {
		return err
	}
	if know.Claims == nil {
		know.Claims = map[tagalong.Repository]ledger.RepositoryClaims{}
	}
	return r.fetchClaims(ctx, know, n)
}

// fetchOthers asks of repositories, side by side, whether other services run their images.
func (r *Reactor) fetchOthers(ctx context.Context, know *decide.LedgerView, s tagalong.Service, of []tagalong.Repository) error {
	others := make([]bool, len(of))
	err := parallel.Try(ctx, len(of), parallel.Limit, func(ctx context.Context, i int) (err error) {
		others[i], err = r.Ledger.HasOthers(ctx, of[i], s)
		return err
	})
	if know.Others == nil {
		know.Others = map[tagalong.Repository]bool{}
	}
	for i, repository := range of {
		know.Others[repository] = others[i]
	}
	return err
}

// fetchClaims reads the tags first and then the claims. A Query may show half of
// a transaction: with tags as old as this, a claim that changes meanwhile changes
// Tag.Claims too, and the write that was computed from it is refused.
func (r *Reactor) fetchClaims(ctx context.Context, know *decide.LedgerView, n decide.Reads) error {
	if len(n.Repos) == 0 {
		return nil
	}
	tags, err := r.Ledger.Tags(ctx, n.Tags)
	if err != nil {
		return err
	}
	for _, repository := range n.Repos {
		claims, err := r.Ledger.Claims(ctx, repository)
		if err != nil {
			return err
		}
		claims.Tags = map[tagalong.TagID]ledger.Tag{}
		know.Claims[repository] = claims
	}
	for id, tag := range tags {
		know.Claims[id.Repository].Tags[id] = tag
	}
	return nil
}

// wishesOf returns the tags that are to be put after the change.
func wishesOf(c ledger.Change) (ids []tagalong.TagID) {
	for _, tag := range c.Tags {
		if tag.Mode.Sets() {
			ids = append(ids, tag.Wish.Tag)
		}
	}
	return ids
}

// write commits the change. A tag that is refused is held by a newer claim: it
// is written again as yielding to it, which in turn is refused if that claim has
// gone meanwhile. Or other services claim it since: then it is looked at afterwards.
func (r *Reactor) write(ctx context.Context, c *ledger.Change) error {
	for range maxConflicts {
		err := r.Ledger.Commit(ctx, *c)
		refused, is := errors.AsType[*ledger.RefusedError](err)
		if !is {
			return err
		}
		tags, err := r.Ledger.Tags(ctx, refused.Tags)
		if err != nil {
			return err
		}
		var left []ledger.TagWrite
		for _, w := range c.Tags {
			switch id := w.Wish.Tag; {
			case !slices.Contains(refused.Tags, id):
			case tags[id].Shared:
				share(c, id)
				continue
			case w.Mode == ledger.Advance:
				w.Mode = ledger.Yield
			case w.Mode == ledger.Yield:
				w.Mode = ledger.Advance
			default:
				return ledger.ErrConflict // the claims it was computed from have changed
			}
			left = append(left, w)
		}
		c.Tags = left
	}
	return ledger.ErrConflict
}

// share has a tag of a change be looked at once that is written: at once if the service
// claims it still, else before anything else happens to the service.
func share(c *ledger.Change, id tagalong.TagID) {
	if _, has := ledger.NewestClaim(c.Head.Claims, id); !has {
		c.Head.Rest.Tags = append(slices.Clip(c.Head.Rest.Tags), ledger.TagToCome{ID: id, Renew: true})
		c.Head.Rest.DropRunning, c.DropRunning = c.DropRunning, ""
		return
	}
	c.Shared, c.Head.Shared = append(c.Shared, id), append(slices.Clip(c.Head.Shared), id)
}

// collect gathers the wishes that a change set.
func collect(c ledger.Change, wishes map[tagalong.TagID]ledger.Tag) {
	for _, tag := range c.Tags {
		switch tag.Mode {
		case ledger.Advance, ledger.Renew:
			wishes[tag.Wish.Tag] = ledger.Tag{ID: tag.Wish.Tag, Wish: tag.Wish, Version: tag.Version, State: ledger.TagPending, Since: tag.At}
		case ledger.Yield, ledger.Drop:
			delete(wishes, tag.Wish.Tag)
		}
	}
}

// Clock returns the time, as Now has it.
func (r *Reactor) Clock() time.Time {
	if r.Now == nil {
		return time.Now().UTC()
	}
	return r.Now()
}

// ObserveAll observes facts of a service, one after the other: those that the ledger
// does not know. The Outcome sums up what they did.
func (r *Reactor) ObserveAll(ctx context.Context, s tagalong.Service, facts []tagalong.Fact) (Outcome, error) {
	policy, ok, err := r.Policy(ctx, s)
	total := Outcome{Service: s, Environment: policy.Environment, Unmanaged: !ok}
	if err != nil || !ok {
		return total, err
	}
	left, err := r.unreported(ctx, s, facts)
	if err != nil {
		return total, err
	}
	total.Repeated = len(left) == 0
	var problems error
	for _, fact := range left {
		o, err := r.Observe(ctx, s, fact)
		total.Add(o)
		if err != nil {
			problems = joined(problems, fmt.Errorf("%s %s: %w", fact.Subject(), fact.Name, err))
		}
	}
	return total, problems
}

// unreported leaves out what the ledger knows: the facts that are recorded, unless the last
// change is not written whole, which a repeat finishes; and those that an event has reported.
func (r *Reactor) unreported(ctx context.Context, s tagalong.Service, facts []tagalong.Fact) ([]tagalong.Fact, error) {
	known, err := r.Ledger.Load(ctx, s)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(tagalong.SortFacts(facts), func(f tagalong.Fact) bool {
		finishes := known.Head.Unfinished() && slices.ContainsFunc(known.Facts, f.Same)
		return !finishes && slices.ContainsFunc(known.Facts, f.ReportedBy)
	}), nil
}
