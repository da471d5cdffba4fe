package codedeploy

import (
	"encoding/json"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// event is "CodeDeploy Deployment State-change Notification" as EventBridge
// delivers it,
// https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html.
type event struct {
	Account    string   `json:"account"`
	Region     string   `json:"region"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Version    string   `json:"version"`
	Time       string   `json:"time"`
	ID         string   `json:"id"`
	Resources  []string `json:"resources"`
	Detail     detail   `json:"detail"`
}

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
	data, _ := json.Marshal(event{ // strings only
		Account: a.scope.Account, Region: a.scope.Region,
		DetailType: "CodeDeploy Deployment State-change Notification", Source: "aws.codedeploy", Version: "0",
		Time: at.UTC().Format("2006-01-02T15:04:05Z"), ID: wire.UUID("event", a.scope.String(), d.id, state),
		Resources: []string{
			a.scope.ARN("codedeploy", "application:"+a.name),
			a.scope.ARN("codedeploy", "deploymentgroup:"+a.name+"/"+g.name),
		},
		Detail: detail{
			InstanceGroup: g.id, Region: a.scope.Region, Application: a.name,
			Deployment: d.id, State: state, Group: g.name,
		},
	})
	a.service.Record(data)
	return data
}
