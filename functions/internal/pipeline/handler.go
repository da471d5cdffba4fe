package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// Handler takes what happens in CodePipeline and CodeDeploy. A stage that
// deploys gives its release to the rollouts that began in its actions' time; what
// the ledger has not seen of them is observed at once, by the same Reactor that
// takes ECS's events.
type Handler struct {
	Reactor *reactor.Reactor
	// Releases keep what began an execution, and how its stages stand.
	Releases   ledger.Releases
	Pipelines  Pipelines
	CodeDeploy CodeDeploy
	History    DeploymentHistory
	// Backoff is how often the API is asked where it lags behind its own events; the
	// zero Backoff is three times, with about 2 and 4 seconds in between.
	Backoff wait.Backoff
}

// lagsFor is how long the API may lag behind its own events. The queue hands
// an event out again later than that.
const lagsFor = 2 * time.Minute

// errLag says that the API does not yet know what its own event says.
var errLag = errors.New("the API lags behind the event: to be tried again")

// Handle takes one EventBridge event as it arrives. There is an Outcome for each
// service that it is about. An event that is not for us is no error; one that is
// malformed is, so that it ends whole in the dead-letter queue.
func (f *Handler) Handle(ctx context.Context, raw []byte) ([]reactor.Outcome, error) {
	event, err := events.Parse(raw)
	if err != nil {
		return nil, err
	}
	var outcomes []reactor.Outcome
	switch e := event.(type) {
	case events.StageExecutionStateChange:
		outcomes, err = f.stage(ctx, e)
	case events.ActionExecutionStateChange:
		outcomes, err = f.action(ctx, e)
	case events.CodeDeployStateChange:
		outcomes, err = f.codeDeploy(ctx, e)
	}
	f.report(ctx, event.Envelope(), outcomes, err)
	if len(outcomes) == 0 {
		outcomes = []reactor.Outcome{{Unhandled: true}}
	}
	return outcomes, err
}

func (f *Handler) report(ctx context.Context, e events.Envelope, outcomes []reactor.Outcome, err error) {
	log := f.Reactor.Logger().With("event", e.ID, "source", e.Source, "detailType", e.DetailType)
	for _, o := range outcomes {
		o.Log(ctx, log, nil)
	}
	switch {
	case err != nil:
		log.ErrorContext(ctx, "pipeline event", "error", err.Error())
	case len(outcomes) == 0:
		log.InfoContext(ctx, "event is about no service of ours")
	}
}

// stage takes a stage that has ended, or that somebody stops or retries. The begin
// of a stage says nothing: that of its actions does.
func (f *Handler) stage(ctx context.Context, e events.StageExecutionStateChange) ([]reactor.Outcome, error) {
	x := executionOf(e)
	if e.State() == events.ExecutionStarted || !f.Reactor.Rules.Take(x.Pipeline.Name, e.Stage()) {
		return nil, nil
	}
	ours := func(a Action) bool { return a.Stage == e.Stage() }
	late := f.Reactor.Clock().Sub(e.Time()) > lagsFor
	deploys, began, err := f.ask(ctx, x, ours, func(runs []Action, last bool) bool { return shows(runs, e, last, late) })
	if err != nil {
		return nil, fmt.Errorf("stage %s of %s: %w", e.Stage(), x, err)
	}
	change := ledger.StageChange{Stage: e.Stage(), State: string(e.State()), At: e.Time(), Attempt: e.Attempt()}
	if runs := runsThat(deploys, ours); len(runs) > 0 {
		return f.follow(ctx, x, began, runs, &change)
	}
	before := func(a Action) bool { return !a.begins().After(e.Time()) && f.counts(x, a) }
	if !slices.ContainsFunc(deploys, before) {
		return nil, nil
	}
	return nil, f.note(ctx, x, began, &change) // it belongs to what an earlier stage has put in place
}

// shows reports whether the runs of a stage's actions are as its event says. A
// stage may have none, if a condition skips it or ends it before its first action: that
// is believed of one that failed at the last try, since for want of anything to build
// on nothing would come of an error, and of one that succeeded once the API is too late
// to lag.
func shows(runs []Action, e events.StageExecutionStateChange, last, late bool) bool {
	none, over := len(runs) == 0, ended(runs) && anyFrom(runs, e.RetriedAt())
	switch e.State() {
	case events.ExecutionSucceeded:
		return over || none && late
	case events.ExecutionFailed, events.ExecutionStopped:
		return over || none && last || late
	case events.ExecutionCanceled: // what the API says of its actions is nowhere written
		return !none || last
	}
	return true
}

// counts reports whether an action may give its release to a service of ours: which
// service that is, of CodeDeploy's are not asked here.
func (f *Handler) counts(x execution, a Action) bool {
	if a.Provider == providerCodeDeploy {
		return f.Reactor.Rules.Take(x.Name, a.Stage)
	}
	service, named := a.service()
	policy, ours := f.Reactor.Rules.For(service)
	return named && ours && policy.Takes(x.Name, a.Stage)
}

