package events

import (
	"fmt"
	"strings"
	"time"
)

// CodeDeployState is what has happened to a deployment of CodeDeploy. AWS may
// add states: one that is none of the constants is kept as it is, and is no
// error.
type CodeDeployState string

// The states that events report. The API of CodeDeploy spells them differently,
// such as Succeeded.
const (
	CodeDeployStarted   CodeDeployState = "START"
	CodeDeployQueued    CodeDeployState = "QUEUED"
	CodeDeploySucceeded CodeDeployState = "SUCCESS"
	CodeDeployFailed    CodeDeployState = "FAILURE"
	CodeDeployStopped   CodeDeployState = "STOP"

	// CodeDeployReady says that the new version waits for its traffic.
	CodeDeployReady CodeDeployState = "READY"
)

// CodeDeployStateChange says that a deployment of CodeDeploy started, is ready
// for traffic or ended:
//
//	{
//	  "version": "0",
//	  "id": "7bb09990-30db-4714-8cec-cec65f568905",
//	  "detail-type": "CodeDeploy Deployment State-change Notification",
//	  "source": "aws.codedeploy",
//	  "account": "111122223333",
//	  "time": "2026-03-04T09:26:07Z",
//	  "region": "us-east-1",
//	  "resources": [
//	    "arn:aws:codedeploy:us-east-1:111122223333:application:AppECS-prod-cluster-checkout-api",
//	    "arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:AppECS-prod-cluster-checkout-api/DgpECS-prod-cluster-checkout-api"
//	  ],
//	  "detail": {
//	    "instanceGroupId": "4e8e4136-7997-4fe7-85d6-2ea80592cbcc",
//	    "region": "us-east-1",
//	    "application": "AppECS-prod-cluster-checkout-api",
//	    "deploymentId": "d-8QZK4T2LF",
//	    "state": "SUCCESS",
//	    "deploymentGroup": "DgpECS-prod-cluster-checkout-api"
//	  }
//	}
//
// https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
//
// It names no cluster, service or image, nor whether it deploys to ECS at all:
// that is known to the API operations GetDeployment and ListDeploymentTargets.
//
// The envelope's time is UTC, in whole seconds, and the only one. Traffic that
// shifts sends no event. SUCCESS comes only when the old tasks have been
// waited for and stopped, which may be long after. A rollback is a deployment
// of its own, with an id of its own.
//
// [Parse] refuses an event without account, Region, time, application,
// deploymentGroup, deploymentId or state, and one that contradicts itself about
// Region, account, application or group. Resources of other kinds are ignored.
type CodeDeployStateChange struct {
	envelope      Envelope
	application   string
	group         string
	deployment    string
	state         CodeDeployState
	region        string // as the detail says it, which need not be
	instanceGroup string
}

func parseCodeDeployStateChange(top object, envelope Envelope) Event {
	must(top, "time", instant) // the only time of the change
	detail := top.child("detail")
	e := CodeDeployStateChange{
		envelope:      envelope,
		application:   must(detail, "application", applicationName),
		group:         must(detail, "deploymentGroup", applicationName),
		deployment:    must(detail, "deploymentId", codeDeployID),
		state:         CodeDeployState(must(detail, "state", term)),
		region:        may(detail, "region", regionName),
		instanceGroup: may(detail, "instanceGroupId", line),
	}
	agree(top, place{}, "")
	if region := must(top, "region", regionName); e.region != "" && region != "" && e.region != region {
		detail.wrong("region", e.region, region+" as in region")
	}
	for i, arn := range envelope.Resources {
		agreeCodeDeploy(top, detail, e, arn, fmt.Sprintf("resources[%d]", i))
	}
	return e
}

// agreeCodeDeploy notes where an event contradicts the application or the
// deployment group among its resources.
func agreeCodeDeploy(top, detail object, e CodeDeployStateChange, arn, where string) {
	p, resource, ok := splitPlace(arn, "codedeploy")
	kind, name, _ := strings.Cut(resource, ":")
	application, group, grouped := strings.Cut(name, "/")
	if !ok || kind != "application" && kind != "deploymentgroup" {
		return
	}
	agree(top, p, where)
	if e.application != "" && e.application != application {
		detail.wrong("application", e.application, application+" as in "+where)
	}
	if grouped && e.group != "" && e.group != group {
		detail.wrong("deploymentGroup", e.group, group+" as in "+where)
	}
}

var (
	// applicationName is the name of an application or a deployment group.
	// https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
	applicationName = check("1 to 100 of a-z, A-Z, 0-9 and . _ + = , @ -", func(s string) bool {
		return sized(s, 1, 100) && only(s, func(c byte) bool { return isNamed(c) || strings.IndexByte(".+=,@", c) >= 0 })
	})

	codeDeployID = check("d- and 1 to 32 of A-Z and 0-9", func(s string) bool {
		id, ok := strings.CutPrefix(s, "d-")
		return ok && sized(id, 1, 32) && only(id, func(c byte) bool { return isUpper(c) || isDigit(c) })
	})
)

// Envelope returns the event as it arrived.
func (e CodeDeployStateChange) Envelope() Envelope { return e.envelope.clone() }

// Account is the deployment's account, 12 digits.
func (e CodeDeployStateChange) Account() string { return e.envelope.Account }

// Region is the deployment's Region.
func (e CodeDeployStateChange) Region() string { return e.envelope.Region }

// Time is when CodeDeploy sent the event, UTC, mostly in whole seconds. The
// event has no other time of the change that it reports.
func (e CodeDeployStateChange) Time() time.Time { return e.envelope.Time }

// Application is the name of the application, which is unique in its account
// and Region.
func (e CodeDeployStateChange) Application() string { return e.application }

// DeploymentGroup is the name of the group, which is unique in its application.
func (e CodeDeployStateChange) DeploymentGroup() string { return e.group }

// Deployment is the id of the deployment, such as d-8QZK4T2LF.
func (e CodeDeployStateChange) Deployment() string { return e.deployment }

// State is what has happened to the deployment.
func (e CodeDeployStateChange) State() CodeDeployState { return e.state }

// InstanceGroup is CodeDeploy's id of what is deployed to, and may be empty.
func (e CodeDeployStateChange) InstanceGroup() string { return e.instanceGroup }

// MarshalJSON returns the part of the event that this package knows.
func (e CodeDeployStateChange) MarshalJSON() ([]byte, error) {
	return e.envelope.encode(struct {
		InstanceGroupID string          `json:"instanceGroupId,omitempty"`
		Region          string          `json:"region,omitempty"`
		Application     string          `json:"application"`
		DeploymentID    string          `json:"deploymentId"`
		State           CodeDeployState `json:"state"`
		DeploymentGroup string          `json:"deploymentGroup"`
	}{e.instanceGroup, e.region, e.application, e.deployment, e.state, e.group})
}
