package questions_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// busy is a ledger in which thousands of rollouts of one pipeline came after those of another.
type busy struct{ ledger.Records }

func (busy) Environments(context.Context) ([]string, error) { return []string{"prod"}, nil }

func (busy) NamesOf(context.Context, string, int) iter.Seq2[ledger.Name, error] {
	return stream.FromSlice([]ledger.Name{{Kind: tagalong.PipelineName, Text: "checkout", Pipeline: "checkout"}})
}

func (b busy) Names(ctx context.Context, text string, hint int) iter.Seq2[ledger.Name, error] {
	return b.NamesOf(ctx, text, hint)
}

func rolledOutBy(pipeline string, n int) ledger.Row {
	at := noon.Add(-time.Duration(n) * time.Minute)
	return ledger.Row{Service: services[0], Details: ledger.Details{Environment: "prod"}, Rollout: timeline.Rollout{
		Deployment: fmt.Sprintf("ecs-svc/%d", n), State: timeline.StateFailed, StartedAt: at, FinishedAt: at.Add(time.Second),
		Release: tagalong.Release{Pipeline: pipeline, Execution: fmt.Sprintf("execution-%d", n)},
	}}
}

func (busy) EnvironmentRollouts(_ context.Context, _ string, span ledger.Span, _ int) iter.Seq2[ledger.Row, error] {
	var all []ledger.Row
	for n := range 2503 {
		r := rolledOutBy("payments", n)
		if n >= 2500 {
			r = rolledOutBy("checkout", n)
		}
		if span.Behind == (ledger.RolloutCursor{}) || r.SortTime().Before(span.Behind.Sort) {
			all = append(all, r)
		}
	}
	return stream.FromSlice(all)
}

func (busy) ReleaseRollouts(_ context.Context, pipeline, execution string, _ ledger.Span, _ int) iter.Seq2[ledger.Row, error] {
	var n int
	_, _ = fmt.Sscanf(execution, "execution-%d", &n)
	return stream.FromSlice([]ledger.Row{rolledOutBy(pipeline, n)})
}

// A page ends where too much was looked at in vain, and the pipeline's executions lie behind.
func TestFindOfAPipelineLooksBehindWhatOthersRolledOut(t *testing.T) {
	q := query.Queries{Records: busy{&tagalongtest.Ledger{}}}
	page, err := q.Find(t.Context(), "checkout", query.Paging{})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("find checkout: %+v, %v", page.Items, err)
	}
	if r := page.Items[0]; r.Environment != "prod" || r.Phase != "ended" || !r.Until.Equal(noon.Add(-2500*time.Minute+time.Second)) {
		t.Errorf("find checkout: %+v", r)
	}
}
