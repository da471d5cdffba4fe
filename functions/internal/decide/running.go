package decide

import (
	"reflect"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// changeRunning writes the running row, and what is left of it where it goes.
func (d *decision) changeRunning(c *ledger.Change) {
	was, is := d.running(d.before), d.running(d.after)
	if is != nil && !reflect.DeepEqual(was, is) {
		c.Running = is
	}
	d.changePast(c)
	from := d.before.environment
	if from == "" || is != nil && is.Environment == from {
		return
	}
	c.DropRunning = from
	if was != nil && !saysThatItLeft(c.Past, *was) {
		was.CompleteSince = d.after.completeSince
		until := d.leftAt()
		c.Past = append(c.Past, ledger.PastRecord{RunningRecord: *was, Until: until, Expires: d.expiry(until)})
	}
}

// saysThatItLeft reports whether one of the records is the end of what was running: a
// service that has gone has its own. Those of its earlier lives may be written anew beside.
func saysThatItLeft(past []ledger.PastRecord, was ledger.RunningRecord) bool {
	return slices.ContainsFunc(past, func(p ledger.PastRecord) bool {
		return p.Environment == was.Environment && !p.Until.Before(was.Since)
	})
}

// leftAt returns when the service left its environment: as another rollout completed,
// else when a changed rule was first seen.
func (d *decision) leftAt() time.Time {
	if running, ok := d.after.Current(); ok && !d.runsOn() {
		return running.FinishedAt
	}
	return d.obs.Now
}

// running returns the running row, nil while no container is known.
func (d *decision) running(s state) *ledger.RunningRecord {
	running, ok := s.Current()
	if !ok {
		return nil
	}
	record := d.runningRecord(s, running, s.environment, s.claims)
	if next, ok := s.RollingOut(); ok && record != nil {
		record.RollingOut = next.Deployment
	}
	return record
}

// runningRecord returns what a rollout runs in an environment, nil while no container is known.
func (d *decision) runningRecord(s state, r timeline.Rollout, environment string, claims []ledger.Claim) *ledger.RunningRecord {
	of := s.details(r)
	if len(of.Containers) == 0 {
		return nil
	}
	record := &ledger.RunningRecord{
		Service:        d.obs.Service,
		Environment:    environment,
		Deployment:     r.Deployment,
		TaskDefinition: of.TaskDefinition,
		Since:          r.FinishedAt,
		Joined:         of.JoinedAt(),
		CompleteSince:  s.completeSince,
		Release:        r.Released(),
		Rollback:       r.Rollback,
	}
	for _, c := range of.Containers {
		record.Containers = append(record.Containers, d.placed(c, claims))
	}
	return record
}

// placed returns a container with the tags that it claims for its own image.
func (d *decision) placed(c tagalong.Container, claims []ledger.Claim) ledger.Placed {
	s := d.obs.Service
	p := ledger.Placed{Container: c, Foreign: !d.obs.Policy.CanTag(s, c)}
	for _, claim := range claims {
		switch {
		case claim.By != ledger.ContainerClaimant(s, c.Name) || claim.Tag.Repository != c.Image || claim.Digest != c.Target():
		case claim.PutOnce:
			p.PutOnce = append(p.PutOnce, claim.Tag.Tag)
		default:
			p.Tags = append(p.Tags, claim.Tag.Tag)
		}
	}
	return p
}
