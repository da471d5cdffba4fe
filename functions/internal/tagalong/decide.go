package tagalong

import (
	"cmp"
	"errors"
	"fmt"
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
	// Proven is set when the registry has proven an index that Details now name.
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
	maxItems   = 100
)

// decision compares what the ledger holds of a service with what it should hold.
type decision struct {
	know          knowledge
	obs           Observation
	before, after Timeline
	// seen are the details of the observed deployment, joined with what was known.
	seen    Details
	known   Details
	recall  bool // the fact was recorded before
	missing need
	version func() string

	retention time.Duration
}

// decide gives the write set that takes the ledger from what it holds to what
// it should hold after the observation; ok is false if nothing changes. It is
// pure but for version, which makes up unique values. What it must know first it
// asks for by need.
func decide(know knowledge, obs Observation, retention time.Duration, version func() string) (c Change, ok bool, n need, err error) {
	d := decision{know: know, obs: obs, retention: retention, version: version}
	if !know.Whole && obs.Fact.Time.Before(know.Head.Since) {
		return Change{}, false, need{whole: true}, nil
	}
	if err := d.fold(); errors.Is(err, errForgotten) {
		return Change{}, false, need{whole: true}, nil
	} else if err != nil {
		return Change{}, false, need{}, err
	}
	d.join()
	c, ok = d.change()
	if !d.missing.none() {
		return Change{}, false, d.missing, nil
	}
	if ok && c.Size() > maxItems {
		return Change{}, false, need{}, fmt.Errorf("deployment %s of %s: %d items to write at once, DynamoDB takes %d: name fewer tags in the environment's rule", obs.Fact.Deployment, obs.Service, c.Size(), maxItems)
	}
	return c, ok, need{}, nil
}

// fold makes the timelines before and after the fact.
func (d *decision) fold() (err error) {
	base := d.know.Head.Base
	if d.know.Whole {
		base = Timeline{}
	}
	if d.before, err = base.Apply(d.know.Facts); err != nil {
		return err
	}
	d.recall = slices.ContainsFunc(d.know.Facts, d.obs.Fact.same)
	if d.recall {
		d.after = d.before
		return nil
	}
	d.after, err = base.Apply(append(slices.Clone(d.know.Facts), d.obs.Fact))
	return err
}

// join merges what was seen of the deployment with what was known of it.
func (d *decision) join() {
	deployment := d.obs.Fact.Deployment
	live, ok := d.know.Head.Live[deployment]
	if !ok && d.recall && !d.obs.Proven {
		// A repeat tells nothing new of a rollout that is over.
		d.known = d.obs.Details
		d.seen = d.obs.Details
		return
	}
	if !ok {
		for _, r := range d.before.Rollouts {
			if r.Deployment == deployment {
				live = d.row(r.key())
			}
		}
	}
	d.known = live
	d.seen = Details{
		Environment:    cmp.Or(live.Environment, d.obs.Policy.Environment),
		TaskDefinition: cmp.Or(live.TaskDefinition, d.obs.Details.TaskDefinition),
		Containers:     mergeContainers(live.Containers, d.obs.Details.Containers),
	}
}

// row gives a rollout's details from its row, or asks for it.
func (d *decision) row(key RolloutKey) Details {
	if d.know.rows == nil {
		d.missing.rows = append(d.missing.rows, key)
		return Details{}
	}
	details, ok := d.know.rows[key]
	if !ok && !slices.Contains(d.missing.rows, key) {
		d.missing.rows = append(d.missing.rows, key)
	}
	return details
}

// details gives what is known of a rollout.
func (d *decision) details(r Rollout) Details {
	if r.Deployment == d.obs.Fact.Deployment {
		return d.seen
	}
	if live, ok := d.know.Head.Live[r.Deployment]; ok {
		return live
	}
	for _, b := range d.before.Rollouts {
		if b.key() == r.key() {
			return d.row(r.key())
		}
	}
	for _, b := range slices.Backward(d.before.Rollouts) {
		if b.Deployment == r.Deployment {
			return d.row(b.key())
		}
	}
	return Details{Environment: d.obs.Policy.Environment}
}

// detailsBefore gives what the ledger holds of a rollout.
func (d *decision) detailsBefore(r Rollout) Details {
	if r.Deployment == d.obs.Fact.Deployment {
		return d.known
	}
	return d.details(r)
}

func (d *decision) change() (Change, bool) {
	c := Change{Service: d.obs.Service, Seen: d.know.Head.Version, NewService: d.know.Head.Version == ""}
	d.changeRollouts(&c)
	oldClaims, newClaims := d.know.Head.Claims, d.newClaims()
	d.changeMember(&c, oldClaims, newClaims)
	d.changePlaces(&c, oldClaims, newClaims)
	d.changeTags(&c, oldClaims, newClaims)
	if !d.recall {
		fact := d.obs.Fact
		fact.RecordedAt = d.obs.Now
		c.Fact = &fact
	}
	if c.Size() == 1 && d.sameLive() {
		return Change{}, false
	}
	c.Head = d.head(c, newClaims)
	return c, true
}

