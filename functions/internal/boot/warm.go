package boot

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
)

// warmTimeout bounds what opening connections may add to a cold start.
const warmTimeout = time.Second

// Prewarm runs functions side by side, each of which opens a connection, and
// waits for them: during its start a function has a full processor, later only
// its share by memory, and a TLS handshake takes its time. None of them can make
// the start fail; what did not connect in time connects with the first event.
func Prewarm(ctx context.Context, open ...func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, warmTimeout)
	defer cancel()
	var wait parallel.Group
	for _, f := range open {
		wait.Go(func() { f(ctx) })
	}
	wait.Wait()
}

// Opening returns a copy of a configuration for clients that only open
// connections: a call goes all the way to the endpoint that it would be sent to,
// and there a HEAD request for nothing takes its place. It always ends with an
// error. The connection stays in the pool of the configuration's HTTP client.
func Opening(cfg aws.Config) aws.Config {
	cfg.HTTPClient = opener{cfg.HTTPClient}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg
}

type opener struct{ base aws.HTTPClient }

var errOpened = errors.New("connection opened")

// Do implements aws.HTTPClient.
func (o opener) Do(r *http.Request) (*http.Response, error) {
	nothing, err := http.NewRequestWithContext(r.Context(), http.MethodHead, r.URL.Scheme+"://"+r.URL.Host+"/", nil)
	if err != nil {
		return nil, err
	}
	reply, err := o.base.Do(nothing)
	if err != nil {
		return nil, err
	}
	return nil, errors.Join(errOpened, reply.Body.Close())
}
