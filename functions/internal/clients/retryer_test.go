package clients_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
)

const longest = 5 * time.Second

func TestThrottlesAreWaitedOutAndOtherErrorsAreNot(t *testing.T) {
	retryer := clients.NewRetryer(longest)
	throttle := &smithy.GenericAPIError{Code: "ThrottlingException"}
	failure := &smithy.GenericAPIError{Code: "ServerException"}
	quota := &smithy.GenericAPIError{Code: "LimitExceededException"}
	for _, c := range []struct {
		attempt int
		err     error
		again   bool
	}{{1, throttle, true}, {3, throttle, true}, {100, throttle, true}, {1, failure, true}, {2, failure, true}, {3, failure, false}, {2, quota, true}, {3, quota, false}} {
		delay, err := retryer.RetryDelay(c.attempt, c.err)
		if (err == nil) != c.again || err != nil && !errors.Is(err, c.err) || delay > longest {
			t.Errorf("attempt %d, %v: delay %v, error %v", c.attempt, c.err, delay, err)
		}
	}
	if n := retryer.MaxAttempts(); n != 0 {
		t.Errorf("at most %d attempts", n)
	}
}

// refusing is an AWS that refuses every call until a time, and counts them.
type refusing struct {
	code  string
	until time.Time
	calls int
}

// Do implements aws.HTTPClient.
func (r *refusing) Do(*http.Request) (*http.Response, error) {
	r.calls++
	status, body := http.StatusOK, `{}`
	if time.Now().Before(r.until) {
		status, body = http.StatusBadRequest, `{"__type":"`+r.code+`","message":"not now"}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(body)))}, nil
}

// One client of a process sees thousands of throttles in a storm: no quota of retries may end.
func TestACallIsRepeatedUntilAWSHasTime(t *testing.T) {
	for _, c := range []struct {
		code  string
		lasts time.Duration
		done  bool
	}{
		{"ThrottlingException", 50 * time.Second, true},
		{"ProvisionedThroughputExceededException", 50 * time.Second, true},
		{"ThrottlingException", 2 * time.Minute, false},
		{"LimitExceededException", 50 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			service := &refusing{code: c.code}
			client := ecs.NewFromConfig(aws.Config{
				Region: "us-east-1", HTTPClient: service, Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
				Retryer: func() aws.Retryer { return clients.NewRetryer(longest) },
			})
			for range 5 {
				service.until, service.calls = time.Now().Add(c.lasts), 0
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				_, err := client.ListClusters(ctx, &ecs.ListClustersInput{})
				cancel()
				if (err == nil) != c.done || service.calls > 60 || c.code == "LimitExceededException" && service.calls != 3 {
					t.Errorf("%s for %v: error %v after %d calls", c.code, c.lasts, err, service.calls)
				}
			}
		})
	}
}
