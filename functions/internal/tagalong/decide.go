package tagalong

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Observation is what is known anew of one deployment.
type Observation struct {
	Service Service
	Policy  Policy
	Fact    Fact
	Details Details // of the fact's deployment; without Environment
	// Proven is set when the registry has told an index or a commit that Details now name.
	Proven bool
	Now    time.Time
}

// knowledge is what has been read of the ledger so far.
type knowledge struct {
	Snapshot
	rows   map[RolloutKey]Details
	claims map[Repository]RepositoryClaims
}

// need is what must be read before a decision can be made.
type need struct {
	whole bool
	rows  []RolloutKey
	repos []Repository
	tags  []TagID // of the repos, to be read first
}

func (n need) none() bool { return !n.whole && len(n.rows) == 0 && len(n.repos) == 0 }

const (
	windowMax  = 16 // facts that a head leaves unfolded at most
	windowKeep = 8  // and how many stay when its base moves on
)

// decision compares what the ledger holds of a service with what it should hold.
type decision struct {
	know          knowledge
	obs           Observation
	before, after view
	// seen are the details of the observed deployment, joined with what was known.
	seen    Details
	known   Details
	recall  bool // the fact was recorded before
	missing need
	version func() string

	keeping
}

// keeping says how long rows are kept, and whether the tags of retired services
// are not; and whether what ends is to be announced.
type keeping struct {
	retention time.Duration // 0 is for ever
	untag     bool
	announced bool // what ends goes into the outbox
}

// view is what the ledger says of a service: before the observation, or after it.
type view struct {
	Timeline
	succession
	rollouts map[RolloutKey]Rollout
	details  func(Rollout) Details
	// environment and claims are those of what runs.
	environment   string
	claims        []Claim
	previous      []Previous
	completeSince time.Time
	stored        bool // this is what the ledger holds, not what it is to hold
}

func viewOf(t Timeline) view {
	return view{Timeline: t, succession: t.succession(), rollouts: byKey(t.Rollouts)}
}

// decide gives the write set that takes the ledger from what it holds to what
// it should hold after the observation; ok is false if nothing changes. It is
// pure but for version, which makes up unique values. What it must know first it
// asks for by need.
func decide(know knowledge, obs Observation, k keeping, version func() string) (c Change, ok bool, n need, err error) {
	d := decision{know: know, obs: obs, keeping: k, version: version}
	if !know.Whole && obs.Fact.Time.Before(know.Head.Since) {
		return Change{}, false, need{whole: true}, nil
	}
	if err := d.fold(); errors.Is(err, errForgotten) {
		return Change{}, false, need{whole: true}, nil
	} else if err != nil {
		return Change{}, false, need{}, err
	}
	d.join()
	d.describe()
	if !d.missing.none() {
		return Change{}, false, d.missing, nil // without it much more would seem to change
	}
	c, ok = d.change()
	if !d.missing.none() {
		return Change{}, false, d.missing, nil
	}
	return c, ok, need{}, nil
}

// fold makes the timelines before and after the fact.
func (d *decision) fold() error {
	base := d.know.Head.Base
	if d.know.Whole {
		base = Timeline{}
	}
	before, err := base.Apply(d.know.Facts)
	if err != nil {
		return err
	}
	d.before = viewOf(before)
	d.recall = slices.ContainsFunc(d.know.Facts, d.obs.Fact.same)
	if d.recall {
		d.after = d.before
		return nil
	}
	after, err := base.Apply(append(slices.Clone(d.know.Facts), d.obs.Fact))
	d.after = viewOf(after)
	return err
}

// join merges what was seen of the deployment with what was known of it. The repeat of a
// fact may know more, even of a rollout that is over: its first handler may have been
// refused what this one was told.
func (d *decision) join() {
	deployment := d.obs.Fact.Deployment
	live, ok := d.know.Head.Live[deployment]
	if last := d.before.latest(deployment); !ok && last >= 0 {
		live = d.row(d.before.Rollouts[last].key())
	}
	d.known = live
	d.seen = Details{
		Environment:    cmp.Or(live.Environment, d.obs.Policy.Environment),
		TaskDefinition: cmp.Or(live.TaskDefinition, d.obs.Details.TaskDefinition),
		Containers:     mergeContainers(live.Containers, d.obs.Details.Containers),
		Moves:          live.Moves,
	}
}

