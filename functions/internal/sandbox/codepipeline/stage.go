package codepipeline

import (
	"fmt"
	"slices"
	"time"
)

// Stage is a stage of an execution in the hands of a story or a test.
type Stage struct {
	execution *Execution
	name      string
	startedAt time.Time
	retriedAt time.Time // zero if it never was
	attempt   int       // of the execution, that it last ran in
	state     State
	actions   []*Action // all runs, oldest first
}

// StartStage starts a stage, which an execution does once, and gives its STARTED
// event.
func (x *Execution) StartStage(name string, at time.Time) (*Stage, []byte, error) {
	defer x.pipeline.lock()()
	if !nameExpr.MatchString(name) {
		return nil, nil, fmt.Errorf("stage %q: want 1 to 100 of a-z, A-Z, 0-9, ., @, _ and -", name)
	}
	if !x.goesOn() || slices.ContainsFunc(x.stages, func(st *Stage) bool { return st.name == name }) {
		return nil, nil, fmt.Errorf("starting stage %s: %w", name, ErrState)
	}
	st := &Stage{execution: x, name: name, startedAt: instant(at), attempt: x.attempt, state: started}
	x.stages = append(x.stages, st)
	return st, st.emit(st.startedAt), nil
}

// Stop lets a stage of an execution that is being stopped stop, and gives its
// STOPPING event.
func (st *Stage) Stop(at time.Time) ([]byte, error) {
	defer st.execution.pipeline.lock()()
	if st.execution.state != stopping || !st.runs() {
		return nil, fmt.Errorf("stopping stage %s: %w", st.name, ErrState)
	}
	st.state = stopping
	return st.emit(instant(at)), nil
}

// Finish ends a stage whose actions have all ended, as SUCCEEDED, FAILED, STOPPED
// or CANCELED, and gives its event. It succeeds only if they did, and is stopped
// only if Stop came before.
func (st *Stage) Finish(state State, at time.Time) ([]byte, error) {
	defer st.execution.pipeline.lock()()
	if !st.mayBecome(state) {
		return nil, fmt.Errorf("stage %s becoming %s: %w", st.name, state, ErrState)
	}
	st.state = state
	return st.emit(instant(at)), nil
}

func (st *Stage) mayBecome(state State) bool {
	if slices.ContainsFunc(st.actions, (*Action).goesOn) {
		return false
	}
	switch state {
	case Succeeded:
		return st.goesOn() && st.allSucceeded()
	case Failed, Canceled:
		return st.runs()
	case Stopped:
		return st.state == stopping
	}
	return false
}

// allSucceeded tells whether the last run of each action did.
func (st *Stage) allSucceeded() bool {
	last := map[string]string{}
	for _, a := range st.actions {
		last[a.name] = a.course.status()
	}
	for _, status := range last {
		if status != statuses[Succeeded] {
			return false
		}
	}
	return true
}

// Retry runs a failed stage again, in the next attempt of its execution, and
// gives its RESUMED event; its actions are then started anew, all of them or
// those that failed. An execution that has failed goes on: the pipeline's own
// RESUMED event is only among Events.
func (st *Stage) Retry(at time.Time) ([]byte, error) {
	x := st.execution
	defer x.pipeline.lock()()
	if st.state != Failed || !x.goesOn() && x.state != Failed {
		return nil, fmt.Errorf("retrying stage %s: %w", st.name, ErrState)
	}
	at = instant(at)
	x.attempt++
	if x.state == Failed {
		x.change(resumed, at)
		x.emit(at, nil)
	}
	st.state, st.retriedAt, st.attempt = resumed, at, x.attempt
	return st.emit(at), nil
}

// runs tells whether actions can start.
func (st *Stage) runs() bool { return st.state == started || st.state == resumed }

func (st *Stage) goesOn() bool { return st.runs() || st.state == stopping }
