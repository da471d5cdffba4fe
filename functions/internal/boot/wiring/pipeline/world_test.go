package pipeline_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	pipelinewiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

const (
	other  = "444455556666"
	role   = "arn:aws:iam::444455556666:role/tagalong"
	deploy = "arn:aws:iam::444455556666:role/deploy"
	commit = "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"
)

// world is a sandbox with a pipeline and a service, and what the functions
// deployment and pipeline run.
type world struct {
	*sandboxtest.Sandbox
	t        *testing.T
	reactor  *reactor.Reactor
	follower *pipeline.Handler
	ledger   *dynamo.Ledger
	repo     *ecr.Repository
	pipeline *codepipeline.Pipeline
	service  *ecs.Service
	clock    time.Time
}

// newWorld returns a world for these variables: without any, environments are
// called like clusters.
func newWorld(t *testing.T, variables map[string]string) *world {
	t.Helper()
	return newWorldAt(t, variables, time.Now)
}

func newWorldAt(t *testing.T, variables map[string]string, now func() time.Time) *world {
	t.Helper()
	s := sandboxtest.StartWith(t, sandbox.Options{Now: now})
	s.STS.AddRole(role)
	client := dynamodb.NewFromConfig(s.Config())
	if _, err := dynamo.Create(t.Context(), client, "ledger"); err != nil {
		t.Fatal(err)
	}
	config, err := boot.ReadConfig(func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	config.Table = "ledger"
	follower, err := pipelinewiring.Handler(t.Context(), config, s.Function("pipeline"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	reactor, err := wiring.Reactor(t.Context(), config, s.Function("deployment"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	follower.Backoff = wait.Backoff{Attempts: 3, Base: time.Millisecond, Max: time.Millisecond}
	return &world{
		Sandbox: s, t: t, reactor: reactor, follower: follower, ledger: dynamo.New(client, "ledger"),
		repo:     s.ECR.Repository(wire.Scope{}, "checkout-api"),
		pipeline: s.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-release", codepipeline.PipelineOptions{Version: 3}),
		service:  s.ECS.Cluster(wire.Scope{}, "prod").CreateService("checkout-api", ecs.ServiceOptions{}),
		clock:    now().UTC().Truncate(time.Second).Add(-50 * time.Minute),
	}
}

// tick lets some time pass.
func (w *world) tick() time.Time {
	w.clock = w.clock.Add(20*time.Second + 318*time.Millisecond)
	return w.clock
}

// run performs a change and fails the test if AWS would refuse it.
func (w *world) run(event []byte, err error) []byte {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return event
}

// hear lets events reach the functions that take them.
func (w *world) hear(heard ...[]byte) (outcomes []reactor.Outcome) {
	w.t.Helper()
	for _, event := range heard {
		if strings.Contains(string(event), `"source":"aws.ecs"`) {
			if _, err := w.reactor.Handle(w.t.Context(), event); err != nil {
				w.t.Fatal(err)
			}
			continue
		}
		done, err := w.follower.Handle(w.t.Context(), event)
		if err != nil {
			w.t.Fatalf("%v\nof %s", err, event)
		}
		outcomes = done
	}
	return outcomes
}

// begin starts an execution of the commit.
func (w *world) begin() *codepipeline.Execution {
	w.t.Helper()
	return w.start(codepipeline.ExecutionOptions{Revisions: []codepipeline.Revision{{Name: "Source", ID: commit, Summary: "Charge a card once"}}})
}

func (w *world) start(options codepipeline.ExecutionOptions) *codepipeline.Execution {
	w.t.Helper()
	x, event, err := w.pipeline.Start(options, w.tick())
	w.run(event, err)
	return x
}

func (w *world) stage(x *codepipeline.Execution, name string) *codepipeline.Stage {
	w.t.Helper()
	st, event, err := x.StartStage(name, w.tick())
	w.run(event, err)
	return st
}

// act starts an action and returns its event.
func (w *world) act(st *codepipeline.Stage, name string, options codepipeline.ActionOptions) (*codepipeline.Action, []byte) {
	w.t.Helper()
	a, event, err := st.StartAction(name, options, w.tick())
	return a, w.run(event, err)
}

// toECS are the options of an action that deploys a service.
func toECS(service *ecs.Service) codepipeline.ActionOptions {
	return codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Deploy", Provider: "ECS"},
		Configuration: map[string]string{"ClusterName": "#{variables.cluster}", "ServiceName": "#{variables.service}"},
		Resolved:      map[string]string{"ClusterName": service.Cluster().Name(), "ServiceName": service.Name()},
	}
}

// roll starts a deployment of a version and returns its event.
func (w *world) roll(service *ecs.Service, version string) (*ecs.Deployment, []byte) {
	w.t.Helper()
	w.push(ecr.Image{Seed: version, Tags: []string{version}})
	d, event, err := service.Release(w.tick(), ecs.Container{Name: "app", Image: w.repo.URI() + ":" + version})
	return d, w.run(event, err)
}

func (w *world) push(image ecr.Image) {
	w.t.Helper()
	if _, err := w.repo.Push(image); err != nil {
		w.t.Fatal(err)
	}
}

// story is what is told of a stage that deploys.
type story struct{ acting, rolling, rolled, acted, staged []byte }

func (s story) all() [][]byte { return [][]byte{s.acting, s.rolling, s.rolled, s.acted, s.staged} }

// release deploys a version with an action in a stage of its own.
func (w *world) release(x *codepipeline.Execution, stage string, service *ecs.Service, version string) (s story) {
	w.t.Helper()
	st := w.stage(x, stage)
	a, event := w.act(st, "Deploy", toECS(service))
	s.acting = event
	d, event := w.roll(service, version)
	s.rolling = event
	s.rolled = w.run(d.Complete(w.tick()))
	s.acted = w.run(a.Succeed(codepipeline.Result{}, w.tick()))
	s.staged = w.run(st.Finish(codepipeline.Succeeded, w.tick()))
	return s
}

// rows tells a service's rollouts, the oldest first: how each ended, which version
// that was and how it is known, and the release.
func (w *world) rows(service *ecs.Service) []string {
	w.t.Helper()
	lines := []string{}
	for row, err := range w.ledger.Rollouts(w.t.Context(), serviceOf(w, service), ledger.Span{}, 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		line := string(row.State)
		if row.Rollback {
			line += " back"
		}
		for _, c := range row.Containers {
			line += fmt.Sprintf(" %s %s", c.ImageTag, c.Evidence)
		}
		if r := row.Release; r != (tagalong.Release{}) {
			line += fmt.Sprintf(" by %s/%s %.7s", r.Pipeline, r.Stage, r.Commit)
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines
}

func serviceOf(w *world, service *ecs.Service) tagalong.Service {
	arn := strings.Split(service.ARN(), ":")
	return tagalong.Service{Account: arn[4], Region: arn[3], Cluster: service.Cluster().Name(), Name: service.Name()}
}

// stages tells what is recorded of an execution's stages.
func (w *world) stages(x *codepipeline.Execution) []string {
	w.t.Helper()
	r, _, err := w.ledger.Release(w.t.Context(), "checkout-release", x.ID())
	if err != nil {
		w.t.Fatal(err)
	}
	lines := []string{}
	for _, s := range r.Stages {
		lines = append(lines, fmt.Sprintf("%s %s %d", s.Stage, s.State, s.Attempt))
	}
	return lines
}

// tag tells on which version an environment's tag sits.
func (w *world) tag(environment string) string {
	on := w.repo.Tag(environment)
	for _, version := range []string{"v1", "v2", "v3"} {
		if on != "" && w.repo.Tag(version) == on {
			return version
		}
	}
	return string(on)
}

// want compares lines.
func want(t *testing.T, what string, got []string, lines ...string) {
	t.Helper()
	if !slices.Equal(got, lines) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}
