package ratelimit

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsratelimit "github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

const (
	ordinaryAttempts = 3 // of what fails otherwise than by a throttle, as everywhere
	maxBackoff       = 20 * time.Second
)

// retryer waits out throttles for as long as the call's context goes on: a sweep
// has time, and somebody else may use more than half of a bucket.
type retryer struct{ *retry.Standard }

func newRetryer() aws.Retryer {
	return retryer{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxBackoff = maxBackoff
		o.RateLimiter = awsratelimit.None
	})}
}

// MaxAttempts implements aws.Retryer: there is no limit but RetryDelay's.
func (retryer) MaxAttempts() int { return 0 }

var throttles = retry.IsErrorThrottles(retry.DefaultThrottles)

// throttled reports whether time alone mends an error. LimitExceededException, which the
// SDK takes for a throttle, is a quota of ECR, and does not end.
func throttled(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "LimitExceededException" {
		return false
	}
	return throttles.IsErrorThrottle(err) == aws.TrueTernary
}

// RetryDelay implements aws.Retryer: an error says that there is to be no retry.
func (r retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	if attempt >= ordinaryAttempts && !throttled(err) {
		return 0, err
	}
	return r.Standard.RetryDelay(attempt, err)
}