// describe adds to both views what is known beside their timelines.
func (d *decision) describe() {
	head := d.know.Head
	d.before.stored, d.before.details = true, d.detailsBefore
	d.before.environment, d.before.completeSince = head.Environment, head.CompleteSince
	d.before.claims, d.before.previous = head.Claims, head.Previous
	d.after.stored, d.after.details = false, d.details
	d.after.environment, d.after.completeSince = d.obs.Policy.Environment, d.completeSince()
	if running, ok := d.after.running(); ok {
		d.after.previous = d.previous(running)
		d.after.claims = claims(d.obs.Service, d.obs.Policy, running, d.details(running).Containers, d.after.previous)
	}
}

// row gives a rollout's details from its row, or asks for it.
func (d *decision) row(key RolloutKey) Details {
	details, ok := d.know.rows[key]
	if !ok && !slices.Contains(d.missing.rows, key) {
		d.missing.rows = append(d.missing.rows, key)
	}
	return details
}

// detailsBefore gives what the ledger holds of a rollout. Of a deployment that
// came into force again each rollout has its own, and the head has one of them.
func (d *decision) detailsBefore(r Rollout) Details {
	if live, ok := d.know.Head.Live[r.Deployment]; ok && d.before.represents(r) {
		return live
	}
	return d.row(r.key())
}

// details gives what the ledger is to hold of a rollout.
func (d *decision) details(r Rollout) Details {
	held, stored := d.held(r)
	if r.Deployment == d.obs.Fact.Deployment && (!stored || d.better(r)) {
		held.TaskDefinition, held.Containers = d.seen.TaskDefinition, d.seen.Containers
	}
	if held.Environment = cmp.Or(held.Environment, d.obs.Policy.Environment); d.completes(r) {
		held.Environment = d.obs.Policy.Environment // it begins to run there, wherever it was started
	}
	if d.moved(r) {
		held.Moves = append(slices.Clone(held.Moves), Move{Environment: d.obs.Policy.Environment, At: d.obs.Now})
	}
	return held
}

// held gives what the ledger holds of a rollout that is to be; of one that it does
// not hold yet, what it knows of the deployment. That one begins where the
// deployment was recorded, even if that had moved since: the moves are of the
// time in which the other one ran.
func (d *decision) held(r Rollout) (details Details, stored bool) {
	if was, ok := d.former(r); ok {
		return d.detailsBefore(was), true
	}
	if r.Deployment == d.obs.Fact.Deployment {
		return Details{}, false
	}
	details, live := d.know.Head.Live[r.Deployment]
	if last := d.before.latest(r.Deployment); !live && last >= 0 {
		details = d.row(d.before.Rollouts[last].key())
	}
	details.Moves = nil
	return details, false
}

// former gives a rollout as it was: under its key, or under the one that it had
// before its start came to light.
func (d *decision) former(r Rollout) (Rollout, bool) {
	if was, ok := d.before.rollouts[r.key()]; ok {
		return was, true
	}
	for _, b := range d.before.Rollouts {
		if _, stays := d.after.rollouts[b.key()]; !stays && b.Deployment == r.Deployment {
			return b, true
		}
	}
	return Rollout{}, false
}

// completes tells whether the rollout was there, and has completed only now.
func (d *decision) completes(r Rollout) bool {
	was, existed := d.former(r)
	return existed && was.State != StateCompleted && r.State == StateCompleted
}

// runsOn tells whether the rollout runs, and did before.
func (d *decision) runsOn(r Rollout) bool {
	was, ran := d.before.running()
	is, runs := d.after.running()
	if !ran || !runs || is.key() != r.key() {
		return false
	}
	former, ok := d.former(is)
	return ok && former.key() == was.key()
}

// moved tells whether the rollout has come into another environment while it
// runs, since the rules have changed. One that completes now, or comes into force
// again, begins without a move, whatever environment its row names: the start may
// have been recorded under other rules than the completion, and a late fact can
// give the running row back to a rollout that it was taken from.
func (d *decision) moved(r Rollout) bool {
	from := d.know.Head.Environment
	return from != "" && from != d.obs.Policy.Environment && d.runsOn(r)
}

