package tagalong

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// Previous is the image that ran in a container before the one that runs there. A
// rollback would bring it back, and its previous tags keep it from the rules that
// expire images. It is that of the newest rollout, however long ago, in which the
// container of this name ran a proven image of ECR that is another one: the image
// right before is often the same, deployed again or come back to after a rollout
// that failed, and a tag on that would protect nothing. What never completed never ran.
type Previous struct {
	Container string
	Image     Repository
	Digest    digest.Digest // the Target; "" if nothing else ran there
}

// PreviousPlace holds what a running container claims for its previous image, in
// that image's repository.
type PreviousPlace struct {
	Service     Service
	Environment string
	Previous
	Since time.Time // the completion of what runs
	Tags  []string
}

// Claims gives what the place claims.
func (p PreviousPlace) Claims() []Claim {
	var all []Claim
	for _, tag := range p.Tags {
		all = append(all, Claim{
			Tag:         TagID{Repository: p.Image, Tag: tag},
			Digest:      p.Digest,
			At:          p.Since,
			By:          Claimant(p.Service, p.Container),
			Environment: p.Environment,
		})
	}
	return all
}

// previousClaims gives the claims of a running rollout on the images before its
// own. They are dated like those: a tag that the container claims for the image
// that runs stays there, whatever a template makes of the names.
func previousClaims(s Service, policy Policy, running Rollout, previous []Previous, own []Claim) (all []Claim) {
	for _, p := range previous {
		if p.Digest == "" {
			continue
		}
		place := PreviousPlace{Service: s, Environment: policy.Environment, Previous: p, Since: running.FinishedAt}
		for _, template := range policy.PreviousTags {
			place.Tags = append(place.Tags, expand(template, policy.Environment, s, p.Container, running.FinishedAt))
		}
		all = append(all, slices.DeleteFunc(place.Claims(), func(c Claim) bool {
			return slices.ContainsFunc(own, func(o Claim) bool { return o.Tag == c.Tag && o.By == c.By })
		})...)
	}
	return all
}

// asksForPrevious tells whether there are images of which the previous ones count.
func (p Policy) asksForPrevious(containers []Container) bool {
	return len(p.PreviousTags) > 0 && slices.ContainsFunc(containers, Container.hasPrevious)
}

// hasPrevious reports whether another image may have run before. Of one that is not
// proven nobody knows, and what ECS adds itself no rollback brings back.
func (c Container) hasPrevious() bool { return c.Proven() && !c.Added }

// previous gives the images that ran before those of what runs. Of a container
// that is not proven nobody knows whether another image ran before.
func (d *decision) previous(running Rollout) (all []Previous) {
	containers := d.details(running).Containers
	if !d.obs.Policy.asksForPrevious(containers) {
		return nil
	}
	for _, c := range containers {
		if c.hasPrevious() {
			all = append(all, d.ranBefore(running, c))
		}
	}
	return all
}

// ranBefore goes back to the newest rollout in which another image ran in the
// container, or to the one of which the head knows it. Rows that it lacks it asks
// for together, as many as a window has.
func (d *decision) ranBefore(running Rollout, c Container) Previous {
	ran := d.after.ran
	for i := d.after.place[running.key()]; i >= 0 && len(d.missing.rows) < windowMax; i-- {
		if before, ok := d.details(ran[i]).container(c.Name); ok && before.Proven() && d.obs.Policy.tags(d.obs.Service, before) && !before.same(c) {
			return Previous{Container: c.Name, Image: before.Image, Digest: before.Target()}
		}
		if known, ok := d.knownBefore(ran[i], c); ok {
			return known
		}
	}
	if len(d.missing.rows) == 0 && d.after.Truncated {
		d.missing.whole = true // it may have been cut off
	}
	return Previous{Container: c.Name}
}

// knownBefore gives what the head knows, if the rollout is the one that the head
// has running with the same image in the container, and nothing has changed before it.
func (d *decision) knownBefore(r Rollout, c Container) (Previous, bool) {
	was, ran := d.before.running()
	if !ran || d.origin(r) != was.key() {
		return Previous{}, false
	}
	held, ok := d.detailsBefore(was).container(c.Name)
	at := slices.IndexFunc(d.before.previous, func(p Previous) bool { return p.Container == c.Name })
	if !ok || !held.same(c) || at < 0 || !d.pastStands(was, r) {
		return Previous{}, false
	}
	return d.before.previous[at], true
}

// pastStands tells whether the rollouts before one are those that were before it,
// and known no better.
func (d *decision) pastStands(was, is Rollout) bool {
	before, after := d.before.ran[:d.before.place[was.key()]], d.after.ran[:d.after.place[is.key()]]
	return slices.EqualFunc(before, after, func(b, a Rollout) bool { return b.key() == d.origin(a) && !d.better(a) })
}

func (d Details) container(name string) (Container, bool) {
	at := slices.IndexFunc(d.Containers, func(c Container) bool { return c.Name == name })
	if at < 0 {
		return Container{}, false
	}
	return d.Containers[at], true
}

// same tells whether both are the same image, as far as tags go.
func (c Container) same(o Container) bool { return c.Image == o.Image && c.Target() == o.Target() }

// previousPlaces gives where a view claims tags for previous images.
func (d *decision) previousPlaces(v view) map[previousKey]PreviousPlace {
	running, _ := v.running()
	places := map[previousKey]PreviousPlace{}
	for _, p := range v.previous {
		place := PreviousPlace{Service: d.obs.Service, Environment: v.environment, Previous: p, Since: running.FinishedAt}
		for _, claim := range v.claims {
			if claim.By == Claimant(d.obs.Service, p.Container) && claim.Tag.Repository == p.Image && claim.Digest == p.Digest {
				place.Tags = append(place.Tags, claim.Tag.Tag)
			}
		}
		if len(place.Tags) > 0 {
			places[place.key()] = place
		}
	}
	return places
}

// previousKey is what names a previous place's item.
type previousKey struct {
	Repository
	container string
}

func (p PreviousPlace) key() previousKey { return previousKey{p.Image, p.Container} }

// changePrevious compares where tags are claimed for previous images.
func (d *decision) changePrevious(c *Change) {
	before, after := d.previousPlaces(d.before), d.previousPlaces(d.after)
	for key, p := range after {
		if old, ok := before[key]; !ok || !p.equal(old) {
			c.Previous = append(c.Previous, p)
		}
		delete(before, key)
	}
	c.DropPrevious = slices.Collect(maps.Values(before))
	slices.SortFunc(c.Previous, comparePrevious)
	slices.SortFunc(c.DropPrevious, comparePrevious)
}

func (p PreviousPlace) equal(o PreviousPlace) bool {
	return p.Environment == o.Environment && p.Previous == o.Previous && p.Since.Equal(o.Since) && slices.Equal(p.Tags, o.Tags)
}

func comparePrevious(a, b PreviousPlace) int {
	return cmp.Or(a.Image.compare(b.Image), cmp.Compare(a.Container, b.Container))
}
