package clients

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsratelimit "github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// ordinaryAttempts are those of a call that fails otherwise than by a throttle: a closed
// connection, or a service that is out of order.
const ordinaryAttempts = 3

// retryer waits for a busy service as long as the call's context goes on. Who gives up
// early gives his work back to a queue, or to the dead letters, that a moment later would
// have been done. The SDK's own retryer makes three attempts, and none once its clients
// have used up a quota of retries together.
type retryer struct {
	*retry.Standard
	busy wait.Backoff
}

// NewRetryer returns a retryer that waits for a busy service, each time up to so long.
func NewRetryer(longest time.Duration) aws.Retryer {
	return retryer{
		retry.NewStandard(func(o *retry.StandardOptions) { o.RateLimiter = awsratelimit.None }),
		wait.Backoff{Base: 100 * time.Millisecond, Max: longest, Busy: true},
	}
}

// MaxAttempts implements aws.Retryer: there is no limit but RetryDelay's.
func (retryer) MaxAttempts() int { return 0 }

// RetryDelay implements aws.Retryer: an error says that there is to be no retry.
func (r retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	switch {
	case Throttled(err):
		return r.busy.Delay(attempt), nil
	case attempt >= ordinaryAttempts:
		return 0, err
	}
	return r.Standard.RetryDelay(attempt, err)
}

var throttles = retry.IsErrorThrottles(retry.DefaultThrottles)

// Throttled reports whether time alone mends an error. LimitExceededException, which the
// SDK takes for a throttle, is a quota of ECR, and does not end.
func Throttled(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "LimitExceededException" {
		return false
	}
	return throttles.IsErrorThrottle(err) == aws.TrueTernary
}
