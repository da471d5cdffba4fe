package tagalongtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What ECS answers, and in how many calls: pages of a hundred, DescribeServices in
// tens, revisions and service deployments in twenties.

// call is what every call does first; the lock must not be held.
func (e *Inventory) call(ctx context.Context, operation string, of tagalong.Scope, cluster string, times int) error {
	for range times {
		if e.Hook != nil {
			if err := e.Hook(ctx, Call{operation, of, cluster}); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		e.mu.Lock()
		if e.calls == nil {
			e.calls = map[string]int{}
		}
		e.calls[operation]++
		elsewhere := e.elsewhere[of.Account]
		e.mu.Unlock()
		if elsewhere {
			return fmt.Errorf("account %s: %w", of.Account, tagalong.ErrElsewhere)
		}
	}
	return nil
}

// Clusters implements sweep.Inventory.
func (e *Inventory) Clusters(ctx context.Context, of tagalong.Scope) ([]string, error) {
	e.mu.Lock()
	names := slices.Sorted(maps.Keys(e.clusters[of]))
	e.mu.Unlock()
	return names, e.call(ctx, "ListClusters", of, "", pages(len(names), 100))
}

// ServiceNames implements sweep.Inventory.
func (e *Inventory) ServiceNames(ctx context.Context, of tagalong.Scope, cluster string) ([]string, error) {
	e.mu.Lock()
	names, there := e.servicesIn(of, cluster), e.clusters[of][cluster]
	e.mu.Unlock()
	if err := e.call(ctx, "ListServices", of, cluster, pages(len(names), 100)); err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("cluster %s: %w", cluster, tagalong.ErrNotFound)
	}
	return names, nil
}

// Describe implements sweep.Inventory.
func (e *Inventory) Describe(ctx context.Context, of tagalong.Scope, cluster string, names []string) (states []sweep.ServiceState, err error) {
	for ten := range slices.Chunk(names, 10) {
		if err := e.call(ctx, "DescribeServices", of, cluster, 1); err != nil {
			return nil, err
		}
		e.mu.Lock()
		there := e.clusters[of][cluster]
		for _, name := range ten {
			if state, ok := e.state(tagalong.Service{Account: of.Account, Region: of.Region, Cluster: cluster, Name: name}); ok {
				states = append(states, state)
			}
		}
		e.mu.Unlock()
		if !there {
			return nil, fmt.Errorf("cluster %s: %w", cluster, tagalong.ErrNotFound)
		}
	}
	return states, nil
}

// DeploymentHistory implements sweep.Inventory. A list tells all but a rollback.
func (e *Inventory) DeploymentHistory(ctx context.Context, of tagalong.Scope, services []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	all, rolledBack := map[tagalong.Service][]pipeline.ServiceDeployment{}, 0
	for _, s := range services {
		records := e.Known(s)
		if err := e.call(ctx, "ListServiceDeployments", of, s.Cluster, pages(len(records), 100)); err != nil {
			return nil, err
		}
		if len(records) > 0 {
			all[s] = records
		}
		for _, r := range records {
			if r.RolledBackTo != "" || r.Status == "STOPPED" {
				rolledBack++
			}
		}
	}
	if rolledBack == 0 {
		return all, nil
	}
	return all, e.call(ctx, "DescribeServiceDeployments", of, "", pages(rolledBack, 20))
}

// Looks implements sweep.Inventory.
func (e *Inventory) Looks(ctx context.Context, of tagalong.Scope, services []tagalong.Service) (map[tagalong.Service]tagalong.RolloutLook, error) {
	looks := map[tagalong.Service]tagalong.RolloutLook{}
	e.mu.Lock()
	for _, s := range services {
		if on := e.services[s]; on != nil && on.record() != nil {
			look := on.look
			look.Deployment = on.primary().ID
			looks[s] = look
		}
	}
	e.mu.Unlock()
	if len(looks) == 0 {
		return nil, nil
	}
	return looks, e.call(ctx, "DescribeServiceDeployments", of, "", pages(len(looks), 20))
}

// Prepare implements sweep.Inventory: what is prepared is shown without a call.
func (e *Inventory) Prepare(ctx context.Context, of tagalong.Scope, deployments []sweep.DeploymentOf) error {
	if len(deployments) == 0 {
		return nil
	}
	if err := e.call(ctx, "DescribeServiceRevisions", of, "", pages(len(deployments), 20)); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range deployments {
		e.prepared[deploymentKey{d.Service, d.Deployment}] = true
	}
	return nil
}

// ServiceDeployments implements pipeline.DeploymentHistory.
func (e *Inventory) ServiceDeployments(ctx context.Context, s tagalong.Service, since time.Time) ([]pipeline.ServiceDeployment, error) {
	records := slices.DeleteFunc(e.Known(s), func(r pipeline.ServiceDeployment) bool { return r.CreatedAt.Before(since) })
	if err := e.call(ctx, "ListServiceDeployments", scopeOf(s), s.Cluster, pages(len(records), 100)); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.services[s] == nil {
		return nil, fmt.Errorf("service %s: %w", s, tagalong.ErrNotFound)
	}
	return records, nil
}

