package ecs

import (
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// definition is what somebody registers,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html.
type definition struct {
	Family     string                `json:"family"`
	Containers []containerDefinition `json:"containerDefinitions"`
}

// containerDefinition is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html.
type containerDefinition struct {
	Name               string `json:"name"`
	Image              string `json:"image"`
	VersionConsistency string `json:"versionConsistency,omitempty"`
	Essential          *bool  `json:"essential,omitempty"`
}

// check refuses what ECS would. The digest does not count against the 255
// characters that an image name may have.
func (c containerDefinition) check() error {
	name, _, _ := strings.Cut(c.Image, "@")
	switch {
	case !familyExpr.MatchString(c.Name):
		return wire.Errorf("ClientException", "Container.name should not be null or empty, nor have other characters than letters, digits, _ and -: %q", c.Name)
	case name == "":
		return wire.Errorf("ClientException", "Container.image should not be null or empty.")
	case len(name) > 255:
		return wire.Errorf("ClientException", "Container.image repository should be 255 characters or less.")
	}
	return nil
}

// wireTaskDefinition is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html.
type wireTaskDefinition struct {
	definition
	ARN          string     `json:"taskDefinitionArn"`
	Revision     int        `json:"revision"`
	Status       string     `json:"status"`
	RegisteredAt *wire.Time `json:"registeredAt"`
}

type taskDefinitionOutput struct {
	TaskDefinition wireTaskDefinition `json:"taskDefinition"`
}

func (td *taskDefinition) describe() taskDefinitionOutput {
	return taskDefinitionOutput{wireTaskDefinition{
		definition: td.wire, ARN: td.arn(), Revision: td.revision,
		Status: "ACTIVE", RegisteredAt: wire.At(td.registeredAt),
	}}
}

type describeTaskDefinitionInput struct {
	TaskDefinition string   `json:"taskDefinition"`
	Include        []string `json:"include"`
}

// describeTaskDefinition is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html.
func (s *Scheduler) describeTaskDefinition(caller wire.Caller, in describeTaskDefinitionInput) (taskDefinitionOutput, error) {
	if err := checkInclude(in.Include); err != nil {
		return taskDefinitionOutput{}, err
	}
	td, ok := s.findTaskDefinition(caller.Scope, in.TaskDefinition)
	if !ok {
		return taskDefinitionOutput{}, wire.Errorf("ClientException", "Unable to describe task definition.")
	}
	return td.describe(), nil
}
