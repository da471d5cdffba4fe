package costs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/meter"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

var update = flag.Bool("update", false, "write the bill into infra/INSTALL.md")

// What AWS asks for in us-east-1, in dollars, as published for 2026, and no free tier but
// that of dashboards.
const (
	readUnit    = 0.125e-6     // DynamoDB, on demand
	writeUnit   = 0.625e-6     //
	gigabyte    = 0.25 + 0.20  // a GB of a table for a month, and of its backup by the second
	request     = 0.20e-6      // Lambda
	gigabyteS   = 0.0000133334 // a GB of a function's memory for a second, arm64
	queueCall   = 0.40e-6      // SQS
	metricMonth = 0.30         // CloudWatch
	alarmMonth  = 0.10         //
	gigabyteLog = 0.50         //
)

// What is assumed of a month. Of what is measured nothing is.
const (
	days, hours  = 30, 730
	rolloutsADay = 2 // of each service
	environments = 3
	alarms       = 25      // of a single account; TestPlanOfARelease counts them
	pollers      = 1314000 // requests of two queues' pollers, which wait 20 s each
	perEvent     = 3       // requests of SQS
	memory       = 0.25    // GB
	eventTime    = 0.2     // seconds that are billed
	sweepTime    = 0.006   // seconds for each service, by half of AWS's rates: NUMBERS.md
	logLines     = 2000    // bytes of an invocation, beside its metrics
)

// consumption is what was measured.
type consumption struct {
	rollout, sweep meter.Usage // of a rollout, and of a sweep for each service
	metrics        int         // that are billed
	line           int         // bytes of an event's metrics
	stored         float64     // bytes that a rollout leaves in the table
}

// part is what is paid for one thing, in dollars a month, or used of it.
type part struct {
	name string
	of   func(services float64) float64
}

func rollouts(services float64) float64 { return services * rolloutsADay * days }

// units are what DynamoDB is asked for in a month, in thousands.
func (c consumption) units() []part {
	return []part{
		{"read units, thousands", func(n float64) float64 { return (rollouts(n)*c.rollout.RCU + hours*n*c.sweep.RCU) / 1000 }},
		{"write units, thousands", func(n float64) float64 { return (rollouts(n)*c.rollout.WCU + hours*n*c.sweep.WCU) / 1000 }},
	}
}

func (c consumption) bill() []part {
	events := func(services float64) float64 { return 2 * rollouts(services) } // it starts, it completes
	return []part{
		{"DynamoDB: rollouts", func(n float64) float64 { return rollouts(n) * (c.rollout.WCU*writeUnit + c.rollout.RCU*readUnit) }},
		{"DynamoDB: sweeps", func(n float64) float64 { return hours * n * (c.sweep.WCU*writeUnit + c.sweep.RCU*readUnit) }},
		{"DynamoDB: kept, after a year", func(n float64) float64 { return 12 * rollouts(n) * c.stored / 1e9 * gigabyte }},
		{"Lambda", func(n float64) float64 {
			return events(n)*(request+eventTime*memory*gigabyteS) + hours*(request+n*sweepTime*memory*gigabyteS)
		}},
		{"SQS", func(n float64) float64 { return (pollers + perEvent*events(n)) * queueCall }},
		{"CloudWatch: logs", func(n float64) float64 { return events(n) * float64(logLines+c.line) / 1e9 * gigabyteLog }},
		{"CloudWatch: metrics", func(float64) float64 { return float64(c.metrics) * metricMonth }},
		{"CloudWatch: alarms", func(float64) float64 { return alarms * alarmMonth }},
	}
}

