package events

import (
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ExecutionState is what has happened to a stage or an action of a pipeline's
// execution. AWS may add states: one that is none of the constants is kept as
// it is, and is no error.
type ExecutionState string

// The states that events report. The API of CodePipeline spells some of them
// differently, such as Cancelled.
const (
	ExecutionStarted   ExecutionState = "STARTED"
	ExecutionSucceeded ExecutionState = "SUCCEEDED"
	ExecutionFailed    ExecutionState = "FAILED"

	// ExecutionCanceled says that the pipeline's structure was changed under
	// the execution.
	ExecutionCanceled ExecutionState = "CANCELED"

	// ExecutionResumed, of stages only, says that a failed stage is retried.
	ExecutionResumed ExecutionState = "RESUMED"

	// ExecutionStopping and ExecutionStopped are of stages only: somebody
	// stops the execution, and it has stopped.
	ExecutionStopping ExecutionState = "STOPPING"
	ExecutionStopped  ExecutionState = "STOPPED"

	// ExecutionAbandoned, of actions only, says that the execution was
	// stopped without waiting for the action. What it began may go on.
	ExecutionAbandoned ExecutionState = "ABANDONED"
)

// execution is what the events of stages and actions have in common.
type execution struct {
	envelope  Envelope
	arn       pipelineARN // as the event says it, which need not be
	pipeline  string
	id        string
	stage     string
	state     ExecutionState
	startedAt time.Time
	version   count
	attempt   count
}

func parseExecution(top, detail object, envelope Envelope) execution {
	return execution{
		envelope:  envelope,
		arn:       pipelineOf(top, detail),
		pipeline:  must(detail, "pipeline", pipelineName),
		id:        must(detail, "execution-id", executionID),
		stage:     must(detail, "stage", pipelineName),
		state:     ExecutionState(must(detail, "state", term)),
		startedAt: may(detail, "start-time", instant),
		version:   detail.count("version"),
		attempt:   detail.count("pipeline-execution-attempt"),
	}
}

// pipelineOf reads the ARN of the pipeline that an event is about, and notes
// what contradicts it. Nothing else depends on the ARN, so it may be absent.
func pipelineOf(top, detail object) pipelineARN {
	must(top, "time", instant) // the only time of the change
	var arn pipelineARN
	if len(top.list("resources")) > 0 {
		arn = first(top, "resources", pipelineResource)
	}
	agree(top, arn.place, "resources[0]")
	name := must(detail, "pipeline", pipelineName)
	if arn.name != "" && name != "" && name != arn.name {
		detail.wrong("pipeline", name, arn.name+" as in resources[0]")
	}
	return arn
}

// Envelope returns the event as it arrived.
func (e execution) Envelope() Envelope { return e.envelope.clone() }

// Account is the pipeline's account, 12 digits. An action may act in another.
func (e execution) Account() string { return e.envelope.Account }

// Region is the pipeline's Region.
func (e execution) Region() string { return e.envelope.Region }

// Time is when CodePipeline sent the event, UTC, mostly in whole seconds. The
// event has no other time of the change that it reports.
func (e execution) Time() time.Time { return e.envelope.Time }

// Pipeline is the pipeline's name, which is unique in its account and Region.
func (e execution) Pipeline() string { return e.pipeline }

// PipelineARN is the pipeline's ARN as the event says it, empty if it does not.
func (e execution) PipelineARN() string { return e.arn.text }

// Execution is the id of the pipeline's execution, a UUID. A retry of a stage
// keeps it; a rollback is an execution of its own.
func (e execution) Execution() string { return e.id }

// Stage is the stage's name, which is unique in its pipeline.
func (e execution) Stage() string { return e.stage }

// State is what has happened. One execution may report a state of a stage more
// than once: a retry adds to Attempt.
func (e execution) State() ExecutionState { return e.state }

// StartedAt is when the stage or the action began, UTC, in milliseconds, zero
// if the event does not say.
func (e execution) StartedAt() time.Time { return e.startedAt }

// Version is the version of the pipeline's structure, from 1, or 0 if the event
// does not say.
func (e execution) Version() int64 { return e.version.n }

// Attempt counts the tries of the execution: 1, then 2 after a retry. It is 0
// if the event does not say, and has been seen to be 0 in source stages.
func (e execution) Attempt() int64 { return e.attempt.n }

// executionDetail is the detail that stages and actions have in common.
type executionDetail struct {
	Pipeline    string         `json:"pipeline"`
	ExecutionID string         `json:"execution-id"`
	StartTime   timestamp      `json:"start-time,omitzero"`
	Stage       string         `json:"stage"`
	State       ExecutionState `json:"state"`
	Version     count          `json:"version,omitzero"`
	Attempt     count          `json:"pipeline-execution-attempt,omitzero"`
}

func (e execution) detail() executionDetail {
	return executionDetail{e.pipeline, e.id, timestamp(e.startedAt), e.stage, e.state, e.version, e.attempt}
}

// StageExecutionStateChange says that a stage of a pipeline started, ended or
// is retried:
//
//	{
//	  "version": "0",
//	  "id": "c47350a3-7bb5-475b-96d9-a7adb654699c",
//	  "detail-type": "CodePipeline Stage Execution State Change",
//	  "source": "aws.codepipeline",
//	  "account": "111122223333",
//	  "time": "2026-03-04T09:47:50Z",
//	  "region": "us-east-1",
//	  "resources": ["arn:aws:codepipeline:us-east-1:111122223333:checkout-release"],
//	  "detail": {
//	    "pipeline": "checkout-release",
//	    "execution-id": "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
//	    "start-time": "2026-03-04T09:14:31.204Z",
//	    "stage": "DeployProd",
//	    "state": "SUCCEEDED",
//	    "version": 3.0,
//	    "pipeline-execution-attempt": 2.0,
//	    "stage-last-retry-attempt-time": "2026-03-04T09:41:18.006Z"
//	  }
//	}
//
// https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
//
// It names no action, artifact, cluster or image: what the stage did is known
// to the API operation ListActionExecutions only.
//
// All times are UTC, the envelope's in whole seconds and the detail's in
// milliseconds. start-time and pipeline-execution-attempt are missing in older
// events, start-time in those of the state RESUMED too. A retried stage has
// stage-last-retry-attempt-time from then on. version and attempt are written
// as 3.0, older events have 3 or "3": any of these is the whole number 3, which
// encodes the way it arrived, and any other number is refused.
//
// [Parse] refuses an event without account, Region, time, pipeline,
// execution-id, stage or state, and one whose first resource is something else
// than the pipeline that the other fields say.
type StageExecutionStateChange struct {
	execution
	retriedAt time.Time
}

func parseStageExecutionStateChange(top object, envelope Envelope) Event {
	detail := top.child("detail")
	return StageExecutionStateChange{
		execution: parseExecution(top, detail, envelope),
		retriedAt: may(detail, "stage-last-retry-attempt-time", instant),
	}
}

// RetriedAt is when the stage was last retried, UTC, in milliseconds, zero if
// it never was.
func (e StageExecutionStateChange) RetriedAt() time.Time { return e.retriedAt }

// MarshalJSON returns the part of the event that this package knows.
func (e StageExecutionStateChange) MarshalJSON() ([]byte, error) {
	return e.envelope.encode(struct {
		executionDetail
		RetriedAt timestamp `json:"stage-last-retry-attempt-time,omitzero"`
	}{e.detail(), timestamp(e.retriedAt)})
}

// ActionExecutionStateChange says that an action of a stage started or ended:
//
//	{
//	  "version": "0",
//	  "id": "fb16ee49-1bb0-4aa1-8bd0-36820fc690c2",
//	  "detail-type": "CodePipeline Action Execution State Change",
//	  "source": "aws.codepipeline",
//	  "account": "111122223333",
//	  "time": "2026-03-04T09:35:01Z",
//	  "region": "us-east-1",
//	  "resources": ["arn:aws:codepipeline:us-east-1:111122223333:checkout-release"],
//	  "detail": {
//	    "pipeline": "checkout-release",
//	    "execution-id": "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
//	    "start-time": "2026-03-04T09:14:32.611Z",
//	    "stage": "DeployProd",
//	    "action-execution-id": "b84d2f10-57c3-4e6a-8f1b-2c90d7a34e65",
//	    "execution-result": {
//	      "external-execution-url": "https://console.aws.amazon.com/ecs/home?region=us-east-1#/clusters/prod-cluster/services/checkout-api/events",
//	      "external-execution-summary": "The deployment failed because one or more containers stopped",
//	      "external-execution-id": "ecs-svc/8264410957731246980",
//	      "error-code": "JobFailed"
//	    },
//	    "input-artifacts": [{
//	      "name": "BuildArtifact",
//	      "s3location": {"bucket": "codepipeline-us-east-1-518273640912", "key": "checkout-release/BuildArtif/k2Xw9Qd"}
//	    }],
//	    "action": "DeployToEcs",
//	    "state": "FAILED",
//	    "region": "us-east-1",
//	    "type": {"owner": "AWS", "provider": "ECS", "category": "Deploy", "version": "1"},
//	    "version": 3.0,
//	    "pipeline-execution-attempt": 1.0
//	  }
//	}
//
// https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
//
// The fields that a [StageExecutionStateChange] has too are as there. The
// detail's region is where the action acts, which need not be the pipeline's.
// execution-result, artifacts and action-execution-id may be absent. The action
// type's version is a string, in older events a whole number.
//
// [Parse] refuses what it refuses of a stage, and an action without a name or a
// type.
type ActionExecutionStateChange struct {
	execution
	action      string
	executionID string
	region      string // as the event says it, which need not be
	actionType  ActionType
	result      ExecutionResult
	inputs      []Artifact
	outputs     []Artifact
}

// ActionType says what an action does, such as Deploy by AWS's ECS.
type ActionType struct {
	// Owner is AWS, ThirdParty or Custom.
	Owner string `json:"owner"`

	// Provider is who does it, such as ECS, CodeDeployToECS or Lambda.
	Provider string `json:"provider"`

	// Category is Source, Build, Test, Deploy, Invoke, Approval or one that
	// AWS adds.
	Category string `json:"category"`

	// Version is the version of the provider, mostly 1, and may be empty.
	Version string `json:"version,omitempty"`
}

// ExecutionResult is what an action's provider tells about its work. All of it
// is the provider's own, for people, and may be empty.
type ExecutionResult struct {
	// URL leads to more, such as a page of the console. Nobody has checked
	// that it is a link to there, or a link at all.
	URL string `json:"external-execution-url,omitempty"`

	// Summary is a sentence, at most 1,024 bytes of it.
	Summary string `json:"external-execution-summary,omitempty"`

	// ID is the provider's name of the work, at most 1,024 bytes of it.
	ID string `json:"external-execution-id,omitempty"`

	// ErrorCode is the kind of failure, such as JobFailed.
	ErrorCode string `json:"error-code,omitempty"`
}

// Artifact is something that an action takes or makes.
type Artifact struct {
	// Name is the artifact's name in its pipeline.
	Name string `json:"name"`

	// Location is where the artifact is kept in S3. It is zero if the event
	// does not say.
	Location S3Location `json:"s3location,omitzero"`
}

// S3Location is the place of an object in S3.
type S3Location struct {
	Bucket string `json:"bucket,omitempty"`
	Key    string `json:"key,omitempty"`
}

func parseActionExecutionStateChange(top object, envelope Envelope) Event {
	detail := top.child("detail")
	return ActionExecutionStateChange{
		execution:   parseExecution(top, detail, envelope),
		action:      must(detail, "action", pipelineName),
		executionID: may(detail, "action-execution-id", actionExecutionID),
		region:      may(detail, "region", regionName),
		actionType:  parseActionType(detail.child("type")),
		result:      parseExecutionResult(detail),
		inputs:      parseArtifacts(detail, "input-artifacts"),
		outputs:     parseArtifacts(detail, "output-artifacts"),
	}
}

func parseActionType(o object) ActionType {
	return ActionType{
		Owner:    must(o, "owner", term),
		Provider: must(o, "provider", term),
		Category: must(o, "category", term),
		Version:  typeVersion(o),
	}
}

// typeVersion reads what was a number once, and has since become a string that
// need not be one.
func typeVersion(o object) string {
	if raw, ok := o.raw("version"); ok && typeOf(raw) == "number" {
		if c := o.count("version"); !c.IsZero() {
			return strconv.FormatInt(c.n, 10)
		}
		return ""
	}
	return may(o, "version", term)
}

func parseExecutionResult(detail object) ExecutionResult {
	o, ok := detail.mayChild("execution-result")
	if !ok {
		return ExecutionResult{}
	}
	return ExecutionResult{
		URL:       may(o, "external-execution-url", link),
		Summary:   may(o, "external-execution-summary", text),
		ID:        may(o, "external-execution-id", text),
		ErrorCode: may(o, "error-code", text),
	}
}

func parseArtifacts(detail object, name string) []Artifact {
	var list []Artifact
	for _, o := range detail.children(name) {
		artifact := Artifact{Name: must(o, "name", line)}
		if location, ok := o.mayChild("s3location"); ok {
			artifact.Location = S3Location{
				Bucket: may(location, "bucket", line),
				Key:    may(location, "key", line),
			}
		}
		list = append(list, artifact)
	}
	return list
}

// Action is the action's name, which is unique in its stage.
func (e ActionExecutionStateChange) Action() string { return e.action }

// ActionExecution is the id of this run of the action, empty if the event does
// not say.
func (e ActionExecutionStateChange) ActionExecution() string { return e.executionID }

// ActionRegion is the Region that the action acts in: the pipeline's, unless
// the event says another.
func (e ActionExecutionStateChange) ActionRegion() string {
	if e.region == "" {
		return e.Region()
	}
	return e.region
}

// Type says what the action does.
func (e ActionExecutionStateChange) Type() ActionType { return e.actionType }

// Result is what the action's provider tells, zero if it does not.
func (e ActionExecutionStateChange) Result() ExecutionResult { return e.result }

// Inputs are the artifacts that the action takes. The list is a copy.
func (e ActionExecutionStateChange) Inputs() []Artifact { return slices.Clone(e.inputs) }

// Outputs are the artifacts that the action made. The list is a copy.
func (e ActionExecutionStateChange) Outputs() []Artifact { return slices.Clone(e.outputs) }

// MarshalJSON returns the part of the event that this package knows.
func (e ActionExecutionStateChange) MarshalJSON() ([]byte, error) {
	return e.envelope.encode(struct {
		executionDetail
		ActionExecutionID string          `json:"action-execution-id,omitempty"`
		Result            ExecutionResult `json:"execution-result,omitzero"`
		Inputs            []Artifact      `json:"input-artifacts,omitempty"`
		Outputs           []Artifact      `json:"output-artifacts,omitempty"`
		Action            string          `json:"action"`
		Region            string          `json:"region,omitempty"`
		Type              ActionType      `json:"type"`
	}{e.detail(), e.executionID, e.result, e.inputs, e.outputs, e.action, e.region, e.actionType})
}

var (
	// pipelineName is the name of a pipeline, a stage or an action.
	// https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
	pipelineName = check("1 to 100 of a-z, A-Z, 0-9, ., @, _ and -", isPipelineName)

	executionID = check("a UUID in lower case, such as 3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38", isUUID)

	actionExecutionID = check("1 to 64 of a-z, A-Z, 0-9 and -", isResourceID)

	// term is a state or a part of an action's type. It is wide enough for
	// those that AWS may think of later.
	term = check("1 to 128 of a-z, A-Z, 0-9, ., _ and -", func(s string) bool {
		return sized(s, 1, 128) && only(s, func(c byte) bool { return isNamed(c) || c == '.' })
	})

	// link is cut like text, but only beyond what CodePipeline lets a
	// provider write, since half a link leads nowhere.
	link = form[string]{"a URL", func(s string) (string, bool) { return clip(s, maxLine), true }}
)

func isPipelineName(s string) bool {
	return sized(s, 1, 100) && only(s, func(c byte) bool { return isNamed(c) || c == '.' || c == '@' })
}

func isUUID(s string) bool {
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isDigit(s[i]) && (s[i] < 'a' || s[i] > 'f') {
				return false
			}
		}
	}
	return len(s) == 36
}

