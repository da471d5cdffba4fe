package codedeploy

import (
	"cmp"
	"fmt"
	"time"
)

// Succeed ends a deployment well and gives the SUCCESS event: the replacement
// has the traffic, if it had not before, and the original is deleted. Of a
// rollback without a task set of its own the original stays.
func (d *Deployment) Succeed(at time.Time) ([]byte, error) {
	defer d.group.lock()()
	if !d.works() {
		return nil, fmt.Errorf("succeeding %s: %w", d.id, ErrState)
	}
	if err := d.replace(at); err != nil {
		return nil, fmt.Errorf("succeeding %s: %w", d.id, err)
	}
	d.end(at)
	return d.change(succeeded, "SUCCESS", at), nil
}

// replace puts the replacement in the place of the original.
func (d *Deployment) replace(at time.Time) error {
	if d.group.target == nil || d.creator == byRollback && d.replacement == nil {
		return nil
	}
	if !d.shifted() {
		if err := d.shift(at); err != nil {
			return err
		}
	}
	if err := d.original.Delete(at); err != nil {
		return err
	}
	d.original = nil
	return nil
}

// Fail ends a deployment badly and gives the FAILURE event: the original has the
// traffic, again if need be, and the replacement is deleted. CodeDeploy may take
// its time over that; here it is done when the event is sent.
func (d *Deployment) Fail(at time.Time, message string) ([]byte, error) {
	failure := errorInformation{"ECS_UPDATE_ERROR", cmp.Or(message, "The ECS service cannot be updated due to an unexpected error.")}
	return d.abort(failed, "FAILURE", failure, at)
}

// Stop ends a deployment as a user would and gives the STOP event; for the rest
// it is like Fail.
func (d *Deployment) Stop(at time.Time) ([]byte, error) {
	return d.abort(stopped, "STOP", errorInformation{"MANUAL_STOP", "The deployment was stopped by a user."}, at)
}

func (d *Deployment) abort(status, event string, failure errorInformation, at time.Time) ([]byte, error) {
	defer d.group.lock()()
	if !d.works() && d.status != created {
		return nil, fmt.Errorf("ending %s: %w", d.id, ErrState)
	}
	if err := d.restore(at); err != nil {
		return nil, fmt.Errorf("ending %s: %w", d.id, err)
	}
	d.failure = &failure
	return d.change(status, event, at), nil
}

// restore takes the replacement away, which CodeDeploy keeps reporting as it was
// when it drained.
func (d *Deployment) restore(at time.Time) error {
	if d.shifted() {
		if err := d.original.MakePrimary(at); err != nil {
			return err
		}
	}
	if d.replacement == nil {
		d.end(at)
		return nil
	}
	if err := d.replacement.Drain(at); err != nil {
		return err
	}
	d.end(at)
	return d.replacement.Delete(at)
}

// end keeps what is known of the task sets: those of later deployments do not
// belong to this one.
func (d *Deployment) end(at time.Time) {
	d.last, d.completedAt = d.taskSets(), instant(at)
}

// RollBack starts the deployment that rolls a failed or stopped one back and
// gives its START event. It has the traffic sent to the task set that was there
// before, which is a deployment with an id of its own; a story in which
// CodeDeploy has to create a task set for that uses Install.
//
// https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html.
func (d *Deployment) RollBack(at time.Time) (*Deployment, []byte, error) {
	defer d.group.lock()()
	if !d.failedOnceStarted() || d.rolledBy != nil || d.group.running() != nil {
		return nil, nil, fmt.Errorf("rolling back %s: %w", d.id, ErrState)
	}
	back := d.group.create(d.before, byRollback, at)
	d.rolledBy, back.rolledBack = back, d
	event, err := back.start(at)
	return back, event, err
}

func (d *Deployment) failedOnceStarted() bool {
	return (d.status == failed || d.status == stopped) && !d.startedAt.IsZero()
}
