package decide

import (
	"cmp"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// changePlacements compares where the containers run, or ran.
func (d *decision) changePlacements(c *ledger.Change) {
	c.Placements, c.DropPlacements = compare(d, d.placementsStand, d.placements, ledger.Placement.Key)
}

// placementsStand reports whether the placements of a rollout are what they were: it
// stands, and so do what they continue, with the tasks of it that still run, and what
// continues them. What runs is always
// compared, since its claims and its environment may change, too.
func (d *decision) placementsStand(r timeline.Rollout) bool {
	running, _ := d.after.Current()
	return r.Key() != running.Key() && d.stands(r) &&
		d.continuesAsMuch(r, r) && d.continuesAsMuch(d.before.Later(r), d.after.Later(r)) &&
		d.drainsAsMuch(r)
}

// placements returns where a rollout puts its containers, or put them.
func (d *decision) placements(s state, r timeline.Rollout) (all []ledger.Placement) {
	p, ok := d.placementOf(s, r)
	if !ok {
		return nil
	}
	of := s.details(r)
	p.Environment = cmp.Or(p.Environment, of.Environment)
	continues, continued := d.continues(s, r), d.continues(s, s.Later(r))
	release, built := r.Released(), tagalong.Builds(d.obs.Service, of.Containers, continues)
	for _, c := range of.Containers {
		if c.Image.Name == "" {
			continue
		}
		p.Container, p.Tags = release.Named(c, c.Name == built), nil
		p.Continues, p.Continued = slices.Contains(continues, c.Name), slices.Contains(continued, c.Name)
		if p.Phase == ledger.PhaseRunning {
			p.Tags = d.placed(c, s.claims).Tags
		}
		all = append(all, d.drained(s, r, p))
	}
	return all
}

// placementOf returns what the placements of a rollout have in common; ok is false if it has none.
func (d *decision) placementOf(s state, r timeline.Rollout) (p ledger.Placement, ok bool) {
	p = ledger.Placement{Service: d.obs.Service, Deployment: r.Deployment}
	switch {
	case r.State == timeline.StateInProgress:
		p.Phase, p.Since = ledger.PhaseRollingOut, r.StartedAt
	case r.State == timeline.StateCompleted && r.Until.IsZero():
		p.Phase, p.Since, p.Environment = ledger.PhaseRunning, r.FinishedAt, s.environment
	case r.State == timeline.StateCompleted:
		p.Phase, p.Since = ledger.PhaseEnded, r.FinishedAt
	default:
		p.Phase, p.Since = ledger.PhaseEnded, r.SortTime()
		p.Unfinished, p.NoStart = true, r.StartedAt.IsZero()
	}
	p.Until = r.LeftAt()
	if r.State == timeline.StateCompleted && p.Until.Equal(p.Since) {
		p.Unfinished = true // it would take the key of what replaced it
	}
	// What ran for no time ran nowhere, unless tasks of it did.
	return p, p.NoStart || closedAt(r).IsZero() || closedAt(r).After(p.Since)
}
