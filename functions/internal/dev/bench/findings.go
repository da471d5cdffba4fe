package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	sweepwiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/inspector"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// What findings cost: 500 services with two images each, in which Amazon Inspector has found
// a hundred things and one. One of the hundred is in all of them.
const (
	scannedServices = 500
	scannedImages   = 2 * scannedServices
	foundInEach     = 100
	fewestFetches   = scannedServices*(foundInEach+1)/100 + 1 // Inspector lists a hundred a page
)

func found(id string) inspector.Finding {
	return inspector.Finding{ID: id, Severity: "HIGH", Packages: []inspector.Package{{Name: "openssl", Version: "3.0.11-1", FixedIn: "3.0.14-1"}}}
}

// scannedFleet is an AWS with these services on it.
func scannedFleet(ctx context.Context) (f *fleet, stop func(), err error) {
	f = &fleet{Sandbox: sandbox.New(sandbox.Options{Region: region, Now: func() time.Time { return epoch.Add(-48 * time.Hour) }})}
	for i := range scannedServices {
		if err := f.scanned(i); err != nil {
			return nil, nil, err
		}
	}
	if f.url, stop, err = f.Start(); err != nil {
		return nil, nil, err
	}
	_, err = dynamo.Create(ctx, dynamodb.NewFromConfig(configOf(f.url)), tableName)
	if err == nil {
		f.settings, err = boot.ReadConfig(func(name string) string {
			return map[string]string{boot.EnvTable: tableName, boot.EnvFindings: boot.FindingsInspector, boot.EnvEnvironments: `[{"environment":"prod"}]`}[name]
		}, boot.EnvTable)
	}
	if err != nil {
		stop()
	}
	return f, stop, err
}

// scanned rolls out a service, whose images Inspector has scanned.
func (f *fleet) scanned(i int) error {
	service := f.ECS.Cluster(wire.Scope{}, fmt.Sprintf("prod-%d", i/100)).CreateService(fmt.Sprintf("service-%03d", i), ecs.ServiceOptions{})
	var containers []ecs.Container
	for _, name := range []string{"app", "worker"} {
		repository := fmt.Sprintf("service-%03d/%s", i, name)
		images := f.ECR.Repository(wire.Scope{}, repository)
		image, err := images.Push(ecr.Image{Seed: repository, Tags: []string{"v1"}})
		if err != nil {
			return err
		}
		findings := []inspector.Finding{found("CVE-2026-0")}
		for n := 1; n < foundInEach && name == "app"; n++ {
			findings = append(findings, found(fmt.Sprintf("CVE-2026-%d-%d", i, n)))
		}
		f.Inspector.Scan(wire.Scope{}, repository, image, findings...)
		containers = append(containers, ecs.Container{Name: name, Image: images.URI() + ":v1"})
	}
	at := epoch.Add(-20 * time.Hour)
	d, _, err := service.Release(at, containers...)
	if err == nil {
		_, err = d.Complete(at.Add(time.Minute))
	}
	return err
}

// fetch sweeps, and returns how often Inspector was asked and findings were written.
func (f *fleet) fetch(ctx context.Context, day int) (asked, written int, err error) {
	sweeper, err := sweepwiring.Sweeper(ctx, f.settings, configOf(f.url), slog.New(slog.DiscardHandler), ratelimit.Unlimited())
	if err != nil {
		return 0, 0, err
	}
	sweeper.Reactor.Now = func() time.Time { return epoch.Add(time.Duration(day) * 24 * time.Hour) }
	f.ResetCalls()
	report, err := sweeper.Sweep(ctx, sweep.Options{Scheduled: true})
	if err == nil && report.Scanned != scannedImages {
		err = fmt.Errorf("day %d: %d images asked about, want %d", day, report.Scanned, scannedImages)
	}
	for _, c := range f.Calls() {
		switch c.Operation {
		case "ListFindings", "ListCoverage":
			asked++
		case "BatchWriteItem": // what findings are written by, names of images too, once
			written++
		}
	}
	return asked, written, err
}

// measureFindings fetches the findings twice, and asks who is exposed.
func measureFindings(ctx context.Context) (string, error) {
	f, stop, err := scannedFleet(ctx)
	if err != nil {
		return "", err
	}
	defer stop()
	var b strings.Builder
	fmt.Fprintf(&b, "| findings of %d images, fetched from Inspector | calls | at least | batches written |\n|---|--:|--:|--:|\n", scannedImages)
	for day, what := range []string{"the first time", "a day later, unchanged"} {
		asked, written, err := f.fetch(ctx, day)
		if err == nil && (day > 0 && written > 0 || float64(asked) > 1.25*float64(fewestFetches)) {
			err = fmt.Errorf("%s: %d calls of at least %d, %d batches written", what, asked, fewestFetches, written)
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", what, asked, fewestFetches, written)
	}
	fmt.Fprintf(&b, "\n| exposure of %d services with %d findings each, on the embedded DynamoDB | rows | calls | RCU |\n|---|--:|--:|--:|\n", scannedServices, foundInEach+1)
	for _, wanted := range []struct {
		what string
		rows int
		query.ExposureQuery
	}{
		{"all of it", scannedServices * (foundInEach + 1), query.ExposureQuery{}},
		{"a finding that all have", scannedImages, query.ExposureQuery{ID: "CVE-2026-0"}},
		{"a finding that one has", 1, query.ExposureQuery{ID: "CVE-2026-7-7"}},
		{"that one, ever", 1, query.ExposureQuery{ID: "CVE-2026-7-7", Ever: true}},
	} {
		c, err := f.exposed(ctx, wanted.ExposureQuery)
		if err == nil && c.rows != wanted.rows {
			err = fmt.Errorf("%d rows, want %d", c.rows, wanted.rows)
		}
		if err != nil {
			return "", fmt.Errorf("exposure, %s: %w", wanted.what, err)
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %.1f |\n", wanted.what, c.rows, c.calls, c.units)
	}
	return b.String(), nil
}

// exposed asks a question of the ledger.
func (f *fleet) exposed(ctx context.Context, wanted query.ExposureQuery) (cost, error) {
	meter := &tariff{}
	client := dynamodb.NewFromConfig(configOf(f.url), func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Initialize.Add(meter, middleware.Before) })
	})
	q := query.Queries{Records: dynamo.New(client, tableName), Now: func() time.Time { return epoch.Add(25 * time.Hour) }}
	page, _, err := q.Exposure(ctx, wanted, query.Paging{})
	return cost{rows: len(page.Items), calls: meter.calls, units: meter.units}, err
}
