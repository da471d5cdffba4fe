package codedeploy

import (
	"slices"
	"strconv"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// findGroup gives the group that a request names.
func (s *Service) findGroup(caller wire.Caller, application, group string) (*Group, error) {
	switch {
	case application == "":
		return nil, wire.Errorf("ApplicationNameRequiredException", "Application name must be specified")
	case group == "":
		return nil, wire.Errorf("DeploymentGroupNameRequiredException", "Deployment group name must be specified")
	}
	a, ok := s.applications[applicationKey{caller.Scope, application}]
	if !ok {
		return nil, wire.Errorf("ApplicationDoesNotExistException", "No application found for name: %s", application)
	}
	g, ok := a.groups[group]
	if !ok {
		return nil, wire.Errorf("DeploymentGroupDoesNotExistException", "No Deployment Group found for name: %s", group)
	}
	return g, nil
}

type listDeploymentsInput struct {
	Application string     `json:"applicationName"`
	Group       string     `json:"deploymentGroupName"`
	Statuses    []string   `json:"includeOnlyStatuses"`
	Range       *timeRange `json:"createTimeRange"`
	NextToken   string     `json:"nextToken"`
}

// timeRange is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TimeRange.html.
type timeRange struct {
	Start *wire.Time `json:"start"`
	End   *wire.Time `json:"end"`
}

type listDeploymentsOutput struct {
	IDs       []string `json:"deployments"`
	NextToken string   `json:"nextToken,omitempty"`
}

// deploymentPages are newest first. A request cannot choose their size.
var deploymentPages = wire.Pager[*Deployment]{
	Name: "ListDeployments", Max: 100, Size: 100,
	Key: func(d *Deployment) string { return strconv.FormatInt(1<<62-d.createdAt.UnixNano(), 10) + d.id },
}

// listDeployments is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html.
// Without an application it lists those of all.
func (s *Service) listDeployments(caller wire.Caller, in listDeploymentsInput) (listDeploymentsOutput, error) {
	out := listDeploymentsOutput{IDs: []string{}}
	if err := in.check(); err != nil {
		return out, err
	}
	all, err := s.candidates(caller, in.Application, in.Group)
	if err != nil {
		return out, err
	}
	page, next, ok := deploymentPages.Page(slices.DeleteFunc(all, func(d *Deployment) bool { return !in.passes(d) }), nil, in.NextToken)
	if !ok {
		return out, wire.Errorf("InvalidNextTokenException", "The next token is not one of this list")
	}
	for _, d := range page {
		out.IDs = append(out.IDs, d.id)
	}
	out.NextToken = next
	return out, nil
}

func (s *Service) candidates(caller wire.Caller, application, group string) (all []*Deployment, err error) {
	if application != "" || group != "" {
		g, err := s.findGroup(caller, application, group)
		if err != nil {
			return nil, err
		}
		return slices.Clone(g.deployments), nil
	}
	for key, d := range s.deployments {
		if key.Scope == caller.Scope {
			all = append(all, d)
		}
	}
	return all, nil
}

func (in listDeploymentsInput) check() error {
	for _, status := range in.Statuses {
		if !slices.Contains([]string{created, "Queued", inProgress, "Baking", succeeded, failed, stopped, ready}, status) {
			return wire.Errorf("InvalidDeploymentStatusException", "Unknown deployment status: %s", status)
		}
	}
	if r := in.Range; r != nil && r.Start != nil && r.End != nil && r.End.Before(r.Start.Time) {
		return wire.Errorf("InvalidTimeRangeException", "The end of the time range is before its start")
	}
	return nil
}

// passes is strict with the ends of the range: AWS does not say whether they
// belong to it, so that nobody may count on it.
func (in listDeploymentsInput) passes(d *Deployment) bool {
	if len(in.Statuses) > 0 && !slices.Contains(in.Statuses, d.status) {
		return false
	}
	r := in.Range
	return r == nil ||
		(r.Start == nil || d.createdAt.After(r.Start.Time)) && (r.End == nil || d.createdAt.Before(r.End.Time))
}

type getGroupInput struct {
	Application string `json:"applicationName"`
	Group       string `json:"deploymentGroupName"`
}

type getGroupOutput struct {
	Group wireGroup `json:"deploymentGroupInfo"`
}

// wireGroup is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentGroupInfo.html.
type wireGroup struct {
	Application string       `json:"applicationName"`
	ID          string       `json:"deploymentGroupId"`
	Name        string       `json:"deploymentGroupName"`
	Platform    string       `json:"computePlatform"`
	Services    []ecsService `json:"ecsServices,omitempty"`
}

type ecsService struct {
	Service string `json:"serviceName"`
	Cluster string `json:"clusterName"`
}

// getDeploymentGroup is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeploymentGroup.html.
func (s *Service) getDeploymentGroup(caller wire.Caller, in getGroupInput) (getGroupOutput, error) {
	g, err := s.findGroup(caller, in.Application, in.Group)
	if err != nil {
		return getGroupOutput{}, err
	}
	w := wireGroup{Application: in.Application, ID: g.id, Name: g.name, Platform: g.platform()}
	if g.target != nil {
		w.Services = []ecsService{{g.target.Name(), g.target.Cluster().Name()}}
	}
	return getGroupOutput{w}, nil
}
