package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Handle takes one EventBridge event as it arrives. An event that is not for us
// is no error; one that is malformed is, so that it ends whole in the
// dead-letter queue.
func (r *Reactor) Handle(ctx context.Context, raw []byte) (Outcome, error) {
	event, err := events.Parse(raw)
	if err != nil {
		return Outcome{}, err
	}
	if task, ok := event.(events.TaskStateChange); ok {
		return r.handleTask(ctx, task)
	}
	change, ok := event.(events.DeploymentStateChange)
	if !ok {
		r.Logger().InfoContext(ctx, "event is not for us", "event", event.Envelope().ID, "source", event.Envelope().Source, "detailType", event.Envelope().DetailType)
		return Outcome{Unhandled: true}, nil
	}
	log := r.Logger().With("event", change.Envelope().ID, "deployment", change.Deployment(), "name", change.Name())
	named := serviceNamed(change)
	if named.Cluster == "" && !r.Rules.MayMatch(named.Account, named.Region, named.Name) {
		return unmanaged(ctx, log, named), nil // what it reads a sweep sees, where its cluster is known
	}
	service, err := r.service(ctx, change)
	if unseen, ok := errors.AsType[tagalong.UnseenClusters](err); ok {
		elsewhere, problem := r.isElsewhere(ctx, unseen)
		if elsewhere {
			return unmanaged(ctx, log, named), nil
		}
		err = cmp.Or(problem, err)
	}
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := r.Observe(ctx, service, factOf(change))
	outcome.Log(ctx, log, err)
	if err != nil {
		return outcome, fmt.Errorf("deployment %s of %s: %w", change.Deployment(), service, err)
	}
	return outcome, nil
}

// service names the event's service. A legacy short ARN without clusterArn does
// not say the cluster, so ECS is asked.
func (r *Reactor) service(ctx context.Context, e events.DeploymentStateChange) (tagalong.Service, error) {
	s := serviceNamed(e)
	if s.Cluster != "" {
		return s, nil
	}
	cluster, err := r.Workload.Cluster(ctx, s, e.Deployment())
	if err != nil {
		return tagalong.Service{}, fmt.Errorf("cluster of service %s: %w", e.ServiceARN(), err)
	}
	s.Cluster = cluster
	return s, nil
}

// isElsewhere reports whether a service can only be in clusters that no rule
// manages, or that we were not given: then it does not matter that our role may not
// look into them. Any other is a mistake in the role, and its event must be kept.
func (r *Reactor) isElsewhere(ctx context.Context, unseen tagalong.UnseenClusters) (bool, error) {
	for _, cluster := range unseen.Clusters {
		s := unseen.Service
		s.Cluster = cluster
		if _, managed, err := r.Policy(ctx, s); managed || err != nil {
			return false, err
		}
	}
	return true, nil
}

func serviceNamed(e events.DeploymentStateChange) tagalong.Service {
	arn := e.ServiceARN()
	return tagalong.Service{Account: arn.Account(), Region: arn.Region(), Cluster: e.Cluster(), Name: arn.Name()}
}

func unmanaged(ctx context.Context, log *slog.Logger, s tagalong.Service) Outcome {
	outcome := Outcome{Service: s, Unmanaged: true}
	outcome.Log(ctx, log, nil)
	return outcome
}

var factNames = map[events.DeploymentEventName]tagalong.FactName{
	events.DeploymentInProgress: tagalong.InProgress,
	events.DeploymentCompleted:  tagalong.Completed,
	events.DeploymentFailed:     tagalong.Failed,
}

func factOf(e events.DeploymentStateChange) tagalong.Fact {
	return tagalong.Fact{
		Deployment: e.Deployment(),
		Name:       factNames[e.Name()],
		Time:       e.UpdatedAt(),
		Source:     tagalong.FromEvent,
		Reason:     e.Reason(),
	}
}

// Log says in one line what an observation did.
func (o Outcome) Log(ctx context.Context, log *slog.Logger, err error) {
	log = log.With("service", o.Service.String(), "environment", o.Environment)
	switch {
	case err != nil:
		log.ErrorContext(ctx, "deployment event", append([]any{"error", err.Error()}, o.done()...)...)
	case o.Unmanaged:
		log.InfoContext(ctx, "service is not managed: no environment rule matches, or we were not given its cluster")
	case o.Expired:
		log.InfoContext(ctx, "event is older than the retention")
	default:
		log.InfoContext(ctx, "deployment event", o.done()...)
	}
}

// Logger returns Log, or one that discards what is logged.
func (r *Reactor) Logger() *slog.Logger {
	if r.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Log
}

// Add sums up what several observations of one service did: what is true of all of
// them, what of any, and how often.
func (o *Outcome) Add(p Outcome) {
	o.Service = cmp.Or(o.Service, p.Service)
	o.Environment = cmp.Or(o.Environment, p.Environment)
	o.Unhandled = o.Unhandled && p.Unhandled
	o.Unmanaged = o.Unmanaged && p.Unmanaged
	o.Repeated = o.Repeated && p.Repeated
	o.Expired = o.Expired || p.Expired
	o.Recorded = o.Recorded || p.Recorded
	o.Moved += p.Moved
	o.Confirmed += p.Confirmed
	o.Blocked += p.Blocked
	o.Missing += p.Missing
	o.Inputs += p.Inputs
	o.InDoubt += p.InDoubt
	o.Unproven = p.Unproven // of the service as it was left
	o.Announced += p.Announced
	o.Unannounced += p.Unannounced
	o.Lag = max(o.Lag, p.Lag)
}
