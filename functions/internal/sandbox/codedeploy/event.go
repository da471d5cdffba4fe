package codedeploy

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// detail is that of "CodeDeploy Deployment State-change Notification",
// https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html.
type detail struct {
	InstanceGroup string `json:"instanceGroupId"`
	Region        string `json:"region"`
	Application   string `json:"application"`
	Deployment    string `json:"deploymentId"`
	State         string `json:"state"`
	Group         string `json:"deploymentGroup"`
}

func (d *Deployment) emit(state string, at time.Time) []byte {
	g, a := d.group, d.group.application
	data := wire.Event{
		Scope: a.scope, ID: wire.UUID("event", a.scope.String(), d.id, state),
		DetailType: "CodeDeploy Deployment State-change Notification", Source: "aws.codedeploy", Time: at,
		Resources: []string{
			a.scope.ARN("codedeploy", "application:"+a.name),
			a.scope.ARN("codedeploy", "deploymentgroup:"+a.name+"/"+g.name),
		},
		Detail: detail{
			InstanceGroup: g.id, Region: a.scope.Region, Application: a.name,
			Deployment: d.id, State: state, Group: g.name,
		},
	}.Delivered()
	a.service.Record(data)
	return data
}
