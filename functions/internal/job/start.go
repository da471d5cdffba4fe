package job

import (
	"context"
	"log/slog"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Start makes a function's work. Where it cannot be made, as with a wrong setting,
// a function that does not start would leave its jobs to the 20 minutes of
// CodePipeline: instead each is answered with what is wrong, and the work is made
// anew with the next one.
func Start(ctx context.Context, log *slog.Logger, prepare func(context.Context) (Work, error)) Work {
	work, err := prepare(ctx)
	if err == nil {
		return work
	}
	log.ErrorContext(ctx, "start", "error", err.Error())
	return func(ctx context.Context, j Job) (tagalong.Success, error) {
		work, err := prepare(ctx)
		if err != nil {
			return tagalong.Success{}, unready(err)
		}
		return work(ctx, j)
	}
}

// unready blames the function's settings for what nothing else is to blame for.
func unready(err error) error {
	if classify(err).Type == tagalong.JobFailed {
		return Misconfigured("the function cannot start: %v", err)
	}
	return err
}
