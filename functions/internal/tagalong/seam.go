package tagalong

import "slices"

// A rollout that ran has a piece of time in each of its containers, and the
// piece of one rollout ends where that of the next begins: that is a seam. Where
// the image is the same on both sides, the pieces say so.

// succession is the rollouts of a timeline that ran, each until the next one.
// Those that ran for no time are none of it: their neighbours adjoin. A service
// that goes and comes again has a gap.
type succession struct {
	ran   []Rollout
	place map[RolloutKey]int // in ran
}

func (t Timeline) succession() succession {
	s := succession{place: map[RolloutKey]int{}}
	for _, r := range t.Rollouts {
		if r.State == StateCompleted && !r.Until.Equal(r.FinishedAt) {
			s.ran = append(s.ran, r)
		}
	}
	slices.SortFunc(s.ran, func(a, b Rollout) int { return a.FinishedAt.Compare(b.FinishedAt) })
	for i, r := range s.ran {
		s.place[r.key()] = i
	}
	return s
}

// holds tells whether the rollout ran.
func (s succession) holds(r Rollout) bool {
	_, ok := s.place[r.key()]
	return ok
}

// earlier gives the rollout that ran until this one, the zero one if there is none.
func (s succession) earlier(r Rollout) Rollout {
	if i := s.place[r.key()]; i > 0 && s.ran[i-1].Until.Equal(r.FinishedAt) {
		return s.ran[i-1]
	}
	return Rollout{}
}

// later gives the rollout that ran after this one, the zero one if there is none.
func (s succession) later(r Rollout) Rollout {
	if i, ok := s.place[r.key()]; ok && i+1 < len(s.ran) && s.ran[i+1].FinishedAt.Equal(r.Until) {
		return s.ran[i+1]
	}
	return Rollout{}
}

// continues gives the containers of a rollout that ran the same image before it.
// Of what runs the head knows them, so that its closing reads nothing. Expiry is
// nobody's event: a place still says that it continues one that has expired,
// until it is written anew.
func (d *decision) continues(v view, r Rollout) []string {
	running, _ := d.before.running()
	switch earlier := v.earlier(r); {
	case !v.holds(r):
		return nil
	case d.origin(r) == running.key() && (v.stored || d.seamStands(r)):
		return d.know.Head.Continues
	case earlier == Rollout{}:
		d.missing.whole = d.missing.whole || v.Truncated // it may have been cut off
		return nil
	default:
		return goingOn(v.details(earlier).Containers, v.details(r).Containers)
	}
}

// seamStands tells whether a rollout that is to be and the one before it are those
// that they were, and known no better.
func (d *decision) seamStands(r Rollout) bool {
	was, existed := d.former(r)
	earlier := d.after.earlier(r)
	return existed && d.before.holds(was) && d.before.earlier(was).key() == d.origin(earlier) && !d.better(earlier) && !d.better(r)
}

// sameSeam tells whether as much continues in a rollout as did in the one that
// was in its place.
func (d *decision) sameSeam(was, is Rollout) bool {
	if was.key() == d.origin(is) && d.seamStands(is) {
		return true
	}
	return slices.Equal(d.continues(d.before, was), d.continues(d.after, is))
}

// origin gives the key under which the ledger holds a rollout, whatever it is to
// be; a new one's own.
func (d *decision) origin(r Rollout) RolloutKey {
	if was, ok := d.former(r); ok {
		return was.key()
	}
	return r.key()
}

// goingOn gives the names of the containers that run one image in both.
func goingOn(from, to []Container) (names []string) {
	for _, c := range to {
		if slices.ContainsFunc(from, c.continues) {
			names = append(names, c.Name)
		}
	}
	return names
}

// continues tells whether the container runs the very image that another one ran:
// how that is known does not matter, but a digest must be.
func (c Container) continues(o Container) bool {
	known := c.Image.Name != "" && c.Digest != ""
	return known && c.Name == o.Name && c.Image == o.Image && c.Digest == o.Digest && c.Index == o.Index
}