// find returns a deployment that ECS knows; nil if it does not.
func (e *Inventory) find(s tagalong.Service, deployment string) *inventoryDeployment {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.revisions[deploymentKey{s, deployment}]
}

// over reports whether a deployment had its last task longer than that ago.
func (e *Inventory) over(d *inventoryDeployment, ago time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !d.drained.IsZero() && e.now().Sub(d.drained) > ago
}

// Revision implements tagalong.Workload.
func (e *Inventory) Revision(ctx context.Context, s tagalong.Service, deployment string) (tagalong.Spec, error) {
	e.mu.Lock()
	prepared := e.prepared[deploymentKey{s, deployment}]
	e.mu.Unlock()
	if !prepared {
		if err := e.call(ctx, "DescribeServiceRevisions", scopeOf(s), s.Cluster, 1); err != nil {
			return tagalong.Spec{}, err
		}
	}
	d := e.find(s, deployment)
	switch {
	case d == nil, d.Revised == nil, e.over(d, recordFor):
		return tagalong.Spec{}, fmt.Errorf("revision of %s: %w", deployment, tagalong.ErrNotFound)
	case d.Denied:
		return tagalong.Spec{}, fmt.Errorf("revision of %s: %w", deployment, tagalong.ErrDenied)
	}
	return tagalong.Spec{TaskDefinition: d.TaskDefinition, Containers: slices.Clone(d.Revised)}, nil
}

// Tasks implements tagalong.Workload. A deployment that is not known has none.
func (e *Inventory) Tasks(ctx context.Context, s tagalong.Service, deployment string) ([]tagalong.TaskRun, error) {
	if err := e.call(ctx, "ListTasks", scopeOf(s), s.Cluster, 1); err != nil {
		return nil, err
	}
	d := e.find(s, deployment)
	if d == nil || len(d.Tasks) == 0 || e.over(d, tasksFor) {
		return nil, nil
	}
	return slices.Clone(d.Tasks), e.call(ctx, "DescribeTasks", scopeOf(s), s.Cluster, pages(len(d.Tasks), 100))
}

// Definition implements tagalong.Workload.
func (e *Inventory) Definition(ctx context.Context, s tagalong.Service, deployment, _ string) (tagalong.Spec, error) {
	if err := e.call(ctx, "DescribeTaskDefinition", scopeOf(s), s.Cluster, 1); err != nil {
		return tagalong.Spec{}, err
	}
	d := e.find(s, deployment)
	if d == nil || d.Undefined {
		return tagalong.Spec{}, fmt.Errorf("task definition of %s: %w", deployment, tagalong.ErrNotFound)
	}
	return tagalong.Spec{TaskDefinition: d.TaskDefinition, Containers: slices.Clone(d.Defined)}, nil
}

// Cluster implements tagalong.Workload: no service here has the short ARN, so the
// deployment must be one of its own.
func (e *Inventory) Cluster(ctx context.Context, s tagalong.Service, deployment string) (string, error) {
	e.mu.Lock()
	clusters := slices.Sorted(maps.Keys(e.clusters[scopeOf(s)]))
	e.mu.Unlock()
	for _, s.Cluster = range clusters {
		if err := e.call(ctx, "DescribeServices", scopeOf(s), s.Cluster, 1); err != nil {
			return "", err
		}
		if e.find(s, deployment) != nil {
			return s.Cluster, nil
		}
	}
	return "", fmt.Errorf("service %s: %w", s.Name, tagalong.ErrNotFound)
}

// JSON returns the event as EventBridge delivers it.
func (t DeploymentEvent) JSON(id string) []byte {
	kind := map[tagalong.FactName]string{tagalong.Failed: "ERROR"}[t.Name]
	if kind == "" {
		kind = "INFO"
	}
	arn := tagalong.PartitionOf(t.Service.Region).ARN("ecs", t.Service.Region, t.Service.Account, "")
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "source": "aws.ecs", "detail-type": "ECS Deployment State Change",
		"account": t.Service.Account, "region": t.Service.Region, "time": t.Time.Add(time.Second).Format(time.RFC3339),
		"resources": []string{arn + "service/" + t.Service.Cluster + "/" + t.Service.Name},
		"detail": map[string]any{
			"eventType": kind, "eventName": "SERVICE_DEPLOYMENT_" + string(t.Name), "deploymentId": t.Deployment, "reason": t.Reason,
			"updatedAt": t.Time.Format("2006-01-02T15:04:05.000Z"), "clusterArn": arn + "cluster/" + t.Service.Cluster,
		},
	})
	if err != nil {
		panic(fmt.Sprintf("encoding an event: %v", err))
	}
	return raw
}
