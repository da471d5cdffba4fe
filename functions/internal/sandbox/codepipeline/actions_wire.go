package codepipeline

import (
	"fmt"
	"maps"
	"math"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type listActionExecutionsInput struct {
	Pipeline   *string       `json:"pipelineName"`
	Filter     *actionFilter `json:"filter"`
	MaxResults *int          `json:"maxResults"`
	NextToken  *string       `json:"nextToken"`
}

// actionFilter is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionFilter.html.
type actionFilter struct {
	Execution *string       `json:"pipelineExecutionId"`
	Latest    *latestFilter `json:"latestInPipelineExecution"`
}

// latestFilter is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_LatestInPipelineExecutionFilter.html.
type latestFilter struct {
	Execution *string `json:"pipelineExecutionId"`
	Range     *string `json:"startTimeRange"`
}

func (in listActionExecutionsInput) check() error {
	err := first(
		checkPipeline(in.Pipeline),
		within("maxResults", in.MaxResults, 1, 100),
		sized("nextToken", in.NextToken, 1, 2048),
	)
	if err != nil || in.Filter == nil {
		return err
	}
	latest := in.Filter.Latest
	if latest == nil {
		return like("filter.pipelineExecutionId", in.Filter.Execution, uuidPattern)
	}
	if in.Filter.Execution != nil {
		return invalid("filter: pipelineExecutionId and latestInPipelineExecution cannot both be given")
	}
	const member = "filter.latestInPipelineExecution."
	return first(
		checkID(member+"pipelineExecutionId", latest.Execution),
		need(member+"startTimeRange", latest.Range != nil),
		among(member+"startTimeRange", latest.Range, "Latest", "All"),
	)
}

// execution gives the id that the filter names, "" if none, and whether only the
// last attempt is asked for.
func (f *actionFilter) execution() (id string, latest bool) {
	switch {
	case f == nil:
		return "", false
	case f.Latest != nil:
		return *f.Latest.Execution, *f.Latest.Range == "Latest"
	case f.Execution != nil:
		return *f.Execution, false
	}
	return "", false
}

type listActionExecutionsOutput struct {
	Details   []wireAction `json:"actionExecutionDetails"`
	NextToken string       `json:"nextToken,omitempty"`
}

// listActionExecutions is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListActionExecutions.html.
func (s *Service) listActionExecutions(caller wire.Caller, in listActionExecutionsInput) (out listActionExecutionsOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	v := s.see()
	p, err := s.findPipeline(caller, *in.Pipeline)
	if err != nil {
		return out, err
	}
	id, latest := in.Filter.execution()
	runs, err := p.runs(id, latest, v)
	if err != nil {
		return out, err
	}
	pager := wire.Pager[*Action]{Name: fmt.Sprint(p.ARN(), " ", id, " ", latest), Max: 100, Size: 100, Key: newestFirst}
	page, next, ok := pager.Page(runs, in.MaxResults, value(in.NextToken))
	if !ok {
		return out, wire.Errorf("InvalidNextTokenException", "The next token is not one of this list")
	}
	out.Details, out.NextToken = []wireAction{}, next
	for _, a := range page {
		out.Details = append(out.Details, a.describe(v))
	}
	return out, nil
}

// runs gives the runs of actions of an execution, or of all of them, that a view
// sees. After a retry the latest ones are those of the execution's last attempt.
func (p *Pipeline) runs(execution string, latest bool, v view) (runs []*Action, err error) {
	var x *Execution
	if execution != "" {
		if x, err = p.findExecution(execution, v); err != nil {
			return nil, err
		}
	}
	for _, a := range p.actions {
		other := x != nil && a.stage.execution != x
		if !other && v.sees(a.startedAt) && (!latest || a.attempt == x.attempt) {
			runs = append(runs, a)
		}
	}
	return runs, nil
}

// newestFirst gives keys that sort runs by their start, and those of one time by
// the order in which they were started.
func newestFirst(a *Action) string {
	return fmt.Sprintf("%019d %019d", math.MaxInt64-a.startedAt.UnixMilli(), math.MaxInt64-a.number)
}

// wireAction is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionDetail.html.
type wireAction struct {
	Execution string           `json:"pipelineExecutionId"`
	ID        string           `json:"actionExecutionId"`
	Version   int              `json:"pipelineVersion"`
	Stage     string           `json:"stageName"`
	Name      string           `json:"actionName"`
	Start     *wire.Time       `json:"startTime"`
	Update    *wire.Time       `json:"lastUpdateTime"`
	Status    string           `json:"status"`
	Input     wireActionInput  `json:"input"`
	Output    wireActionOutput `json:"output"`
}

// wireActionInput is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionInput.html.
type wireActionInput struct {
	Type          ActionType           `json:"actionTypeId"`
	Configuration map[string]string    `json:"configuration,omitempty"`
	Resolved      map[string]string    `json:"resolvedConfiguration,omitempty"`
	Role          string               `json:"roleArn,omitempty"`
	Region        string               `json:"region"`
	Inputs        []wireActionArtifact `json:"inputArtifacts"`
	Namespace     string               `json:"namespace,omitempty"`
}

// wireActionOutput is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionOutput.html.
type wireActionOutput struct {
	Outputs   []wireActionArtifact `json:"outputArtifacts"`
	Result    *wireResult          `json:"executionResult,omitempty"`
	Variables map[string]string    `json:"outputVariables"`
}

// artifactDetail is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_S3Location.html.
type artifactDetail struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
}

// wireActionArtifact is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ArtifactDetail.html.
type wireActionArtifact struct {
	Name     string         `json:"name"`
	Location artifactDetail `json:"s3location"`
}

// wireResult is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionResult.html.
type wireResult struct {
	ID      string     `json:"externalExecutionId,omitempty"`
	Summary string     `json:"externalExecutionSummary,omitempty"`
	URL     string     `json:"externalExecutionUrl,omitempty"`
	Error   *wireError `json:"errorDetails,omitempty"`
}

type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

// describe gives the action as a view sees it.
func (a *Action) describe(v view) wireAction {
	x, o := a.stage.execution, a.options
	last, _ := a.course.last(v)
	w := wireAction{
		Execution: x.id, ID: a.id, Version: x.version, Stage: a.stage.name, Name: a.name,
		Start: wire.At(a.startedAt), Update: wire.At(last.at), Status: last.status,
		Input:  wireActionInput{o.Type, o.Configuration, o.Resolved, o.RoleARN, o.Region, actionArtifacts(a.inputs), o.Namespace},
		Output: wireActionOutput{Outputs: []wireActionArtifact{}, Variables: map[string]string{}},
	}
	if last.status == statuses[Succeeded] {
		w.Output.Outputs = actionArtifacts(a.outputs)
	}
	if last.status != inProgress {
		w.Output.Result = a.result.describe()
		maps.Copy(w.Output.Variables, a.result.Variables)
	}
	return w
}

func (r Result) describe() *wireResult {
	w := &wireResult{ID: r.ExternalID, Summary: r.Summary, URL: r.URL}
	if r.ErrorCode != "" {
		w.Error = &wireError{r.ErrorCode, r.Summary}
	}
	if *w == (wireResult{}) {
		return nil
	}
	return w
}

func actionArtifacts(artifacts []Artifact) []wireActionArtifact {
	list := []wireActionArtifact{}
	for _, a := range artifacts {
		list = append(list, wireActionArtifact{a.Name, artifactDetail{a.Bucket, a.Key}})
	}
	return list
}