// changeRollouts writes the rows that are new or say something else now, and drops those whose key is no more.
func (d *decision) changeRollouts(c *Change) {
	before := byKey(d.before.Rollouts)
	for _, r := range d.after.Rollouts {
		was, existed := before[r.key()]
		delete(before, r.key())
		if existed && was == r && !d.better(r) {
			continue // and its details are not asked for
		}
		details := d.details(r)
		if !existed && r.Deployment == d.obs.Fact.Deployment && !d.rekeyed(r) {
			details.Environment = d.obs.Policy.Environment
		}
		if existed {
			details.Environment = d.environment(r, details)
		}
		details.Environment = cmp.Or(details.Environment, d.obs.Policy.Environment)
		c.Rollouts = append(c.Rollouts, Row{Service: c.Service, Rollout: r, Details: details, Expires: d.expiry(d.closedAt(r))})
	}
	c.DropRollouts = slices.SortedFunc(maps.Keys(before), func(a, b RolloutKey) int {
		return cmp.Or(a.Sort.Compare(b.Sort), cmp.Compare(a.Deployment, b.Deployment))
	})
}

// better tells whether the rollout's details are better known than before.
func (d *decision) better(r Rollout) bool {
	return r.Deployment == d.obs.Fact.Deployment && !d.known.equal(d.seen)
}

// rekeyed tells whether the rollout was in the ledger under another key: its start has come to light.
func (d *decision) rekeyed(r Rollout) bool {
	after := byKey(d.after.Rollouts)
	return slices.ContainsFunc(d.before.Rollouts, func(b Rollout) bool {
		_, stays := after[b.key()]
		return b.Deployment == r.Deployment && !stays
	})
}

func byKey(rollouts []Rollout) map[RolloutKey]Rollout {
	m := make(map[RolloutKey]Rollout, len(rollouts))
	for _, r := range rollouts {
		m[r.key()] = r
	}
	return m
}

// environment gives the one that an existing rollout was recorded in. Of a
// deployment that came into force twice, each rollout has its own.
func (d *decision) environment(r Rollout, details Details) string {
	_, stored := byKey(d.before.Rollouts)[r.key()]
	again := slices.ContainsFunc(d.after.Rollouts, func(a Rollout) bool { return a.Deployment == r.Deployment && a.key() != r.key() })
	if stored && again {
		return cmp.Or(d.row(r.key()).Environment, details.Environment)
	}
	return details.Environment
}

