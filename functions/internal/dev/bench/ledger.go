package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// A ledger to ask: 500 services in five environments, each with a container of
// its own repository and a sidecar that all of them share. The real reactor
// writes it, event by event, into the embedded DynamoDB; its items are then
// copied to the one that is asked.
const (
	services     = 500
	account      = "111122223333"
	ecrHost      = account + ".dkr.ecr." + region + ".amazonaws.com"
	sidecarEvery = 10 // rollouts until the sidecar changes
	blockedEvery = 50 // services between those whose repository is immutable
)

var (
	names   = []string{"dev", "perf", "prod", "staging", "test"}
	epoch   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sidecar = tagalong.Repository{Registry: "public.ecr.aws", Name: "appmesh/envoy"}
)

// history is the past of one service: so many rollouts, one every six hours,
// the newest at the same time in every ledger.
type history struct {
	service    tagalong.Service
	repository tagalong.Repository
	rollouts   int
	offset     time.Duration // from the other services
	now        time.Time
	reactor    *reactor.Reactor
	workload   *tagalongtest.Workload
	registry   *tagalongtest.Registry
}

// began returns when the rollout was started that so many others came after.
func (h *history) began(back int) time.Time {
	return epoch.Add(-time.Duration(back) * 6 * time.Hour).Add(h.offset)
}

func serviceNamed(i int) tagalong.Service {
	environment := names[i%len(names)]
	return tagalong.Service{Account: account, Region: region, Cluster: environment, Name: fmt.Sprintf("service-%03d", i)}
}

func repositoryNamed(i int) tagalong.Repository {
	return tagalong.Repository{Registry: ecrHost, Name: fmt.Sprintf("shop/service-%03d", i)}
}

func newHistory(i, rollouts int, ledger *dynamo.Ledger) *history {
	h := &history{
		service: serviceNamed(i), repository: repositoryNamed(i), rollouts: rollouts,
		offset:   time.Duration(rand.New(rand.NewPCG(1, uint64(i))).IntN(6*3600)) * time.Second,
		workload: &tagalongtest.Workload{}, registry: &tagalongtest.Registry{},
	}
	h.reactor = &reactor.Reactor{
		Ledger: ledger, Workload: h.workload, Registry: h.registry,
		Coverage: tagalongtest.Covering(account),
		Now:      func() time.Time { return h.now }, Log: slog.New(slog.DiscardHandler),
	}
	if i%blockedEvery == 0 {
		h.registry.Immutable(h.repository)
	}
	return h
}

// write lets the reactor observe every rollout: most complete, each twentieth fails.
func (h *history) write(ctx context.Context) error {
	for back := h.rollouts; back > 0; back-- {
		deployment := fmt.Sprintf("ecs-svc/%019d", 1_000_000-back)
		image := tagalongtest.Image(fmt.Sprint(h.repository, back))
		h.registry.Push(h.repository, image, fmt.Sprintf("build-%d", back))
		mesh := tagalongtest.Image(fmt.Sprint("envoy", back/sidecarEvery))
		containers := []tagalong.Ran{
			{Name: "app", Image: fmt.Sprintf("%s:build-%d", h.repository, back), Digest: image.Digest},
			{Name: "envoy", Image: fmt.Sprintf("%s:v%d", sidecar, back/sidecarEvery), Digest: mesh.Digest},
		}
		h.workload.Deploy(h.service, deployment, tagalongtest.Deployment{TaskDefinition: "app:1", Revised: containers})
		start := h.began(back)
		end := tagalong.Completed
		if back%20 == 7 {
			end = tagalong.Failed
		}
		for _, fact := range []tagalong.Fact{
			{Deployment: deployment, Name: tagalong.InProgress, Time: start, Source: tagalong.FromEvent},
			{Deployment: deployment, Name: end, Time: start.Add(3 * time.Minute), Source: tagalong.FromEvent},
		} {
			h.now = fact.Time.Add(time.Second)
			if _, err := h.reactor.Observe(ctx, h.service, fact); err != nil {
				return fmt.Errorf("rollout %s of %s: %w", deployment, h.service, err)
			}
		}
	}
	return nil
}

// direct calls a server without a network in between.
type direct struct{ http.Handler }

// Do implements aws.HTTPClient.
func (d direct) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = io.NopCloser(http.NoBody)
	}
	recorder := httptest.NewRecorder()
	d.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// writeLedger makes a ledger with so many rollouts in a table of a DynamoDB.
func writeLedger(ctx context.Context, to *dynamodb.Client, table string, rollouts int) error {
	cfg := configOf("http://embedded")
	cfg.HTTPClient = direct{sandbox.New(sandbox.Options{})}
	from := dynamodb.NewFromConfig(cfg)
	if _, err := dynamo.Create(ctx, from, table); err != nil {
		return err
	}
	if err := sideBySide(services, func(i int) error {
		return newHistory(i, rollouts/services, dynamo.New(from, table)).write(ctx)
	}); err != nil {
		return err
	}
	if _, err := dynamo.Create(ctx, to, table); err != nil {
		return err
	}
	return copyTable(ctx, from, to, table)
}

// sideBySide runs f for 0 to n-1, four at a time, until one fails.
func sideBySide(n int, f func(i int) error) (failed error) {
	var wait sync.WaitGroup
	var once sync.Once
	slots := make(chan struct{}, 4)
	for i := range n {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := f(i); err != nil {
				once.Do(func() { failed = err })
			}
		})
	}
	wait.Wait()
	return failed
}

// batch is as many items as BatchWriteItem takes.
const batch = 25

func copyTable(ctx context.Context, from, to *dynamodb.Client, table string) error {
	for pages := dynamodb.NewScanPaginator(from, &dynamodb.ScanInput{TableName: &table}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		batches := (len(page.Items) + batch - 1) / batch
		if err := sideBySide(batches, func(i int) error {
			return put(ctx, to, table, page.Items[i*batch:min((i+1)*batch, len(page.Items))])
		}); err != nil {
			return err
		}
	}
	return nil
}

func put(ctx context.Context, to *dynamodb.Client, table string, items []map[string]types.AttributeValue) error {
	var puts []types.WriteRequest
	for _, item := range items {
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	for requests := map[string][]types.WriteRequest{table: puts}; len(requests[table]) > 0; {
		out, err := to.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: requests})
		if err != nil {
			return err
		}
		requests = out.UnprocessedItems
	}
	return nil
}

var _ aws.HTTPClient = direct{}