func (d *decision) change() (Change, bool) {
	c := Change{Service: d.obs.Service, Seen: d.know.Head.Version, NewService: d.know.Head.Version == "" || !d.before.completeSince.Equal(d.after.completeSince)}
	d.changeRollouts(&c)
	d.changeMember(&c)
	d.changeDirectory(&c)
	d.changePlaces(&c)
	d.changePrevious(&c)
	d.changeTags(&c, d.before.claims, d.after.claims)
	if d.announced {
		d.changeEndings(&c)
	}
	if !d.recall {
		fact := d.obs.Fact
		fact.RecordedAt = d.obs.Now
		c.Fact = &fact
	}
	if c.Size() == 1 && d.sameLive() && slices.Equal(d.before.previous, d.after.previous) {
		return Change{}, false
	}
	c.Head = d.head(c)
	return c, true
}

// changeRollouts writes the rows that are new or say something else now, and drops those whose key is no more.
func (d *decision) changeRollouts(c *Change) {
	for _, r := range d.after.Rollouts {
		if was, existed := d.before.rollouts[r.key()]; existed && was == r && !d.better(r) && !d.moved(r) {
			continue // and its details are not asked for
		}
		c.Rollouts = append(c.Rollouts, Row{Service: c.Service, Rollout: r, Details: d.details(r), Expires: d.expiry(d.closedAt(r))})
	}
	for key := range d.before.rollouts {
		if _, stays := d.after.rollouts[key]; !stays {
			c.DropRollouts = append(c.DropRollouts, key)
		}
	}
	slices.SortFunc(c.DropRollouts, func(a, b RolloutKey) int {
		return cmp.Or(a.Sort.Compare(b.Sort), cmp.Compare(a.Deployment, b.Deployment))
	})
}

// better tells whether the rollout's details are better known than before.
func (d *decision) better(r Rollout) bool {
	return r.Deployment == d.obs.Fact.Deployment && !d.known.equal(d.seen)
}

func byKey(rollouts []Rollout) map[RolloutKey]Rollout {
	m := make(map[RolloutKey]Rollout, len(rollouts))
	for _, r := range rollouts {
		m[r.key()] = r
	}
	return m
}

// closedAt is when a rollout stopped to matter for now: zero while it runs or
// rolls out. A superseded one did when the next one started or, if that start was
// lost, completed.
func (d *decision) closedAt(r Rollout) time.Time {
	switch r.State {
	case StateCompleted:
		return r.Until
	case StateFailed:
		return r.FinishedAt
	case StateSuperseded:
		for _, next := range d.after.Rollouts {
			if next.SortTime().After(r.StartedAt) && (next.State == StateCompleted || !next.StartedAt.IsZero()) {
				return next.SortTime()
			}
		}
		return r.StartedAt
	}
	return time.Time{}
}

func (d *decision) expiry(closed time.Time) time.Time {
	if d.retention == 0 || closed.IsZero() {
		return time.Time{}
	}
	return closed.Add(d.retention)
}

// member gives the running row, nil while no container is known.
func (d *decision) member(v view) *Member {
	running, ok := v.running()
	if !ok {
		return nil
	}
	of := v.details(running)
	if len(of.Containers) == 0 {
		return nil
	}
	m := &Member{
		Service:        d.obs.Service,
		Environment:    v.environment,
		Deployment:     running.Deployment,
		TaskDefinition: of.TaskDefinition,
		Since:          running.FinishedAt,
		Joined:         of.joined(),
		CompleteSince:  v.completeSince,
		Release:        running.released(),
		Rollback:       running.Rollback,
	}
	if next, ok := v.rollingOut(); ok {
		m.RollingOut = next.Deployment
	}
	for _, c := range of.Containers {
		m.Containers = append(m.Containers, d.place(c, v.claims))
	}
	return m
}

// joined is when the running service came into its environment by a move.
func (d Details) joined() time.Time {
	if len(d.Moves) == 0 {
		return time.Time{}
	}
	return d.Moves[len(d.Moves)-1].At
}

// place returns a container with the tags that it claims for its own image.
func (d *decision) place(c Container, held []Claim) Placed {
	s := d.obs.Service
	p := Placed{Container: c, Foreign: !d.obs.Policy.tags(s, c)}
	for _, claim := range held {
		switch {
		case claim.By != Claimant(s, c.Name) || claim.Tag.Repository != c.Image || claim.Digest != c.Target():
		case claim.Once:
			p.Once = append(p.Once, claim.Tag.Tag)
		default:
			p.Tags = append(p.Tags, claim.Tag.Tag)
		}
	}
	return p
}

