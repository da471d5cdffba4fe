package ecs

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// starter is what a deployment and a task set have in common: it starts tasks of
// one task definition, which name it as their startedBy.
type starter struct {
	service        *Service
	number         string
	taskDefinition *taskDefinition
	createdAt      time.Time
	revision       revision
}

func (svc *Service) newStarter(td *taskDefinition, at time.Time) *starter {
	if at.Before(svc.createdAt) {
		svc.createdAt = at // a story may begin before the clock's time
	}
	st := &starter{service: svc, number: svc.nextNumber(), taskDefinition: td, createdAt: at}
	st.resolve()
	return st
}

// nextNumber gives the number of a new deployment or task set.
func (svc *Service) nextNumber() string {
	if numbers := svc.options.Numbers; len(numbers) > 0 {
		svc.options.Numbers = numbers[1:]
		return numbers[0]
	}
	return wire.Decimal(svc.cluster.scheduler.ids.Seed("deployment", svc.longARN())...)
}

// ID is ecs-svc/ and 19 digits.
func (st *starter) ID() string { return st.id() }

func (st *starter) id() string { return "ecs-svc/" + st.number }

func (st *starter) described() string { return "deployment " + st.id() }
