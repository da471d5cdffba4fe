package ratelimit

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"golang.org/x/time/rate"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
)

const account, region = "111122223333", "us-east-1"

// start returns Limits on a server that answers with f.
func start(t *testing.T, f http.HandlerFunc) (*Limits, clients.Configs) {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	p := New()
	return p, p.Of(func(_ context.Context, _, region string) (aws.Config, error) {
		return aws.Config{
			Region: region, BaseEndpoint: aws.String(server.URL),
			Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		}, nil
	})
}

func nothing(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }

func client(t *testing.T, configs clients.Configs, account, region string) *ecs.Client {
	t.Helper()
	cfg, err := configs(t.Context(), account, region)
	if err != nil {
		t.Fatal(err)
	}
	return ecs.NewFromConfig(cfg)
}

// soon returns a context that ends before a bucket that never fills has a token.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// empty makes buckets that never fill again: what they hold is all there is.
func (p *Limits) empty() {
	p.limit = func(b Bucket) *rate.Limiter { return rate.NewLimiter(0, b.Burst) }
}

func TestHalfOfABucketIsLeft(t *testing.T) {
	var calls atomic.Int32
	p, configs := start(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); nothing(w, r) })
	p.empty()
	c := client(t, configs, account, region)
	for range 25 {
		if _, err := c.ListClusters(t.Context(), &ecs.ListClustersInput{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.ListClusters(soon(t), &ecs.ListClustersInput{}); err == nil || calls.Load() != 25 {
		t.Errorf("%d calls, error %v; want 25, half of what AWS allows at once", calls.Load(), err)
	}
}

func TestBucketsAreApart(t *testing.T) {
	p, configs := start(t, nothing)
	p.limit = func(b Bucket) *rate.Limiter { return rate.NewLimiter(0, 1) }
	for name, call := range map[string]func(*ecs.Client) error{
		"services": func(c *ecs.Client) error { _, err := c.ListServices(t.Context(), &ecs.ListServicesInput{}); return err },
		"clusters": func(c *ecs.Client) error { _, err := c.ListClusters(t.Context(), &ecs.ListClustersInput{}); return err },
		"unlimited": func(c *ecs.Client) error {
			_, err := c.ListAccountSettings(t.Context(), &ecs.ListAccountSettingsInput{})
			return err
		},
		"unlimited 2": func(c *ecs.Client) error {
			_, err := c.ListAccountSettings(t.Context(), &ecs.ListAccountSettingsInput{})
			return err
		},
	} {
		for _, at := range [][2]string{{account, region}, {account, "eu-west-1"}, {"444455556666", region}} {
			if err := call(client(t, configs, at[0], at[1])); err != nil {
				t.Errorf("%s in %v: %v", name, at, err)
			}
		}
	}
	// A bucket is that of an account's Region, whoever asks, and whatever of its operations.
	c := client(t, configs, account, region)
	if _, err := c.DescribeServices(soon(t), &ecs.DescribeServicesInput{Services: []string{"x"}}); err == nil {
		t.Error("another operation of an empty bucket, by another client: no error")
	}
}

func TestPutsAreHeldBackToo(t *testing.T) {
	p, configs := start(t, nothing)
	p.limit = func(b Bucket) *rate.Limiter { return rate.NewLimiter(0, 0) }
	cfg, err := configs(t.Context(), account, region)
	if err != nil {
		t.Fatal(err)
	}
	c := ecr.NewFromConfig(cfg)
	if _, err := c.PutImage(soon(t), &ecr.PutImageInput{RepositoryName: aws.String("shop"), ImageManifest: aws.String("{}")}); err == nil {
		t.Error("PutImage is not held back")
	}
	if _, err := c.DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{}); err != nil {
		t.Errorf("DescribeRepositories: %v", err)
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	p, configs := start(t, nothing)
	p.limit = func(Bucket) *rate.Limiter { l := rate.NewLimiter(rate.Every(time.Hour), 1); l.Allow(); return l }
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := client(t, configs, account, region).ListClusters(ctx, &ecs.ListClustersInput{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestAThrottledCallTakesAnotherToken(t *testing.T) {
	var calls atomic.Int32
	p, configs := start(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"ThrottlingException","message":"Rate exceeded"}`))
			return
		}
		nothing(w, r)
	})
	p.empty()
	if _, err := client(t, configs, account, region).ListClusters(t.Context(), &ecs.ListClustersInput{}); err != nil {
		t.Fatal(err)
	}
	if left := p.limiter(account, region, clusters).Tokens(); left != 23 {
		t.Errorf("%v tokens are left of 25", left)
	}
}

func TestConfigurationsThatAreNotGivenAreNot(t *testing.T) {
	elsewhere := errors.New("elsewhere")
	if _, err := New().Of(func(context.Context, string, string) (aws.Config, error) { return aws.Config{}, elsewhere })(t.Context(), account, region); !errors.Is(err, elsewhere) {
		t.Errorf("error %v", err)
	}
}

func TestHowLongCallsTake(t *testing.T) {
	for calls, want := range map[int]time.Duration{0: 0, 25: 0, 26: 100 * time.Millisecond, 1025: 100 * time.Second} {
		if got := deployments.Ours().Lasts(calls); got != want {
			t.Errorf("%d calls take %v instead of %v", calls, got, want)
		}
	}
}
