package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// ledgers are how many rollouts the ledgers that are asked have.
var ledgers = []int{10_000, 100_000}

// question is asked of each ledger, and returns the number of rows.
type question struct {
	text string
	ask  func(ctx context.Context, q query.Queries) (int, error)
}

func rowsOf[R any](page query.Page[R], err error) (int, error) { return len(page.Items), err }

// questions are asked so that the answer is the same in every ledger.
func questions() []question {
	page := query.Paging{Limit: 100}
	lately := epoch.Add(-20 * time.Hour) // a few rollouts ago
	one := serviceNamed(2)
	app := tagalongtest.Image(fmt.Sprint(repositoryNamed(2), 3)).Digest
	mesh := tagalongtest.Image(fmt.Sprint("envoy", 1)).Digest
	return []question{
		{"what runs in an environment", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Running(ctx, query.RunningQuery{Environment: "prod"}, query.Paging{}))
		}},
		{"what runs there, a page of 100", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Running(ctx, query.RunningQuery{Environment: "prod"}, page))
		}},
		{"what ran there at a time", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Running(ctx, query.RunningQuery{Environment: "prod", At: lately}, query.Paging{}))
		}},
		{"rollouts of a service, the last 10", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.History(ctx, query.HistoryQuery{Service: one}, query.Paging{Limit: 10}))
		}},
		{"rollouts of an environment, the last 100", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.History(ctx, query.HistoryQuery{Environment: "prod"}, page))
		}},
		{"rollouts everywhere in a span of 12 hours", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.History(ctx, query.HistoryQuery{Since: lately, Until: lately.Add(12 * time.Hour)}, query.Paging{}))
		}},
		{"where a digest runs and ran", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Where(ctx, tagalong.ImageQuery{Digest: app}, query.Paging{}))
		}},
		{"where a sidecar ran in 500 services, a page of 100", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Where(ctx, tagalong.ImageQuery{Digest: mesh}, page))
		}},
		{"where a repository runs and ran, the last 10", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Where(ctx, tagalong.ImageQuery{Repository: repositoryNamed(2).Name}, query.Paging{Limit: 10}))
		}},
		{"how two environments differ", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Diff(ctx, query.PointInTime{Environment: "staging"}, query.PointInTime{Environment: "prod"}, query.Paging{}))
		}},
		{"tags that are not confirmed", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Tags(ctx, query.TagsQuery{Pending: true}, query.Paging{}))
		}},
		{"the environments", func(ctx context.Context, q query.Queries) (int, error) {
			return rowsOf(q.Environments(ctx, query.Paging{}))
		}},
	}
}

// cost is what an answer took.
type cost struct {
	rows, calls int
	units       float64 // of read capacity
	elapsed     time.Duration
}

// tariff asks for the capacity that each call consumes, and sums it up.
type tariff struct {
	mu    sync.Mutex
	calls int
	units float64
}

// ID implements middleware.InitializeMiddleware.
func (*tariff) ID() string { return "tariff" }

// HandleInitialize implements middleware.InitializeMiddleware.
func (t *tariff) HandleInitialize(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	switch p := in.Parameters.(type) {
	case *dynamodb.QueryInput:
		p.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	case *dynamodb.BatchGetItemInput:
		p.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	}
	out, metadata, err := next.HandleInitialize(ctx, in)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls++
	for _, c := range consumed(out.Result) {
		t.units += aws.ToFloat64(c.CapacityUnits)
	}
	return out, metadata, err
}

func consumed(result any) []types.ConsumedCapacity {
	switch r := result.(type) {
	case *dynamodb.QueryOutput:
		if r.ConsumedCapacity != nil {
			return []types.ConsumedCapacity{*r.ConsumedCapacity}
		}
	case *dynamodb.BatchGetItemOutput:
		return r.ConsumedCapacity
	}
	return nil
}

// askLedgers writes the ledgers into DynamoDB Local and asks each of them
// everything. Other emulators do not count capacity as AWS does.
func askLedgers(ctx context.Context) (string, error) {
	url := os.Getenv("DYNAMODB_LOCAL_URL")
	if url == "" {
		return "", errors.New("DYNAMODB_LOCAL_URL is not set: run it with .ci/dynamodb-local, as make bench does")
	}
	cfg := configOf(url)
	cfg.RetryMaxAttempts = 1
	client := dynamodb.NewFromConfig(cfg)
	costs := map[string][]cost{}
	for _, rollouts := range ledgers {
		table := fmt.Sprintf("ledger-%d", rollouts)
		begin := time.Now()
		if err := writeLedger(ctx, client, table, rollouts); err != nil {
			return "", fmt.Errorf("ledger of %d rollouts: %w", rollouts, err)
		}
		fmt.Fprintf(os.Stderr, "%d rollouts written in %s\n", rollouts, time.Since(begin).Round(time.Second))
		for _, q := range questions() {
			c, err := q.measure(ctx, cfg, table)
			if err != nil {
				return "", fmt.Errorf("%s: %w", q.text, err)
			}
			costs[q.text] = append(costs[q.text], c)
		}
	}
	return costTable(costs)
}

// measure asks a question a few times; the calls and units are of one, the time
// is the median.
func (q question) measure(ctx context.Context, cfg aws.Config, table string) (cost, error) {
	var all []cost
	for range 7 {
		meter := &tariff{}
		client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
			o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Initialize.Add(meter, middleware.Before) })
		})
		begin := time.Now()
		rows, err := q.ask(ctx, query.Queries{Records: dynamo.New(client, table)})
		if err != nil {
			return cost{}, err
		}
		all = append(all, cost{rows: rows, calls: meter.calls, units: meter.units, elapsed: time.Since(begin)})
	}
	slices.SortFunc(all, func(a, b cost) int { return cmp.Compare(a.elapsed, b.elapsed) })
	return all[len(all)/2], nil
}

func costTable(costs map[string][]cost) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "| question, of %d services on DynamoDB Local | rows", services)
	for _, n := range ledgers {
		fmt.Fprintf(&b, " | calls at %dk rollouts | RCU | ms", n/1000)
	}
	b.WriteString(" |\n|---|--:" + strings.Repeat("|--:|--:|--:", len(ledgers)) + "|\n")
	for _, q := range questions() {
		c := costs[q.text]
		fmt.Fprintf(&b, "| %s | %d", q.text, c[0].rows)
		for _, one := range c {
			if one.rows != c[0].rows || one.rows == 0 {
				return "", fmt.Errorf("%s: %d rows in one ledger, %d in the other: the answers should be the same", q.text, c[0].rows, one.rows)
			}
			fmt.Fprintf(&b, " | %d | %.1f | %d", one.calls, one.units, one.elapsed.Milliseconds())
		}
		b.WriteString(" |\n")
	}
	return b.String(), nil
}
