package codedeploy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

var deploymentID = regexp.MustCompile(`^d-[A-Z0-9]{9}$`)

// find gives the deployment that a request names.
func (s *Service) find(caller wire.Caller, id string) (*Deployment, error) {
	switch {
	case id == "":
		return nil, wire.Errorf("DeploymentIdRequiredException", "Deployment ID must be specified")
	case !deploymentID.MatchString(id):
		return nil, wire.Errorf("InvalidDeploymentIdException", "Specified DeploymentId is not in the valid format: %s", id)
	}
	d, ok := s.deployments[deploymentKey{caller.Scope, id}]
	if !ok {
		return nil, wire.Errorf("DeploymentDoesNotExistException", "The deployment %s could not be found", id)
	}
	return d, nil
}

// wireDeployment is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html.
type wireDeployment struct {
	Application  string            `json:"applicationName"`
	Group        string            `json:"deploymentGroupName"`
	Config       string            `json:"deploymentConfigName"`
	ID           string            `json:"deploymentId"`
	Revision     *revision         `json:"revision,omitempty"`
	Status       string            `json:"status"`
	Error        *errorInformation `json:"errorInformation,omitempty"`
	CreatedAt    *wire.Time        `json:"createTime"`
	StartedAt    *wire.Time        `json:"startTime,omitempty"`
	CompletedAt  *wire.Time        `json:"completeTime,omitempty"`
	Creator      string            `json:"creator"`
	RollbackInfo *rollbackInfo     `json:"rollbackInfo,omitempty"`
	Style        deploymentStyle   `json:"deploymentStyle"`
	Platform     string            `json:"computePlatform"`
}

// errorInformation is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ErrorInformation.html.
type errorInformation struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// rollbackInfo is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_RollbackInfo.html.
type rollbackInfo struct {
	By      string `json:"rollbackDeploymentId,omitempty"`
	Of      string `json:"rollbackTriggeringDeploymentId,omitempty"`
	Message string `json:"rollbackMessage,omitempty"`
}

type deploymentStyle struct {
	Type   string `json:"deploymentType"`
	Option string `json:"deploymentOption"`
}

// revision is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_RevisionLocation.html.
type revision struct {
	Type    string         `json:"revisionType"`
	AppSpec appSpecContent `json:"appSpecContent"`
}

type appSpecContent struct {
	Content string `json:"content"`
	SHA256  string `json:"sha256"`
}

type getDeploymentInput struct {
	ID string `json:"deploymentId"`
}

type getDeploymentOutput struct {
	Deployment wireDeployment `json:"deploymentInfo"`
}

// getDeployment is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeployment.html.
func (s *Service) getDeployment(caller wire.Caller, in getDeploymentInput) (getDeploymentOutput, error) {
	d, err := s.find(caller, in.ID)
	if err != nil {
		return getDeploymentOutput{}, err
	}
	return getDeploymentOutput{d.describe()}, nil
}

func (d *Deployment) describe() wireDeployment {
	w := wireDeployment{
		Application: d.group.application.name, Group: d.group.name, Config: "CodeDeployDefault.OneAtATime",
		ID: d.id, Status: d.status, Error: d.failure, Creator: d.creator,
		CreatedAt: wire.At(d.createdAt), StartedAt: wire.At(d.startedAt), CompletedAt: wire.At(d.completedAt),
		RollbackInfo: d.rollbackInfo(), Platform: d.group.platform(),
		Style: deploymentStyle{"IN_PLACE", "WITHOUT_TRAFFIC_CONTROL"},
	}
	if d.group.target != nil {
		w.Config, w.Revision = "CodeDeployDefault.ECSAllAtOnce", appSpec(d.taskDefinition)
		w.Style = deploymentStyle{"BLUE_GREEN", "WITH_TRAFFIC_CONTROL"}
	}
	return w
}

func (d *Deployment) rollbackInfo() *rollbackInfo {
	switch {
	case d.rolledBack != nil:
		return &rollbackInfo{Of: d.rolledBack.id}
	case d.rolledBy != nil:
		return &rollbackInfo{By: d.rolledBy.id, Message: "Deployment " + d.id + " is rolled back by deployment " + d.rolledBy.id}
	}
	return nil
}

// appSpec is the AppSpec file of a deployment to ECS,
// https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html.
func appSpec(taskDefinition string) *revision {
	content, _ := json.Marshal(map[string]any{ // strings only
		"version": "0.0",
		"Resources": []any{map[string]any{"TargetService": map[string]any{
			"Type": "AWS::ECS::Service", "Properties": map[string]any{"TaskDefinition": taskDefinition},
		}}},
	})
	sum := sha256.Sum256(content)
	return &revision{"AppSpecContent", appSpecContent{string(content), hex.EncodeToString(sum[:])}}
}
