package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
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

// sandboxCommand starts the embedded AWS and tells a release story on it.
type sandboxCommand struct {
	Keep    bool   `help:"Stay up afterwards, and print the variables that point this command and the AWS CLI at it."`
	NoStory bool   `help:"With --keep: let the story happen in ECS, but handle none of its events. The ledger stays empty, for tagalong replay."`
	Listen  string `default:"127.0.0.1:0" placeholder:"ADDRESS" help:"Where to listen, on the loopback interface only. Default: ${default}, a free port."`
}

func (sandboxCommand) Help() string {
	return `Examples:

  tagalong sandbox
  tagalong sandbox --keep
  tagalong sandbox --keep --no-story --listen 127.0.0.1:4566

It keeps everything in memory and ends with Ctrl-C.
`
}

// The cast of the story: that of the sample events in events/testdata.
const (
	account        = "111122223333"
	stagingAccount = "444455556666"
	region         = "us-east-1"
	sandboxTable   = "tagalong"
	repository     = "checkout-api"
	build41        = "5126480937715502841"
	build42        = "7330915268420174663"
	build43        = "8264410957731246980"
	stagingRole    = "arn:aws:iam::" + stagingAccount + ":role/tagalong"

	sandboxRules    = `[{"environment":"staging","clusters":["staging-*"]},{"environment":"prod","clusters":["prod-*"]}]`
	sandboxAccounts = `[{"account":"` + stagingAccount + `","role":"` + stagingRole + `"}]`
)

// theDay is when the story plays, UTC.
var theDay = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

func at(hour, minute, second, ms int) time.Time {
	return theDay.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + time.Duration(ms)*time.Millisecond)
}

func (c *sandboxCommand) Run(s *session) error {
	if c.NoStory && !c.Keep {
		return usagef("--no-story: want --keep beside it, since there is nothing to see otherwise")
	}
	stage, err := newStage(s)
	if err != nil {
		return err
	}
	url, stop, err := c.listen(stage.aws)
	if err != nil {
		return err
	}
	defer stop()
	if err := stage.open(s.ctx, url); err != nil {
		return err
	}
	if c.NoStory {
		fmt.Fprint(s.stdout, "The story has happened in ECS, and nobody has handled its events: the ledger is empty.\n")
		err = stage.happen()
	} else {
		err = stage.tell(s.ctx)
	}
	if err != nil {
		return err
	}
	if !c.Keep {
		return nil
	}
	fmt.Fprint(s.stdout, stage.variables(url))
	<-s.ctx.Done()
	return nil
}

// listen tells an address that is wrong from one that is not to be had.
func (c *sandboxCommand) listen(aws *sandbox.Sandbox) (url string, stop func(), err error) {
	url, stop, err = aws.Listen(c.Listen)
	if err == nil {
		return url, stop, nil
	}
	err = fmt.Errorf("--listen: %w", err)
	if _, taken := errors.AsType[*net.OpError](err); !taken {
		err = usageError{err}
	}
	return "", nil, err
}

// stage is the sandbox with the cast of the story on it.
type stage struct {
	w     io.Writer
	out   output
	clock storyClock

	aws           *sandbox.Sandbox
	images        *ecr.Repository
	prod, staging *ecs.Service

	reactor *tagalong.Reactor
	queries tagalong.Queries
}

// storyClock is the story's time: the story sets it, and the embedded AWS reads
// it when somebody asks.
type storyClock struct{ nanoseconds atomic.Int64 }

func (c *storyClock) set(t time.Time) { c.nanoseconds.Store(t.UnixNano()) }

func (c *storyClock) now() time.Time { return time.Unix(0, c.nanoseconds.Load()).UTC() }

// newStage pushes the images and makes the services.
func newStage(s *session) (*stage, error) {
	st := &stage{w: s.stdout, out: output{w: s.stdout, format: "table", color: s.out.color}}
	st.clock.set(at(8, 0, 0, 0))
	st.aws = sandbox.New(sandbox.Options{Account: account, Region: region, Now: st.clock.now})
	st.aws.STS.AddRole(stagingRole)
	home, other := wire.Scope{Account: account, Region: region}, wire.Scope{Account: stagingAccount, Region: region}
	st.images = st.aws.ECR.Repository(home, repository)
	st.aws.ECR.Allow(account, repository, stagingAccount)
	for _, build := range []string{"build-41", "build-42", "build-43"} {
		if _, err := st.images.PushIndex(ecr.Index{Seed: build, Tags: []string{build}}); err != nil {
			return nil, err
		}
	}
	st.aws.ECS.Publish("public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod", "sha256:84532b306f259587c364bd7301e0813963d5b84fd27c9338f0862dab8f0499d7")
	st.prod = st.aws.ECS.Cluster(home, "prod-cluster").CreateService(repository, ecs.ServiceOptions{Numbers: []string{build41, build42, build43}})
	st.staging = st.aws.ECS.Cluster(other, "staging-cluster").CreateService(repository, ecs.ServiceOptions{Numbers: []string{build41, build42}})
	return st, nil
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
	st.queries = tagalong.Queries{Records: dynamo.New(client, sandboxTable), Registry: st.reactor.Registry}
	return nil
}

// environment is what points the SDKs, the AWS CLI and this command at the sandbox.
func (st *stage) environment(url string) [][2]string {
	return [][2]string{
		{"AWS_ENDPOINT_URL", url}, {"AWS_REGION", region}, {"AWS_DEFAULT_REGION", region},
		{"AWS_ACCESS_KEY_ID", "SANDBOX"}, {"AWS_SECRET_ACCESS_KEY", "sandbox"},
		{boot.EnvTable, sandboxTable}, {boot.EnvEnvironments, sandboxRules}, {boot.EnvAccounts, sandboxAccounts},
	}
}

