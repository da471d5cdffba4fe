package decide

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Observation is what is known anew of one deployment.
type Observation struct {
	Service tagalong.Service
	Policy  tagalong.Policy
	Fact    tagalong.Fact
	Details ledger.Details // of the fact's deployment; without Environment
	// Proven is set when the registry has told an index or a commit that Details now name.
	Proven bool
	Now    time.Time
}

// LedgerView is what has been read of the ledger so far.
type LedgerView struct {
	ledger.Snapshot
	Rows   map[timeline.RolloutKey]ledger.Details
	Claims map[tagalong.Repository]ledger.RepositoryClaims
}

// Reads is what must be read before a decision can be made.
type Reads struct {
	Whole bool
	Rows  []timeline.RolloutKey
	Repos []tagalong.Repository
	Tags  []tagalong.TagID // of the repos, to be read first
}

func (n Reads) None() bool { return !n.Whole && len(n.Rows) == 0 && len(n.Repos) == 0 }

const (
	windowMax  = 16 // facts that a head leaves unfolded at most
	windowKeep = 8  // and how many stay when its base moves on
)

// Decision compares what the ledger holds of a service with what it should hold.
type Decision struct {
	Know          LedgerView
	Obs           Observation
	before, after view
	// seen are the details of the observed deployment, joined with what was known.
	seen     ledger.Details
	known    ledger.Details
	isRepeat bool // the fact was recorded before
	Missing  Reads
	Version  func() string

	Keeping
}

// Keeping says how long rows are kept, and whether the tags of retired services
// are not; and whether what ends is to be announced.
type Keeping struct {
	Retention time.Duration // 0 is for ever
	Untag     bool
	Announced bool // what ends goes into the outbox
}

// view is what the ledger says of a service: before the observation, or after it.
type view struct {
	timeline.Timeline
	timeline.CompletedOrder
	rollouts map[timeline.RolloutKey]timeline.Rollout
	details  func(timeline.Rollout) ledger.Details
	// environment and claims are those of what runs.
	environment   string
	claims        []ledger.Claim
	previous      []ledger.Previous
	completeSince time.Time
	stored        bool // this is what the ledger holds, not what it is to hold
}

func viewOf(t timeline.Timeline) view {
	return view{Timeline: t, CompletedOrder: t.CompletedOrder(), rollouts: byKey(t.Rollouts)}
}

// Decide gives the write set that takes the ledger from what it holds to what
// it should hold after the observation; ok is false if nothing changes. It is
// pure but for version, which makes up unique values. What it must know first it
// asks for by need.
func Decide(know LedgerView, obs Observation, k Keeping, version func() string) (c ledger.Change, ok bool, n Reads, err error) {
	d := Decision{Know: know, Obs: obs, Keeping: k, Version: version}
	if !know.Whole && obs.Fact.Time.Before(know.Head.Since) {
		return ledger.Change{}, false, Reads{Whole: true}, nil
	}
	if err := d.fold(); errors.Is(err, timeline.ErrForgotten) {
		return ledger.Change{}, false, Reads{Whole: true}, nil
	} else if err != nil {
		return ledger.Change{}, false, Reads{}, err
	}
	d.join()
	d.describe()
	if !d.Missing.None() {
		return ledger.Change{}, false, d.Missing, nil // without it much more would seem to change
	}
	c, ok = d.change()
	if !d.Missing.None() {
		return ledger.Change{}, false, d.Missing, nil
	}
	return c, ok, Reads{}, nil
}

// fold makes the timelines before and after the fact.
func (d *Decision) fold() error {
	base := d.Know.Head.Base
	if d.Know.Whole {
		base = timeline.Timeline{}
	}
	before, err := base.Apply(d.Know.Facts)
	if err != nil {
		return err
	}
	d.before = viewOf(before)
	d.isRepeat = slices.ContainsFunc(d.Know.Facts, d.Obs.Fact.Same)
	if d.isRepeat {
		d.after = d.before
		return nil
	}
	after, err := base.Apply(append(slices.Clone(d.Know.Facts), d.Obs.Fact))
	d.after = viewOf(after)
	return err
}

