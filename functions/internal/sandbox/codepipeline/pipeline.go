package codepipeline

import (
	"cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// PipelineOptions are a pipeline's settings. The zero value of each is what a
// pipeline of today has.
type PipelineOptions struct {
	Version int    // of its structure; 0 means 1
	Bucket  string // of its artifacts; derived by default
	Key     string // the ARN of a customer managed KMS key for them; the default is AWS's own

	// What AWS's pages leave open of GetJobDetails for jobs of Lambda.
	NoCredentials bool // it gives none: those in the event are all that there are
	NoARN         bool // it does not say the pipeline's ARN
	ForgetsEnded  bool // it knows no job any more that is over
}

// Pipeline is a pipeline in the hands of a story or a test.
type Pipeline struct {
	service    *Service
	scope      wire.Scope
	name       string
	options    PipelineOptions
	executions map[string]*Execution // by id
	actions    []*Action             // runs of all executions, oldest first
}

type pipelineKey struct {
	wire.Scope
	name string
}

// CreatePipeline makes a pipeline that ran never yet, in place of one with that
// name if there is one. Empty fields of the scope mean the service's home.
func (s *Service) CreatePipeline(scope wire.Scope, name string, options PipelineOptions) *Pipeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	scope = scope.Or(s.options.Home)
	options.Version = cmp.Or(options.Version, 1)
	options.Bucket = cmp.Or(options.Bucket, "codepipeline-"+scope.Region+"-"+wire.Decimal("bucket", scope.String())[:12])
	p := &Pipeline{service: s, scope: scope, name: name, options: options, executions: map[string]*Execution{}}
	s.pipelines[pipelineKey{scope, name}] = p
	if s.options.Store != nil {
		s.options.Store.Keep(scope, options.Bucket, options.Key)
	}
	return p
}

// Pipeline gives the pipeline with a name, nil if there is none.
func (s *Service) Pipeline(scope wire.Scope, name string) *Pipeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pipelines[pipelineKey{scope.Or(s.options.Home), name}]
}

// Name of the pipeline.
func (p *Pipeline) Name() string { return p.name }

// ARN of the pipeline.
func (p *Pipeline) ARN() string { return p.scope.ARN("codepipeline", p.name) }

// Restructure gives the pipeline's structure its next version, which executions
// have that start from now on.
func (p *Pipeline) Restructure() {
	defer p.lock()()
	p.options.Version++
}

func (p *Pipeline) lock() (unlock func()) {
	p.service.mu.Lock()
	return p.service.mu.Unlock
}