func (st *stage) variables(url string) string {
	var b strings.Builder
	b.WriteString("\nThe sandbox stays up until you end it with Ctrl-C. In another shell:\n\n  unset AWS_PROFILE AWS_SESSION_TOKEN\n")
	for _, v := range st.environment(url) {
		if strings.ContainsAny(v[1], `"*`) {
			v[1] = "'" + v[1] + "'"
		}
		fmt.Fprintf(&b, "  export %s=%s\n", v[0], v[1])
	}
	return b.String() + "\n"
}

// step is one thing that happens in the story.
type step struct {
	says   string
	happen func() ([]byte, error) // gives the event that EventBridge delivers
}

// tell tells the story: a build goes to staging and to prod, a bad one is rolled
// back, and events come late and twice.
func (st *stage) tell(ctx context.Context) error {
	fmt.Fprint(st.w, "An embedded DynamoDB, ECR, ECS and STS, and one service, checkout-api: staging in account "+stagingAccount+", prod in "+account+".\n"+
		"Every step is an event that EventBridge would deliver, handled by the code of the Lambda function.\n")
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
		if err := st.show(ctx); err != nil {
			return err
		}
	}
	fmt.Fprint(st.w, "\nThe history of prod (tagalong history --service prod-cluster/checkout-api):\n\n")
	pattern, err := tagalong.ParseServicePattern("prod-cluster/" + repository)
	if err != nil {
		return err
	}
	page, err := st.queries.History(ctx, tagalong.HistoryQuery{Services: pattern}, tagalong.Paging{})
	if err != nil {
		return err
	}
	return render(st.out, page.Items, historyColumns(), "No rollouts")
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

// show prints what the ledger and the registry say now.
func (st *stage) show(ctx context.Context) error {
	running, err := st.queries.Running(ctx, tagalong.RunningQuery{}, tagalong.Paging{})
	if err != nil {
		return err
	}
	if err := render(st.out, running.Items, runningColumns(st.clock.now()), "No running services"); err != nil {
		return err
	}
	for _, tag := range []string{"staging", "prod"} {
		d := st.images.Tag(tag)
		if d == "" {
			fmt.Fprintf(st.w, "ECR: %s:%s is nowhere\n", repository, tag)
			continue
		}
		fmt.Fprintf(st.w, "ECR: %s:%s is on %s (%s)\n", repository, tag, short(d), strings.Join(st.images.Tags(d), ", "))
	}
	return nil
}

func (st *stage) steps() []step {
	var bad, revived *ecs.Deployment
	var lost []byte
	return []step{
		{"Build 41 has been rolled out to prod. A tag is put on its digest.", func() ([]byte, error) {
			first, started, err := st.release(st.prod, "build-41", at(8, 2, 11, 480))
			if err != nil {
				return nil, err
			}
			lost = started // it comes in the end
			return st.complete(first, at(8, 5, 37, 912))
		}},
		{"Build 41 runs in staging too, in another account: its ECS is read through a role, its tag is moved in the same repository.", func() ([]byte, error) {
			d, _, err := st.release(st.staging, "build-41", at(8, 20, 5, 0))
			if err != nil {
				return nil, err
			}
			return st.complete(d, at(8, 24, 40, 118))
		}},
		{"Build 42 begins to roll out in prod. Nothing has completed, so no tag moves; it is listed as rolling out.", func() ([]byte, error) {
			_, event, err := st.release(st.prod, "build-42", at(9, 15, 2, 318))
			return event, err
		}},
		{"It completes: the ledger decides, the tag follows.", func() ([]byte, error) {
			return st.complete(st.prod.Primary(), at(9, 18, 41, 77))
		}},
		{"Build 43 begins to roll out in prod.", func() ([]byte, error) {
			var event []byte
			var err error
			bad, event, err = st.release(st.prod, "build-43", at(10, 31, 40, 0))
			return event, err
		}},
		{"Its tasks do not start: the circuit breaker ends it. The tag stays on what runs.", func() ([]byte, error) {
			st.clock.set(at(10, 42, 17, 530))
			return bad.Fail(st.clock.now(), "ECS deployment circuit breaker: tasks failed to start.")
		}},
		{"ECS rolls back to build 42, under its old deployment id.", func() ([]byte, error) {
			st.clock.set(at(10, 42, 17, 944))
			var event []byte
			var err error
			revived, event, err = bad.RollBack(st.clock.now())
			return event, err
		}},
		{"The rollback completes: the same deployment completes a second time, as a rollout of its own.", func() ([]byte, error) {
			return st.complete(revived, at(10, 47, 33, 206))
		}},
		{"The start of build 41 arrives, hours late. It is a fact about build 41, not about now: the history learns when it started, nothing else changes.", func() ([]byte, error) {
			st.clock.set(at(10, 50, 0, 0))
			return lost, nil
		}},
		{"And the rollback's completion is delivered twice. ECR is compared once more, nothing is written.", func() ([]byte, error) {
			st.clock.set(at(10, 51, 0, 0))
			events := st.aws.ECS.Events()
			return events[len(events)-1], nil
		}},
	}
}

// release deploys a build beside an envoy that lies in a public registry.
func (st *stage) release(s *ecs.Service, build string, at time.Time) (*ecs.Deployment, []byte, error) {
	st.clock.set(at)
	return s.Release(at,
		ecs.Container{Name: repository, Image: st.images.URI() + ":" + build},
		ecs.Container{Name: "envoy", Image: "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"},
	)
}

func (st *stage) complete(d *ecs.Deployment, at time.Time) ([]byte, error) {
	st.clock.set(at)
	return d.Complete(at)
}
