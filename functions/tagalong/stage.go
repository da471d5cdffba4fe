package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// stage is the sandbox with the cast of the story on it.
type stage struct {
	w     io.Writer
	out   output
	clock storyClock

	aws                   *sandbox.Sandbox
	images                *ecr.Repository // of checkout-api
	prod, staging, worker app

	reactor *tagalong.Reactor
	queries tagalong.Queries
}

// app is a service and the repository that its image comes from.
type app struct {
	*ecs.Service
	name   string
	images *ecr.Repository
}

// storyClock is the story's time: the story sets it, and the embedded AWS reads
// it when somebody asks.
type storyClock struct{ nanoseconds atomic.Int64 }

func (c *storyClock) set(t time.Time) { c.nanoseconds.Store(t.UnixNano()) }

func (c *storyClock) now() time.Time { return time.Unix(0, c.nanoseconds.Load()).UTC() }

// newStage pushes the images and makes the services.
func newStage(s *session) (*stage, error) {
	st := &stage{w: s.stdout, out: output{w: s.stdout, format: "table", color: s.out.color, wide: s.out.wide}}
	st.clock.set(at(8, 0, 0, 0))
	st.aws = sandbox.New(sandbox.Options{Account: account, Region: region, Now: st.clock.now})
	st.aws.STS.AddRole(stagingRole)
	home, other := wire.Scope{Account: account, Region: region}, wire.Scope{Account: stagingAccount, Region: region}
	st.aws.ECS.Publish(envoy, envoyDigest)
	st.aws.ECR.Allow(account, repository, stagingAccount)
	st.images = st.aws.ECR.Repository(home, repository)
	workers := st.aws.ECR.Repository(home, worker)
	prod, staging := st.aws.ECS.Cluster(home, "prod-cluster"), st.aws.ECS.Cluster(other, "staging-cluster")
	st.prod = newApp(prod, repository, st.images, build41, build42, build43)
	st.worker = newApp(prod, worker, workers, worker41, worker42)
	st.staging = newApp(staging, repository, st.images, build41, build43)
	return st, errors.Join(
		push(st.images, "", "build-41", "build-42", "build-43"),
		push(workers, "worker ", "build-41", "build-42"),
		workers.SetMutability("IMMUTABLE"),
	)
}

func newApp(cluster *ecs.Cluster, name string, images *ecr.Repository, deployments ...string) app {
	return app{cluster.CreateService(name, ecs.ServiceOptions{Numbers: deployments}), name, images}
}

func push(images *ecr.Repository, seed string, builds ...string) error {
	var problems []error
	for _, build := range builds {
		_, err := images.PushIndex(ecr.Index{Seed: seed + build, Tags: []string{build}})
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// open makes the table, and the reactor that the function runs.
func (st *stage) open(ctx context.Context, url string) error {
	cfg := aws.Config{
		Region:       region,
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider("SANDBOX", "sandbox", ""),
		HTTPClient:   boot.HTTPClient(nil),
	}
	client := dynamodb.NewFromConfig(cfg)
	if _, err := dynamo.Create(ctx, client, sandboxTable); err != nil {
		return err
	}
	settings, err := boot.ReadConfig(func(name string) string {
		return map[string]string{
			boot.EnvTable: sandboxTable, boot.EnvEnvironments: sandboxRules, boot.EnvAccounts: sandboxAccounts,
		}[name]
	}, boot.EnvTable)
	if err != nil {
		return err
	}
	if st.reactor, err = wiring.Reactor(ctx, settings, cfg, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	st.reactor.Now = st.clock.now
	st.queries = tagalong.Queries{Records: dynamo.New(client, sandboxTable), Registry: st.reactor.Registry, Now: st.clock.now}
	return nil
}

// tell tells the story and asks the questions.
func (st *stage) tell(ctx context.Context) error {
	fmt.Fprint(st.w, opening)
	for i, step := range st.steps() {
		event, err := step.happen()
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		outcome, err := st.reactor.Handle(ctx, event)
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		fmt.Fprintf(st.w, "\n%d. %s\n   %s  %s\n\n", i+1, step.says, st.clock.now().Format(time.TimeOnly), tell(event, outcome, nil))
		if err := st.show(ctx, outcome); err != nil {
			return err
		}
	}
	for _, question := range questions {
		fmt.Fprintf(st.w, "\n%s\n$ %s\n\n", question.says, question.command)
		if err := st.ask(ctx, question.command); err != nil {
			return fmt.Errorf("%s: %w", question.command, err)
		}
	}
	return nil
}

// happen lets everything happen, unobserved.
func (st *stage) happen() error {
	for i, step := range st.steps() {
		if _, err := step.happen(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// show prints what the ledger says now of the environment in which something has
// happened, and where ECR has its tag.
func (st *stage) show(ctx context.Context, o tagalong.Outcome) error {
	query := tagalong.RunningQuery{Environment: o.Environment}
	running, err := st.queries.Running(ctx, query, tagalong.Paging{})
	if err != nil {
		return err
	}
	if err := render(st.out, running.Items, runningColumns(view{wide: st.out.wide, now: st.clock.now()}, query), "No running services"); err != nil {
		return err
	}
	images := st.images
	if o.Service.Name == worker {
		images = st.worker.images
	}
	place := "nowhere"
	if d := images.Tag(o.Environment); d != "" {
		place = "on " + short(d) + " (" + strings.Join(images.Tags(d), ", ") + ")"
	}
	_, err = fmt.Fprintf(st.w, "ECR: %s:%s is %s\n", o.Service.Name, o.Environment, place)
	return err
}

// ask runs a command on the story's ledger, at the story's time.
func (st *stage) ask(ctx context.Context, command string) error {
	var c cli
	w := world{strings.NewReader(""), st.w, st.w, func(string) string { return "" }, st.clock.now}
	parsed, err := c.parser(w, func(int) {}).Parse(strings.Fields(command)[1:])
	if err != nil {
		return err
	}
	s := c.session(ctx, w)
	s.asked, s.out.color, s.out.wide = &st.queries, st.out.color, st.out.wide
	if s.finish(parsed.Run(s)) == exitFailed {
		return errors.New("the ledger could not be asked")
	}
	return nil
}
