package decide

import (
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// transition is where one rollout took over from another: the sources of both.
type transition struct{ from, to source }

// transitionTo returns the one in which a rollout took over; the zero one if it never ran.
func (s state) transitionTo(r timeline.Rollout) transition {
	if !s.Holds(r) {
		return transition{}
	}
	return transition{from: s.sources[s.Earlier(r).Key()], to: s.sources[r.Key()]}
}

// continues returns the containers of a rollout that ran the same image before it.
// Of what runs the head knows them, so that its closing reads nothing. Nothing
// rewrites a placement when its predecessor expires: it still says that it continues
// that one, until it is written anew.
func (d *decision) continues(s state, r timeline.Rollout) []string {
	running, _ := d.before.Current()
	switch into := s.transitionTo(r); {
	case into == transition{}:
		return nil
	case into == d.before.transitionTo(running):
		return d.know.Head.Continues
	case into.from == source{}:
		d.missing.Whole = d.missing.Whole || s.Truncated // it may have been cut off
		return nil
	default:
		return goingOn(s.details(s.Earlier(r)).Containers, s.details(r).Containers)
	}
}

// continuesAsMuch reports whether as much continues in a rollout as did in the one that
// was in its place.
func (d *decision) continuesAsMuch(was, is timeline.Rollout) bool {
	return d.before.transitionTo(was) == d.after.transitionTo(is) ||
		slices.Equal(d.continues(d.before, was), d.continues(d.after, is))
}

// goingOn returns the names of the containers that run one image in both.
func goingOn(from, to []tagalong.Container) (names []string) {
	for _, c := range to {
		if slices.ContainsFunc(from, c.Continues) {
			names = append(names, c.Name)
		}
	}
	return names
}
