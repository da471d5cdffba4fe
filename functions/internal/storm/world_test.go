package storm_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/batch"
	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/deployment"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

const (
	account     = "111122223333"
	region      = "us-east-1"
	table       = "tagalong"
	environment = "prod" // the cluster's name, which is the tag's, too
)

// world is an AWS with services that roll out, and where their tags are to be in the end.
type world struct {
	*cloud
	dice     *rand.Rand
	rollouts []rollout
	sidecar  *ecr.Repository // nil if the services share none
	newest   digest.Digest   // that of the service which completed last
}

// rollout is one that has been started.
type rollout struct {
	*ecs.Deployment
	repository     *ecr.Repository
	image, sidecar digest.Digest
}

// setting is the function's environment.
func setting(name string) string {
	return map[string]string{
		boot.EnvTable: table, "AWS_REGION": region, "AWS_ACCESS_KEY_ID": "AKIDSTORM", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_ENDPOINT_URL": "http://sandbox",
	}[name]
}

// instance starts an instance of the function, as its main.go does.
func (w *world) instance(t *testing.T) lambda.Handler {
	t.Helper()
	config, cfg, err := boot.Function(setting, boot.EnvTable)
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient = w.cloud
	handler, err := deployment.Handler(t.Context(), config, cfg, slog.New(slog.DiscardHandler), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return boot.Invocation(handler)
}

func (w *world) table(t *testing.T) *dynamodb.Client {
	t.Helper()
	_, cfg, err := boot.Function(setting, boot.EnvTable)
	if err != nil {
		t.Fatal(err)
	}
	return dynamodb.NewFromConfig(aws.Config{Region: region, HTTPClient: w.cloud, Credentials: cfg.Credentials, BaseEndpoint: cfg.BaseEndpoint})
}

// newWorld lets services begin to roll out, each an image of its own and the sidecar that
// all share, and the function hear of that. They may have run earlier versions before.
func newWorld(t *testing.T, s storm) *world {
	t.Helper()
	w := &world{cloud: newCloud(*seed), dice: rand.New(rand.NewPCG(*seed, 2))}
	if _, err := dynamo.Create(t.Context(), w.table(t), table); err != nil {
		t.Fatal(err)
	}
	if s.sidecar != "" {
		w.sidecar = w.ECR.Repository(wire.Scope{}, "mesh/envoy")
	}
	for n := range s.ran {
		w.begins(t, s, fmt.Sprintf("v%d", n))
		w.hear(t, func(q *queue) { w.complete(t, q, 0) })
	}
	w.begins(t, s, "next")
	_ = wait.For(t.Context(), 10*time.Minute)
	return w
}

// begins lets all services begin to roll out a version.
func (w *world) begins(t *testing.T, s storm, version string) {
	t.Helper()
	w.rollouts = nil
	w.hear(t, func(q *queue) {
		for i := range s.services {
			q.send(w.start(t, i, version, s.sidecar), time.Now())
		}
	})
}

// hear has one instance of the function hear of something, in quiet times.
func (w *world) hear(t *testing.T, of func(*queue)) {
	t.Helper()
	_ = wait.For(t.Context(), 10*time.Minute)
	var q queue
	of(&q)
	(&mapping{queue: &q, most: 1, size: batch.Size, instances: []lambda.Handler{w.instance(t)}}).drain(t)
}

// start lets a service begin to roll out, and returns the event of that.
func (w *world) start(t *testing.T, i int, version, sidecar string) []byte {
	t.Helper()
	name := fmt.Sprintf("service-%04d", i)
	r := rollout{repository: w.ECR.Repository(wire.Scope{}, "shop/"+name)}
	r.image = push(t, r.repository, name, version)
	containers := []ecs.Container{{Name: "app", Image: r.repository.URI() + ":" + version}}
	if sidecar != "" {
		tag := version
		if sidecar == differs {
			tag = fmt.Sprintf("%s-%d", version, i)
		}
		r.sidecar = push(t, w.sidecar, "envoy", tag)
		containers = append(containers, ecs.Container{Name: "envoy", Image: w.sidecar.URI() + ":" + tag})
	}
	cluster := w.ECS.Cluster(wire.Scope{}, environment)
	service := cluster.Service(name)
	if service == nil {
		service = cluster.CreateService(name, ecs.ServiceOptions{})
	}
	d, event, err := service.Release(time.Now(), containers...)
	if err != nil {
		t.Fatal(err)
	}
	r.Deployment = d
	w.rollouts = append(w.rollouts, r)
	return event
}

func push(t *testing.T, repository *ecr.Repository, seed, tag string) digest.Digest {
	t.Helper()
	d, err := repository.Push(ecr.Image{Seed: seed + " " + tag, Tags: []string{tag}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// complete lets all services complete in a time from now on, and has the queue told of it.
// One event in twenty comes twice.
func (w *world) complete(t *testing.T, q *queue, within time.Duration) {
	t.Helper()
	begun := time.Now()
	w.dice.Shuffle(len(w.rollouts), func(i, j int) { w.rollouts[i], w.rollouts[j] = w.rollouts[j], w.rollouts[i] })
	for i, r := range w.rollouts {
		at := begun.Add(within * time.Duration(i) / time.Duration(len(w.rollouts)))
		heard := at
		if within == 0 {
			at = begun.Add(time.Duration(i-len(w.rollouts)) * time.Millisecond) // by ECS's clock one completes after the other
		}
		event, err := r.Complete(at)
		if err != nil {
			t.Fatal(err)
		}
		w.newest = r.sidecar
		q.send(event, heard)
		if w.dice.IntN(20) == 0 {
			q.send(event, heard.Add(time.Duration(w.dice.Int64N(int64(5*time.Second)))))
		}
	}
}

// wrong counts the tags that are not where they should be, and those of which the ledger
// does not say that they are.
func (w *world) wrong(t *testing.T) (n int) {
	t.Helper()
	for _, r := range w.rollouts {
		if on := r.repository.Tag(environment); on != r.image {
			n++
			t.Logf("%s: the tag is on %q instead of %s", r.repository.URI(), on, r.image)
		}
	}
	if w.sidecar != nil && w.sidecar.Tag(environment) != w.newest {
		n++
		t.Logf("%s: the tag is on %q instead of %s", w.sidecar.URI(), w.sidecar.Tag(environment), w.newest)
	}
	pending, err := stream.Collect(dynamo.New(w.table(t), table).EnvironmentTags(t.Context(), environment, false, tagalong.TagID{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range pending {
		t.Logf("%s: the ledger says %s", tag.ID, tag.State)
	}
	return n + len(pending)
}
