package codepipeline

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// State is what an event says has become of an execution, a stage or an action.
type State string

// The states that an execution or a stage ends in; only an execution is
// superseded.
const (
	Succeeded  State = "SUCCEEDED"
	Failed     State = "FAILED"
	Stopped    State = "STOPPED"
	Canceled   State = "CANCELED"
	Superseded State = "SUPERSEDED"
)

const (
	started   State = "STARTED"
	resumed   State = "RESUMED"
	stopping  State = "STOPPING"
	abandoned State = "ABANDONED"
)

// inProgress is the status of what goes on, as the API spells it.
const inProgress = "InProgress"

// statuses are the states as the API spells them,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html.
var statuses = map[State]string{
	started: inProgress, resumed: inProgress, stopping: "Stopping",
	Succeeded: "Succeeded", Failed: "Failed", Stopped: "Stopped", Canceled: "Cancelled", Superseded: "Superseded",
	abandoned: "Abandoned",
}

// ExecutionOptions say what starts an execution.
type ExecutionOptions struct {
	ID        string     // a UUID; derived by default
	Trigger   Trigger    // StartPipelineExecution by default, of a rollback ManualRollback
	Revisions []Revision // that its sources bring
	// RollbackOf makes it a rollback of a stage to what an earlier execution of
	// the same structure brought: it has that one's revisions.
	RollbackOf *Execution
}

// Trigger is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ExecutionTrigger.html.
type Trigger struct {
	Type   string `json:"triggerType"`
	Detail string `json:"triggerDetail,omitempty"`
}

// Revision is a source revision, named like the source's artifact.
type Revision struct {
	Name             string
	ID               string // a commit, or an image's digest
	ChangeIdentifier string
	Summary          string
	URL              string
	Created          time.Time
}

// Execution is an execution of a pipeline in the hands of a story or a test.
type Execution struct {
	pipeline  *Pipeline
	id        string
	options   ExecutionOptions
	version   int
	startedAt time.Time
	attempt   int
	state     State
	course    course
	stages    []*Stage
	artifacts map[string]Artifact // by name, the newest of each
}

// Start starts an execution and gives the pipeline's STARTED event.
func (p *Pipeline) Start(options ExecutionOptions, at time.Time) (*Execution, []byte, error) {
	defer p.lock()()
	if err := p.prepare(&options); err != nil {
		return nil, nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	at = instant(at)
	x := &Execution{
		pipeline: p, id: cmp.Or(options.ID, wire.UUID(p.service.ids.Seed("execution", p.ARN())...)), options: options,
		version: p.options.Version, startedAt: at, attempt: 1, artifacts: map[string]Artifact{},
	}
	p.executions[x.id] = x
	x.change(started, at)
	return x, x.emit(at, func(d *detail) { d.Trigger = &eventTrigger{options.Trigger.Type, options.Trigger.Detail} }), nil
}

// prepare fills in what the options leave open.
func (p *Pipeline) prepare(options *ExecutionOptions) error {
	if p.executions[options.ID] != nil {
		return fmt.Errorf("execution %s: it has started before", options.ID)
	}
	old := options.RollbackOf
	if old == nil {
		options.Trigger.Type = cmp.Or(options.Trigger.Type, "StartPipelineExecution")
		options.Revisions = slices.Clone(options.Revisions)
		return nil
	}
	if old.pipeline != p || old.version != p.options.Version {
		return fmt.Errorf("rolling back to execution %s: it is of another pipeline or structure", old.id)
	}
	options.Trigger.Type = cmp.Or(options.Trigger.Type, "ManualRollback")
	options.Revisions = slices.Clone(old.options.Revisions)
	return nil
}

// ID of the execution, a UUID.
func (x *Execution) ID() string { return x.id }

// Stop lets an execution stop, after its running actions or without them, and
// gives the pipeline's STOPPING event. Its stages are stopped by Stage.Stop.
func (x *Execution) Stop(comments string, at time.Time) ([]byte, error) {
	defer x.pipeline.lock()()
	if !x.goesOn() {
		return nil, fmt.Errorf("stopping execution %s: %w", x.id, ErrState)
	}
	at = instant(at)
	x.change(stopping, at)
	return x.emit(at, func(d *detail) { d.Comments = comments }), nil
}

// Finish ends an execution whose stages have all ended, and gives the pipeline's
// event. It succeeds only if they did, and is stopped only if Stop came before.
func (x *Execution) Finish(state State, at time.Time) ([]byte, error) {
	defer x.pipeline.lock()()
	if !x.mayBecome(state) {
		return nil, fmt.Errorf("execution %s becoming %s: %w", x.id, state, ErrState)
	}
	at = instant(at)
	x.change(state, at)
	return x.emit(at, nil), nil
}

func (x *Execution) mayBecome(state State) bool {
	if slices.ContainsFunc(x.stages, (*Stage).goesOn) {
		return false
	}
	unsuccessful := func(st *Stage) bool { return st.state != Succeeded }
	switch state {
	case Succeeded:
		return x.goesOn() && !slices.ContainsFunc(x.stages, unsuccessful)
	case Failed, Canceled, Superseded:
		return x.goesOn()
	case Stopped:
		return x.state == stopping
	}
	return false
}

func (x *Execution) goesOn() bool { return x.state == started || x.state == resumed }

func (x *Execution) change(state State, at time.Time) {
	x.state = state
	x.course.step(statuses[state], at)
}
