package codedeploy

import (
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Service is CodeDeploy in all accounts and Regions. It is safe for concurrent
// use.
type Service struct {
	wire.Faults  // Deny, Permit and Throttle
	wire.Journal // Events

	home wire.Scope // where a scope with empty fields is

	mu           sync.Mutex
	applications map[applicationKey]*Application
	deployments  map[deploymentKey]*Deployment
}

type applicationKey struct {
	wire.Scope
	name string
}

type deploymentKey struct {
	wire.Scope
	id string
}

// New makes a service without applications, at home in a scope.
func New(home wire.Scope) *Service {
	return &Service{
		home:         home,
		applications: map[applicationKey]*Application{},
		deployments:  map[deploymentKey]*Deployment{},
	}
}

var operations = wire.Operations[*Service]{
	"BatchGetDeploymentTargets": wire.Op((*Service).batchGetDeploymentTargets),
	"GetDeployment":             wire.Op((*Service).getDeployment),
	"GetDeploymentGroup":        wire.Op((*Service).getDeploymentGroup),
	"ListDeploymentTargets":     wire.Op((*Service).listDeploymentTargets),
	"ListDeployments":           wire.Op((*Service).listDeployments),
}

// Call answers one request, as wire.Service asks.
func (s *Service) Call(caller wire.Caller, operation string, body []byte) (any, error) {
	if err := s.Check("codedeploy", operation, caller); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return operations.Call(s, caller, operation, body)
}

// instant is a time as CodeDeploy keeps it, to the millisecond.
func instant(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }
