package ecr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheContractOnTheSandbox(t *testing.T) {
	tagalongtest.RegistrySuite(t, func(t *testing.T) (tagalong.Registry, tagalongtest.RegistryWorld) {
		s := sandboxtest.Start(t)
		loser := &loser{client: s.Config().HTTPClient}
		r := New(func(_ context.Context, account, region string) (aws.Config, error) {
			cfg := s.As(account)
			cfg.Region, cfg.HTTPClient = region, loser
			return cfg, nil
		})
		return r, sandboxWorld{s, loser}
	})
}

func TestTheContractOfRemovalsOnTheSandbox(t *testing.T) {
	tagalongtest.UntaggerSuite(t, func(t *testing.T) (sweep.Untagger, tagalongtest.UntaggerWorld) {
		s := sandboxtest.Start(t)
		r := New(func(_ context.Context, account, region string) (aws.Config, error) {
			cfg := s.As(account)
			cfg.Region = region
			return cfg, nil
		})
		return r, sandboxWorld{Sandbox: s}
	})
}

func TestTheContractOfLifecyclesOnTheSandbox(t *testing.T) {
	tagalongtest.LifecyclesSuite(t, func(t *testing.T) (sweep.Lifecycles, tagalongtest.LifecyclesWorld) {
		s := sandboxtest.Start(t)
		r := New(func(_ context.Context, account, region string) (aws.Config, error) {
			cfg := s.As(account)
			cfg.Region = region
			return cfg, nil
		})
		return r, sandboxWorld{Sandbox: s}
	})
}

// loser is a client that can lose the answer to a put.
type loser struct {
	client aws.HTTPClient
	lose   atomic.Bool
}

// Do implements aws.HTTPClient.
func (l *loser) Do(r *http.Request) (*http.Response, error) {
	put := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutImage")
	reply, err := l.client.Do(r)
	if err == nil && put && l.lose.CompareAndSwap(true, false) {
		_ = reply.Body.Close()
		return nil, errors.New("connection reset by the test")
	}
	return reply, err
}

// sandboxWorld sets up the sandbox's ECR.
type sandboxWorld struct {
	*sandboxtest.Sandbox
	loser *loser
}

func (w sandboxWorld) repository(t *testing.T, r tagalong.Repository) *ecr.Repository {
	t.Helper()
	account, region, ok := r.ECR()
	if !ok {
		t.Fatalf("%s is not in ECR", r)
	}
	return w.ECR.Repository(wire.Scope{Account: account, Region: region}, r.Name)
}

func (w sandboxWorld) Push(t *testing.T, r tagalong.Repository, seed string, tags ...string) digest.Digest {
	t.Helper()
	return push(t, w.repository(t, r), seed, tags...)
}

func (w sandboxWorld) PushIndex(t *testing.T, r tagalong.Repository, seed string, tags ...string) (digest.Digest, []digest.Digest) {
	t.Helper()
	pushed, err := w.repository(t, r).PushIndex(ecr.Index{Seed: seed, Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	return pushed.Digest, []digest.Digest{pushed.AMD64, pushed.ARM64}
}

func (w sandboxWorld) SetLifecycle(t *testing.T, r tagalong.Repository, rules ...sweep.LifecycleRule) {
	t.Helper()
	w.repository(t, r).SetLifecyclePolicy(policyOf(t, rules...))
}

func (w sandboxWorld) ReplicateDeletes(t *testing.T, r tagalong.Repository) {
	t.Helper()
	account, region, _ := r.ECR()
	w.ECR.Replicate(wire.Scope{Account: account, Region: region},
		ecr.ReplicationRule{Destinations: []ecr.ReplicationDestination{{Region: "eu-west-1", RegistryID: account}}},
		ecr.ReplicationRule{Destinations: []ecr.ReplicationDestination{{Region: "eu-north-1", RegistryID: account}}, Deletes: &ecr.DeleteReplication{Enabled: true}})
}

func (w sandboxWorld) Immutable(t *testing.T, r tagalong.Repository, except ...string) {
	t.Helper()
	mode := "IMMUTABLE"
	if len(except) > 0 {
		mode = "IMMUTABLE_WITH_EXCLUSION"
	}
	if err := w.repository(t, r).SetMutability(mode, except...); err != nil {
		t.Fatal(err)
	}
}

func (w sandboxWorld) Fill(t *testing.T, r tagalong.Repository, d digest.Digest) {
	t.Helper()
	for n := 0; ; n++ {
		if n > 1000 {
			t.Fatal("an image takes more than a thousand tags")
		}
		if w.repository(t, r).Retag(d, fmt.Sprint("filler-", n)) != nil {
			return
		}
	}
}

func (w sandboxWorld) Busy(*testing.T) { w.ECR.Throttle("PutImage", 1) }
func (w sandboxWorld) Lose(*testing.T) { w.loser.lose.Store(true) }