// join merges what was seen of the deployment with what was known of it. The repeat of a
// fact may know more, even of a rollout that is over: its first handler may have been
// refused what this one was told.
func (d *Decision) join() {
	deployment := d.Obs.Fact.Deployment
	live, ok := d.Know.Head.Live[deployment]
	if last := d.before.Latest(deployment); !ok && last >= 0 {
		live = d.row(d.before.Rollouts[last].Key())
	}
	d.known = live
	d.seen = ledger.Details{
		Environment:    cmp.Or(live.Environment, d.Obs.Policy.Environment),
		TaskDefinition: cmp.Or(live.TaskDefinition, d.Obs.Details.TaskDefinition),
		Containers:     tagalong.MergeContainers(live.Containers, d.Obs.Details.Containers),
		Moves:          live.Moves,
	}
}

// describe adds to both views what is known beside their timelines.
func (d *Decision) describe() {
	head := d.Know.Head
	d.before.stored, d.before.details = true, d.detailsBefore
	d.before.environment, d.before.completeSince = head.Environment, head.CompleteSince
	d.before.claims, d.before.previous = head.Claims, head.Previous
	d.after.stored, d.after.details = false, d.details
	d.after.environment, d.after.completeSince = d.Obs.Policy.Environment, d.completeSince()
	if running, ok := d.after.Current(); ok {
		d.after.previous = d.previous(running)
		d.after.claims = ledger.ClaimsOf(d.Obs.Service, d.Obs.Policy, running, d.details(running).Containers, d.after.previous)
	}
}

// row gives a rollout's details from its row, or asks for it.
func (d *Decision) row(key timeline.RolloutKey) ledger.Details {
	details, ok := d.Know.Rows[key]
	if !ok && !slices.Contains(d.Missing.Rows, key) {
		d.Missing.Rows = append(d.Missing.Rows, key)
	}
	return details
}

// detailsBefore gives what the ledger holds of a rollout. Of a deployment that
// came into force again each rollout has its own, and the head has one of them.
func (d *Decision) detailsBefore(r timeline.Rollout) ledger.Details {
	if live, ok := d.Know.Head.Live[r.Deployment]; ok && d.before.HeadHolds(r) {
		return live
	}
	return d.row(r.Key())
}

// details gives what the ledger is to hold of a rollout.
func (d *Decision) details(r timeline.Rollout) ledger.Details {
	held, stored := d.held(r)
	if r.Deployment == d.Obs.Fact.Deployment && (!stored || d.better(r)) {
		held.TaskDefinition, held.Containers = d.seen.TaskDefinition, d.seen.Containers
	}
	if held.Environment = cmp.Or(held.Environment, d.Obs.Policy.Environment); d.completes(r) {
		held.Environment = d.Obs.Policy.Environment // it begins to run there, wherever it was started
	}
	if d.moved(r) {
		held.Moves = append(slices.Clone(held.Moves), ledger.Move{Environment: d.Obs.Policy.Environment, At: d.Obs.Now})
	}
	return held
}

// held gives what the ledger holds of a rollout that is to be; of one that it does
// not hold yet, what it knows of the deployment. That one begins where the
// deployment was recorded, even if that had moved since: the moves are of the
// time in which the other one ran.
func (d *Decision) held(r timeline.Rollout) (details ledger.Details, stored bool) {
	if was, ok := d.detailsOfFormer(r); ok {
		return d.detailsBefore(was), true
	}
	if r.Deployment == d.Obs.Fact.Deployment {
		return ledger.Details{}, false
	}
	details, live := d.Know.Head.Live[r.Deployment]
	if last := d.before.Latest(r.Deployment); !live && last >= 0 {
		details = d.row(d.before.Rollouts[last].Key())
	}
	details.Moves = nil
	return details, false
}

// detailsOfFormer gives a rollout as it was: under its key, or under the one that it had
// before its start came to light.
func (d *Decision) detailsOfFormer(r timeline.Rollout) (timeline.Rollout, bool) {
	if was, ok := d.before.rollouts[r.Key()]; ok {
		return was, true
	}
	for _, b := range d.before.Rollouts {
		if _, stays := d.after.rollouts[b.Key()]; !stays && b.Deployment == r.Deployment {
			return b, true
		}
	}
	return timeline.Rollout{}, false
}

