package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
)

// Handler takes one event and returns the answer, which is sent as JSON.
type Handler func(ctx context.Context, event json.RawMessage) (answer any, err error)

// Function reads a function's whole environment. need are the variables of
// ReadConfig that the function cannot do without.
func Function(getenv func(string) string, need ...string) (Config, aws.Config, error) {
	config, problems := ReadConfig(getenv, need...)
	cfg, more := AWSConfig(getenv)
	return config, cfg, errors.Join(problems, more)
}

// Exit ends a process that could not start, with status 1.
func Exit(err error) {
	Logger(os.Stdout, slog.LevelInfo).Error("start", "error", err.Error())
	os.Exit(1)
}

// Start opens connections and then hands Lambda's events to the handler. It
// does not return. When Lambda ends the process, a handler at work is told so by
// its context.
func Start(handler Handler, open ...func(context.Context)) {
	Prewarm(context.Background(), open...)
	ctx, end := context.WithCancelCause(context.Background())
	lambda.StartWithOptions(Invocation(handler),
		lambda.WithContext(ctx),
		lambda.WithEnableSIGTERM(func() { end(errTerminated) }))
}

var (
	errTerminated = errors.New("ended by Lambda")
	errDeadline   = errors.New("ended before the function's timeout")
)

// maxMargin is how long before the function's own deadline a handler's context
// ends: the reactor takes up to 2 s more to note in the ledger that a put got no
// answer, and the error itself must still reach Lambda. A function with little
// time gives a quarter of it.
const maxMargin = 2500 * time.Millisecond

func margin(left time.Duration) time.Duration { return min(maxMargin, left/4) }

// Invocation makes a handler one that the Lambda library can call.
type Invocation Handler

// Invoke implements lambda.Handler.
func (handle Invocation) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok {
		earlier := deadline.Add(-margin(time.Until(deadline)))
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, earlier, errDeadline)
		defer cancel()
	}
	answer, err := handle(ctx, event)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return nil, err
	}
	return json.Marshal(answer)
}

var _ lambda.Handler = Invocation(nil)
