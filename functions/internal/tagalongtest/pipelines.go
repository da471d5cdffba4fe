package tagalongtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Pipelines is CodePipeline in memory, safe for concurrent use. The zero value
// knows nothing.
type Pipelines struct {
	// Hook is called before each operation, if it is set; an error that it returns
	// is the operation's: ErrNoExecution is how the API lags behind.
	Hook func(ctx context.Context, operation string) error

	mu         sync.Mutex
	executions map[executionKey]pipelineExecution
	elsewhere  map[string]bool // accounts
}

var _ pipeline.Pipelines = &Pipelines{}

type executionKey struct {
	pipeline  tagalong.Pipeline
	execution string
}

type pipelineExecution struct {
	tagalong.Execution
	actions []pipeline.Action
}

// Start makes an execution known, or known anew and without actions.
func (p *Pipelines) Start(pipeline tagalong.Pipeline, id string, x tagalong.Execution) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.executions == nil {
		p.executions = map[executionKey]pipelineExecution{}
	}
	x.Revisions = slices.Clone(x.Revisions)
	p.executions[executionKey{pipeline, id}] = pipelineExecution{Execution: x}
}

// Act makes a run of an action known, in place of the one with its ID. An account
// and a Region that it does not name are the pipeline's. It panics if nobody
// started the execution.
func (p *Pipelines) Act(named tagalong.Pipeline, execution string, a pipeline.Action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := executionKey{named, execution}
	x, ok := p.executions[key]
	if !ok {
		panic(fmt.Sprintf("execution %s of %s was not started", execution, named.Name))
	}
	a.Account, a.Region = cmp.Or(a.Account, named.Account), cmp.Or(a.Region, named.Region)
	others := slices.DeleteFunc(slices.Clone(x.actions), func(b pipeline.Action) bool { return b.ID == a.ID })
	x.actions = append(others, copied(a))
	p.executions[key] = x
}

// Elsewhere says that an account is none that may be asked.
func (p *Pipelines) Elsewhere(account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.elsewhere == nil {
		p.elsewhere = map[string]bool{}
	}
	p.elsewhere[account] = true
}

func (p *Pipelines) find(ctx context.Context, operation string, named tagalong.Pipeline, execution string) (pipelineExecution, error) {
	if p.Hook != nil {
		if err := p.Hook(ctx, operation); err != nil {
			return pipelineExecution{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return pipelineExecution{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.elsewhere[named.Account] {
		return pipelineExecution{}, fmt.Errorf("account %s: %w", named.Account, tagalong.ErrElsewhere)
	}
	x, ok := p.executions[executionKey{named, execution}]
	if !ok {
		return pipelineExecution{}, fmt.Errorf("execution %s of pipeline %s: %w", execution, named.Name, pipeline.ErrNoExecution)
	}
	return x, nil
}

// Execution implements pipeline.Pipelines.
func (p *Pipelines) Execution(ctx context.Context, pipeline tagalong.Pipeline, execution string) (tagalong.Execution, error) {
	x, err := p.find(ctx, "Execution", pipeline, execution)
	x.Revisions = slices.Clone(x.Revisions)
	return x.Execution, err
}

// Actions implements pipeline.Pipelines.
func (p *Pipelines) Actions(ctx context.Context, pipeline tagalong.Pipeline, execution string) (actions []pipeline.Action, err error) {
	x, err := p.find(ctx, "Actions", pipeline, execution)
	for _, a := range x.actions {
		actions = append(actions, copied(a))
	}
	return actions, err
}

func copied(a pipeline.Action) pipeline.Action {
	a.Configuration = maps.Clone(a.Configuration)
	return a
}