// completes tells whether the rollout was there, and has completed only now.
func (d *Decision) completes(r timeline.Rollout) bool {
	was, existed := d.detailsOfFormer(r)
	return existed && was.State != timeline.StateCompleted && r.State == timeline.StateCompleted
}

// runsOn tells whether the rollout runs, and did before.
func (d *Decision) runsOn(r timeline.Rollout) bool {
	was, ran := d.before.Current()
	is, runs := d.after.Current()
	if !ran || !runs || is.Key() != r.Key() {
		return false
	}
	former, ok := d.detailsOfFormer(is)
	return ok && former.Key() == was.Key()
}

// moved tells whether the rollout has come into another environment while it
// runs, since the rules have changed. One that completes now, or comes into force
// again, begins without a move, whatever environment its row names: the start may
// have been recorded under other rules than the completion, and a late fact can
// give the running row back to a rollout that it was taken from.
func (d *Decision) moved(r timeline.Rollout) bool {
	from := d.Know.Head.Environment
	return from != "" && from != d.Obs.Policy.Environment && d.runsOn(r)
}

func (d *Decision) change() (ledger.Change, bool) {
	c := ledger.Change{Service: d.Obs.Service, Seen: d.Know.Head.Version, NewService: d.Know.Head.Version == "" || !d.before.completeSince.Equal(d.after.completeSince)}
	d.changeRollouts(&c)
	d.changeRunning(&c)
	d.changeDirectory(&c)
	d.changePlacements(&c)
	d.changePrevious(&c)
	d.changeTags(&c, d.before.claims, d.after.claims)
	if d.Announced {
		d.changeFinished(&c)
	}
	if !d.isRepeat {
		fact := d.Obs.Fact
		fact.RecordedAt = d.Obs.Now
		c.Fact = &fact
	}
	if c.Size() == 1 && d.sameLive() && slices.Equal(d.before.previous, d.after.previous) {
		return ledger.Change{}, false
	}
	c.Head = d.head(c)
	return c, true
}

// changeRollouts writes the rows that are new or say something else now, and drops those whose key is no more.
func (d *Decision) changeRollouts(c *ledger.Change) {
	for _, r := range d.after.Rollouts {
		if was, existed := d.before.rollouts[r.Key()]; existed && was == r && !d.better(r) && !d.moved(r) {
			continue // and its details are not asked for
		}
		c.Rollouts = append(c.Rollouts, ledger.Row{Service: c.Service, Rollout: r, Details: d.details(r), Expires: d.expiry(d.closedAt(r))})
	}
	for key := range d.before.rollouts {
		if _, stays := d.after.rollouts[key]; !stays {
			c.DropRollouts = append(c.DropRollouts, key)
		}
	}
	slices.SortFunc(c.DropRollouts, func(a, b timeline.RolloutKey) int {
		return cmp.Or(a.Sort.Compare(b.Sort), cmp.Compare(a.Deployment, b.Deployment))
	})
}

// better tells whether the rollout's details are better known than before.
func (d *Decision) better(r timeline.Rollout) bool {
	return r.Deployment == d.Obs.Fact.Deployment && !d.known.Equal(d.seen)
}

func byKey(rollouts []timeline.Rollout) map[timeline.RolloutKey]timeline.Rollout {
	m := make(map[timeline.RolloutKey]timeline.Rollout, len(rollouts))
	for _, r := range rollouts {
		m[r.Key()] = r
	}
	return m
}

// closedAt is when a rollout stopped to matter for now: zero while it runs or
// rolls out. A superseded one did when the next one started or, if that start was
// lost, completed.
func (d *Decision) closedAt(r timeline.Rollout) time.Time {
	switch r.State {
	case timeline.StateCompleted:
		return r.Until
	case timeline.StateFailed:
		return r.FinishedAt
	case timeline.StateSuperseded:
		for _, next := range d.after.Rollouts {
			if next.SortTime().After(r.StartedAt) && (next.State == timeline.StateCompleted || !next.StartedAt.IsZero()) {
				return next.SortTime()
			}
		}
		return r.StartedAt
	}
	return time.Time{}
}

