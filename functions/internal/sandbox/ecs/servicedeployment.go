package ecs

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// serviceDeployment is the record of one deployment with its rollback,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html.
type serviceDeployment struct {
	arn        string
	deployment *Deployment // that it works towards
	source     *Deployment // that ran before, nil for the first
	status     string
	reason     string
	createdAt  time.Time
	updatedAt  time.Time
	finishedAt time.Time
	stoppedAt  time.Time
	rollback   *wireRollback
	lifecycle  lifecycle
}

const (
	successful         = "SUCCESSFUL"
	stopped            = "STOPPED"
	rollbackRequested  = "ROLLBACK_REQUESTED"
	rollbackInProgress = "ROLLBACK_IN_PROGRESS"
	rollbackSuccessful = "ROLLBACK_SUCCESSFUL"
	rollbackFailed     = "ROLLBACK_FAILED"
)

var recordStatuses = []string{
	"PENDING", inProgress, successful, "STOP_REQUESTED", stopped,
	rollbackRequested, rollbackInProgress, rollbackSuccessful, rollbackFailed,
}

func (svc *Service) newRecord(d *Deployment, at time.Time) *serviceDeployment {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	opaque := wire.Text(21, alphabet, "service-deployment", svc.longARN(), d.number)
	record := &serviceDeployment{
		arn:        svc.cluster.scope.ARN("ecs", "service-deployment/"+svc.cluster.name+"/"+svc.name+"/"+opaque),
		deployment: d, source: svc.lastCompleted(d),
		status: inProgress, createdAt: at, updatedAt: at,
	}
	svc.records = append(svc.records, record)
	return record
}

// complete ends a record well: the deployment's, or its rollback's.
func (r *serviceDeployment) complete(at time.Time) {
	r.status, r.updatedAt, r.finishedAt = successful, at, at
	if r.rollback != nil {
		r.status = rollbackSuccessful
	}
}

func (r *serviceDeployment) stop(at time.Time, reason string) {
	if r.over() {
		return
	}
	r.status, r.reason, r.updatedAt = stopped, reason, at
	times := r.deployment.service.options.StopTimes
	if times != UpdatedOnly {
		r.stoppedAt = at
	}
	if times == Finished {
		r.finishedAt = at
	}
}

func (r *serviceDeployment) over() bool {
	return slices.Contains([]string{successful, stopped, rollbackSuccessful, rollbackFailed}, r.status)
}

// StopTimes are the times that a service deployment has that was stopped. AWS does not
// say which.
type StopTimes int

// All have updatedAt.
const (
	Finished    StopTimes = iota // finishedAt and stoppedAt, too
	StoppedOnly                  // stoppedAt, too
	UpdatedOnly
)

// Request lets somebody ask for the deployment to end: STOP_REQUESTED, then
// STOP_IN_PROGRESS, which the guide names and the API's model does not, or
// ROLLBACK_REQUESTED. It goes on until then, and may complete.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html.
func (d *Deployment) Request(status string, at time.Time) error {
	defer d.service.lock()()
	if !d.works() || !slices.Contains([]string{"STOP_REQUESTED", "STOP_IN_PROGRESS", rollbackRequested}, status) {
		return fmt.Errorf("asking for %s of %s: %w", status, d.id(), ErrState)
	}
	d.record.status, d.record.updatedAt = status, instant(at)
	return nil
}

// fail ends a record, or leaves it to the rollback if there is one to come.
func (r *serviceDeployment) fail(at time.Time, reason string) {
	svc := r.deployment.service
	switch {
	case svc.options.NoRollback:
		r.stop(at, reason)
	case svc.lastCompleted(r.deployment) == nil:
		r.status, r.reason, r.updatedAt, r.finishedAt = rollbackFailed, reason, at, at
	default:
		r.status, r.reason, r.updatedAt = rollbackRequested, reason, at
	}
}

func (r *serviceDeployment) rollBack(at time.Time, to *Deployment, reason string) {
	r.status, r.updatedAt, r.lifecycle = rollbackInProgress, at, lifecycle{}
	r.rollback = &wireRollback{Reason: reason, StartedAt: wire.At(at), Revision: to.RevisionARN()}
}

type listDeploymentsInput struct {
	Service string   `json:"service"`
	Cluster string   `json:"cluster"`
	Status  []string `json:"status"`
	Created *struct {
		Before *wire.Time `json:"before"`
		After  *wire.Time `json:"after"`
	} `json:"createdAt"`
	paging
}

type listDeploymentsOutput struct {
	Deployments []wireBrief `json:"serviceDeployments"`
	NextToken   string      `json:"nextToken,omitempty"`
}

// wireBrief is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeploymentBrief.html.
type wireBrief struct {
	ARN        string     `json:"serviceDeploymentArn"`
	Service    string     `json:"serviceArn"`
	Cluster    string     `json:"clusterArn"`
	CreatedAt  *wire.Time `json:"createdAt"`
	StartedAt  *wire.Time `json:"startedAt"`
	FinishedAt *wire.Time `json:"finishedAt,omitempty"`
	Target     string     `json:"targetServiceRevisionArn"`
	Status     string     `json:"status"`
	Reason     string     `json:"statusReason,omitempty"`
}

var briefPages = wire.Pager[wireBrief]{
	Name: "ListServiceDeployments", Max: 100, Size: 20,
	Key: func(b wireBrief) string { // newest first
		return strconv.FormatInt(1<<62-b.CreatedAt.UnixNano(), 10) + b.ARN
	},
}

// listServiceDeployments is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html.
func (s *Scheduler) listServiceDeployments(caller wire.Caller, in listDeploymentsInput) (listDeploymentsOutput, error) {
	none := listDeploymentsOutput{}
	svc, err := s.findService(caller, in.Cluster, in.Service)
	if err != nil {
		return none, err
	}
	if svc.deleted { // its deployments went with it
		return none, serviceNotFound()
	}
	for _, status := range in.Status {
		if !slices.Contains(recordStatuses, status) {
			return none, invalid("Unknown service deployment status: %s", status)
		}
	}
	var briefs []wireBrief
	for _, r := range svc.records {
		if in.passes(r) && !svc.options.NoRevisions {
			briefs = append(briefs, r.brief())
		}
	}
	cut, next, err := page(briefPages, briefs, in.paging)
	return listDeploymentsOutput{cut, next}, err
}

func (in listDeploymentsInput) passes(r *serviceDeployment) bool {
	if len(in.Status) > 0 && !slices.Contains(in.Status, r.status) {
		return false
	}
	if in.Created == nil {
		return true
	}
	after, before := in.Created.After, in.Created.Before
	return (after == nil || r.createdAt.After(after.Time)) && (before == nil || r.createdAt.Before(before.Time))
}

func (r *serviceDeployment) brief() wireBrief {
	svc := r.deployment.service
	return wireBrief{
		ARN: r.arn, Service: svc.arn(), Cluster: svc.cluster.ARN(),
		CreatedAt: wire.At(r.createdAt), StartedAt: wire.At(r.createdAt), FinishedAt: wire.At(r.finishedAt),
		Target: r.deployment.RevisionARN(), Status: r.status, Reason: r.reason,
	}
}
