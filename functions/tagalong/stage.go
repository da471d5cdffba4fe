package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/imagedefinitions"
	pipelinewiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/tagimage"
	awspipeline "github.com/tagalong-aws/tagalong/functions/internal/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// stage is the sandbox with the cast of the story on it.
type stage struct {
	w     io.Writer
	out   output
	clock storyClock

	aws                   *sandbox.Sandbox
	cfg                   aws.Config
	images                *ecr.Repository // of checkout-api
	prod, staging, worker app

	pipeline    *codepipeline.Pipeline
	productions map[string]*production // by build
	invoked     *codepipeline.Action   // whose job comes next

	functions map[string]job.Handler // of jobs, by the function's name
	pipelines *pipeline.Handler
	queries   query.Queries
	settings  boot.Config
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
	st := &stage{w: s.stdout, productions: map[string]*production{}, out: output{w: s.stdout, format: "table", color: s.out.color, wide: s.out.wide, width: s.out.width}}
	st.clock.set(at(8, 0, 0, 0))
	st.aws = sandbox.New(sandbox.Options{Account: account, Region: region, Now: st.clock.now})
	st.aws.STS.AddRole(stagingRole)
	home, other := wire.Scope{Account: account, Region: region}, wire.Scope{Account: stagingAccount, Region: region}
	st.aws.ECS.Publish(envoy, envoyDigest)
	st.aws.ECR.Allow(account, repository, stagingAccount)
	st.images = st.aws.ECR.Repository(home, repository)
	workers := st.aws.ECR.Repository(home, worker)
	prod, staging := st.aws.ECS.Cluster(home, "prod-cluster"), st.aws.ECS.Cluster(other, "staging-cluster")
	st.prod = newApp(prod, repository, st.images, build41, build42, build43, build44)
	st.worker = newApp(prod, worker, workers, worker41, worker42)
	st.staging = newApp(staging, repository, st.images, build41, build42, build43, build44)
	st.pipeline = st.aws.CodePipeline.CreatePipeline(home, pipelineName, codepipeline.PipelineOptions{})
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

// connect makes the function that the pipeline cannot do without.
func (st *stage) connect(ctx context.Context, url string) error {
	st.cfg = aws.Config{
		Region:       region,
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider("SANDBOX", "sandbox", ""),
		HTTPClient:   boot.HTTPClient(nil),
	}
	pin, err := imagedefinitions.Action(ctx, boot.Config{}, st.cfg)
	st.functions = map[string]job.Handler{pinningFunction: st.function("imagedefinitions", pin.Do)}
	return err
}

func (st *stage) function(name string, work job.Work) job.Handler {
	return job.Handler{Action: name, Work: work, Jobs: awspipeline.NewJobs(st.cfg), Log: slog.New(slog.DiscardHandler)}
}

// open makes the table, and what the functions run.
func (st *stage) open(ctx context.Context) error {
	client := dynamodb.NewFromConfig(st.cfg)
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
	ledger := dynamo.New(client, sandboxTable)
	for _, setting := range settings.Stored() {
		document, err := setting.Document(ctx, ledger.Setting)
		if err != nil {
			return err
		}
		if err := ledger.PutSetting(ctx, setting.Item(), "", document); err != nil {
			return err
		}
	}
	st.settings = settings
	silent := slog.New(slog.DiscardHandler)
	if st.pipelines, err = pipelinewiring.Handler(ctx, settings, st.cfg, silent); err != nil {
		return err
	}
	st.pipelines.Reactor.Now = st.clock.now
	promote, err := tagimage.Action(ctx, settings, st.cfg, silent)
	if err != nil {
		return err
	}
	st.pipelines.Reactor.Promotions = ledger
	promote.Promoter = st.pipelines.Reactor // whose clock is the story's
	st.functions[promotingFunction] = st.function("tagimage", promote.Do)
	st.queries = query.Queries{Records: ledger, Registry: st.pipelines.Reactor.Registry, Now: st.clock.now}
	return nil
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
	s.asked, s.out.color, s.out.wide, s.out.width = &st.queries, st.out.color, st.out.wide, st.out.width
	if s.finish(parsed.Run(s)) == exitFailed {
		return errors.New("the ledger could not be asked")
	}
	return nil
}
