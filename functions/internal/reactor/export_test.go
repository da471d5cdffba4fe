package reactor

import (
	"context"
	"log/slog"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Resolve finds out which images a deployment runs.
func (r *Reactor) Resolve(ctx context.Context, covered tagalong.Coverage, s tagalong.Service, deployment string) (ledger.Details, error) {
	return r.resolve(ctx, covered, s, deployment)
}

// Sum sums up two outcomes of one service.
func (o Outcome) Sum(p Outcome) Outcome {
	o.Add(p)
	return o
}

// Line is what the log says of an outcome.
func (o Outcome) Line(err error) string {
	var line strings.Builder
	o.Log(context.Background(), slog.New(slog.NewTextHandler(&line, nil)), err)
	_, said, _ := strings.Cut(line.String(), " ") // without the time
	return said
}

// Sum sums up what converging two repositories did.
func (c Convergence) Sum(o Convergence) Convergence {
	c.join(o)
	return c
}
