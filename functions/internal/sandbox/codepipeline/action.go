package codepipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// ActionType says what an action does, such as Deploy by AWS's ECS,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionTypeId.html.
type ActionType struct {
	Category string `json:"category"`
	Owner    string `json:"owner"` // AWS by default
	Provider string `json:"provider"`
	Version  string `json:"version"` // 1 by default
}

// ActionOptions are an action's settings.
type ActionOptions struct {
	ID            string // of its run, a UUID; derived by default
	Type          ActionType
	Configuration map[string]string // as the pipeline's structure has it
	Resolved      map[string]string // with its variables resolved; the same by default
	RoleARN       string            // that it acts with, "" for the pipeline's own
	Region        string            // that it acts in, the pipeline's by default
	Namespace     string            // of its variables
	Inputs        []string          // names of artifacts that earlier actions made
	Outputs       []string          // names of artifacts that it makes
}

// Result is what an action's provider tells about its work.
type Result struct {
	ExternalID string
	Summary    string
	URL        string
	ErrorCode  string // of a failure; JobFailed by default
	Variables  map[string]string
}

// Action is one run of an action in the hands of a story or a test.
type Action struct {
	stage     *Stage
	name      string
	id        string
	number    int // counts the runs of the pipeline's actions
	options   ActionOptions
	startedAt time.Time
	attempt   int
	course    course
	inputs    []Artifact
	outputs   []Artifact
	result    Result // zero until it has ended
	job       *Job   // nil if it invokes no function
}

// StartAction starts an action and gives its STARTED event. In one attempt an
// action runs once. What invokes a Lambda function has a Job from then on.
func (st *Stage) StartAction(name string, options ActionOptions, at time.Time) (*Action, []byte, error) {
	defer st.execution.pipeline.lock()()
	if err := st.prepare(name, &options); err != nil {
		return nil, nil, fmt.Errorf("starting action %s: %w", name, err)
	}
	x := st.execution
	a := &Action{
		stage: st, name: name, id: cmp.Or(options.ID, wire.UUID(x.service().ids.Seed("action", x.id, st.name, name)...)),
		number: len(x.pipeline.actions), options: options, startedAt: instant(at), attempt: st.attempt,
	}
	if err := a.takeArtifacts(); err != nil {
		return nil, nil, fmt.Errorf("starting action %s: %w", name, err)
	}
	st.actions = append(st.actions, a)
	x.pipeline.actions = append(x.pipeline.actions, a)
	a.course.step(inProgress, a.startedAt)
	if options.Type.Category == "Invoke" && options.Type.Provider == "Lambda" {
		a.newJob()
	}
	return a, a.emit(started, a.startedAt), nil
}

// prepare checks an action that is to start and fills in what its options leave
// open.
func (st *Stage) prepare(name string, options *ActionOptions) error {
	options.Type.Owner = cmp.Or(options.Type.Owner, "AWS")
	options.Type.Version = cmp.Or(options.Type.Version, "1")
	options.Region = cmp.Or(options.Region, st.execution.pipeline.scope.Region)
	if options.Resolved == nil {
		options.Resolved = options.Configuration
	}
	options.Configuration, options.Resolved = maps.Clone(options.Configuration), maps.Clone(options.Resolved)
	ran := func(a *Action) bool { return a.name == name && a.attempt == st.attempt }
	if !st.runs() || !st.execution.goesOn() || slices.ContainsFunc(st.actions, ran) {
		return ErrState
	}
	if !nameExpr.MatchString(name) {
		return fmt.Errorf("name %q: want 1 to 100 of a-z, A-Z, 0-9, ., @, _ and -", name)
	}
	return checkOptions(*options)
}

// checkOptions refuses settings that no pipeline can have,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html.
func checkOptions(options ActionOptions) error {
	if options.Type.Category == "" || options.Type.Provider == "" {
		return fmt.Errorf("type %+v: want a category and a provider", options.Type)
	}
	if options.RoleARN != "" && !roleExpr.MatchString(options.RoleARN) {
		return fmt.Errorf("role %q: want the ARN of a role", options.RoleARN)
	}
	for key, value := range options.Configuration {
		if len(key) < 1 || len(key) > 50 || len(value) < 1 || len(value) > 1000 {
			return fmt.Errorf("configuration %q: want a key of 1 to 50 characters and a value of 1 to 1000, not %d", key, len(value))
		}
	}
	return nil
}

// ID of the action's run, a UUID.
func (a *Action) ID() string { return a.id }

// Succeed ends the action well and gives its SUCCEEDED event.
func (a *Action) Succeed(result Result, at time.Time) ([]byte, error) {
	defer a.stage.execution.pipeline.lock()()
	return a.finish(Succeeded, result, at)
}

// Fail ends the action and gives its FAILED event.
func (a *Action) Fail(result Result, at time.Time) ([]byte, error) {
	defer a.stage.execution.pipeline.lock()()
	result.ErrorCode = cmp.Or(result.ErrorCode, "JobFailed")
	return a.finish(Failed, result, at)
}

// Abandon ends the action without waiting for what it began, as an execution does
// that is being stopped, and gives its ABANDONED event.
func (a *Action) Abandon(at time.Time) ([]byte, error) {
	defer a.stage.execution.pipeline.lock()()
	if a.stage.execution.state != stopping {
		return nil, fmt.Errorf("abandoning action %s: %w", a.name, ErrState)
	}
	return a.finish(abandoned, Result{}, at)
}

func (a *Action) finish(state State, result Result, at time.Time) ([]byte, error) {
	if !a.goesOn() {
		return nil, fmt.Errorf("action %s becoming %s: %w", a.name, state, ErrState)
	}
	at = instant(at)
	a.result = result
	a.course.step(statuses[state], at)
	return a.emit(state, at), nil
}

func (a *Action) goesOn() bool { return a.course.status() == inProgress }

// scope is where the action acts: in its role's account, else the pipeline's.
func (a *Action) scope() wire.Scope {
	scope := a.stage.execution.pipeline.scope
	scope.Region = a.options.Region
	if role := a.options.RoleARN; role != "" {
		scope.Account = strings.Split(role, ":")[4]
	}
	return scope
}