func (d *decision) changeMember(c *Change) {
	was, is := d.member(d.before), d.member(d.after)
	if is != nil && (was == nil || !reflect.DeepEqual(was, is)) {
		c.Member = is
	}
	d.changeGone(c)
	left := d.before.environment != "" && (is == nil || is.Environment != d.before.environment)
	if !left {
		return
	}
	c.DropMember = d.before.environment
	if was != nil && len(c.Gone) == 0 {
		was.CompleteSince = d.after.completeSince
		until := d.leftAt()
		c.Gone = []Gone{{Member: *was, Until: until, Expires: d.expiry(until)}}
	}
}

// changeGone says what ran last of a service that has gone, each time it did.
func (d *decision) changeGone(c *Change) {
	is, sinceStays := map[goneKey]bool{}, d.before.completeSince.Equal(d.after.completeSince)
	for _, r := range d.after.Rollouts {
		was, existed := d.before.rollouts[r.key()]
		if !r.Retired || existed && was == r && !d.better(r) && sinceStays {
			continue
		}
		if g, ok := d.gone(r); ok {
			c.Gone = append(c.Gone, g)
			is[goneKey{g.Environment, g.Until}] = true
		}
	}
	for _, r := range d.before.Rollouts {
		if is, stays := d.after.rollouts[r.key()]; !r.Retired || stays && is.Retired && is.Until.Equal(r.Until) {
			continue
		}
		if at := (goneKey{d.detailsBefore(r).resides(), r.Until}); !is[at] {
			c.DropGone = append(c.DropGone, Gone{Member: Member{Service: c.Service, Environment: at.environment}, Until: at.until})
		}
	}
}

// goneKey is when a service left an environment.
type goneKey struct {
	environment string
	until       time.Time
}

// gone gives the running row of a rollout that ended with its service.
func (d *decision) gone(r Rollout) (Gone, bool) {
	v := view{
		Timeline: Timeline{Rollouts: []Rollout{r}, Running: 1}, details: d.details,
		environment: d.details(r).resides(), completeSince: d.after.completeSince,
	}
	m := d.member(v)
	if m == nil {
		return Gone{}, false
	}
	return Gone{Member: *m, Until: r.Until, Expires: d.expiry(r.Until)}, true
}

// resides is the environment that the rollout was in last.
func (d Details) resides() string {
	if len(d.Moves) == 0 {
		return d.Environment
	}
	return d.Moves[len(d.Moves)-1].Environment
}

// changeDirectory lists the environment with the first thing that is written in
// it, a rollout or the running row: then it has a history.
func (d *decision) changeDirectory(c *Change) {
	environment := d.obs.Policy.Environment
	listed := d.before.environment == environment
	for _, live := range d.know.Head.Live {
		listed = listed || live.Environment == environment
	}
	written := c.Member != nil || slices.ContainsFunc(c.Rollouts, func(r Row) bool { return r.Environment == environment })
	if written && !listed {
		c.NewEnvironment = environment
	}
}

// leftAt is when the service left its environment: as another rollout completed,
// else when a changed rule was first seen.
func (d *decision) leftAt() time.Time {
	if running, ok := d.after.running(); ok && !d.runsOn(running) {
		return running.FinishedAt
	}
	return d.obs.Now
}

// changePlaces compares the places of all rollouts that changed.
func (d *decision) changePlaces(c *Change) {
	before, after := map[placeKey]Place{}, map[placeKey]Place{}
	was := maps.Clone(d.before.rollouts)
	for _, r := range d.after.Rollouts {
		if d.stays(r) {
			delete(was, r.key())
			continue
		}
		for _, p := range d.places(d.after, r) {
			after[p.key()] = p
		}
	}
	for _, r := range was {
		for _, p := range d.places(d.before, r) {
			before[p.key()] = p
		}
	}
	for key, p := range after {
		if old, ok := before[key]; !ok || !reflect.DeepEqual(old, p) {
			c.Places = append(c.Places, p)
		}
		delete(before, key)
	}
	c.DropPlaces = slices.Collect(maps.Values(before))
	slices.SortFunc(c.Places, comparePlaces)
	slices.SortFunc(c.DropPlaces, comparePlaces)
}

// stays tells whether the places of a rollout stand as they do: neither it nor its
// containers have changed, nor what they continue, nor what continues them. What
// runs is always compared, since its claims and its environment may change, too.
func (d *decision) stays(r Rollout) bool {
	was, existed := d.before.rollouts[r.key()]
	running, _ := d.after.running()
	return existed && was == r && r.key() != running.key() && !d.better(r) &&
		d.sameSeam(r, r) && d.sameSeam(d.before.later(r), d.after.later(r))
}

