package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	sweepwiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// What a sweep costs: a thousand services in ten clusters, each with rollouts of
// two builds, and every tenth with one more that was rolled back.
const (
	sweptClusters   = 10
	sweptEach       = 100
	sweptServices   = sweptClusters * sweptEach
	sweptRolledBack = 10 // services between those that rolled back
	maxOverhead     = 1.1
)

// The calls of ECS that a sweep of them needs at least, by how much one call gives.
const (
	// Clusters, services and what is said of them; tasks, whose lists do not tell those of
	// services from others, and what is said of them.
	lists     = 1 + sweptClusters + sweptServices/10 + 2*sweptServices/100
	rollbacks = sweptServices / sweptRolledBack / 20
	revisions = (2*sweptServices + sweptServices/sweptRolledBack) / 20
)

// fleet is an AWS with the services on it.
type fleet struct {
	*sandbox.Sandbox
	url      string
	settings boot.Config
}

func newFleet(ctx context.Context) (f *fleet, stop func(), err error) {
	f = &fleet{Sandbox: sandbox.New(sandbox.Options{Region: region, Now: func() time.Time { return epoch.Add(-48 * time.Hour) }})}
	for c := range sweptClusters {
		for n := range sweptEach {
			if err := f.populate(fmt.Sprintf("cluster-%d", c), n); err != nil {
				return nil, nil, err
			}
		}
	}
	if f.url, stop, err = f.Start(); err != nil {
		return nil, nil, err
	}
	_, err = dynamo.Create(ctx, dynamodb.NewFromConfig(configOf(f.url)), tableName)
	if err == nil {
		f.settings, err = boot.ReadConfig(func(name string) string { return map[string]string{boot.EnvTable: tableName}[name] }, boot.EnvTable)
	}
	if err != nil {
		stop()
	}
	return f, stop, err
}

// populate lets a service roll out two builds, and perhaps a third one that fails.
func (f *fleet) populate(cluster string, n int) error {
	name := fmt.Sprintf("service-%02d", n)
	repository := f.ECR.Repository(wire.Scope{}, cluster+"/"+name)
	service := f.ECS.Cluster(wire.Scope{}, cluster).CreateService(name, ecs.ServiceOptions{})
	release := func(build string, at time.Time) (*ecs.Deployment, error) {
		if _, err := repository.Push(ecr.Image{Seed: cluster + name + build, Tags: []string{build}}); err != nil {
			return nil, err
		}
		d, _, err := service.Release(at, ecs.Container{Name: "app", Image: repository.URI() + ":" + build})
		return d, err
	}
	var last *ecs.Deployment
	for i, build := range []string{"build-1", "build-2"} {
		at := epoch.Add(time.Duration(i-20) * time.Hour)
		d, err := release(build, at)
		if err == nil {
			_, err = d.Complete(at.Add(time.Minute))
		}
		if err != nil {
			return err
		}
		last = d
	}
	if n%sweptRolledBack != 0 {
		return nil
	}
	at := epoch.Add(-10 * time.Hour)
	d, err := release("build-3", at)
	if err == nil {
		_, err = d.Fail(at.Add(time.Minute), "")
	}
	if err == nil {
		_, _, err = d.RollBack(at.Add(2 * time.Minute))
	}
	if err == nil {
		_, err = last.Complete(at.Add(3 * time.Minute))
	}
	return err
}

// sweepRow is what one sweep needed.
type sweepRow struct {
	what            string
	services, facts int
	calls           map[string]int // by AWS's service
	operations      map[string]int
}

// sweep takes the pass of an hour without limits, and counts.
func (f *fleet) sweep(ctx context.Context, what string, hour time.Duration) (sweepRow, error) {
	sweeper, err := sweepwiring.Sweeper(ctx, f.settings, configOf(f.url), slog.New(slog.DiscardHandler), ratelimit.Unlimited())
	if err != nil {
		return sweepRow{}, err
	}
	sweeper.Reactor.Now = func() time.Time { return epoch.Add(hour) }
	f.ResetCalls()
	report, err := sweeper.Sweep(ctx, sweep.Options{Scheduled: true})
	if err != nil {
		return sweepRow{}, fmt.Errorf("%s: %w", what, err)
	}
	if report.Services != sweptServices || report.Left() {
		return sweepRow{}, fmt.Errorf("%s: %d services, drift %+v", what, report.Services, report.Drift)
	}
	row := sweepRow{what: what, services: report.Services, facts: report.Recorded, calls: map[string]int{}, operations: map[string]int{}}
	for _, c := range f.Calls() {
		row.calls[c.Service]++
		row.operations[c.Operation]++
	}
	return row, nil
}

// slowest returns how long the bucket that keeps the sweep longest does.
func (r sweepRow) slowest() (took time.Duration) {
	calls := map[ratelimit.Bucket]int{}
	for operation, n := range r.operations {
		if bucket, held := ratelimit.BucketOf(operation); held {
			calls[bucket] += n
		}
	}
	for bucket, n := range calls {
		took = max(took, bucket.Ours().Lasts(n))
	}
	return took
}

// measureSweeps sweeps the same services three times: on an empty ledger, all of
// their records again a day later, and as every hour. It fails if that takes more calls than it
// may.
func measureSweeps(ctx context.Context) (string, error) {
	f, stop, err := newFleet(ctx)
	if err != nil {
		return "", err
	}
	defer stop()
	var b strings.Builder
	b.WriteString("| sweep of 1,000 services, 100 of which rolled back | facts recorded | calls of ECS | at least | of ECR | of DynamoDB | s at half of AWS's rates |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, of := range []struct {
		what string
		hour time.Duration // the schedule has stood still for a day before the second
		best func(sweepRow) int
	}{
		{"the first, on an empty ledger", 0, func(sweepRow) int { return lists + sweptServices + rollbacks + revisions }},
		{"the records of all again", 24 * time.Hour, func(sweepRow) int { return lists + sweptServices + rollbacks }},
		{"the hourly one: the records of those whose hour it is", 25 * time.Hour, func(r sweepRow) int { return lists + r.operations["ListServiceDeployments"] + 1 }},
	} {
		row, err := f.sweep(ctx, of.what, of.hour)
		if err != nil {
			return "", err
		}
		best, n := of.best(row), row.calls["ecs"]
		if float64(n) > maxOverhead*float64(best) {
			return "", fmt.Errorf("%s: %d calls of ECS %v, more than %.1f times %d", row.what, n, row.operations, maxOverhead, best)
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %.0f |\n", row.what, row.facts, n, best, row.calls["ecr"], row.calls["dynamodb"], row.slowest().Seconds())
	}
	return b.String(), nil
}
