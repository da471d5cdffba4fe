package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// A sweep of all services of an account has to fit the memory of one function, and to go on
// where its time has ended. Each runs an image of its own and the sidecar of all. The
// function keeps to half of AWS's rates, so that this takes minutes:
// go test -run - -bench Fleet -benchtime 1x ./functions/sweep
func BenchmarkFleet(b *testing.B) {
	for _, services := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(services), func(b *testing.B) {
			made := time.Now().Add(-2 * time.Hour)
			s := sandboxtest.StartWith(b, sandbox.Options{Now: func() time.Time { return made }})
			fill(b, s, services, made.Add(time.Hour))
			for b.Loop() {
				api := lambdatest.StartRuntime(b)
				function := lambdatest.Launch(b, api.Variables("sweep", s.URL, "TAGALONG_TABLE=ledger")...)
				invocations := sweepAll(b, api, function, services)
				b.ReportMetric(float64(invocations), "invocations")
				b.ReportMetric(peak(b, function.Process.Pid), "MB")
			}
		})
	}
}

// sweepAll has the function sweep, a minute at a time, until a pass has come to its end.
func sweepAll(b *testing.B, api *lambdatest.Runtime, function *lambdatest.Process, services int) int {
	b.Helper()
	for n := 1; ; n++ {
		if a := api.Invoke(b, nil, time.Minute); a.Failed {
			b.Fatalf("invocation %d: %s\n%s", n, a.Body, function.Output)
		}
		output := function.Output.Await(b, `"SweepServices"`, n)
		if strings.Count(output, `"SweepUnfinished":0`) == 0 {
			continue
		}
		looked := 0
		for _, one := range regexp.MustCompile(`"SweepServices":(\d+)`).FindAllStringSubmatch(output, -1) {
			count, _ := strconv.Atoi(one[1]) // digits
			looked += count
		}
		if looked != services {
			b.Fatalf("%d services:\n%s", looked, output)
		}
		return n
	}
}

// fill has services complete a rollout, the ledger hear of it, and a sweep have passed an
// hour ago.
func fill(b *testing.B, s *sandboxtest.Sandbox, services int, at time.Time) {
	b.Helper()
	if _, err := dynamo.Create(b.Context(), dynamodb.NewFromConfig(s.Config()), "ledger"); err != nil {
		b.Fatal(err)
	}
	config, err := boot.ReadConfig(func(name string) string { return map[string]string{boot.EnvTable: "ledger"}[name] }, boot.EnvTable)
	if err != nil {
		b.Fatal(err)
	}
	parts, err := wiring.Assemble(b.Context(), config, s.Config(), slog.New(slog.DiscardHandler))
	if err == nil {
		err = parts.Ledger.SetCursor(b.Context(), fmt.Sprintf(`{"begun":%q}`, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)))
	}
	if err != nil {
		b.Fatal(err)
	}
	sidecar := s.ECR.Repository(wire.Scope{}, "mesh/envoy")
	push(b, sidecar)
	problems := make([]error, services)
	parallel.ForEach(services, parallel.Limit, func(i int) {
		repository := s.ECR.Repository(wire.Scope{}, fmt.Sprintf("shop/service-%05d", i))
		push(b, repository)
		d, _, err := s.ECS.Cluster(wire.Scope{}, fmt.Sprintf("prod-%d", i%10)).CreateService(fmt.Sprintf("service-%05d", i), ecs.ServiceOptions{}).
			Release(at, ecs.Container{Name: "app", Image: repository.URI() + ":v1"}, ecs.Container{Name: "envoy", Image: sidecar.URI() + ":v1"})
		if err != nil {
			problems[i] = err
			return
		}
		event, err := d.Complete(at.Add(time.Minute))
		if err == nil {
			_, err = parts.Reactor.Handle(b.Context(), event)
		}
		problems[i] = err
	})
	for _, err := range problems {
		if err != nil {
			b.Fatal(err)
		}
	}
}

func push(b *testing.B, repository *ecr.Repository) {
	b.Helper()
	if _, err := repository.Push(ecr.Image{Seed: repository.URI(), Tags: []string{"v1"}}); err != nil {
		b.Error(err)
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is the most memory that a process has had, in MB.
func peak(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("the peak of a process's memory is read from Linux's /proc")
	}
	found := highWater.FindSubmatch(bytes.TrimSpace(status))
	if found == nil {
		b.Fatalf("no VmHWM in %s", status)
	}
	kB, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB / 1024
}