// pipelineARN is the ARN of a pipeline. Older events have one segment more,
// which is kept:
//
//	arn:aws:codepipeline:us-east-1:111122223333:checkout-release
//	arn:aws:codepipeline:us-east-1:111122223333:pipeline:checkout-release
type pipelineARN struct {
	place
	name, text string
}

var pipelineResource = form[pipelineARN]{
	"arn:PARTITION:codepipeline:REGION:ACCOUNT:NAME, the name of 1 to 100 of a-z, A-Z, 0-9, ., @, _ and -",
	func(s string) (pipelineARN, bool) {
		p, name, ok := splitPlace(s, "codepipeline")
		name = strings.TrimPrefix(name, "pipeline:")
		if !ok || !isPipelineName(name) {
			return pipelineARN{}, false
		}
		return pipelineARN{p, name, s}, true
	},
}

// count is a whole number from 0 that CodePipeline has written in several ways:
// 3, 3.0 and "3". What counts is its value; the way it was written is kept, so
// that it encodes the same. The zero value is a number that is absent.
type count struct {
	n    int64
	json string
}

// wholeNumber accepts the numbers of JSON that are not below zero. Who writes
// floats may write large ones as 1.0E7.
var wholeNumber = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$`)
})

// parseCount goes by the digits: a float would round numbers beyond 2^53.
func parseCount(s string) (int64, bool) {
	if len(s) > 40 || !wholeNumber().MatchString(s) {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// count reads a count that may be absent.
func (o object) count(name string) count {
	const want = "a whole number from 0 to 9223372036854775807, such as 3, 3.0 or \"3\""
	raw, ok := o.raw(name)
	if !ok {
		return count{}
	}
	digits := string(raw)
	switch typeOf(raw) {
	case "number":
	case "string":
		_ = json.Unmarshal(raw, &digits) // cannot fail: it is a string
	default:
		o.found.add(wrongType(o.at(name), raw, want))
		return count{}
	}
	n, ok := parseCount(digits)
	if !ok {
		o.wrong(name, digits, want)
		return count{}
	}
	if typeOf(raw) == "string" {
		digits = strconv.Quote(digits)
	}
	return count{n, digits}
}

// IsZero lets encoding/json leave an absent count out.
func (c count) IsZero() bool { return c.json == "" }

// MarshalJSON writes the count as it arrived.
func (c count) MarshalJSON() ([]byte, error) { return []byte(c.json), nil }
