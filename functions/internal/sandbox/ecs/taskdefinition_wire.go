package ecs

import (
	"encoding/json"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// registerInput is the request of
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html.
// What the sandbox does not act on is kept as it came and given back.
type registerInput struct {
	Family        string                `json:"family"`
	Containers    []containerDefinition `json:"containerDefinitions"`
	TaskRole      string                `json:"taskRoleArn,omitempty"`
	ExecutionRole string                `json:"executionRoleArn,omitempty"`
	NetworkMode   string                `json:"networkMode,omitempty"`
	Compatible    []string              `json:"requiresCompatibilities,omitempty"`
	CPU           string                `json:"cpu,omitempty"`
	Memory        string                `json:"memory,omitempty"`
	Volumes       json.RawMessage       `json:"volumes,omitempty"`
	Platform      json.RawMessage       `json:"runtimePlatform,omitempty"`
}

// containerDefinition is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html.
type containerDefinition struct {
	Name               string          `json:"name"`
	Image              string          `json:"image"`
	VersionConsistency string          `json:"versionConsistency,omitempty"`
	Essential          *bool           `json:"essential,omitempty"`
	CPU                int             `json:"cpu"`
	Memory             int             `json:"memory,omitempty"`
	MemoryReservation  int             `json:"memoryReservation,omitempty"`
	Command            json.RawMessage `json:"command,omitempty"`
	EntryPoint         json.RawMessage `json:"entryPoint,omitempty"`
	Environment        json.RawMessage `json:"environment,omitempty"`
	Secrets            json.RawMessage `json:"secrets,omitempty"`
	PortMappings       json.RawMessage `json:"portMappings,omitempty"`
	MountPoints        json.RawMessage `json:"mountPoints,omitempty"`
	VolumesFrom        json.RawMessage `json:"volumesFrom,omitempty"`
	DependsOn          json.RawMessage `json:"dependsOn,omitempty"`
	HealthCheck        json.RawMessage `json:"healthCheck,omitempty"`
	LogConfiguration   json.RawMessage `json:"logConfiguration,omitempty"`
	DockerLabels       json.RawMessage `json:"dockerLabels,omitempty"`
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
	case c.VersionConsistency != "" && c.VersionConsistency != "enabled" && c.VersionConsistency != "disabled":
		return wire.Errorf("ClientException", "Container.versionConsistency must be enabled or disabled.")
	}
	return nil
}

// wireTaskDefinition is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html.
type wireTaskDefinition struct {
	registerInput
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
		registerInput: td.wire, ARN: td.arn(), Revision: td.revision,
		Status: "ACTIVE", RegisteredAt: wire.At(td.registeredAt),
	}}
}

func (s *Scheduler) registerTaskDefinition(caller wire.Caller, in registerInput) (taskDefinitionOutput, error) {
	td, err := s.register(caller.Scope, in)
	if err != nil {
		return taskDefinitionOutput{}, err
	}
	return td.describe(), nil
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
