package decide

import (
	"reflect"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// state is what the ledger says of a service: before the observation, or after it.
// The records of both are compared, but only those of rollouts that are made of
// something else than before: to make a record its rollout's details may have to be
// read, and most rollouts stand as they did.
type state struct {
	timeline.Timeline
	timeline.CompletedOrder
	rollouts map[timeline.RolloutKey]timeline.Rollout
	held     map[string]timeline.Rollout // whose details the head holds, by their deployments
	sources  map[timeline.RolloutKey]source
	// outlasted are the rollouts of which tasks went on as another one ran.
	outlasted []outlasting
	details   func(timeline.Rollout) ledger.Details
	// What follows is of the rollout that runs.
	environment   string
	claims        []ledger.Claim
	previous      []ledger.Previous
	completeSince time.Time
}

// source says where the containers of a rollout are known from. Those of equal sources
// are equal, and nobody needs to read them to know that. No rollout has no source.
type source struct {
	row  timeline.RolloutKey // its own, or the one that it had before its start came to light
	news bool                // the observation knows more
}

func stateOf(t timeline.Timeline) state {
	order := t.CompletedOrder()
	return state{
		Timeline:       t,
		CompletedOrder: order,
		outlasted:      outlasted(order),
		rollouts:       byKey(t.Rollouts, timeline.Rollout.Key),
		held:           t.Held(),
		sources:        make(map[timeline.RolloutKey]source, len(t.Rollouts)),
	}
}

// holds reports whether the head holds the details of a rollout.
func (s state) holds(r timeline.Rollout) bool {
	held, ok := s.held[r.Deployment]
	return ok && held.Key() == r.Key()
}

// stands reports whether a rollout is made of what it was made of before.
func (d *decision) stands(r timeline.Rollout) bool {
	was, existed := d.before.rollouts[r.Key()]
	return existed && was == r && !d.hasNews(r) && !d.moved(r)
}

// sinceStands reports whether the ledger has known the service as long as before.
func (d *decision) sinceStands() bool { return d.before.completeSince.Equal(d.after.completeSince) }

// compare makes the records of one kind of both states, but for those of rollouts that
// stand, and returns their difference.
func compare[K comparable, R any](d *decision, stands func(timeline.Rollout) bool, of func(state, timeline.Rollout) []R, key func(R) K) (put, drop []R) {
	var before, after []R
	standing := map[timeline.RolloutKey]bool{}
	for _, r := range d.after.Rollouts {
		if standing[r.Key()] = stands(r); !standing[r.Key()] {
			after = append(after, of(d.after, r)...)
		}
	}
	for _, r := range d.before.Rollouts {
		if !standing[r.Key()] {
			before = append(before, of(d.before, r)...)
		}
	}
	return diff(before, after, key)
}

// diff returns the records that are new or say something else than before, and those
// that are no more.
func diff[K comparable, R any](before, after []R, key func(R) K) (put, drop []R) {
	was, is := byKey(before, key), byKey(after, key)
	for _, r := range after {
		if old, existed := was[key(r)]; !existed || !reflect.DeepEqual(old, r) {
			put = append(put, r)
		}
	}
	for _, r := range before {
		if _, stays := is[key(r)]; !stays {
			drop = append(drop, r)
		}
	}
	return put, drop
}

func byKey[K comparable, R any](records []R, key func(R) K) map[K]R {
	m := make(map[K]R, len(records))
	for _, r := range records {
		m[key(r)] = r
	}
	return m
}
