package codedeploy

import (
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Application is an application of CodeDeploy: a name for deployment groups.
type Application struct {
	service *Service
	scope   wire.Scope
	name    string
	groups  map[string]*Group
}

// Application gives an application, and makes it if there is none. Empty fields
// of the scope mean the service's home.
func (s *Service) Application(scope wire.Scope, name string) *Application {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := applicationKey{scope.Or(s.home), name}
	a, ok := s.applications[key]
	if !ok {
		a = &Application{service: s, scope: key.Scope, name: name, groups: map[string]*Group{}}
		s.applications[key] = a
	}
	return a
}

// Group is a deployment group in the hands of a story or a test.
type Group struct {
	application *Application
	name        string
	id          string
	target      *ecs.Service  // nil if it does not deploy to ECS
	deployments []*Deployment // all that there ever were, oldest first
	ids         []string      // of the deployments to come
}

// Group gives a deployment group that deploys to an ECS service with the
// controller CODE_DEPLOY, and makes it if there is none. One without a service
// deploys to servers, of which the sandbox knows nothing.
func (a *Application) Group(name string, target *ecs.Service) *Group {
	a.service.mu.Lock()
	defer a.service.mu.Unlock()
	g, ok := a.groups[name]
	if !ok {
		g = &Group{application: a, name: name, target: target, id: wire.UUID("group", a.scope.String(), a.name, name)}
		a.groups[name] = g
	}
	return g
}

// NextIDs gives the group's next deployments these ids, in order, such as
// d-8QZK4T2LF; those of further ones are derived.
func (g *Group) NextIDs(ids ...string) {
	defer g.lock()()
	g.ids = append(g.ids, ids...)
}

// lock guards the whole service; the result undoes it.
func (g *Group) lock() (unlock func()) {
	g.application.service.mu.Lock()
	return g.application.service.mu.Unlock
}

func (g *Group) platform() string {
	if g.target == nil {
		return "Server"
	}
	return "ECS"
}

// targetID names the ECS service as CodeDeploy does.
func (g *Group) targetID() string { return g.target.Cluster().Name() + ":" + g.target.Name() }

// running gives the deployment that is not over, nil if there is none.
func (g *Group) running() *Deployment {
	for _, d := range g.deployments {
		if d.completedAt.IsZero() {
			return d
		}
	}
	return nil
}
