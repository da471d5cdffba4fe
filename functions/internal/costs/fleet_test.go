package costs_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/meter"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

const (
	account = "111122223333"
	region  = "us-east-1"
	host    = account + ".dkr.ecr." + region + ".amazonaws.com"
)

var (
	noon    = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	scope   = tagalong.Scope{Account: account, Region: region}
	sidecar = tagalong.Repository{Registry: host, Name: "mesh/envoy"}
	rules   = tagalong.Rules{{Environment: "prod", Tags: []string{"{environment}", "{environment}-{service}"}}}
)

// fleet is a ledger in the embedded DynamoDB, of which all is counted, and an ECS and an
// ECR beside it.
type fleet struct {
	*reactor.Reactor
	query.Queries
	sweeper   *sweep.Sweeper
	ledger    *dynamo.Ledger
	client    *dynamodb.Client
	meter     *meter.Meter
	inventory *tagalongtest.Inventory
	registry  *tagalongtest.Registry
	now       time.Time
}

func newFleet(t testing.TB) *fleet {
	t.Helper()
	f := &fleet{meter: &meter.Meter{}, registry: &tagalongtest.Registry{}, now: noon}
	clock := func() time.Time { return f.now }
	client := dynamodb.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: aws.String("http://embedded"), HTTPClient: direct{sandbox.New(sandbox.Options{Now: clock})},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDSANDBOX", "secret", ""),
	}, f.meter.Option)
	if _, err := dynamo.Create(t.Context(), client, "tagalong"); err != nil {
		t.Fatal(err)
	}
	f.client, f.ledger = client, dynamo.New(client, "tagalong").At(clock)
	f.inventory = &tagalongtest.Inventory{Now: clock}
	f.Reactor = &reactor.Reactor{
		Rules: rules, Ledger: f.ledger, Workload: f.inventory, Registry: f.registry, Now: clock,
		Coverage: tagalongtest.Covering(account), Log: slog.New(slog.DiscardHandler),
	}
	f.Queries = query.Queries{Records: f.ledger}
	f.sweeper = &sweep.Sweeper{Reactor: f.Reactor, Inventory: f.inventory, Records: f.ledger, Scopes: []tagalong.Scope{scope}, PendingAfter: time.Hour}
	f.meter.Take()
	return f
}

// direct calls a server without a network in between.
type direct struct{ http.Handler }

// Do implements aws.HTTPClient.
func (d direct) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = io.NopCloser(http.NoBody)
	}
	recorder := httptest.NewRecorder()
	d.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// serviceNamed names the services so that a hundred are in a cluster.
func serviceNamed(i int) tagalong.Service {
	return tagalong.Service{Account: account, Region: region, Cluster: fmt.Sprintf("prod-%03d", i/100), Name: fmt.Sprintf("service-%05d", i)}
}

func repositoryNamed(i int) tagalong.Repository {
	return tagalong.Repository{Registry: host, Name: fmt.Sprintf("shop/service-%05d", i)}
}

// ran is a container with a version of a repository's image, which is pushed.
func (f *fleet) ran(name string, repository tagalong.Repository, version int) tagalong.Ran {
	image, tag := tagalongtest.Image(fmt.Sprint(repository, version)), fmt.Sprintf("v%d", version)
	f.registry.Push(repository, image, tag)
	return tagalong.Ran{Name: name, Image: repository.String() + ":" + tag, Digest: image.Digest}
}

// rollOut lets a service roll out containers, as ECS has it.
func (f *fleet) rollOut(s tagalong.Service, containers ...tagalong.Ran) {
	f.inventory.Deploy(s, tagalongtest.Deployment{TaskDefinition: "arn:aws:ecs:us-east-1:111122223333:task-definition/" + s.Name + ":1", Revised: containers})
	f.inventory.Complete(s)
}

// deploy lets services run an image of their own and the sidecar that all share.
func (f *fleet) deploy(from, to int) {
	for i := from; i < to; i++ {
		f.rollOut(serviceNamed(i), f.ran("app", repositoryNamed(i), 1), f.ran("envoy", sidecar, 1))
	}
}

// sweeps takes a sweep, and returns what it consumed.
func (f *fleet) sweeps(t testing.TB, o sweep.Options) (sweep.Report, meter.Usage) {
	t.Helper()
	f.now = f.now.Add(time.Hour)
	f.meter.Take()
	report, err := f.sweeper.Sweep(context.WithoutCancel(t.Context()), o)
	if err != nil {
		t.Fatal(err)
	}
	return report, f.meter.Take()
}

func imageOf(repository tagalong.Repository, version int) digest.Digest {
	return tagalongtest.Image(fmt.Sprint(repository, version)).Digest
}