// action takes a run of an action that deploys, as it starts and as it ends.
func (f *Handler) action(ctx context.Context, e events.ActionExecutionStateChange) ([]reactor.Outcome, error) {
	x := executionOf(e)
	kind := Action{Category: e.Type().Category, Provider: e.Type().Provider}
	if kind.deploysElsewhere() || !f.Reactor.Rules.Take(x.Pipeline.Name, e.Stage()) {
		return nil, nil
	}
	ours := func(a Action) bool {
		return a.Stage == e.Stage() && a.Name == e.Action() && (a.ID == e.ActionExecution() || e.ActionExecution() == "")
	}
	runs, began, err := f.ask(ctx, x, ours, func(runs []Action, _ bool) bool {
		return len(runs) > 0 && (!finalStates[e.State()] || ended(runs))
	})
	if err != nil {
		return nil, fmt.Errorf("action %s of stage %s of %s: %w", e.Action(), e.Stage(), x, err)
	}
	return f.follow(ctx, x, began, runsThat(runs, ours), nil)
}

// finalStates are the states of an action that the API has a word for, too. It has none
// for CANCELED: what it says of such an action is nowhere written, and not awaited.
var finalStates = map[events.ExecutionState]bool{
	events.ExecutionSucceeded: true, events.ExecutionFailed: true, events.ExecutionAbandoned: true,
}

// execution names a pipeline's execution.
type execution struct {
	tagalong.Pipeline
	ID string
}

func (x execution) String() string { return x.Name + "/" + x.ID }

func executionOf(e interface {
	Account() string
	Region() string
	Pipeline() string
	Execution() string
}) execution {
	return execution{tagalong.Pipeline{Account: e.Account(), Region: e.Region(), Name: e.Pipeline()}, e.Execution()}
}

// ask reads the runs of an execution's actions that deploy and, if there are any,
// what began it, once the API has caught up with the event about our runs; last is the
// last try.
func (f *Handler) ask(ctx context.Context, x execution, ours func(Action) bool, caughtUp func(runs []Action, last bool) bool) (deploys []Action, began tagalong.Execution, err error) {
	err = f.withBackoff(ctx, func(last bool) error {
		all, err := f.Pipelines.Actions(ctx, x.Pipeline, x.ID)
		if err != nil {
			return err
		}
		if !caughtUp(runsThat(all, ours), last) {
			return errLag
		}
		if deploys = deploying(all); len(deploys) == 0 {
			return nil
		}
		began, err = f.Pipelines.Execution(ctx, x.Pipeline, x.ID)
		if err == nil && len(began.Revisions) == 0 && !last {
			return errLag // whatever deploys has had a source
		}
		return err
	})
	if errors.Is(err, tagalong.ErrElsewhere) { // what it deploys is nobody's to know
		f.Reactor.Logger().WarnContext(ctx, "pipeline is in an account or Region that is not covered", "pipeline", x.Name, "account", x.Account, "region", x.Region)
		return nil, tagalong.Execution{}, nil
	}
	return deploys, began, err
}

// withBackoff tries again while the API lags, a few times: then the event's own
// retry asks again.
func (f *Handler) withBackoff(ctx context.Context, try func(last bool) error) error {
	backoff := f.Backoff
	if backoff == (wait.Backoff{}) {
		backoff = wait.Backoff{Attempts: 3, Base: 2 * time.Second, Max: 4 * time.Second}
	}
	return backoff.Retry(ctx, lags, try)
}

func lags(err error) bool {
	return errors.Is(err, errLag) || errors.Is(err, ErrNoExecution) || errors.Is(err, ErrNoCodeDeployDeployment)
}

// follow gives the release to what the runs of actions have deployed.
func (f *Handler) follow(ctx context.Context, x execution, began tagalong.Execution, runs []Action, change *ledger.StageChange) ([]reactor.Outcome, error) {
	var (
		outcomes []reactor.Outcome
		problems *multierror.Error
	)
	for _, a := range runs {
		done, err := f.deliver(ctx, a, tagalong.Release{Pipeline: x.Name, Execution: x.ID, Stage: a.Stage, Commit: began.Commit(), Images: a.Images})
		outcomes = append(outcomes, done...)
		problems = multierror.Append(problems, err)
	}
	outcomes = byService(outcomes)
	if managed(outcomes) {
		problems = multierror.Append(problems, f.note(ctx, x, began, change))
	}
	return outcomes, problems.ErrorOrNil()
}

// byService sums up what several runs of actions did to one service.
func byService(outcomes []reactor.Outcome) (all []reactor.Outcome) {
	for _, o := range outcomes {
		if i := slices.IndexFunc(all, func(a reactor.Outcome) bool { return a.Service == o.Service }); i >= 0 {
			all[i].Add(o)
			continue
		}
		all = append(all, o)
	}
	return all
}

// managed reports whether any of the services belongs to an environment.
func managed(outcomes []reactor.Outcome) bool {
	return slices.ContainsFunc(outcomes, func(o reactor.Outcome) bool { return !o.Unmanaged })
}