func (d *Decision) expiry(closed time.Time) time.Time {
	if d.Retention == 0 || closed.IsZero() {
		return time.Time{}
	}
	return closed.Add(d.Retention)
}

// runningRecord gives the running row, nil while no container is known.
func (d *Decision) runningRecord(v view) *ledger.RunningRecord {
	running, ok := v.Current()
	if !ok {
		return nil
	}
	of := v.details(running)
	if len(of.Containers) == 0 {
		return nil
	}
	m := &ledger.RunningRecord{
		Service:        d.Obs.Service,
		Environment:    v.environment,
		Deployment:     running.Deployment,
		TaskDefinition: of.TaskDefinition,
		Since:          running.FinishedAt,
		Joined:         of.JoinedAt(),
		CompleteSince:  v.completeSince,
		Release:        running.Released(),
		Rollback:       running.Rollback,
	}
	if next, ok := v.RollingOut(); ok {
		m.RollingOut = next.Deployment
	}
	for _, c := range of.Containers {
		m.Containers = append(m.Containers, d.placed(c, v.claims))
	}
	return m
}

// placed returns a container with the tags that it claims for its own image.
func (d *Decision) placed(c tagalong.Container, held []ledger.Claim) ledger.Placed {
	s := d.Obs.Service
	p := ledger.Placed{Container: c, Foreign: !d.Obs.Policy.CanTag(s, c)}
	for _, claim := range held {
		switch {
		case claim.By != ledger.Claimant(s, c.Name) || claim.Tag.Repository != c.Image || claim.Digest != c.Target():
		case claim.PutOnce:
			p.PutOnce = append(p.PutOnce, claim.Tag.Tag)
		default:
			p.Tags = append(p.Tags, claim.Tag.Tag)
		}
	}
	return p
}

func (d *Decision) changeRunning(c *ledger.Change) {
	was, is := d.runningRecord(d.before), d.runningRecord(d.after)
	if is != nil && (was == nil || !reflect.DeepEqual(was, is)) {
		c.Running = is
	}
	d.changePast(c)
	left := d.before.environment != "" && (is == nil || is.Environment != d.before.environment)
	if !left {
		return
	}
	c.DropRunning = d.before.environment
	if was != nil && len(c.Past) == 0 {
		was.CompleteSince = d.after.completeSince
		until := d.leftAt()
		c.Past = []ledger.PastRecord{{RunningRecord: *was, Until: until, Expires: d.expiry(until)}}
	}
}

// changePast says what ran last of a service that has gone, each time it did.
func (d *Decision) changePast(c *ledger.Change) {
	is, sinceStays := map[pastKey]bool{}, d.before.completeSince.Equal(d.after.completeSince)
	for _, r := range d.after.Rollouts {
		was, existed := d.before.rollouts[r.Key()]
		if !r.Retired || existed && was == r && !d.better(r) && sinceStays {
			continue
		}
		if g, ok := d.pastRecord(r); ok {
			c.Past = append(c.Past, g)
			is[pastKey{g.Environment, g.Until}] = true
		}
	}
	for _, r := range d.before.Rollouts {
		if is, stays := d.after.rollouts[r.Key()]; !r.Retired || stays && is.Retired && is.Until.Equal(r.Until) {
			continue
		}
		if at := (pastKey{d.detailsBefore(r).LastEnvironment(), r.Until}); !is[at] {
			c.DropPast = append(c.DropPast, ledger.PastRecord{RunningRecord: ledger.RunningRecord{Service: c.Service, Environment: at.environment}, Until: at.until})
		}
	}
}

// pastKey is when a service left an environment.
type pastKey struct {
	environment string
	until       time.Time
}

