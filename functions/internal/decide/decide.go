package decide

import (
	"cmp"
	"errors"
	"slices"
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
	// Images are the containers that Reads asked for, with what the registry shows of their
	// images: as they were, where it shows nothing.
	Images []tagalong.Container
	Now    time.Time
}

// Keeping says how long rows are kept, and whether the tags of retired services
// are not; and whether what ends is to be announced.
type Keeping struct {
	Retention time.Duration // 0 is for ever
	Untag     bool
	Announced bool // what ends goes into the outbox
}

// decision is the way from what the ledger holds of a service to what it should hold.
type decision struct {
	know    LedgerView
	obs     Observation
	keep    Keeping
	version func() string

	before, after state
	seen          ledger.Details     // of the observed deployment, joined with what was known of it
	isNews        bool               // something of seen was not known
	isRepeat      bool               // the fact was recorded before
	drainAlike    int                // see drainsAsMuch
	toCome        []ledger.TagToCome // to be looked at once the change is written
	nextAlone     []tagalong.TagID   // see alone
	missing       Reads
}

// Decide returns the write set that takes the ledger from what it holds to what
// it should hold after the observation; ok is false if nothing changes. It is
// pure but for version, which makes up unique values. What it must know first it
// asks for by Reads.
func Decide(know LedgerView, obs Observation, keep Keeping, version func() string) (c ledger.Change, ok bool, missing Reads, err error) {
	if !know.Whole && obs.Fact.Time.Before(know.Head.Since) {
		return ledger.Change{}, false, Reads{Whole: true}, nil
	}
	d := decision{know: know, obs: obs, keep: keep, version: version}
	switch err := d.fold(); {
	case errors.Is(err, timeline.ErrForgotten):
		return ledger.Change{}, false, Reads{Whole: true}, nil
	case err != nil:
		return ledger.Change{}, false, Reads{}, err
	}
	d.join()
	if images := d.newImages(); d.missing.None() && len(images) > 0 {
		return ledger.Change{}, false, Reads{Images: images, Others: d.newTagged()}, nil
	}
	d.describe()
	if d.missing.None() { // without what is missing much more would seem to change
		c, ok = d.change()
	}
	if !d.missing.None() {
		return ledger.Change{}, false, d.missing, nil
	}
	return c, ok, Reads{}, nil
}

// fold makes the timelines before and after the fact.
func (d *decision) fold() error {
	base := d.know.Head.Base
	if d.know.Whole {
		base = timeline.Timeline{}
	}
	before, err := base.Apply(d.know.Facts)
	if err != nil {
		return err
	}
	d.before = stateOf(before)
	d.isRepeat = slices.ContainsFunc(d.know.Facts, d.obs.Fact.Same)
	if d.isRepeat {
		d.after = stateOf(before)
		return nil
	}
	after, err := base.Apply(slices.Concat(d.know.Facts, []tagalong.Fact{d.obs.Fact}))
	d.after = stateOf(after)
	return err
}

// join merges what was seen of the deployment with what was known of it. A repeat may see
// more, even of a rollout that is over: AWS may have refused to answer its first handler.
func (d *decision) join() {
	known := d.knownOf(d.obs.Fact.Deployment)
	d.seen = ledger.Details{
		Environment:    cmp.Or(known.Environment, d.obs.Policy.Environment),
		TaskDefinition: cmp.Or(known.TaskDefinition, d.obs.Details.TaskDefinition),
		Containers:     d.withImages(tagalong.MergeContainers(known.Containers, d.reported())),
		Moves:          known.Moves,
	}
	d.isNews = !known.Equal(d.seen)
}

// guessFor is how long after a fact its rollout may be over, and where a tag is still a
// guess of what ran: so long an event is on its way among others.
const guessFor = 2 * time.Hour

// reported returns what was seen of the containers. Where a tag is now says nothing of a
// rollout that has been over for long.
func (d *decision) reported() []tagalong.Container {
	running, _ := d.after.Current()
	next, _ := d.after.RollingOut()
	of := d.obs.Fact
	if of.Deployment == running.Deployment || of.Deployment == next.Deployment || d.obs.Now.Sub(of.Time) < guessFor {
		return d.obs.Details.Containers
	}
	all := slices.Clone(d.obs.Details.Containers)
	for i, c := range all {
		if c.Evidence == tagalong.Guess {
			all[i].Digest, all[i].Evidence = "", tagalong.Unknown
		}
	}
	return all
}

// describe adds to both states what is known beside their timelines.
func (d *decision) describe() {
	head := d.know.Head
	d.drainAlike = drainAlike(d.before, d.after)
	d.before.details, d.after.details = d.heldDetails, d.newDetails
	for key := range d.before.rollouts {
		d.before.sources[key] = source{row: key}
	}
	for key, r := range d.after.rollouts {
		d.after.sources[key] = source{row: d.rowOf(r), news: d.hasNews(r)}
	}
	d.before.environment, d.before.completeSince = head.Environment, head.CompleteSince
	d.before.claims, d.before.previous = head.Claims, head.Previous
	d.after.environment, d.after.completeSince = d.obs.Policy.Environment, d.completeSince()
	if running, ok := d.after.Current(); ok {
		d.after.previous = d.previous(running)
		d.after.claims = ledger.ClaimsOf(d.obs.Service, d.obs.Policy, running, d.newDetails(running).Containers, d.after.previous)
	}
}

// change returns the difference of the two states.
func (d *decision) change() (ledger.Change, bool) {
	c := ledger.Change{
		Service:    d.obs.Service,
		Seen:       d.know.Head.Version,
		NewService: d.know.Head.Version == "" || !d.sinceStands(),
	}
	d.changeRollouts(&c)
	d.changeRunning(&c)
	d.changeDirectory(&c)
	d.changePlacements(&c)
	d.changeNames(&c)
	d.changePrevious(&c)
	d.changeTags(&c)
	d.nextAlone = d.alone()
	if d.keep.Announced {
		d.changeFinished(&c)
	}
	if !d.isRepeat {
		fact := d.obs.Fact
		fact.RecordedAt = d.obs.Now
		c.Fact = &fact
	}
	if c.Size() == 1 && len(c.Shared) == 0 && len(d.toCome) == len(d.know.Head.Rest.Tags) && d.headKnows() {
		return ledger.Change{}, false
	}
	c.Head = d.head(c)
	return c, true
}
