package codepipeline

import (
	"strconv"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// detail has what pipelines, stages and actions say of themselves,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html.
type detail struct {
	Pipeline    string          `json:"pipeline"`
	ExecutionID string          `json:"execution-id"`
	StartTime   string          `json:"start-time,omitempty"`
	Trigger     *eventTrigger   `json:"execution-trigger,omitempty"`
	Comments    string          `json:"stop-execution-comments,omitempty"`
	Stage       string          `json:"stage,omitempty"`
	ActionID    string          `json:"action-execution-id,omitempty"`
	Result      *eventResult    `json:"execution-result,omitempty"`
	Inputs      []eventArtifact `json:"input-artifacts,omitempty"`
	Outputs     []eventArtifact `json:"output-artifacts,omitempty"`
	Action      string          `json:"action,omitempty"`
	State       State           `json:"state"`
	Region      string          `json:"region,omitempty"`
	Type        *eventType      `json:"type,omitempty"`
	Version     float           `json:"version"`
	Attempt     float           `json:"pipeline-execution-attempt"`
	RetriedAt   string          `json:"stage-last-retry-attempt-time,omitempty"`
}

type eventTrigger struct {
	Type   string `json:"trigger-type"`
	Detail string `json:"trigger-detail"`
}

type eventResult struct {
	URL       string `json:"external-execution-url,omitempty"`
	Summary   string `json:"external-execution-summary,omitempty"`
	ID        string `json:"external-execution-id,omitempty"`
	ErrorCode string `json:"error-code,omitempty"`
}

type eventArtifact struct {
	Name     string         `json:"name"`
	Location artifactDetail `json:"s3location"`
}

type eventType struct {
	Owner    string `json:"owner"`
	Provider string `json:"provider"`
	Category string `json:"category"`
	Version  string `json:"version"`
}

// float is a whole number that CodePipeline writes as 3.0.
type float int

// MarshalJSON writes one decimal.
func (f float) MarshalJSON() ([]byte, error) { return []byte(strconv.Itoa(int(f)) + ".0"), nil }

func (x *Execution) service() *Service { return x.pipeline.service }

// emit makes the event of the execution's newest change.
func (x *Execution) emit(at time.Time, more func(*detail)) []byte {
	d := x.detail(x.startedAt, x.state)
	if more != nil {
		more(&d)
	}
	return x.send("Pipeline", at, d)
}

// emit makes the event of the stage's newest change. That of a retry does not
// say when the stage started.
func (st *Stage) emit(at time.Time) []byte {
	d := st.execution.detail(st.startedAt, st.state)
	if st.state == resumed {
		d.StartTime = ""
	}
	d.Stage = st.name
	if !st.retriedAt.IsZero() {
		d.RetriedAt = st.retriedAt.Format(wire.Milliseconds)
	}
	return st.execution.send("Stage", at, d)
}

// emit makes the event of the action's newest change.
func (a *Action) emit(state State, at time.Time) []byte {
	x := a.stage.execution
	d := x.detail(a.startedAt, state)
	d.Stage, d.Action, d.ActionID, d.Region = a.stage.name, a.name, a.id, a.options.Region
	t := a.options.Type
	d.Type = &eventType{t.Owner, t.Provider, t.Category, t.Version}
	if state != abandoned {
		d.Inputs = eventArtifacts(a.inputs)
	}
	if state == Succeeded {
		d.Outputs = eventArtifacts(a.outputs)
	}
	if r := (eventResult{a.result.URL, a.result.Summary, a.result.ExternalID, a.result.ErrorCode}); r != (eventResult{}) {
		d.Result = &r
	}
	return x.send("Action", at, d)
}

func eventArtifacts(artifacts []Artifact) (list []eventArtifact) {
	for _, a := range artifacts {
		list = append(list, eventArtifact{a.Name, artifactDetail{a.Bucket, a.Key}})
	}
	return list
}

func (x *Execution) detail(startedAt time.Time, state State) detail {
	return detail{
		Pipeline: x.pipeline.name, ExecutionID: x.id, StartTime: startedAt.Format(wire.Milliseconds),
		State: state, Version: float(x.version), Attempt: float(x.attempt),
	}
}

func (x *Execution) send(level string, at time.Time, d detail) []byte {
	p := x.pipeline
	data := wire.Event{
		Scope: p.scope, ID: wire.UUID(p.service.ids.Seed("event", x.id)...),
		DetailType: "CodePipeline " + level + " Execution State Change", Source: "aws.codepipeline",
		Time: at, Resources: []string{p.ARN()}, Detail: d,
	}.Delivered()
	p.service.Record(data)
	return data
}