// note records what began the execution, and how its stage stands.
func (f *Handler) note(ctx context.Context, x execution, began tagalong.Execution, change *ledger.StageChange) error {
	forgotten := f.Reactor.Expiry()
	if err := f.Releases.NoteExecution(ctx, x.Pipeline, x.ID, began, forgotten); err != nil {
		return fmt.Errorf("recording execution %s: %w", x, err)
	}
	if change == nil {
		return nil
	}
	if err := f.Releases.NoteStage(ctx, x.Name, x.ID, *change, forgotten); err != nil {
		return fmt.Errorf("recording stage %s of %s: %w", change.Stage, x, err)
	}
	return nil
}

// deliver records what one run of an action did to its services.
func (f *Handler) deliver(ctx context.Context, a Action, release tagalong.Release) (outcomes []reactor.Outcome, err error) {
	deliveries, err := f.deliveries(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("action %s of stage %s: %w", a.Name, a.Stage, err)
	}
	var problems *multierror.Error
	for _, d := range deliveries {
		policy, ok, err := f.Reactor.Policy(ctx, d.service)
		if err != nil {
			return outcomes, multierror.Append(problems, err)
		}
		if !ok || !policy.Takes(release.Pipeline, release.Stage) {
			outcomes = append(outcomes, reactor.Outcome{Service: d.service, Unmanaged: true})
			continue
		}
		o, err := f.Reactor.ObserveAll(ctx, d.service, slices.Concat(a.facts(release), d.facts))
		outcomes = append(outcomes, o)
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("service %s: %w", d.service, err))
		}
	}
	return outcomes, problems.ErrorOrNil()
}

// delivery is what an action, or CodeDeploy, did to a service.
type delivery struct {
	service tagalong.Service
	facts   []tagalong.Fact
}

// deliveries asks who does the work: ECS itself, or CodeDeploy.
func (f *Handler) deliveries(ctx context.Context, a Action) ([]delivery, error) {
	if a.Provider == providerCodeDeploy {
		return f.codeDeployDeliveries(ctx, a)
	}
	service, ok := a.service()
	if !ok {
		f.Reactor.Logger().WarnContext(ctx, "action names no service", "action", a.ID, "cluster", a.Configuration["ClusterName"], "service", a.Configuration["ServiceName"])
		return nil, nil
	}
	known, err := f.History.ServiceDeployments(ctx, service, a.begins())
	if errors.Is(err, tagalong.ErrNotFound) || errors.Is(err, tagalong.ErrDenied) || errors.Is(err, tagalong.ErrElsewhere) {
		f.Reactor.Logger().InfoContext(ctx, "ECS does not list the service's deployments: only their own events report them", "service", service.String(), "error", err.Error())
		return []delivery{{service: service}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("deployments of %s: %w", service, err)
	}
	d := delivery{service: service}
	for _, one := range known {
		if !one.CreatedAt.After(a.over()) {
			d.facts = append(d.facts, one.Facts(known)...)
		}
	}
	return []delivery{d}, nil
}

// codeDeployDeliveries asks CodeDeploy for the deployments that the action made.
func (f *Handler) codeDeployDeliveries(ctx context.Context, a Action) ([]delivery, error) {
	application, group := a.Configuration["ApplicationName"], a.Configuration["DeploymentGroupName"]
	ids, err := f.CodeDeploy.Deployments(ctx, a.Account, a.Region, application, group, a.begins(), a.over())
	if errors.Is(err, ErrNoCodeDeployDeployment) || errors.Is(err, tagalong.ErrElsewhere) {
		f.Reactor.Logger().WarnContext(ctx, "CodeDeploy does not list the deployments of the action", "action", a.ID, "application", application, "group", group, "error", err.Error())
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("deployments of %s/%s: %w", application, group, err)
	}
	var all []delivery
	for _, id := range ids {
		s, err := f.CodeDeploy.Deployment(ctx, a.Account, a.Region, id)
		if err != nil {
			return nil, fmt.Errorf("CodeDeploy's deployment %s: %w", id, err)
		}
		all = append(all, s.deliveries()...)
	}
	return all, nil
}

// codeDeploy takes a deployment of CodeDeploy, whoever began it.
func (f *Handler) codeDeploy(ctx context.Context, e events.CodeDeployStateChange) ([]reactor.Outcome, error) {
	var s CodeDeployDeployment
	err := f.withBackoff(ctx, func(bool) (err error) {
		s, err = f.CodeDeploy.Deployment(ctx, e.Account(), e.Region(), e.Deployment())
		if err == nil && s.lags(e.State()) {
			return errLag
		}
		return err
	})
	if errors.Is(err, tagalong.ErrElsewhere) {
		f.Reactor.Logger().WarnContext(ctx, "CodeDeploy's deployment is in an account or Region that is not covered", "deployment", e.Deployment(), "account", e.Account(), "region", e.Region())
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("CodeDeploy's deployment %s: %w", e.Deployment(), err)
	}
	var (
		outcomes []reactor.Outcome
		problems *multierror.Error
	)
	for _, d := range s.deliveries() {
		o, err := f.Reactor.ObserveAll(ctx, d.service, d.facts)
		outcomes = append(outcomes, o)
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("service %s: %w", d.service, err))
		}
	}
	return outcomes, problems.ErrorOrNil()
}
