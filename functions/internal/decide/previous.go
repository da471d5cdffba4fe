package decide

import (
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// changePrevious compares where tags are claimed for previous images.
func (d *decision) changePrevious(c *ledger.Change) {
	c.Previous, c.DropPrevious = diff(d.previousRecords(d.before), d.previousRecords(d.after), ledger.PreviousRecord.Key)
}

// previousRecords returns what a state claims for previous images.
func (d *decision) previousRecords(s state) (all []ledger.PreviousRecord) {
	running, _ := s.Current()
	for _, p := range s.previous {
		record := ledger.PreviousRecord{Service: d.obs.Service, Environment: s.environment, Previous: p, Since: running.FinishedAt}
		for _, claim := range s.claims {
			if claim.By == ledger.ContainerClaimant(d.obs.Service, p.Container) && claim.Tag.Repository == p.Image && claim.Digest == p.Digest {
				record.Tags = append(record.Tags, claim.Tag.Tag)
			}
		}
		if len(record.Tags) > 0 {
			all = append(all, record)
		}
	}
	return all
}

// previous returns the images that ran before those of what runs. Of a container
// that is not proven nobody knows whether another image ran before.
func (d *decision) previous(running timeline.Rollout) (all []ledger.Previous) {
	containers := d.newDetails(running).Containers
	if !d.obs.Policy.AsksForPrevious(containers) {
		return nil
	}
	for _, c := range containers {
		if c.HasPrevious() {
			all = append(all, d.ranBefore(running, c))
		}
	}
	return all
}

// ranBefore goes back to the newest rollout in which another image ran in the
// container, or to the one of which the head knows it. Rows that it lacks it asks
// for together, as many as a window has.
func (d *decision) ranBefore(running timeline.Rollout, c tagalong.Container) ledger.Previous {
	ran := d.after.Ran
	for i := d.after.Index[running.Key()]; i >= 0 && len(d.missing.Rows) < windowMax; i-- {
		before, ok := d.newDetails(ran[i]).Container(c.Name)
		if ok && before.Proven() && d.obs.Policy.CanTag(d.obs.Service, before) && !before.Same(c) {
			return ledger.Previous{Container: c.Name, Image: before.Image, Digest: before.Target()}
		}
		if known, ok := d.knownBefore(ran[i], c); ok {
			return known
		}
	}
	if len(d.missing.Rows) == 0 && d.after.Truncated {
		d.missing.Whole = true // it may have been cut off
	}
	return ledger.Previous{Container: c.Name}
}

// knownBefore returns what the head knows, if the rollout is the one that the head
// has running with the same image in the container, and nothing has changed before it.
func (d *decision) knownBefore(r timeline.Rollout, c tagalong.Container) (ledger.Previous, bool) {
	was, ran := d.before.Current()
	if !ran || d.after.sources[r.Key()].row != was.Key() || !slices.Equal(d.before.sourcesBefore(was), d.after.sourcesBefore(r)) {
		return ledger.Previous{}, false
	}
	held, ok := d.heldDetails(was).Container(c.Name)
	at := slices.IndexFunc(d.before.previous, func(p ledger.Previous) bool { return p.Container == c.Name })
	if !ok || !held.Same(c) || at < 0 {
		return ledger.Previous{}, false
	}
	return d.before.previous[at], true
}

// sourcesBefore returns those of the rollouts that ran before one.
func (s state) sourcesBefore(r timeline.Rollout) (all []source) {
	for _, earlier := range s.Ran[:s.Index[r.Key()]] {
		all = append(all, s.sources[earlier.Key()])
	}
	return all
}
