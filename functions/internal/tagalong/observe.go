package tagalong

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
)

// Reactor takes what happened to deployments and keeps ledger and tags true.
type Reactor struct {
	Rules    Rules
	Ledger   Ledger
	Workload Workload
	Registry Registry
	// Coverage returns what we were given. It is asked for each event, since only inside
	// of an invocation our own account is known without a call.
	Coverage func(context.Context) (Coverage, error)
	// Announcer hears of the rollouts that end; nil is nobody.
	Announcer Announcer
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

// Outcome says what an observation did, for logs and metrics.
type Outcome struct {
	Service     Service
	Environment string
	Unhandled   bool // the event is none that this function takes
	Unmanaged   bool // no rule matches the service, or its cluster was left out: at most the tags that it reads are kept
	Expired     bool // the fact is older than the retention: dropped
	Recorded    bool // a fact was written
	Repeated    bool // the fact was there already
	Moved       int  // tags put
	Confirmed   int  // tags seen on their wish
	Blocked     int
	Missing     int
	Inputs      int // tags left alone, since deployments read them
	InDoubt     int // tags that stay pending, since an unanswered put may still arrive
	Unproven    int // running containers in ECR whose digest may move no tag
	Announced   int // rollouts whose end the event bus has accepted
	Unannounced int // rollouts whose end it has not: they are left to the sweep
	// Lag is the time from ECS's updatedAt to the last tag's confirmation; 0 if
	// none was, and for a repeat, whose time says nothing.
	Lag time.Duration
}

// Observe takes one fact from the event to the tag: it reads the service's head
// and, beside it, resolves the deployment's digests; decides; commits and,
// beside it, reads the registry; and converges the tags whose wish it set. It is
// safe to repeat at any time and by several at once. An error means that
// something remains to be done: the repeat does only that, as long as it comes
// within 15 minutes or Recheck is set. Later ones are the sweep's.
func (r *Reactor) Observe(ctx context.Context, s Service, f Fact) (Outcome, error) {
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
	obs := Observation{Service: s, Policy: policy, Fact: f, Now: r.Clock()}
	know, partial, err := r.look(ctx, &obs)
	if err != nil {
		return o, err
	}
	p := pass{Reactor: r, obs: obs, know: know, wishes: map[TagID]Tag{}, readings: map[Repository]reading{}}
	o, err = p.run(ctx, o)
	return o, joined(partial, err)
}

// Policy returns what the rules say of a service; ok is false if none manages it, or if
// it lies in a cluster that we were not given.
func (r *Reactor) Policy(ctx context.Context, s Service) (policy Policy, ok bool, err error) {
	covered, err := r.Coverage(ctx)
	if err != nil {
		return Policy{}, false, err
	}
	policy, ok = r.Rules.within(covered, s)
	return policy, ok, nil
}

// look reads the ledger and resolves the digests, one beside the other. partial is
// what could not be resolved of a deployment of which something could.
func (r *Reactor) look(ctx context.Context, obs *Observation) (know knowledge, partial, err error) {
	err = both(
		func() (err error) {
			know.Snapshot, err = r.Ledger.Load(ctx, obs.Service)
			return err
		},
		func() (err error) {
			if !obs.Fact.ofDeployment() {
				return nil
			}
			obs.Details, partial = r.Resolve(ctx, obs.Policy.Coverage, obs.Service, obs.Fact.Deployment)
			if len(obs.Details.Containers) == 0 {
				return partial // nothing is known to go on with
			}
			return nil
		},
	)
	return know, partial, err
}

// pass is one observation on its way from the ledger to the tags.
type pass struct {
	*Reactor
	obs  Observation
	know knowledge
	// recorded tells whether this pass wrote the fact.
	recorded bool
	// wishes are the tags to converge, as this pass wrote or read them.
	wishes map[TagID]Tag
	// readings are what the registry showed.
	readings map[Repository]reading
	// readers are other services that read tags of the wishes, as far as they have been
	// asked for.
	readers Readers
	asked   map[TagID]bool
	// endings are what this pass is to announce.
	endings []Ending
	// recording is that of a pass that only records; nil in any other.
	recording *Recording
}

// run takes the observation through. What it recorded is announced beside its tags.
func (p *pass) run(ctx context.Context, o Outcome) (Outcome, error) {
	err := p.record(ctx)
	if err == nil && !p.recorded {
		err = p.recall(ctx)
	}
	o.Recorded, o.Repeated = p.recorded, !p.recorded
	o.Unproven = p.unproven()
	var told parallel.Group
	told.Go(func() { o.Announced, o.Unannounced = p.tell(ctx) })
	var done Convergence
	if err == nil {
		err = p.askForReaders(ctx, slices.Collect(maps.Keys(p.wishes))) // of those that no commit asked for
	}
	if err == nil {
		done, err = p.converge(ctx, p.wishes, p.readings, p.readers.with(p.know.readers(p.obs.Service)))
		err = joined(err, p.adopt(ctx, p.wishes))
	}
	told.Wait()
	o.Moved, o.Confirmed, o.Blocked, o.Missing, o.Inputs, o.InDoubt = done.Moved, done.Confirmed, done.Blocked, done.Missing, done.Inputs, done.InDoubt
	if p.recorded && !done.at.IsZero() {
		o.Lag = done.at.Sub(p.obs.Fact.Time)
	}
	return o, err
}

// record commits what the observation changes, and once more if the registry
// shows what ECS did not say: the index of a platform's digest.
func (p *pass) record(ctx context.Context) error {
	for conflicts := 0; ; {
		if err := p.finish(ctx); err != nil {
			return err
		}
		change, changed, err := p.decide(ctx, &p.know, p.obs)
		if err == nil && p.know.Head.unfinished() {
			continue // the head was read anew, with all facts: the change would forget its rest
		}
		if err != nil || !changed {
			return err
		}
		if p.recording.outdated(change) {
			return ErrOutdated
		}
		change.fit(p.transactionItems())
		err = p.commit(ctx, &change)
		if errors.Is(err, ErrConflict) && conflicts < maxConflicts {
			conflicts++
			p.know = knowledge{}
			if p.know.Snapshot, err = p.Ledger.Load(ctx, p.obs.Service); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("committing: %w", err)
		}
		p.recorded = p.recorded || change.Fact != nil
		change.collect(p.wishes)
		p.gather(change)
		p.recording.follow(change)
		p.know = p.know.with(change)
		if !p.prove() {
			return p.finish(ctx)
		}
	}
}

// decide asks for what it must know until it knows enough.
func (r *Reactor) decide(ctx context.Context, know *knowledge, obs Observation) (Change, bool, error) {
	for {
		change, changed, n, err := decide(*know, obs, keeping{r.Retention, r.Untag, r.Announcer != nil}, newVersion)
		if err != nil || n.none() {
			return change, changed, err
		}
		if err := r.learn(ctx, know, obs.Service, n); err != nil {
			return Change{}, false, err
		}
	}
}

// learn reads what a decision needs. What is not there is learned too, as nothing.
func (r *Reactor) learn(ctx context.Context, know *knowledge, s Service, n need) (err error) {
	if n.whole {
		*know = knowledge{}
		know.Snapshot, err = r.Ledger.LoadWhole(ctx, s)
		return err
	}
	if know.rows == nil {
		know.rows = map[RolloutKey]Details{}
	}
	if len(n.rows) > 0 {
		rows, err := r.Ledger.Details(ctx, s, n.rows)
		if err != nil {
			return err
		}
		for _, key := range n.rows {
			know.rows[key] = rows[key]
		}
	}
	if know.claims == nil {
		know.claims = map[Repository]RepositoryClaims{}
	}
	return r.learnClaims(ctx, know, n)
}

// learnClaims reads the tags first and then the claims. A Query may show half of
// a transaction: with tags as old as this, a claim that changes meanwhile changes
// Tag.Claims too, and the write that was computed from it is refused.
func (r *Reactor) learnClaims(ctx context.Context, know *knowledge, n need) error {
	if len(n.repos) == 0 {
		return nil
	}
	tags, err := r.Ledger.Tags(ctx, n.tags)
	if err != nil {
		return err
	}
	for _, repository := range n.repos {
		claims, err := r.Ledger.Claims(ctx, repository)
		if err != nil {
			return err
		}
		claims.Tags = map[TagID]Tag{}
		know.claims[repository] = claims
	}
	for id, tag := range tags {
		know.claims[id.Repository].Tags[id] = tag
	}
	return nil
}

// with gives what is known after a commit, without reading it. The rows that it
// wrote stay known: what the registry then proves may concern them.
func (k knowledge) with(c Change) knowledge {
	facts := slices.Clone(k.Facts)
	if c.Fact != nil {
		facts = append(facts, *c.Fact)
	}
	facts = slices.DeleteFunc(facts, func(f Fact) bool { return f.Time.Before(c.Head.Since) })
	rows := map[RolloutKey]Details{}
	for _, row := range c.Rollouts {
		rows[row.key()] = row.Details
	}
	return knowledge{Snapshot: Snapshot{Head: c.Head, Facts: facts}, rows: rows}
}

// commit writes the change and reads the registry beside it: manifests cannot
// change, and where a tag sits is looked at again before anybody believes that
// it sits right.
func (p *pass) commit(ctx context.Context, c *Change) error {
	var read map[Repository]reading
	wanted, wishes := c.wanted(p.obs), c.wishes() // before write changes the tags' modes
	begun := p.Clock()
	var beside parallel.Group
	beside.Go(func() { read = readAll(ctx, p.Registry, begun, wanted) })
	beside.Go(func() { _ = p.askForReaders(ctx, wishes) }) // what fails is asked again
	err := p.write(ctx, c)
	beside.Wait()
	p.outdate()
	maps.Copy(p.readings, read)
	return err
}

// outdate notes that the readings at hand began before what has just been written.
func (p *pass) outdate() {
	for repository, early := range p.readings {
		early.fresh = false
		p.readings[repository] = early
	}
}

// askForReaders asks for the other services that deploy from tags, once; of our own the
// ledger is about to change. Who only records puts nothing, and need not know.
func (p *pass) askForReaders(ctx context.Context, ids []TagID) error {
	ids = slices.DeleteFunc(ids, func(id TagID) bool { return p.asked[id] })
	if len(ids) == 0 || p.recording != nil {
		return nil
	}
	slices.SortFunc(ids, TagID.Compare)
	readers, err := p.Ledger.Readers(ctx, ids, p.obs.Service)
	if err != nil {
		return err
	}
	p.readers = p.readers.with(readers)
	p.markAsked(ids)
	return nil
}

// markAsked notes that the readers of tags are known, or do not matter.
func (p *pass) markAsked(ids []TagID) {
	if p.asked == nil {
		p.asked = map[TagID]bool{}
	}
	for _, id := range ids {
		p.asked[id] = true
	}
}

// wishes returns the tags that the change wishes to be put.
func (c Change) wishes() (ids []TagID) {
	for _, tag := range c.Tags {
		if tag.Mode == Advance || tag.Mode == Renew {
			ids = append(ids, tag.Wish.Tag)
		}
	}
	return ids
}

// write commits the change. A tag that is refused is held by a newer claim: it
// is written again as yielding to it, which in turn is refused if that claim has
// gone meanwhile.
func (r *Reactor) write(ctx context.Context, c *Change) error {
	for range maxConflicts {
		err := r.Ledger.Commit(ctx, *c)
		var refused *RefusedError
		if !errors.As(err, &refused) {
			return err
		}
		for i := range c.Tags {
			tag := &c.Tags[i]
			switch {
			case !slices.Contains(refused.Tags, tag.Wish.Tag):
			case tag.Mode == Advance:
				tag.Mode = Yield
			case tag.Mode == Yield:
				tag.Mode = Advance
			default:
				return ErrConflict // the claims it was computed from have changed
			}
		}
	}
	return ErrConflict
}

// collect gathers the wishes that a change set.
func (c Change) collect(wishes map[TagID]Tag) {
	for _, tag := range c.Tags {
		switch tag.Mode {
		case Advance, Renew:
			wishes[tag.Wish.Tag] = Tag{ID: tag.Wish.Tag, Wish: tag.Wish, Version: tag.Version, State: TagPending, Since: tag.At}
		case Yield, Drop:
			delete(wishes, tag.Wish.Tag)
		}
	}
}

// prove looks for what the readings tell of the observed deployment's images: the
// index that holds a digest, and the commit that it was built from. It tells
// whether there is something that the ledger does not know. Only a completion
// asks the registry for them: what is read beside other facts is chance, and may
// not make a difference.
func (p *pass) prove() bool {
	if p.obs.Fact.Name != Completed {
		return false
	}
	proven := slices.Clone(p.containers())
	for i := range proven {
		c := &proven[i]
		read, ok := p.readings[c.Image]
		if !ok || read.err != nil || !c.Proven() || c.Added {
			continue
		}
		c.Index = cmp.Or(c.Index, read.images.index(*c))
		c.Commit = cmp.Or(c.Commit, read.images.commit(*c))
		c.KnownTag = cmp.Or(c.KnownTag, read.images.knownTag(*c))
	}
	if slices.Equal(proven, p.containers()) {
		return false
	}
	p.obs.Details.Containers, p.obs.Proven = proven, true
	return true
}

// containers are those of the observed deployment, as well as they are known.
func (p *pass) containers() []Container {
	if live, ok := p.know.Head.Live[p.obs.Fact.Deployment]; ok {
		return live.Containers
	}
	return p.obs.Details.Containers
}

// adopt records the children of the deployment's indexes whose tags are another
// claim's: those of our own wishes are recorded as the tags are settled.
func (p *pass) adopt(ctx context.Context, settling map[TagID]Tag) error {
	if !p.recorded {
		return nil
	}
	type kept struct {
		Repository
		digest.Digest
	}
	settled := map[kept]bool{} // the same digest may lie in many repositories
	for id, tag := range settling {
		settled[kept{id.Repository, tag.Wish.Digest}] = true
	}
	var (
		children []Child
		problems error
	)
	for _, c := range p.containers() {
		read, target := p.readings[c.Image], c.Target()
		if !c.Proven() || settled[kept{c.Image, target}] {
			continue
		}
		settled[kept{c.Image, target}] = true
		if read.err != nil { // converging its tags would have said so
			problems = joined(problems, fmt.Errorf("repository %s: %w", c.Image, read.err))
		}
		children = append(children, childrenOf(c.Image, read.images.Manifests[target])...)
	}
	if len(children) > 0 {
		problems = joined(problems, p.Ledger.Adopt(ctx, children))
	}
	return problems
}

// unproven counts the running containers whose image we tag, and whose digest may move
// no tag.
func (p *pass) unproven() (n int) {
	for _, c := range p.know.Head.Live[p.know.Head.Running].Containers {
		if p.obs.Policy.tags(p.obs.Service, c) && !c.Proven() {
			n++
		}
	}
	return n
}

// recall takes the tags of a repeated fact to be compared again, if the fact was
// recorded so lately that its handler may have died on the way, perhaps with a
// put in flight: those that the deployment claims, those that the service claims
// now, and those that it let go.
func (p *pass) recall(ctx context.Context) error {
	at := slices.IndexFunc(p.know.Facts, p.obs.Fact.same)
	if at < 0 || p.obs.Fact.ofAction() || !p.Recheck && p.obs.Now.Sub(p.know.Facts[at].RecordedAt) >= doubtFor {
		return nil
	}
	asked := claims(p.obs.Service, p.obs.Policy, Rollout{FinishedAt: p.obs.Fact.Time}, p.obs.Details.Containers, nil)
	tags, err := p.Ledger.Tags(ctx, claimedTags(asked, p.know.Head.Claims, p.know.Head.released()))
	if err != nil {
		return err
	}
	maps.Copy(p.wishes, tags)
	wanted := map[Repository]*want{}
	for _, tag := range tags {
		wantWish(wanted, p.obs, tag.Wish)
	}
	wantDeployed(wanted, p.obs, p.containers())
	for repository, read := range readAll(ctx, p.Registry, p.Clock(), wanted) {
		read.fresh = true
		p.readings[repository] = read
	}
	if p.prove() {
		return p.record(ctx) // wishes change, so that all readers count
	}
	p.markAsked(p.settled(tags))
	return nil
}

// settled returns the tags that ECR has where the ledger has confirmed them: as long as
// their wishes stay they will not be put, whoever reads them.
func (p *pass) settled(tags map[TagID]Tag) (ids []TagID) {
	for id, tag := range tags {
		if tag.State == TagConfirmed && p.readings[id.Repository].images.Tags[id.Tag] == tag.Wish.Digest {
			ids = append(ids, id)
		}
	}
	return ids
}

// wanted is what is to be read of the registry: each wish's manifest, where its
// tag is, and what the deployed tags sit on.
func (c Change) wanted(obs Observation) map[Repository]*want {
	wanted := map[Repository]*want{}
	for _, tag := range c.Tags {
		if tag.Mode == Advance || tag.Mode == Renew {
			wantWish(wanted, obs, tag.Wish)
		}
	}
	containers := obs.Details.Containers
	if live, ok := c.Head.Live[obs.Fact.Deployment]; ok {
		containers = live.Containers
	}
	wantDeployed(wanted, obs, containers)
	return wanted
}

// wantWish adds the image of a wish and its tag, of a repository that we were given: the
// wish may be another service's, or of a time in which we were given more.
func wantWish(wanted map[Repository]*want, obs Observation, wish Claim) {
	if r := wish.Tag.Repository; obs.Policy.Coverage.reads(r) {
		wantOf(wanted, r).add(wish.Digest, wish.Tag.Tag)
	}
}

// wantDeployed adds the digests of a completed deployment and its deployed tags:
// one may sit on the index of the digest that ECS reports.
func wantDeployed(wanted map[Repository]*want, obs Observation, containers []Container) {
	for _, c := range containers {
		if obs.Fact.Name == Completed && c.Proven() && !c.Added && obs.Policy.Coverage.reads(c.Image) {
			wantOf(wanted, c.Image).add(c.Digest, c.ImageTag)
		}
	}
}

// want lists what to read of one repository.
type want struct {
	digests []digest.Digest
	tags    []string
}

func wantOf(all map[Repository]*want, r Repository) *want {
	if all[r] == nil {
		all[r] = &want{}
	}
	return all[r]
}

func (w *want) add(d digest.Digest, tag string) {
	if d != "" && !slices.Contains(w.digests, d) {
		w.digests = append(w.digests, d)
	}
	if legalTag.MatchString(tag) && !slices.Contains(w.tags, tag) {
		w.tags = append(w.tags, tag)
	}
}

// reading is what a repository showed, or why it did not.
type reading struct {
	images Images
	want   *want // what was asked for
	err    error
	fresh  bool      // begun after the wishes at hand were written
	at     time.Time // when it was begun
	again  bool      // for a wish that changed meanwhile: where the tag sits may be our own doing
	// readers are the deployments that read the tags.
	readers Readers
}

// tells reports whether the reading says how a wish stands: it was begun after the wish
// was written, and asked for its image and its tag.
func (r reading) tells(tag Tag) bool {
	return r.fresh && slices.Contains(r.want.digests, tag.Wish.Digest) && slices.Contains(r.want.tags, tag.ID.Tag)
}

// readAll reads repositories side by side, beginning now.
func readAll(ctx context.Context, registry Registry, now time.Time, wanted map[Repository]*want) map[Repository]reading {
	var (
		mu   sync.Mutex
		wait parallel.Group
		all  = make(map[Repository]reading, len(wanted))
	)
	for repository, w := range wanted {
		wait.Go(func() {
			images, err := registry.Read(ctx, repository, w.digests, w.tags)
			mu.Lock()
			defer mu.Unlock()
			all[repository] = reading{images: images, want: w, err: err, at: now}
		})
	}
	wait.Wait()
	return all
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
func (r *Reactor) ObserveAll(ctx context.Context, s Service, facts []Fact) (Outcome, error) {
	policy, ok, err := r.Policy(ctx, s)
	total := Outcome{Service: s, Environment: policy.Environment, Unmanaged: !ok}
	if err != nil || !ok {
		return total, err
	}
	left, err := r.untold(ctx, s, facts)
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

// untold leaves out what the ledger knows: the facts that are recorded, unless the last
// change is not written whole, which a repeat finishes; and those that an event has told.
func (r *Reactor) untold(ctx context.Context, s Service, facts []Fact) ([]Fact, error) {
	known, err := r.Ledger.Load(ctx, s)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(sortFacts(facts), func(f Fact) bool {
		finishes := known.Head.unfinished() && slices.ContainsFunc(known.Facts, f.same)
		return !finishes && slices.ContainsFunc(known.Facts, f.toldBy)
	}), nil
}
