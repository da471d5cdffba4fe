// Package ratelimit keeps the calls of a sweep to half of what AWS allows, so that
// deployments, consoles and everybody else have the other half, and waits out
// throttles all the same.
package ratelimit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/time/rate"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// share is the part of a bucket that is ours.
const share = 0.5

// longestWait is between two attempts of a call that is throttled: a sweep has time, and
// somebody else may use more than half of a bucket.
const longestWait = 20 * time.Second

// Bucket is a token bucket of AWS's, of which each account has one in each Region:
// a number of calls at once, and how many come anew each second.
type Bucket struct {
	Name  string
	Burst int
	Rate  float64 // a second
}

// The buckets that a sweep draws from,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
// and https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html.
// Other calls are too few, or allowed too often, to be held back.
var (
	clusters    = Bucket{"cluster read", 50, 20}
	resources   = Bucket{"cluster resource read", 100, 20}
	services    = Bucket{"service resource read", 100, 20}
	deployments = Bucket{"service deployment read", 50, 20}
	revisions   = Bucket{"service revision read", 50, 20}
	definitions = Bucket{"task definition read", 50, 20}
	images      = Bucket{"image put", 10, 10}
	// Of this one AWS tells no rate; it is needed a few times a day for each repository.
	metadata = Bucket{"image metadata read", 20, 20}
	// Of Inspector neither: it is asked once a day, for ten images at a time.
	findings = Bucket{"finding read", 10, 10}
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests: all
	// other reads of Lambda share one rate. How many it takes at once AWS does not say.
	codes     = Bucket{"function read", 100, 100}
	functions = Bucket{"function control plane", 15, 15}
)

// buckets tells which bucket an operation draws from.
var buckets = map[string]Bucket{
	"ListClusters":               clusters,
	"ListTasks":                  resources,
	"DescribeTasks":              resources,
	"ListServices":               services,
	"DescribeServices":           services,
	"ListServiceDeployments":     deployments,
	"DescribeServiceDeployments": deployments,
	"DescribeServiceRevisions":   revisions,
	"DescribeTaskDefinition":     definitions,
	"PutImage":                   images,
	"GetLifecyclePolicy":         metadata,
	"DescribeImages":             metadata,
	"DescribeImageScanFindings":  metadata,
	"GetLifecyclePolicyPreview":  metadata,

	"StartLifecyclePolicyPreview": metadata,
	"ListFindings":                findings,
	"ListCoverage":                findings,
	"GetFunction":                 codes,
	"ListFunctions":               functions,
	"ListAliases":                 functions,
}

// BucketOf returns the bucket that an operation draws from; ok is
// false if its calls are not held back.
func BucketOf(operation string) (b Bucket, ok bool) {
	b, ok = buckets[operation]
	return b, ok
}

// Ours is the part of a bucket that a sweep takes.
func (b Bucket) Ours() Bucket {
	return Bucket{b.Name, int(float64(b.Burst) * share), b.Rate * share}
}

// Lasts is how long so many calls take at least, from a full bucket on.
func (b Bucket) Lasts(calls int) time.Duration {
	late := max(0, calls-b.Burst)
	return time.Duration(float64(late) / b.Rate * float64(time.Second))
}

// Limits hold calls back. They are safe for concurrent use.
type Limits struct {
	mu    sync.Mutex
	ours  map[place]*rate.Limiter
	limit func(Bucket) *rate.Limiter
}

type place struct{ account, region, bucket string }

// New makes Limits whose buckets are full.
func New() *Limits {
	return &Limits{ours: map[place]*rate.Limiter{}, limit: func(b Bucket) *rate.Limiter {
		return rate.NewLimiter(rate.Limit(b.Rate), b.Burst)
	}}
}

// Unlimited makes Limits that hold nothing back, for an AWS without limits.
func Unlimited() *Limits {
	return &Limits{ours: map[place]*rate.Limiter{}, limit: func(Bucket) *rate.Limiter { return rate.NewLimiter(rate.Inf, 0) }}
}

// Of returns the same configurations for clients that keep the limits.
func (l *Limits) Of(configs clients.Configs) clients.Configs {
	return func(ctx context.Context, account, region string) (aws.Config, error) {
		cfg, err := configs(ctx, account, region)
		if err != nil {
			return aws.Config{}, err
		}
		cfg = cfg.Copy()
		cfg.Retryer = func() aws.Retryer { return clients.NewRetryer(longestWait) }
		cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(stack *middleware.Stack) error {
			// Each attempt takes a token, and is signed only then: a signature ages.
			return stack.Finalize.Insert(l.waiting(account, region), "Retry", middleware.After)
		})
		return cfg, nil
	}
}

func (l *Limits) waiting(account, region string) middleware.FinalizeMiddleware {
	return middleware.FinalizeMiddlewareFunc("RateLimit", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if bucket, limited := BucketOf(awsmiddleware.GetOperationName(ctx)); limited {
			if err := take(ctx, l.limiter(account, region, bucket)); err != nil {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, &aws.RequestCanceledError{Err: err}
			}
		}
		return next.HandleFinalize(ctx, in)
	})
}

// take waits for a token, or for the end of the context: Limiter.Wait would give up
// as soon as it knows that the token comes too late, with an error that does not
// tell that the time is up.
func take(ctx context.Context, l *rate.Limiter) error {
	turn := l.Reserve()
	err := wait.For(ctx, turn.Delay())
	if err != nil {
		turn.Cancel()
	}
	return err
}

func (l *Limits) limiter(account, region string, b Bucket) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := place{account, region, b.Name}
	if l.ours[at] == nil {
		l.ours[at] = l.limit(b.Ours())
	}
	return l.ours[at]
}
