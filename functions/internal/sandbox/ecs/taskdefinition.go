package ecs

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Container is a container of a task definition.
type Container struct {
	Name  string
	Image string // as written: with a tag, a digest, both or neither
	// Inconsistent switches `versionConsistency` off: its tag is not pinned to
	// a digest, and the service revision records none.
	Inconsistent bool
}

// taskDefinition is one revision of a family.
type taskDefinition struct {
	scope        wire.Scope
	family       string
	revision     int
	registeredAt time.Time
	wire         definition
}

type familyKey struct {
	wire.Scope
	name string
}

// Register adds a revision to a family of task definitions and gives its ARN.
// Empty fields of the scope mean the scheduler's home.
func (s *Scheduler) Register(scope wire.Scope, family string, containers ...Container) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := definition{Family: family}
	for _, c := range containers {
		container := containerDefinition{Name: c.Name, Image: c.Image, Essential: new(true)}
		if c.Inconsistent {
			container.VersionConsistency = "disabled"
		}
		in.Containers = append(in.Containers, container)
	}
	td, err := s.register(scope.Or(s.options.Home), in)
	if err != nil {
		return "", err
	}
	return td.arn(), nil
}

func (td *taskDefinition) arn() string {
	return td.scope.ARN("ecs", "task-definition/"+td.family+":"+strconv.Itoa(td.revision))
}

var familyExpr = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

func (s *Scheduler) register(scope wire.Scope, in definition) (*taskDefinition, error) {
	if !familyExpr.MatchString(in.Family) {
		return nil, wire.Errorf("ClientException", "Family should not be null or empty, nor have other characters than letters, digits, _ and -: %q", in.Family)
	}
	if len(in.Containers) == 0 {
		return nil, wire.Errorf("ClientException", "TaskDefinition must have at least one container definition.")
	}
	for _, c := range in.Containers {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	key := familyKey{scope, in.Family}
	td := &taskDefinition{
		scope: scope, family: in.Family, revision: len(s.families[key]) + 1,
		registeredAt: s.options.Now(), wire: in,
	}
	s.families[key] = append(s.families[key], td)
	return td, nil
}

// findTaskDefinition gives what FAMILY, FAMILY:REVISION or an ARN names.
func (s *Scheduler) findTaskDefinition(scope wire.Scope, text string) (*taskDefinition, bool) {
	if strings.HasPrefix(text, "arn:") {
		a, ok := parseARN(text)
		if !ok || a.kind != "task-definition" || len(a.path) != 1 || a.Scope != scope {
			return nil, false
		}
		text = a.path[0]
	}
	family, number, numbered := strings.Cut(text, ":")
	revisions := s.families[familyKey{scope, family}]
	revision := len(revisions)
	if numbered {
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, false
		}
		revision = n
	}
	if revision < 1 || revision > len(revisions) {
		return nil, false
	}
	return revisions[revision-1], true
}