// closedAt is when a rollout stopped to matter for now: zero while it runs or
// rolls out. A superseded one did when the next one started.
func (d *decision) closedAt(r Rollout) time.Time {
	switch r.State {
	case StateCompleted:
		return r.Until
	case StateFailed:
		return r.FinishedAt
	case StateSuperseded:
		for _, next := range d.after.Rollouts {
			if next.StartedAt.After(r.StartedAt) {
				return next.StartedAt
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

func (d *decision) newClaims() []Claim {
	running, ok := d.after.running()
	if !ok {
		return nil
	}
	return claims(d.obs.Service, d.obs.Policy, running, d.details(running).Containers)
}

// member gives the running row of a timeline, nil while no container is known.
func (d *decision) member(t Timeline, environment string, details func(Rollout) Details, held []Claim) *Member {
	running, ok := t.running()
	if !ok {
		return nil
	}
	of := details(running)
	if len(of.Containers) == 0 {
		return nil
	}
	m := &Member{
		Service:        d.obs.Service,
		Environment:    environment,
		Deployment:     running.Deployment,
		TaskDefinition: of.TaskDefinition,
		Since:          running.FinishedAt,
	}
	if next, ok := t.rollingOut(); ok {
		m.RollingOut = next.Deployment
	}
	for _, c := range of.Containers {
		m.Containers = append(m.Containers, place(d.obs.Service, c, held))
	}
	return m
}

func place(s Service, c Container, held []Claim) Placed {
	p := Placed{Container: c}
	for _, claim := range held {
		switch {
		case claim.By != Claimant(s, c.Name):
		case claim.Once:
			p.Once = append(p.Once, claim.Tag.Tag)
		default:
			p.Tags = append(p.Tags, claim.Tag.Tag)
		}
	}
	return p
}

func (d *decision) changeMember(c *Change, oldClaims, newClaims []Claim) {
	was := d.member(d.before, d.know.Head.Environment, d.detailsBefore, oldClaims)
	is := d.member(d.after, d.obs.Policy.Environment, d.details, newClaims)
	if is != nil && d.know.Head.Environment != is.Environment {
		c.NewEnvironment = is.Environment
	}
	if is != nil && (was == nil || !reflect.DeepEqual(was, is)) {
		c.Member = is
	}
	left := d.know.Head.Environment != "" && (is == nil || is.Environment != d.know.Head.Environment)
	if !left {
		return
	}
	c.DropMember = d.know.Head.Environment
	if was != nil {
		until := d.obs.Now // when a changed rule was first seen
		if running, ok := d.after.running(); ok && !running.FinishedAt.Equal(was.Since) {
			until = running.FinishedAt
		}
		c.Gone = &Gone{Member: *was, Until: until, Expires: d.expiry(until)}
	}
}

// changePlaces compares the places of all rollouts that changed.
func (d *decision) changePlaces(c *Change, oldClaims, newClaims []Claim) {
	before, after := map[placeKey]Place{}, map[placeKey]Place{}
	was := byKey(d.before.Rollouts)
	for _, r := range d.after.Rollouts {
		b, existed := was[r.key()]
		if existed && b == r && !d.better(r) && !r.Until.IsZero() {
			delete(was, r.key())
			continue // neither it nor its containers have changed
		}
		for _, p := range d.places(r, d.details, d.obs.Policy.Environment, newClaims) {
			after[p.key()] = p
		}
	}
	for _, r := range was {
		for _, p := range d.places(r, d.detailsBefore, d.know.Head.Environment, oldClaims) {
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
func (d *decision) places(r Rollout, details func(Rollout) Details, environment string, held []Claim) []Place {
	p := Place{Service: d.obs.Service, Deployment: r.Deployment}
	switch {
	case r.State == StateInProgress:
		p.Phase, p.Since = PhaseRollingOut, r.StartedAt
	case r.State == StateCompleted && r.Until.IsZero():
		p.Phase, p.Since, p.Environment = PhaseRunning, r.FinishedAt, environment
	case r.State == StateCompleted && r.Until.Equal(r.FinishedAt):
		return nil // it ran for no time, and would take the key of what replaced it
	case r.State == StateCompleted:
		p.Phase, p.Since, p.Until, p.Expires = PhaseEnded, r.FinishedAt, r.Until, d.expiry(r.Until)
	default:
		return nil
	}
	of := details(r)
	if p.Phase == PhaseEnded {
		of.Environment = d.environment(r, of)
	}
	p.Environment = cmp.Or(p.Environment, of.Environment, d.obs.Policy.Environment)
	var all []Place
	for _, c := range of.Containers {
		if c.Image.Name == "" {
			continue
		}
		p.Container, p.Tags = c, nil
		if p.Phase == PhaseRunning {
			p.Tags = place(d.obs.Service, c, held).Tags
		}
		all = append(all, p)
	}
	return all
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
			c.Tags = append(c.Tags, TagWrite{Mode: Advance, Wish: is, Version: d.version(), Claims: d.version(), At: d.obs.Now})
		default:
			d.renew(c, tag, is, has)
		}
	}
}

// renew computes a wish anew from all claims, since ours has ended or stepped back.
func (d *decision) renew(c *Change, tag TagID, ours Claim, has bool) {
	repository, ok := d.know.claims[tag.Repository]
	if !ok {
		d.missing.repos = append(d.missing.repos, tag.Repository)
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
	case !claimed && !exists:
		return
	case !claimed:
		write.Mode, write.Wish = Drop, Claim{Tag: tag}
	case exists && held.Wish == best:
		write.Mode = Touch
	}
	c.Tags = append(c.Tags, write)
}

// sameLive tells whether the head already holds all that was seen.
func (d *decision) sameLive() bool {
	live, ok := d.know.Head.Live[d.obs.Fact.Deployment]
	return !ok || live.equal(d.seen)
}

// head gives the new head: its version, the base moved on if the window grew too long, and the details that may still be needed.
func (d *decision) head(c Change, held []Claim) Head {
	h := Head{
		Version:       d.version(),
		Base:          d.know.Head.Base,
		Since:         d.know.Head.Since,
		Live:          map[string]Details{},
		Claims:        held,
		Released:      d.released(c),
		Last:          d.know.Head.Last,
		CompleteSince: d.know.Head.CompleteSince,
	}
	if h.CompleteSince.IsZero() || d.obs.Fact.Time.Before(h.CompleteSince) {
		h.CompleteSince = d.obs.Fact.Time
	}
	if c.Fact != nil {
		h.Last = Fact{Deployment: c.Fact.Deployment, Name: c.Fact.Name, Time: c.Fact.Time}
	}
	d.moveBase(&h)
	for i, r := range d.after.Rollouts {
		if i == d.after.Running-1 || r.State == StateInProgress || r.State == StateSuperseded && d.after.live(i) {
			h.Live[r.Deployment] = d.details(r)
		}
	}
	for _, row := range c.Rollouts {
		if details, ok := h.Live[row.Deployment]; ok && row.Deployment == d.obs.Fact.Deployment {
			details.Environment = row.Environment
			h.Live[row.Deployment] = details
		}
	}
	if running, ok := d.after.running(); ok {
		h.Running = running.Deployment
		if len(d.details(running).Containers) > 0 {
			h.Environment = d.obs.Policy.Environment
		}
	}
	return h
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