func comparePlaces(a, b Place) int {
	return cmp.Or(
		cmp.Compare(a.Container.Image.Name, b.Container.Image.Name),
		cmp.Compare(a.Container.Image.Registry, b.Container.Image.Registry),
		cmp.Compare(a.Container.Name, b.Container.Name),
		cmp.Compare(a.Phase, b.Phase),
		a.Since.Compare(b.Since),
	)
}

// places gives where a rollout puts its containers, or put them.
func (d *decision) places(v view, r Rollout) []Place {
	p, ok := d.placeOf(v, r)
	if !ok {
		return nil
	}
	of := v.details(r)
	p.Environment = cmp.Or(p.Environment, of.Environment)
	continues, continued := d.continues(v, r), d.continues(v, v.later(r))
	release, built := r.released(), builds(d.obs.Service, of.Containers, continues)
	var all []Place
	for _, c := range of.Containers {
		if c.Image.Name == "" {
			continue
		}
		p.Container, p.Tags = release.named(c, c.Name == built), nil
		p.Continues, p.Continued = slices.Contains(continues, c.Name), slices.Contains(continued, c.Name)
		if p.Phase == PhaseRunning {
			p.Tags = d.place(c, v.claims).Tags
		}
		all = append(all, p)
	}
	return all
}

// placeOf gives what the places of a rollout have in common; ok is false if it has none.
func (d *decision) placeOf(v view, r Rollout) (p Place, ok bool) {
	p = Place{Service: d.obs.Service, Deployment: r.Deployment}
	switch {
	case r.State == StateInProgress:
		p.Phase, p.Since = PhaseRollingOut, r.StartedAt
	case r.State == StateCompleted && r.Until.IsZero():
		p.Phase, p.Since, p.Environment = PhaseRunning, r.FinishedAt, v.environment
	case r.State == StateCompleted && r.Until.Equal(r.FinishedAt):
		return Place{}, false // it ran for no time, and would take the key of what replaced it
	case r.State == StateCompleted:
		p.Phase, p.Since, p.Until, p.Expires = PhaseEnded, r.FinishedAt, r.Until, d.expiry(r.Until)
	default:
		return Place{}, false
	}
	return p, true
}

// changeTags turns the difference between old and new claims into wishes.
func (d *decision) changeTags(c *Change, oldClaims, newClaims []Claim) {
	for _, tag := range claimedTags(oldClaims, newClaims) {
		was, had := newest(oldClaims, tag)
		is, has := newest(newClaims, tag)
		switch {
		case had && has && was == is:
		case had && !has && was.Once: // put or pending, it needs no claim any more
		case has && (!had || !was.newer(is)):
			c.Tags = append(c.Tags, d.advance(is))
		default:
			d.renew(c, tag, is, has)
		}
	}
}

// advance writes our claim as the wish.
func (d *decision) advance(claim Claim) TagWrite {
	return TagWrite{Mode: Advance, Wish: claim, Version: d.version(), Claims: d.version(), At: d.obs.Now}
}

// renew computes a wish anew from all claims, since ours has ended or stepped back.
func (d *decision) renew(c *Change, tag TagID, ours Claim, has bool) {
	repository, ok := d.know.claims[tag.Repository]
	if !ok {
		if !slices.Contains(d.missing.repos, tag.Repository) {
			d.missing.repos = append(d.missing.repos, tag.Repository)
		}
		d.missing.tags = append(d.missing.tags, tag)
		return
	}
	candidates := slices.DeleteFunc(slices.Clone(repository.Claims), func(claim Claim) bool {
		return strings.HasPrefix(claim.By, Claimant(d.obs.Service, ""))
	})
	if has {
		candidates = append(candidates, ours)
	}
	held, exists := repository.Tags[tag]
	best, claimed := newest(candidates, tag)
	write := TagWrite{Mode: Renew, Wish: best, Version: d.version(), Claims: d.version(), Seen: held.Claims, At: d.obs.Now}
	switch {
	case !exists && !has:
		return // whoever claims it has it still to come, see Rest
	case !exists:
		write.Mode, write.Wish = Advance, ours
	case !claimed:
		write.Mode, write.Wish = Drop, Claim{Tag: tag}
		d.leave(c, held)
	case held.Wish == best:
		write.Mode = Touch
	}
	c.Tags = append(c.Tags, write)
}

