package codepipeline

import (
	"errors"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// ErrState says that CodePipeline would not do this to an execution, a stage or
// an action in its state.
var ErrState = errors.New("it is in another state")

// Store keeps the artifacts of pipelines.
type Store interface {
	// Keep makes a bucket an artifact store, with a customer managed KMS key or "".
	Keep(scope wire.Scope, bucket, kmsKey string)
	// Grant lets credentials do what a job needs.
	Grant(grant Grant)
}

// Grant is what a job's credentials may do.
type Grant struct {
	Credentials
	Account string // that they speak for
	Bucket  string
	Read    []string // keys of objects
	Write   []string
}

// Options of a service.
type Options struct {
	Home  wire.Scope       // where a scope with empty fields is
	Now   func() time.Time // the clock of what happens over the protocol
	Store Store            // may be nil: then nobody can get at the artifacts
}

// Service is CodePipeline in all accounts and Regions. It is safe for concurrent use.
type Service struct {
	wire.Faults  // Deny, Permit and Throttle
	wire.Journal // Events

	options Options

	mu        sync.Mutex
	pipelines map[pipelineKey]*Pipeline
	jobs      map[string]*Job // by id
	ids       wire.Serial     // counts what gets an id
	lag       lag
}

// New makes a service without pipelines.
func New(options Options) *Service {
	return &Service{options: options, pipelines: map[pipelineKey]*Pipeline{}, jobs: map[string]*Job{}}
}

var operations = wire.Operations[*Service]{
	"GetJobDetails":        wire.Op((*Service).getJobDetails),
	"GetPipelineExecution": wire.Op((*Service).getPipelineExecution),
	"ListActionExecutions": wire.Op((*Service).listActionExecutions),
	"PutJobFailureResult":  wire.Op((*Service).putJobFailureResult),
	"PutJobSuccessResult":  wire.Op((*Service).putJobSuccessResult),
}

// Call answers one request, as wire.Service asks.
func (s *Service) Call(caller wire.Caller, operation string, body []byte) (any, error) {
	if err := s.Check("codepipeline", operation, caller); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return operations.Call(s, caller, operation, body)
}

// instant is a time as CodePipeline keeps it, to the millisecond.
func instant(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }
