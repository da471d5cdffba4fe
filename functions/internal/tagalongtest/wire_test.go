package tagalongtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/ecs"
	ecrbox "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	ecsbox "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// The adapters keep the same contracts, over AWS's wire protocols.

func TestTheLedgerInDynamoDBKeepsTheContract(t *testing.T) {
	tagalongtest.LedgerSuite(t, func(t *testing.T) tagalongtest.Store {
		client := dynamodb.NewFromConfig(sandboxtest.Start(t).Config())
		if _, err := dynamo.Create(t.Context(), client, "tagalong"); err != nil {
			t.Fatal(err)
		}
		return dynamo.New(client, "tagalong")
	})
}

func TestTheRegistryInECRKeepsTheContract(t *testing.T) {
	tagalongtest.RegistrySuite(t, func(t *testing.T) (tagalong.Registry, tagalongtest.RegistryWorld) {
		w := &ecrWorld{Sandbox: sandboxtest.Start(t)}
		return ecr.New(func(_ context.Context, account, region string) (aws.Config, error) {
			config := w.As(account)
			config.Region = region
			config.HTTPClient = &losing{client: config.HTTPClient, lose: &w.lose}
			return config, nil
		}), w
	})
}

func TestTheWorkloadInECSKeepsTheContract(t *testing.T) {
	tagalongtest.WorkloadSuite(t, func(t *testing.T) (tagalong.Workload, tagalongtest.WorkloadWorld) {
		w := &ecsWorld{Sandbox: sandboxtest.Start(t), legacy: map[tagalong.Service]bool{}, services: map[tagalong.Service]*ecsbox.Service{}, deployments: map[string]*ecsbox.Deployment{}}
		return ecs.New(func(_ context.Context, account, region string) (aws.Config, error) {
			if account == elsewhere {
				return aws.Config{}, tagalong.ErrElsewhere
			}
			config := w.As(account)
			config.Region = region
			return config, nil
		}), w
	})
}

const elsewhere = "999999999999"

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// losing loses the answer to the next PutImage.
type losing struct {
	client aws.HTTPClient
	lose   *atomic.Bool
}

func (l *losing) Do(r *http.Request) (*http.Response, error) {
	response, err := l.client.Do(r)
	if err == nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutImage") && l.lose.CompareAndSwap(true, false) {
		_ = response.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return response, err
}

// ecrWorld is the sandbox's ECR.
type ecrWorld struct {
	*sandboxtest.Sandbox
	lose atomic.Bool
}

func (w *ecrWorld) of(r tagalong.Repository) *ecrbox.Repository {
	account, region, _ := r.ECR()
	return w.ECR.Repository(wire.Scope{Account: account, Region: region}, r.Name)
}

func (w *ecrWorld) Push(t *testing.T, r tagalong.Repository, seed string, tags ...string) digest.Digest {
	t.Helper()
	return must[digest.Digest](t)(w.of(r).Push(ecrbox.Image{Seed: seed, Tags: tags}))
}

func (w *ecrWorld) PushIndex(t *testing.T, r tagalong.Repository, seed string, tags ...string) (digest.Digest, []digest.Digest) {
	t.Helper()
	pushed := must[ecrbox.Pushed](t)(w.of(r).PushIndex(ecrbox.Index{Seed: seed, Tags: tags}))
	return pushed.Digest, []digest.Digest{pushed.AMD64, pushed.ARM64}
}

func (w *ecrWorld) Immutable(t *testing.T, r tagalong.Repository, except ...string) {
	t.Helper()
	mode := "IMMUTABLE"
	if len(except) > 0 {
		mode = "IMMUTABLE_WITH_EXCLUSION"
	}
	if err := w.of(r).SetMutability(mode, except...); err != nil {
		t.Fatal(err)
	}
}

func (w *ecrWorld) Fill(t *testing.T, r tagalong.Repository, d digest.Digest) {
	t.Helper()
	repository := w.of(r)
	for n := len(repository.Tags(d)); n < 1000; n++ {
		if err := repository.Retag(d, fmt.Sprintf("fill-%d", n)); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *ecrWorld) Busy(*testing.T) { w.ECR.Throttle("PutImage", 1) }

func (w *ecrWorld) Lose(*testing.T) { w.lose.Store(true) }

// ecsWorld is the sandbox's ECS.
type ecsWorld struct {
	*sandboxtest.Sandbox
	legacy      map[tagalong.Service]bool
	services    map[tagalong.Service]*ecsbox.Service
	deployments map[string]*ecsbox.Deployment
}

func (w *ecsWorld) Legacy(_ *testing.T, s tagalong.Service) { w.legacy[s] = true }

func (w *ecsWorld) register(t *testing.T, s tagalong.Service, containers ...tagalong.Ran) (definition string) {
	t.Helper()
	var defined []ecsbox.Container
	for _, c := range containers {
		w.ECS.Publish(c.Image, c.Digest)
		defined = append(defined, ecsbox.Container{Name: c.Name, Image: c.Image})
	}
	return must[string](t)(w.ECS.Register(wire.Scope{Account: s.Account, Region: s.Region}, s.Name, defined...))
}

func (w *ecsWorld) RunTask(t *testing.T, s tagalong.Service, startedBy string, containers ...tagalong.Ran) {
	t.Helper()
	cluster := w.ECS.Cluster(wire.Scope{Account: s.Account, Region: s.Region}, s.Cluster)
	must[string](t)(cluster.RunTask(w.register(t, s, containers...), ecsbox.RunOptions{StartedBy: startedBy}, sandboxtest.Epoch))
}

func (w *ecsWorld) Deploy(t *testing.T, s tagalong.Service, tasks int, containers ...tagalong.Ran) (string, string) {
	t.Helper()
	scope := wire.Scope{Account: s.Account, Region: s.Region}
	if w.services[s] == nil {
		w.services[s] = w.ECS.Cluster(scope, s.Cluster).CreateService(s.Name, ecsbox.ServiceOptions{DesiredCount: tasks, ShortARN: w.legacy[s]})
	}
	definition := w.register(t, s, containers...)
	at := sandboxtest.Epoch.Add(time.Duration(len(w.deployments)) * time.Minute)
	d, _, err := w.services[s].Deploy(definition, at)
	if err != nil {
		t.Fatal(err)
	}
	w.deployments[d.ID()] = d
	return d.ID(), definition
}

func (w *ecsWorld) Forget(_ *testing.T, _ tagalong.Service, deployment string) {
	w.deployments[deployment].SetRevision(ecsbox.Expired)
}

func (w *ecsWorld) Deny(*testing.T) { w.ECS.Deny("DescribeServiceRevisions") }

func (w *ecsWorld) Elsewhere(*testing.T) string { return elsewhere }
