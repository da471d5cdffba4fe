package codepipeline

import (
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// findPipeline gives the pipeline that a request names.
func (s *Service) findPipeline(caller wire.Caller, name string) (*Pipeline, error) {
	p, ok := s.pipelines[pipelineKey{caller.Scope, name}]
	if !ok {
		return nil, wire.Errorf("PipelineNotFoundException", "Account '%s' does not have a pipeline with name '%s'", caller.Account, name)
	}
	return p, nil
}

// findExecution gives the execution that a request names, if it is shown yet.
func (p *Pipeline) findExecution(id string, v view) (*Execution, error) {
	x, ok := p.executions[id]
	if !ok || !v.sees(x.startedAt) {
		return nil, wire.Errorf("PipelineExecutionNotFoundException", "Pipeline '%s' does not have a pipeline execution with id '%s'", p.name, id)
	}
	return x, nil
}

type getPipelineExecutionInput struct {
	Pipeline  *string `json:"pipelineName"`
	Execution *string `json:"pipelineExecutionId"`
}

type getPipelineExecutionOutput struct {
	Execution wireExecution `json:"pipelineExecution"`
}

// wireExecution is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html.
type wireExecution struct {
	Pipeline  string         `json:"pipelineName"`
	Version   int            `json:"pipelineVersion"`
	ID        string         `json:"pipelineExecutionId"`
	Status    string         `json:"status"`
	Revisions []wireRevision `json:"artifactRevisions"`
	Trigger   Trigger        `json:"trigger"`
	Mode      string         `json:"executionMode"`
	Type      string         `json:"executionType"`
	Rollback  *wireRollback  `json:"rollbackMetadata,omitempty"`
}

// wireRevision is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ArtifactRevision.html.
type wireRevision struct {
	Name             string     `json:"name"`
	ID               string     `json:"revisionId,omitempty"`
	ChangeIdentifier string     `json:"revisionChangeIdentifier,omitempty"`
	Summary          string     `json:"revisionSummary,omitempty"`
	Created          *wire.Time `json:"created,omitempty"`
	URL              string     `json:"revisionUrl,omitempty"`
}

type wireRollback struct {
	Target string `json:"rollbackTargetPipelineExecutionId"`
}

// getPipelineExecution is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineExecution.html.
func (s *Service) getPipelineExecution(caller wire.Caller, in getPipelineExecutionInput) (out getPipelineExecutionOutput, err error) {
	if err := first(checkPipeline(in.Pipeline), checkID("pipelineExecutionId", in.Execution)); err != nil {
		return out, err
	}
	v := s.see()
	p, err := s.findPipeline(caller, *in.Pipeline)
	if err != nil {
		return out, err
	}
	x, err := p.findExecution(*in.Execution, v)
	if err != nil {
		return out, err
	}
	out.Execution = x.describe(v)
	return out, nil
}

func (x *Execution) describe(v view) wireExecution {
	last, _ := x.course.last(v)
	w := wireExecution{
		Pipeline: x.pipeline.name, Version: x.version, ID: x.id, Status: last.status,
		Revisions: []wireRevision{}, Trigger: x.options.Trigger, Mode: "SUPERSEDED", Type: "STANDARD",
	}
	for _, r := range x.options.Revisions {
		w.Revisions = append(w.Revisions, wireRevision{r.Name, r.ID, r.ChangeIdentifier, r.Summary, wire.At(r.Created), r.URL})
	}
	if old := x.options.RollbackOf; old != nil {
		w.Type, w.Rollback = "ROLLBACK", &wireRollback{old.id}
	}
	return w
}
