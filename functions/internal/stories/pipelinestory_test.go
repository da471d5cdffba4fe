package stories_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// step is one thing that happens in a pipelineStory: what the APIs know from then on,
// and what is told of it.
type step struct {
	change    func(*scene)
	event     []byte
	ecs       bool // the event is one of ECS's own
	promotion *reactor.Promotion
}

// pipelineStory is what pipelines, ECS, CodeDeploy and people do to two services, one
// step after the other.
type pipelineStory struct {
	steps []step
	// facts are what ECS's events say of prodAPI, and the actions that deploy either.
	facts   map[tagalong.Service][]tagalong.Fact
	actions []tagalong.Fact
	images  map[deploymentOf]tagalong.Ran

	items     int // that a transaction takes
	now       time.Time
	count     int
	completed string // the deployment of prodAPI that completed last
	primary   string // the task set of prodWeb that has the traffic
	t         *rapid.T
}

// scene is a world with all that a Handler asks.
type scene struct {
	*world
	*pipeline.Handler
	pipelines  *tagalongtest.Pipelines
	codeDeploy *tagalongtest.CodeDeploy
}

var (
	checkoutPipeline = tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: "checkout-release"}
	webGroup         = tagalongtest.Group{Account: "111122223333", Region: "us-east-1", Application: "AppECS-web", Name: "DgpECS-web"}
)

func (d *pipelineStory) scene() *scene {
	w := newWorld(tagalong.Rules{{Environment: "prod"}})
	takes(d.items, w.Reactor, w.ledger)
	s := &scene{world: w, pipelines: &tagalongtest.Pipelines{}, codeDeploy: &tagalongtest.CodeDeploy{}}
	s.Handler = &pipeline.Handler{Reactor: w.Reactor, Releases: w.ledger, Pipelines: s.pipelines, CodeDeploy: s.codeDeploy, History: w.workload, Backoff: wait.Backoff{Attempts: 1}}
	s.codeDeploy.Group(webGroup)
	w.workload.Record(prodAPI)
	for of, image := range d.images {
		w.runs(of.service, of.deployment, image)
	}
	return s
}

// hear lets a step's event reach the function that takes it.
func (s *scene) hear(t failer, m step) {
	t.Helper()
	var err error
	switch {
	case m.promotion != nil:
		_, err = s.world.Promote(t.Context(), *m.promotion)
	case m.ecs:
		_, err = s.world.Handle(t.Context(), m.event)
	case m.event != nil:
		_, err = s.Handler.Handle(t.Context(), m.event)
	}
	if err != nil {
		t.Fatalf("hearing of %s: %v", m.event, err)
	}
}

func drawPipelineStory(t *rapid.T) *pipelineStory {
	d := &pipelineStory{facts: map[tagalong.Service][]tagalong.Fact{}, images: map[deploymentOf]tagalong.Ran{}, items: drawItems(t), now: noon, t: t}
	for range rapid.IntRange(1, 4).Draw(t, "acts") {
		switch rapid.SampledFrom([]string{"release", "release", "by hand", "shift", "promotion"}).Draw(t, "act") {
		case "release":
			d.release()
		case "by hand":
			d.deploy(rapid.SampledFrom([]string{"completes", "fails", "never ends"}).Draw(t, "ending by hand"))
		case "shift":
			d.releaseByCodeDeploy()
		case "promotion":
			d.promote()
		}
	}
	return d
}

// pass lets time pass: a second at least, which is more than two clocks differ.
func (d *pipelineStory) pass() time.Time {
	d.now = d.now.Add(time.Second + time.Duration(rapid.IntRange(0, 90_000).Draw(d.t, "ms pass"))*time.Millisecond)
	return d.now
}

func (d *pipelineStory) next() int {
	d.count++
	return d.count
}

func (d *pipelineStory) happen(m step) { d.steps = append(d.steps, m) }

