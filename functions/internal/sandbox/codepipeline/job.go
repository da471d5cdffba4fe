package codepipeline

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Credentials are temporary ones, as STS gives them.
type Credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
}

// Job is what an action that invokes a Lambda function hands to it,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html.
// It lives in the account and the Region of its action, and is over when that is.
type Job struct {
	action       *Action
	id           string
	credentials  Credentials
	continuation string // the token of the last answer that said "still working"
	answer       Answer
}

// JobStatus is how far a job came.
type JobStatus string

// The states of a job. One whose action ended without it is never answered.
const (
	JobPending   JobStatus = "pending"
	JobSucceeded JobStatus = "succeeded"
	JobFailed    JobStatus = "failed"
)

// Answer is what a function said of its job.
type Answer struct {
	Status       JobStatus
	Summary      string
	ExternalID   string
	Percent      int
	Variables    map[string]string
	Continuation string // the function has said that it still works: to be invoked again with this token
	FailureType  string
	Message      string // of a failure
	Event        []byte // of the action that it ended, nil while it is pending
}

// newJob makes the action's job, with credentials for its artifacts.
func (a *Action) newJob() {
	s := a.stage.execution.service()
	seed := s.ids.Seed("job", a.id)
	a.job = &Job{
		action: a, id: wire.UUID(seed...), answer: Answer{Status: JobPending},
		credentials: Credentials{
			AccessKeyID:     "ASIA" + strings.ToUpper(wire.Hex(16, append(seed, "key")...)),
			SecretAccessKey: wire.Hex(40, append(seed, "secret")...),
			SessionToken:    wire.Hex(64, append(seed, "token")...),
		},
	}
	s.jobs[a.job.id] = a.job
	if s.options.Store != nil {
		s.options.Store.Grant(a.job.grant())
	}
}

func (j *Job) grant() Grant {
	a := j.action
	g := Grant{Credentials: j.credentials, Account: a.scope().Account, Bucket: a.stage.execution.pipeline.options.Bucket}
	for _, artifact := range a.inputs {
		g.Read = append(g.Read, artifact.Key)
	}
	for _, artifact := range a.outputs {
		g.Write = append(g.Write, artifact.Key)
	}
	return g
}

// Job gives the job of an action that invokes a function, nil if it does not.
func (a *Action) Job() *Job { return a.job }

// ID of the job, a UUID.
func (j *Job) ID() string { return j.id }

// Credentials are those for the action's artifacts: its inputs can be read with
// them, and its outputs written.
func (j *Job) Credentials() Credentials { return j.credentials }

// Answer gives what the function said so far.
func (j *Job) Answer() Answer {
	defer j.action.stage.execution.pipeline.lock()()
	answer := j.answer
	answer.Variables = maps.Clone(answer.Variables)
	return answer
}

// Event gives the event that the function is invoked with, each time that it is:
// after an answer with a continuation token it has that token.
func (j *Job) Event() []byte {
	defer j.action.stage.execution.pipeline.lock()()
	data, _ := json.Marshal(map[string]wireJob{"CodePipeline.job": j.describe(false)}) // strings only
	return data
}
