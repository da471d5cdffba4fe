package decide

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// previous gives the images that ran before those of what runs. Of a container
// that is not proven nobody knows whether another image ran before.
func (d *Decision) previous(running timeline.Rollout) (all []ledger.Previous) {
	containers := d.details(running).Containers
	if !d.Obs.Policy.AsksForPrevious(containers) {
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
func (d *Decision) ranBefore(running timeline.Rollout, c tagalong.Container) ledger.Previous {
	ran := d.after.Ran
	for i := d.after.Place[running.Key()]; i >= 0 && len(d.Missing.Rows) < windowMax; i-- {
		if before, ok := d.details(ran[i]).Container(c.Name); ok && before.Proven() && d.Obs.Policy.CanTag(d.Obs.Service, before) && !before.Same(c) {
			return ledger.Previous{Container: c.Name, Image: before.Image, Digest: before.Target()}
		}
		if known, ok := d.knownBefore(ran[i], c); ok {
			return known
		}
	}
	if len(d.Missing.Rows) == 0 && d.after.Truncated {
		d.Missing.Whole = true // it may have been cut off
	}
	return ledger.Previous{Container: c.Name}
}

// knownBefore gives what the head knows, if the rollout is the one that the head
// has running with the same image in the container, and nothing has changed before it.
func (d *Decision) knownBefore(r timeline.Rollout, c tagalong.Container) (ledger.Previous, bool) {
	was, ran := d.before.Current()
	if !ran || d.origin(r) != was.Key() {
		return ledger.Previous{}, false
	}
	held, ok := d.detailsBefore(was).Container(c.Name)
	at := slices.IndexFunc(d.before.previous, func(p ledger.Previous) bool { return p.Container == c.Name })
	if !ok || !held.Same(c) || at < 0 || !d.previousStands(was, r) {
		return ledger.Previous{}, false
	}
	return d.before.previous[at], true
}

// previousStands tells whether the rollouts before one are those that were before it,
// and known no better.
func (d *Decision) previousStands(was, is timeline.Rollout) bool {
	before, after := d.before.Ran[:d.before.Place[was.Key()]], d.after.Ran[:d.after.Place[is.Key()]]
	return slices.EqualFunc(before, after, func(b, a timeline.Rollout) bool { return b.Key() == d.origin(a) && !d.better(a) })
}

// previousPlaces gives where a view claims tags for previous images.
func (d *Decision) previousPlaces(v view) map[ledger.PreviousKey]ledger.PreviousRecord {
	running, _ := v.Current()
	places := map[ledger.PreviousKey]ledger.PreviousRecord{}
	for _, p := range v.previous {
		place := ledger.PreviousRecord{Service: d.Obs.Service, Environment: v.environment, Previous: p, Since: running.FinishedAt}
		for _, claim := range v.claims {
			if claim.By == ledger.Claimant(d.Obs.Service, p.Container) && claim.Tag.Repository == p.Image && claim.Digest == p.Digest {
				place.Tags = append(place.Tags, claim.Tag.Tag)
			}
		}
		if len(place.Tags) > 0 {
			places[place.Key()] = place
		}
	}
	return places
}

// changePrevious compares where tags are claimed for previous images.
func (d *Decision) changePrevious(c *ledger.Change) {
	before, after := d.previousPlaces(d.before), d.previousPlaces(d.after)
	for key, p := range after {
		if old, ok := before[key]; !ok || !p.Equal(old) {
			c.Previous = append(c.Previous, p)
		}
		delete(before, key)
	}
	c.DropPrevious = slices.Collect(maps.Values(before))
	slices.SortFunc(c.Previous, comparePrevious)
	slices.SortFunc(c.DropPrevious, comparePrevious)
}

func comparePrevious(a, b ledger.PreviousRecord) int {
	return cmp.Or(a.Image.Compare(b.Image), cmp.Compare(a.Container, b.Container))
}