func uuid(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// event makes the JSON of an event at the present time.
func (d *pipelineStory) event(source, detailType string, resource string, detail map[string]any) []byte {
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": uuid(d.next()), "source": source, "detail-type": detailType, "account": "111122223333", "region": "us-east-1",
		"time": d.now.Add(time.Second).UTC().Format(time.RFC3339), "resources": []string{resource}, "detail": detail,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}

// production is an execution of the pipeline.
type production struct {
	*pipelineStory
	id      string
	commit  string
	attempt float64
}

func (d *pipelineStory) begin() production {
	p := production{pipelineStory: d, id: uuid(d.next()), attempt: 1}
	p.commit = fmt.Sprintf("c0ffee%07d", d.count)
	d.pass()
	d.happen(step{change: func(s *scene) {
		s.pipelines.Start(checkoutPipeline, p.id, tagalong.Execution{Trigger: "Webhook", Revisions: []tagalong.Revised{{Name: "Source", ID: p.commit}}})
	}})
	return p
}

func (p production) tell(detailType string, detail map[string]any) []byte {
	detail["pipeline"], detail["execution-id"], detail["stage"] = checkoutPipeline.Name, p.id, "Deploy"
	detail["version"], detail["pipeline-execution-attempt"] = 3.0, p.attempt
	return p.event("aws.codepipeline", detailType, "arn:aws:codepipeline:us-east-1:111122223333:checkout-release", detail)
}

func (p production) stage(state string) {
	p.pass()
	p.happen(step{event: p.tell("CodePipeline Stage Execution State Change", map[string]any{"state": state})})
}

// act starts a run of the action that deploys.
func (p production) act(provider string, configuration map[string]string) pipeline.Action {
	at := p.pass()
	a := pipeline.Action{
		ID: uuid(p.next()), Stage: "Deploy", Name: "Deploy", Category: "Deploy", Provider: provider, Status: pipeline.ActionInProgress,
		StartedAt: at, UpdatedAt: at, Configuration: configuration,
	}
	limit := map[string]time.Duration{"ECS": 65 * time.Minute, "CodeDeployToECS": 5 * 24 * time.Hour}[provider]
	begins := at.Truncate(time.Second)
	p.actions = append(p.actions, tagalong.Fact{Action: a.ID, Name: tagalong.ActionStarted, Time: begins, Limit: begins.Add(limit), Release: tagalong.Release{Execution: p.id, Commit: p.commit}})
	p.reported(a, "STARTED")
	return a
}

// end ends a run of an action, with the state that the API and the event have for it.
func (p production) end(a pipeline.Action, status pipeline.ActionStatus, state string) {
	a.Status, a.UpdatedAt = status, p.pass()
	p.actions = append(p.actions, tagalong.Fact{Action: a.ID, Name: tagalong.ActionEnded, Time: a.UpdatedAt})
	p.reported(a, state)
}

func (p production) reported(a pipeline.Action, state string) {
	p.happen(step{
		change: func(s *scene) { s.pipelines.Act(checkoutPipeline, p.id, a) },
		event: p.tell("CodePipeline Action Execution State Change", map[string]any{
			"action": a.Name, "action-execution-id": a.ID, "state": state, "region": "us-east-1",
			"type": map[string]any{"owner": "AWS", "provider": a.Provider, "category": "Deploy", "version": "1"},
		}),
	})
}

// release is an execution that deploys prodAPI, and may be retried once.
func (d *pipelineStory) release() {
	p := d.begin()
	p.stage("STARTED")
	for {
		a := p.act("ECS", map[string]string{"ClusterName": prodAPI.Cluster, "ServiceName": prodAPI.Name})
		switch rapid.SampledFrom([]string{"completes", "completes", "fails", "never ends", "is abandoned"}).Draw(d.t, "ending") {
		case "completes":
			d.deploy("completes")
			p.end(a, pipeline.ActionSucceeded, "SUCCEEDED")
			p.stage("SUCCEEDED")
			return
		case "never ends":
			d.deploy("never ends")
			return
		case "is abandoned":
			finish := d.start()
			p.end(a, pipeline.ActionAbandoned, "ABANDONED")
			p.stage("STOPPED")
			finish("completes")
			return
		}
		d.deploy("fails")
		p.end(a, pipeline.ActionFailed, "FAILED")
		p.stage("FAILED")
		if p.attempt++; p.attempt > 2 || !rapid.Bool().Draw(d.t, "retried") {
			return
		}
		p.stage("RESUMED")
	}
}

// deploy deploys prodAPI.
func (d *pipelineStory) deploy(ending string) { d.start()(ending) }

// start starts a deployment of prodAPI and returns what ends it.
func (d *pipelineStory) start() (finish func(ending string)) {
	n := d.next()
	id := fmt.Sprintf("ecs-svc/%d", n)
	d.images[deploymentOf{prodAPI, id}] = ran("app", shopAPI, n%versions)
	record := pipeline.ServiceDeployment{Deployment: id, Status: "IN_PROGRESS", CreatedAt: d.pass()}
	d.record(record)
	d.tellECS(id, tagalong.InProgress, "ECS deployment "+id+" in progress.", d.jitter(0))
	return func(ending string) {
		switch ending {
		case "completes":
			record.Status, record.FinishedAt = "SUCCESSFUL", d.pass()
			d.record(record)
			d.tellECS(id, tagalong.Completed, "ECS deployment "+id+" completed.", d.jitter(0))
			d.completed = id
		case "fails":
			d.fail(record)
		}
	}
}

// fail lets the circuit breaker end a deployment, and roll back where it can.
func (d *pipelineStory) fail(record pipeline.ServiceDeployment) {
	now, back := d.pass(), d.completed
	record.Status, record.FinishedAt = "ROLLBACK_FAILED", now
	if back != "" {
		record.Status, record.FinishedAt, record.RolledBackTo, record.RolledBackAt = "ROLLBACK_IN_PROGRESS", time.Time{}, back, now
	}
	d.record(record)
	late := d.jitter(0)
	d.tellECS(record.Deployment, tagalong.Failed, "ECS deployment circuit breaker: tasks failed to start.", late)
	if back == "" {
		return
	}
	d.tellECS(back, tagalong.InProgress, "ECS deployment circuit breaker: rolling back to deploymentId "+back+".", d.jitter(late))
	record.Status, record.FinishedAt = "ROLLBACK_SUCCESSFUL", d.pass()
	d.record(record)
	d.tellECS(back, tagalong.Completed, "ECS deployment "+back+" completed.", d.jitter(0))
}

// jitter is by how many milliseconds an event's time differs from that of ECS's record.
func (d *pipelineStory) jitter(least int) int { return rapid.IntRange(least, 400).Draw(d.t, "jitter") }

func (d *pipelineStory) record(r pipeline.ServiceDeployment) {
	d.happen(step{change: func(s *scene) { s.workload.Record(prodAPI, r) }})
}

func (d *pipelineStory) tellECS(id string, name tagalong.FactName, reason string, late int) {
	f := tagalong.Fact{Deployment: id, Name: name, Time: d.now.Add(time.Duration(late) * time.Millisecond), Source: tagalong.FromEvent, Reason: reason}
	d.facts[prodAPI] = append(d.facts[prodAPI], f)
	d.happen(step{ecs: true, event: d.event("aws.ecs", "ECS Deployment State Change", "arn:aws:ecs:us-east-1:111122223333:service/prod-a/api", map[string]any{
		"eventType": "INFO", "eventName": "SERVICE_DEPLOYMENT_" + string(name), "deploymentId": id, "reason": reason,
		"updatedAt": f.Time.Format("2006-01-02T15:04:05.000Z"), "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-a",
	})})
}

// releaseByCodeDeploy is an execution that deploys prodWeb, whose task sets
// CodeDeploy puts in place.
func (d *pipelineStory) releaseByCodeDeploy() {
	p := d.begin()
	a := p.act("CodeDeployToECS", map[string]string{"ApplicationName": webGroup.Application, "DeploymentGroupName": webGroup.Name})
	n := d.next()
	taskSet := fmt.Sprintf("ecs-svc/%d", n)
	d.images[deploymentOf{prodWeb, taskSet}] = ran("app", shopWeb, n%versions)
	s := pipeline.CodeDeployDeployment{ID: fmt.Sprintf("d-%09d", n), State: pipeline.CodeDeployInProgress, CreatedAt: d.pass(), Targets: []pipeline.CodeDeployTarget{{Service: prodWeb}}}
	d.codeDeploy(s, "START")
	d.pass()
	s.Targets = []pipeline.CodeDeployTarget{{Service: prodWeb, TaskSet: taskSet}}
	d.codeDeploy(s, "READY")
	s.EndedAt = d.pass()
	if rapid.Bool().Draw(d.t, "shift succeeds") {
		d.primary, s.State = taskSet, pipeline.CodeDeploySucceeded
		d.codeDeploy(s, "SUCCESS")
		p.end(a, pipeline.ActionSucceeded, "SUCCEEDED")
		p.stage("SUCCEEDED")
		return
	}
	s.State = pipeline.CodeDeployFailed
	d.codeDeploy(s, "FAILURE")
	if d.primary != "" {
		back := pipeline.CodeDeployDeployment{
			ID: fmt.Sprintf("d-%09d", d.next()), State: pipeline.CodeDeploySucceeded, CreatedAt: d.now, EndedAt: d.pass(), Rollback: true,
			Targets: []pipeline.CodeDeployTarget{{Service: prodWeb, TaskSet: d.primary}},
		}
		d.codeDeploy(back, "SUCCESS")
	}
	p.end(a, pipeline.ActionFailed, "FAILED")
	p.stage("FAILED")
}

func (d *pipelineStory) codeDeploy(s pipeline.CodeDeployDeployment, state string) {
	d.happen(step{
		change: func(sc *scene) { sc.codeDeploy.Put(webGroup, s) },
		event: d.event("aws.codedeploy", "CodeDeploy Deployment State-change Notification", "arn:aws:codedeploy:us-east-1:111122223333:application:AppECS-web", map[string]any{
			"region": "us-east-1", "application": webGroup.Application, "deploymentGroup": webGroup.Name, "deploymentId": s.ID, "state": state,
		}),
	})
}

// promote tags an image by hand of a pipeline.
func (d *pipelineStory) promote() {
	d.happen(step{promotion: &reactor.Promotion{
		Job: uuid(d.next()), Repository: rapid.SampledFrom([]tagalong.Repository{shopAPI, shopWeb}).Draw(d.t, "promoted repository"),
		Digest: imageOf(shopAPI, rapid.IntRange(0, versions-1).Draw(d.t, "promoted version")).Digest,
		Tags:   []string{rapid.SampledFrom([]string{"prod", "live"}).Draw(d.t, "promoted tag")}, At: d.pass(),
		Release: tagalong.Release{Pipeline: checkoutPipeline.Name, Execution: uuid(d.next()), Stage: "Promote"},
	}})
	if p := d.steps[len(d.steps)-1].promotion; p.Repository == shopWeb {
		p.Digest = imageOf(shopWeb, d.count%versions).Digest
	}
}

// lose leaves out some of ECS's own events.
func (d *pipelineStory) lose() []step {
	return slices.DeleteFunc(slices.Clone(d.steps), func(m step) bool {
		return m.ecs && rapid.IntRange(0, 3).Draw(d.t, "lost") == 0
	})
}