// pastRecord gives the running row of a rollout that ended with its service.
func (d *Decision) pastRecord(r timeline.Rollout) (ledger.PastRecord, bool) {
	v := view{
		Timeline: timeline.Timeline{Rollouts: []timeline.Rollout{r}, Running: 1}, details: d.details,
		environment: d.details(r).LastEnvironment(), completeSince: d.after.completeSince,
	}
	m := d.runningRecord(v)
	if m == nil {
		return ledger.PastRecord{}, false
	}
	return ledger.PastRecord{RunningRecord: *m, Until: r.Until, Expires: d.expiry(r.Until)}, true
}

// changeDirectory lists the environment with the first thing that is written in
// it, a rollout or the running row: then it has a history.
func (d *Decision) changeDirectory(c *ledger.Change) {
	environment := d.Obs.Policy.Environment
	listed := d.before.environment == environment
	for _, live := range d.Know.Head.Live {
		listed = listed || live.Environment == environment
	}
	written := c.Running != nil || slices.ContainsFunc(c.Rollouts, func(r ledger.Row) bool { return r.Environment == environment })
	if written && !listed {
		c.NewEnvironment = environment
	}
}

// leftAt is when the service left its environment: as another rollout completed,
// else when a changed rule was first seen.
func (d *Decision) leftAt() time.Time {
	if running, ok := d.after.Current(); ok && !d.runsOn(running) {
		return running.FinishedAt
	}
	return d.Obs.Now
}

// changePlacements compares the places of all rollouts that changed.
func (d *Decision) changePlacements(c *ledger.Change) {
	before, after := map[ledger.PlacementKey]ledger.Placement{}, map[ledger.PlacementKey]ledger.Placement{}
	was := maps.Clone(d.before.rollouts)
	for _, r := range d.after.Rollouts {
		if d.stays(r) {
			delete(was, r.Key())
			continue
		}
		for _, p := range d.placements(d.after, r) {
			after[p.Key()] = p
		}
	}
	for _, r := range was {
		for _, p := range d.placements(d.before, r) {
			before[p.Key()] = p
		}
	}
	for key, p := range after {
		if old, ok := before[key]; !ok || !reflect.DeepEqual(old, p) {
			c.Placements = append(c.Placements, p)
		}
		delete(before, key)
	}
	c.DropPlacements = slices.Collect(maps.Values(before))
	slices.SortFunc(c.Placements, comparePlacements)
	slices.SortFunc(c.DropPlacements, comparePlacements)
}

// stays tells whether the places of a rollout stand as they do: neither it nor its
// containers have changed, nor what they continue, nor what continues them. What
// runs is always compared, since its claims and its environment may change, too.
func (d *Decision) stays(r timeline.Rollout) bool {
	was, existed := d.before.rollouts[r.Key()]
	running, _ := d.after.Current()
	return existed && was == r && r.Key() != running.Key() && !d.better(r) &&
		d.sameContinuity(r, r) && d.sameContinuity(d.before.Later(r), d.after.Later(r))
}

func comparePlacements(a, b ledger.Placement) int {
	return cmp.Or(
		cmp.Compare(a.Container.Image.Name, b.Container.Image.Name),
		cmp.Compare(a.Container.Image.Registry, b.Container.Image.Registry),
		cmp.Compare(a.Container.Name, b.Container.Name),
		cmp.Compare(a.Phase, b.Phase),
		a.Since.Compare(b.Since),
	)
}

// placements gives where a rollout puts its containers, or put them.
func (d *Decision) placements(v view, r timeline.Rollout) []ledger.Placement {
	p, ok := d.placementOf(v, r)
	if !ok {
		return nil
	}
	of := v.details(r)
	p.Environment = cmp.Or(p.Environment, of.Environment)
	continues, continued := d.continues(v, r), d.continues(v, v.Later(r))
	release, built := r.Released(), tagalong.Builds(d.Obs.Service, of.Containers, continues)
	var all []ledger.Placement
	for _, c := range of.Containers {
		if c.Image.Name == "" {
			continue
		}
		p.Container, p.Tags = release.Named(c, c.Name == built), nil
		p.Continues, p.Continued = slices.Contains(continues, c.Name), slices.Contains(continued, c.Name)
		if p.Phase == ledger.PhaseRunning {
			p.Tags = d.placed(c, v.claims).Tags
		}
		all = append(all, p)
	}
	return all
}