// TestTheBill keeps what the installation guide says that a month costs.
func TestTheBill(t *testing.T) {
	const path = "../../../infra/INSTALL.md"
	c := measured(t)
	sizes := []float64{50, 500, 5000}
	text := "| dollars a month | 50 services | 500 | 5,000 |\n|---|--:|--:|--:|\n"
	sums := make([]float64, len(sizes))
	for _, part := range c.bill() {
		text += "| " + part.name
		for i, n := range sizes {
			dollars := part.of(n)
			sums[i] += dollars
			text += fmt.Sprintf(" | %.2f", dollars)
		}
		text += " |\n"
	}
	text += "| **together**"
	for _, sum := range sums {
		text += fmt.Sprintf(" | **%.0f**", math.Ceil(sum))
	}
	text += " |\n"
	for _, part := range c.units() {
		text += "| " + part.name
		for _, n := range sizes {
			text += fmt.Sprintf(" | %.0f", part.of(n))
		}
		text += " |\n"
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- bill:begin -->\n", "<!-- bill:end -->"
	head, rest, found := strings.Cut(string(raw), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("infra/INSTALL.md has no place for the bill")
	}
	wanted := head + begin + text + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(wanted), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(wanted, string(raw)); diff != "" {
		t.Errorf("infra/INSTALL.md says something else (make papers writes it; -want +got):\n%s", diff)
	}
}

// measured lets services that have run for a while roll out once more, event by event, and
// then be swept twice with nothing to do.
func measured(t *testing.T) consumption {
	t.Helper()
	const services = 50
	f, told := newFleet(t), 0
	observe := func() {
		for _, e := range f.inventory.Events(told) {
			told++
			if _, err := f.Observe(t.Context(), e.Service, e.Fact); err != nil {
				t.Fatal(err)
			}
		}
	}
	roll := func(version int) {
		f.now = f.now.Add(time.Hour)
		for i := range services {
			f.rollOut(serviceNamed(i), f.ran("app", repositoryNamed(i), version), f.ran("envoy", sidecar, 1))
		}
		observe()
	}
	roll(1)
	roll(2)
	f.meter.Take()
	before := f.stored(t)
	roll(3)
	rollouts := f.meter.Take()
	stored := f.stored(t) - before
	f.sweeps(t, sweep.Options{Scheduled: true})
	report, swept := f.sweeps(t, sweep.Options{Scheduled: true})
	if report.Services != services || report.Recorded > 0 || report.Left() {
		t.Fatalf("%+v", report)
	}
	c := consumption{rollout: each(rollouts, services), sweep: each(swept, services), stored: stored / services}
	c.metrics, c.line = written(t)
	t.Logf("%+v", c)
	if c.rollout.WCU < 10 || c.sweep.RCU <= 0 || c.stored < 1000 || c.metrics < 10 {
		t.Fatalf("measured %+v", c)
	}
	return c
}

// stored returns the bytes of the table and its indexes, by what it costs to read them all.
func (f *fleet) stored(t *testing.T) (bytes float64) {
	t.Helper()
	for _, index := range []*string{nil, aws.String("gsi1"), aws.String("gsi2")} {
		pages := dynamodb.NewScanPaginator(f.client, &dynamodb.ScanInput{
			TableName: aws.String("tagalong"), IndexName: index, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			bytes += *page.ConsumedCapacity.CapacityUnits*8192 + 100*float64(page.Count) // AWS adds a hundred to each item
		}
	}
	return bytes
}

func each(u meter.Usage, n float64) meter.Usage { return meter.Usage{RCU: u.RCU / n, WCU: u.WCU / n} }

// written counts the metrics that events of the environments and a sweep write, each by
// its dimensions, and the bytes of an event's.
func written(t *testing.T) (metrics, line int) {
	t.Helper()
	var out bytes.Buffer
	for i := range environments {
		out.Reset()
		boot.WriteMetrics(&out, noon, "tagalong", reactor.Outcome{Environment: fmt.Sprint("env", i), Lag: time.Second}, nil)
		line = out.Len()
	}
	boot.WriteSweep(&out, noon, "tagalong", "sweep", sweep.Report{}, nil)
	for text := range strings.Lines(out.String()) {
		var l struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Dimensions [][]string
					Metrics    []struct{ Name string }
				}
			} `json:"_aws"`
		}
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		for _, directive := range l.AWS.CloudWatchMetrics {
			for _, dimensions := range directive.Dimensions {
				n := len(directive.Metrics)
				if len(dimensions) == 2 {
					n *= environments
				}
				metrics += n
			}
		}
	}
	return metrics, line
}
