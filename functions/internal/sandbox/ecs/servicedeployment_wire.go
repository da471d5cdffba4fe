package ecs

import (
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// wireServiceDeployment is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html.
type wireServiceDeployment struct {
	ARN            string          `json:"serviceDeploymentArn"`
	Service        string          `json:"serviceArn"`
	Cluster        string          `json:"clusterArn"`
	CreatedAt      *wire.Time      `json:"createdAt"`
	StartedAt      *wire.Time      `json:"startedAt"`
	UpdatedAt      *wire.Time      `json:"updatedAt"`
	FinishedAt     *wire.Time      `json:"finishedAt,omitempty"`
	StoppedAt      *wire.Time      `json:"stoppedAt,omitempty"`
	Target         revisionTasks   `json:"targetServiceRevision"`
	Sources        []revisionTasks `json:"sourceServiceRevisions"`
	Status         string          `json:"status"`
	Reason         string          `json:"statusReason,omitempty"`
	Rollback       *wireRollback   `json:"rollback,omitempty"`
	CircuitBreaker *breakerStatus  `json:"deploymentCircuitBreaker,omitempty"`
	Stage          string          `json:"lifecycleStage,omitempty"`
	Hooks          []wireHook      `json:"lifecycleHookDetails,omitempty"`

	Configuration deploymentConfig `json:"deploymentConfiguration"`
}

// revisionTasks is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevisionSummary.html.
type revisionTasks struct {
	ARN       string `json:"arn"`
	Requested int    `json:"requestedTaskCount"`
	Running   int    `json:"runningTaskCount"`
	Pending   int    `json:"pendingTaskCount"`

	Weight *float64 `json:"requestedProductionTrafficWeight,omitempty"`
}

// wireRollback is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Rollback.html.
type wireRollback struct {
	Reason    string     `json:"reason"`
	StartedAt *wire.Time `json:"startedAt"`
	Revision  string     `json:"serviceRevisionArn"`
}

// breakerStatus is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeploymentCircuitBreaker.html.
type breakerStatus struct {
	Status    string `json:"status"`
	Failures  int    `json:"failureCount"`
	Threshold int    `json:"threshold"`
}

type describeDeploymentsInput struct {
	ARNs []string `json:"serviceDeploymentArns"`
}

type describeDeploymentsOutput struct {
	Deployments []wireServiceDeployment `json:"serviceDeployments"`
	Failures    []failure               `json:"failures"`
}

// describeServiceDeployments is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html.
func (s *Scheduler) describeServiceDeployments(caller wire.Caller, in describeDeploymentsInput) (describeDeploymentsOutput, error) {
	out := describeDeploymentsOutput{Deployments: []wireServiceDeployment{}, Failures: []failure{}}
	if err := checkARNs(caller, "DescribeServiceDeployments", "service-deployment", in.ARNs); err != nil {
		return out, err
	}
	for _, text := range in.ARNs {
		if record := s.findRecord(text); record != nil {
			out.Deployments = append(out.Deployments, record.describe())
		} else {
			out.Failures = append(out.Failures, missing(text))
		}
	}
	return out, nil
}

func (s *Scheduler) findRecord(text string) *serviceDeployment {
	svc, _ := s.serviceOf(text)
	if svc == nil || svc.options.NoRevisions {
		return nil
	}
	for _, record := range svc.records {
		if record.arn == text {
			return record
		}
	}
	return nil
}

func (r *serviceDeployment) describe() wireServiceDeployment {
	brief := r.brief()
	w := wireServiceDeployment{
		ARN: brief.ARN, Service: brief.Service, Cluster: brief.Cluster,
		CreatedAt: brief.CreatedAt, StartedAt: brief.StartedAt, UpdatedAt: wire.At(r.updatedAt),
		FinishedAt: brief.FinishedAt, StoppedAt: wire.At(r.stoppedAt),
		Target: r.deployment.revisionTasks(), Sources: []revisionTasks{},
		Status: r.status, Reason: r.reason, Rollback: r.rollback, CircuitBreaker: r.breaker(),
		Stage: r.lifecycle.stage, Configuration: r.deployment.service.configuration(),
	}
	if r.source != nil {
		w.Sources = append(w.Sources, r.source.revisionTasks())
	}
	r.describeLifecycle(&w)
	return w
}

// describeLifecycle fills in what is shifted, and what holds it.
func (r *serviceDeployment) describeLifecycle(w *wireServiceDeployment) {
	if weight := r.lifecycle.weight; weight != nil {
		w.Target.Weight = weight
		for i := range w.Sources {
			rest := 100 - *weight
			w.Sources[i].Weight = &rest
		}
	}
	if r.lifecycle.hook != nil {
		w.Hooks = append(w.Hooks, *r.lifecycle.hook)
	}
	if svc := r.deployment.service; svc.options.Traffic.UpdatedAsAsked && !r.over() {
		w.UpdatedAt = wire.At(instant(svc.now()))
	}
}

func (r *serviceDeployment) breaker() *breakerStatus {
	d := r.deployment
	b := &breakerStatus{Status: "MONITORING", Failures: d.failedTasks, Threshold: max(3, min(d.service.desired/2, 200))}
	switch {
	case d.service.options.NoCircuitBreaker:
		b.Status = "DISABLED"
	case d.state == failed:
		b.Status = "TRIGGERED"
	case d.wasCompleted:
		b.Status = "MONITORING_COMPLETE"
	}
	return b
}

func (d *Deployment) revisionTasks() revisionTasks {
	running, pending := d.count()
	t := revisionTasks{ARN: d.RevisionARN(), Running: running, Pending: pending}
	if d.service.primary == d {
		t.Requested = d.service.desired
	}
	return t
}

// count gives how many tasks run and how many wait.
func (st *starter) count() (running, pending int) {
	for _, t := range st.tasks() {
		if t.lastStatus == statusRunning {
			running++
		} else {
			pending++
		}
	}
	return running, pending
}