// placementOf gives what the places of a rollout have in common; ok is false if it has none.
func (d *Decision) placementOf(v view, r timeline.Rollout) (p ledger.Placement, ok bool) {
	p = ledger.Placement{Service: d.Obs.Service, Deployment: r.Deployment}
	switch {
	case r.State == timeline.StateInProgress:
		p.Phase, p.Since = ledger.PhaseRollingOut, r.StartedAt
	case r.State == timeline.StateCompleted && r.Until.IsZero():
		p.Phase, p.Since, p.Environment = ledger.PhaseRunning, r.FinishedAt, v.environment
	case r.State == timeline.StateCompleted && r.Until.Equal(r.FinishedAt):
		return ledger.Placement{}, false // it ran for no time, and would take the key of what replaced it
	case r.State == timeline.StateCompleted:
		p.Phase, p.Since, p.Until, p.Expires = ledger.PhaseEnded, r.FinishedAt, r.Until, d.expiry(r.Until)
	default:
		return ledger.Placement{}, false
	}
	return p, true
}

// changeTags turns the difference between old and new claims into wishes.
func (d *Decision) changeTags(c *ledger.Change, oldClaims, newClaims []ledger.Claim) {
	for _, tag := range ledger.ClaimedTags(oldClaims, newClaims) {
		was, had := ledger.NewestClaim(oldClaims, tag)
		is, has := ledger.NewestClaim(newClaims, tag)
		switch {
		case had && has && was == is:
		case had && !has && was.PutOnce: // put or pending, it needs no claim any more
		case has && (!had || !was.Newer(is)):
			c.Tags = append(c.Tags, d.advance(is))
		default:
			d.renew(c, tag, is, has)
		}
	}
}

// advance writes our claim as the wish.
func (d *Decision) advance(claim ledger.Claim) ledger.TagWrite {
	return ledger.TagWrite{Mode: ledger.Advance, Wish: claim, Version: d.Version(), Claims: d.Version(), At: d.Obs.Now}
}

// renew computes a wish anew from all claims, since ours has ended or stepped back.
func (d *Decision) renew(c *ledger.Change, tag tagalong.TagID, ours ledger.Claim, has bool) {
	repository, ok := d.Know.Claims[tag.Repository]
	if !ok {
		if !slices.Contains(d.Missing.Repos, tag.Repository) {
			d.Missing.Repos = append(d.Missing.Repos, tag.Repository)
		}
		d.Missing.Tags = append(d.Missing.Tags, tag)
		return
	}
	candidates := slices.DeleteFunc(slices.Clone(repository.Claims), func(claim ledger.Claim) bool {
		return strings.HasPrefix(claim.By, ledger.Claimant(d.Obs.Service, ""))
	})
	if has {
		candidates = append(candidates, ours)
	}
	held, exists := repository.Tags[tag]
	best, claimed := ledger.NewestClaim(candidates, tag)
	write := ledger.TagWrite{Mode: ledger.Renew, Wish: best, Version: d.Version(), Claims: d.Version(), Seen: held.Claims, At: d.Obs.Now}
	switch {
	case !exists && !has:
		return // whoever claims it has it still to come, see Rest
	case !exists:
		write.Mode, write.Wish = ledger.Advance, ours
	case !claimed:
		write.Mode, write.Wish = ledger.Drop, ledger.Claim{Tag: tag}
		d.leave(c, held)
	case held.Wish == best:
		write.Mode = ledger.Touch
	}
	c.Tags = append(c.Tags, write)
}

// leave notes a tag that is to be removed: its last claim ended as the service was
// retired, and it stood where it was wished. Without a policy the service may well
// run on, under no environment.
func (d *Decision) leave(c *ledger.Change, tag ledger.Tag) {
	_, runs := d.after.Current()
	if !d.Untag || runs || d.Obs.Policy.Environment == "" || tag.State != ledger.TagConfirmed {
		return
	}
	if c.Untag == nil {
		c.Untag = &ledger.PendingUntag{ID: d.Version(), Service: d.Obs.Service}
	}
	c.Untag.Tags = append(c.Untag.Tags, ledger.UntagTarget{ID: tag.ID, Digest: tag.Wish.Digest, Environment: tag.Wish.Environment})
}

