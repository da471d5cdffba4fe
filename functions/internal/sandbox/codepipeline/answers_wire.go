package codepipeline

import (
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// findJob gives the job that a request names: it is known where its action acts.
func (s *Service) findJob(caller wire.Caller, id string) (*Job, error) {
	j, ok := s.jobs[id]
	if !ok || j.action.scope() != caller.Scope {
		return nil, noJob(id)
	}
	return j, nil
}

func noJob(id string) error {
	return wire.Errorf("JobNotFoundException", "A job with id '%s' does not exist", id)
}

// openJob gives the job that a request answers, and refuses one that is over.
func (s *Service) openJob(caller wire.Caller, id string) (*Job, error) {
	j, err := s.findJob(caller, id)
	if err != nil || j.action.goesOn() {
		return j, err
	}
	return nil, wire.Errorf("InvalidJobStateException", "The job '%s' is already in the state %s", j.id, j.action.course.status())
}

type putJobSuccessResultInput struct {
	Job          *string           `json:"jobId"`
	Revision     *currentRevision  `json:"currentRevision"`
	Continuation *string           `json:"continuationToken"`
	Execution    *executionDetails `json:"executionDetails"`
	Variables    map[string]string `json:"outputVariables"`
}

// currentRevision is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_CurrentRevision.html.
type currentRevision struct {
	Revision         *string    `json:"revision"`
	ChangeIdentifier *string    `json:"changeIdentifier"`
	Created          *wire.Time `json:"created"`
	Summary          *string    `json:"revisionSummary"`
}

// executionDetails is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ExecutionDetails.html.
type executionDetails struct {
	Summary    *string `json:"summary"`
	ExternalID *string `json:"externalExecutionId"`
	Percent    *int    `json:"percentComplete"`
}

// maxVariables bounds the bytes of an action's variables,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html.
const maxVariables = 122880

func (in putJobSuccessResultInput) check() error {
	if err := first(
		checkID("jobId", in.Job), sized("continuationToken", in.Continuation, 1, 2048),
		in.Execution.check(), in.Revision.check(), checkVariables(in.Variables),
	); err != nil {
		return err
	}
	if in.Continuation != nil && len(in.Variables) > 0 {
		return invalid("outputVariables cannot be given with a continuationToken")
	}
	return nil
}

func (d *executionDetails) check() error {
	if d == nil {
		return nil
	}
	return first(
		sized("executionDetails.summary", d.Summary, 1, 2048),
		sized("executionDetails.externalExecutionId", d.ExternalID, 1, 1500),
		within("executionDetails.percentComplete", d.Percent, 0, 100),
	)
}

func (r *currentRevision) check() error {
	if r == nil {
		return nil
	}
	return first(
		need("currentRevision.revision", r.Revision != nil),
		sized("currentRevision.revision", r.Revision, 1, 1500),
		need("currentRevision.changeIdentifier", r.ChangeIdentifier != nil),
		sized("currentRevision.changeIdentifier", r.ChangeIdentifier, 1, 100),
		sized("currentRevision.revisionSummary", r.Summary, 1, 2048),
	)
}

func checkVariables(variables map[string]string) error {
	size := 0
	for key, value := range variables {
		if err := like("outputVariables", &key, variablePattern); err != nil {
			return err
		}
		size += len(key) + len(value)
	}
	if size > maxVariables {
		return wire.Errorf("OutputVariablesSizeExceededException", "The output variables have %d bytes, which exceeds the limit of %d", size, maxVariables)
	}
	return nil
}

// putJobSuccessResult is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutJobSuccessResult.html.
// With a continuation token the job stays open. That every output artifact was
// written is not checked.
func (s *Service) putJobSuccessResult(caller wire.Caller, in putJobSuccessResultInput) (out struct{}, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	j, err := s.openJob(caller, *in.Job)
	if err != nil {
		return out, err
	}
	return out, j.succeed(in)
}

func (j *Job) succeed(in putJobSuccessResultInput) error {
	answer := Answer{Status: JobSucceeded, Variables: in.Variables}
	if d := in.Execution; d != nil {
		answer.Summary, answer.ExternalID = value(d.Summary), value(d.ExternalID)
		answer.Percent = value(d.Percent)
	}
	if in.Continuation != nil {
		answer.Status, answer.Continuation = JobPending, *in.Continuation
		j.answer, j.continuation = answer, *in.Continuation
		return nil
	}
	result := Result{ExternalID: answer.ExternalID, Summary: answer.Summary, Variables: in.Variables}
	return j.end(Succeeded, result, answer)
}

type putJobFailureResultInput struct {
	Job     *string         `json:"jobId"`
	Failure *failureDetails `json:"failureDetails"`
}

// failureDetails is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureDetails.html.
type failureDetails struct {
	Type       *string `json:"type"`
	Message    *string `json:"message"`
	ExternalID *string `json:"externalExecutionId"`
}

func (d *failureDetails) check() error {
	if d == nil {
		return need("failureDetails", false)
	}
	return first(
		need("failureDetails.type", d.Type != nil),
		among("failureDetails.type", d.Type,
			"JobFailed", "ConfigurationError", "PermissionError", "RevisionOutOfSync", "RevisionUnavailable", "SystemUnavailable"),
		need("failureDetails.message", d.Message != nil),
		sized("failureDetails.message", d.Message, 1, 5000),
		sized("failureDetails.externalExecutionId", d.ExternalID, 1, 1500),
	)
}

// putJobFailureResult is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutJobFailureResult.html.
func (s *Service) putJobFailureResult(caller wire.Caller, in putJobFailureResultInput) (out struct{}, err error) {
	if err := first(checkID("jobId", in.Job), in.Failure.check()); err != nil {
		return out, err
	}
	j, err := s.openJob(caller, *in.Job)
	if err != nil {
		return out, err
	}
	d := in.Failure
	answer := Answer{Status: JobFailed, ExternalID: value(d.ExternalID), FailureType: *d.Type, Message: *d.Message}
	return out, j.end(Failed, Result{ExternalID: answer.ExternalID, Summary: *d.Message, ErrorCode: *d.Type}, answer)
}

// end ends the job and its action.
func (j *Job) end(state State, result Result, answer Answer) (err error) {
	at := j.action.stage.execution.service().options.Now()
	if at.Before(j.action.startedAt) {
		at = j.action.startedAt // a story may be ahead of the clock
	}
	answer.Event, err = j.action.finish(state, result, at)
	j.answer = answer
	return err
}

// value gives what a pointer points at, the zero value for nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