// leave notes a tag that is to be removed: its last claim ended as the service was
// retired, and it stood where it was wished. Without a policy the service may well
// run on, under no environment.
func (d *decision) leave(c *Change, tag Tag) {
	_, runs := d.after.running()
	if !d.untag || runs || d.obs.Policy.Environment == "" || tag.State != TagConfirmed {
		return
	}
	if c.Stale == nil {
		c.Stale = &Stale{ID: d.version(), Service: d.obs.Service}
	}
	c.Stale.Tags = append(c.Stale.Tags, StaleTag{ID: tag.ID, Digest: tag.Wish.Digest, Environment: tag.Wish.Environment})
}

// sameLive tells whether the head already holds all that was seen.
func (d *decision) sameLive() bool {
	live, ok := d.know.Head.Live[d.obs.Fact.Deployment]
	return !ok || live.equal(d.seen)
}

// head gives the new head: its version, the base moved on if the window grew too long, and the details that may still be needed.
func (d *decision) head(c Change) Head {
	h := Head{
		Version:       d.version(),
		Base:          d.know.Head.Base,
		Since:         d.know.Head.Since,
		Live:          map[string]Details{},
		Claims:        d.after.claims,
		Previous:      d.after.previous,
		Released:      d.released(c),
		Last:          d.know.Head.Last,
		CompleteSince: d.after.completeSince,
	}
	if c.Fact != nil {
		h.Last = Fact{Deployment: c.Fact.Deployment, Action: c.Fact.Action, Name: c.Fact.Name, Time: c.Fact.Time}
	}
	d.moveBase(&h)
	for _, r := range d.after.Rollouts {
		if d.after.represents(r) {
			h.Live[r.Deployment] = d.details(r)
		}
	}
	if running, ok := d.after.running(); ok {
		h.Running = running.Deployment
		h.Continues = d.continues(d.after, running)
		if len(d.details(running).Containers) > 0 {
			h.Environment = d.obs.Policy.Environment
		}
	}
	return h
}

func (d *decision) completeSince() time.Time {
	known := d.know.Head.CompleteSince
	if !d.obs.Fact.ofDeployment() || d.obs.Fact.Alone {
		return known
	}
	if known.IsZero() || d.obs.Fact.Time.Before(known) {
		return d.obs.Fact.Time
	}
	return known
}

// represents tells whether the head holds the rollout's details for its
// deployment: as what runs, else as the latest one that may still end.
func (t Timeline) represents(r Rollout) bool {
	if running, ok := t.running(); ok && running.Deployment == r.Deployment {
		return running.key() == r.key()
	}
	if r.State != StateInProgress && r.State != StateSuperseded {
		return false
	}
	latest := t.latest(r.Deployment)
	return t.Rollouts[latest].key() == r.key() && t.live(latest)
}

// latest gives the index of a deployment's last rollout, -1 if it has none.
func (t Timeline) latest(deployment string) int {
	for i, r := range slices.Backward(t.Rollouts) {
		if r.Deployment == deployment {
			return i
		}
	}
	return -1
}

// released adds the tags whose wish this change gives to others, and forgets
// those for which no put can be on its way any more.
func (d *decision) released(c Change) []Released {
	all := slices.DeleteFunc(slices.Clone(d.know.Head.Released), func(r Released) bool { return d.obs.Now.Sub(r.At) >= doubtFor })
	for _, w := range c.Tags {
		if w.Mode == Renew {
			all = append(all, Released{Tag: w.Wish.Tag, At: d.obs.Now})
		}
	}
	return all
}

// moveBase folds the oldest facts of a long window into the base.
func (d *decision) moveBase(h *Head) {
	facts := slices.Clone(d.know.Facts)
	if !d.recall {
		facts = append(facts, d.obs.Fact)
	}
	if d.know.Whole {
		h.Base, h.Since = Timeline{}, time.Time{}
	}
	if len(facts) <= windowMax {
		return
	}
	facts = sortFacts(facts)
	since := facts[len(facts)-windowKeep].Time
	older := slices.DeleteFunc(facts, func(f Fact) bool { return !f.Time.Before(since) })
	if len(older) == 0 {
		return // all in one millisecond: the window stays long
	}
	// The fold of all of them went well, and these come first in it.
	base, err := h.Base.Apply(older)
	if err != nil {
		return
	}
	h.Base, h.Since = base.cut(), since
}