// sameLive tells whether the head already holds all that was seen.
func (d *Decision) sameLive() bool {
	live, ok := d.Know.Head.Live[d.Obs.Fact.Deployment]
	return !ok || live.Equal(d.seen)
}

// head gives the new head: its version, the base moved on if the window grew too long, and the details that may still be needed.
func (d *Decision) head(c ledger.Change) ledger.Head {
	h := ledger.Head{
		Version:       d.Version(),
		Base:          d.Know.Head.Base,
		Since:         d.Know.Head.Since,
		Live:          map[string]ledger.Details{},
		Claims:        d.after.claims,
		Previous:      d.after.previous,
		Released:      d.released(c),
		Last:          d.Know.Head.Last,
		CompleteSince: d.after.completeSince,
	}
	if c.Fact != nil {
		h.Last = tagalong.Fact{Deployment: c.Fact.Deployment, Action: c.Fact.Action, Name: c.Fact.Name, Time: c.Fact.Time}
	}
	d.moveBase(&h)
	for _, r := range d.after.Rollouts {
		if d.after.HeadHolds(r) {
			h.Live[r.Deployment] = d.details(r)
		}
	}
	if running, ok := d.after.Current(); ok {
		h.Running = running.Deployment
		h.Continues = d.continues(d.after, running)
		if len(d.details(running).Containers) > 0 {
			h.Environment = d.Obs.Policy.Environment
		}
	}
	return h
}

func (d *Decision) completeSince() time.Time {
	known := d.Know.Head.CompleteSince
	if !d.Obs.Fact.OfDeployment() || d.Obs.Fact.NoHistory {
		return known
	}
	if known.IsZero() || d.Obs.Fact.Time.Before(known) {
		return d.Obs.Fact.Time
	}
	return known
}

// released adds the tags whose wish this change gives to others, and forgets
// those for which no put can be on its way any more.
func (d *Decision) released(c ledger.Change) []ledger.Released {
	all := slices.DeleteFunc(slices.Clone(d.Know.Head.Released), func(r ledger.Released) bool { return d.Obs.Now.Sub(r.At) >= ledger.DoubtFor })
	for _, w := range c.Tags {
		if w.Mode == ledger.Renew {
			all = append(all, ledger.Released{Tag: w.Wish.Tag, At: d.Obs.Now})
		}
	}
	return all
}

// moveBase folds the oldest facts of a long window into the base.
func (d *Decision) moveBase(h *ledger.Head) {
	facts := slices.Clone(d.Know.Facts)
	if !d.isRepeat {
		facts = append(facts, d.Obs.Fact)
	}
	if d.Know.Whole {
		h.Base, h.Since = timeline.Timeline{}, time.Time{}
	}
	if len(facts) <= windowMax {
		return
	}
	facts = tagalong.SortFacts(facts)
	since := facts[len(facts)-windowKeep].Time
	older := slices.DeleteFunc(facts, func(f tagalong.Fact) bool { return !f.Time.Before(since) })
	if len(older) == 0 {
		return // all in one millisecond: the window stays long
	}
	// The fold of all of them went well, and these come first in it.
	base, err := h.Base.Apply(older)
	if err != nil {
		return
	}
	h.Base, h.Since = base.Cut(), since
}

// With gives what is known after a commit, without reading it. The rows that it
// wrote stay known: what the registry then proves may concern them.
func (k LedgerView) With(c ledger.Change) LedgerView {
	facts := slices.Clone(k.Facts)
	if c.Fact != nil {
		facts = append(facts, *c.Fact)
	}
	facts = slices.DeleteFunc(facts, func(f tagalong.Fact) bool { return f.Time.Before(c.Head.Since) })
	rows := map[timeline.RolloutKey]ledger.Details{}
	for _, row := range c.Rollouts {
		rows[row.Key()] = row.Details
	}
	return LedgerView{Snapshot: ledger.Snapshot{Head: c.Head, Facts: facts}, Rows: rows}
}
