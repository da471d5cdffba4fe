package boot

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
)

// The units of CloudWatch that occur here.
const (
	unitCount        = "Count"
	unitMilliseconds = "Milliseconds"
)

// metricsLine is a line of CloudWatch's embedded metric format,
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
type metricsLine struct {
	AWS         metricsHead `json:"_aws"`
	Table       string      `json:"Table"`
	Environment string      `json:"Environment,omitempty"`
	metrics
}

type metricsHead struct {
	Timestamp int64              `json:"Timestamp"` // epoch milliseconds
	Metrics   []metricsDirective `json:"CloudWatchMetrics"`
}

type metricsDirective struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []metricName `json:"Metrics"`
}

type metricName struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

// metrics are what one event did.
type metrics struct {
	EventsHandled      int // taken to their end
	EventsUnmanaged    int // of services that no environment rule matches, or in clusters that were left out
	TagsMoved          int
	TagsBlocked        int
	TagsMissing        int
	ContainersUnproven int
	TagsInDoubt        int
	Errors             int
	EventsUnannounced  int   `json:",omitempty"` // Tagalong's own, which the event bus did not accept
	LagMilliseconds    int64 `json:",omitempty"` // from ECS's time to the tag's confirmation
}

// counts names the metrics that are always there: a zero says that all is well.
var counts = []metricName{
	{"EventsHandled", unitCount}, {"EventsUnmanaged", unitCount},
	{"TagsMoved", unitCount}, {"TagsBlocked", unitCount}, {"TagsMissing", unitCount},
	{"ContainersUnproven", unitCount}, {"TagsInDoubt", unitCount}, {"Errors", unitCount},
}

// occasional names the metrics that are there only where there is something to tell.
func (m metrics) occasional() (names []metricName) {
	if m.EventsUnannounced > 0 {
		names = append(names, metricName{"EventsUnannounced", unitCount})
	}
	if m.LagMilliseconds > 0 {
		names = append(names, metricName{"LagMilliseconds", unitMilliseconds})
	}
	return names
}

// WriteMetrics writes the metrics of one event as one line: in total, and by
// environment, each of the ledger's table, which tells installations apart. More
// dimensions there are none, since every value of one is billed. A line that cannot be
// written is lost, as a line of the log is.
func WriteMetrics(w io.Writer, now time.Time, table string, o reactor.Outcome, failure error) {
	directive := metricsDirective{Namespace: "Tagalong", Dimensions: [][]string{{"Table"}}}
	if o.Environment != "" {
		directive.Dimensions = append(directive.Dimensions, []string{"Table", "Environment"})
	}
	m := measure(o, failure)
	directive.Metrics = slices.Concat(counts, m.occasional())
	line, _ := json.Marshal(metricsLine{ // strings and numbers: no error
		AWS:         metricsHead{Timestamp: now.UnixMilli(), Metrics: []metricsDirective{directive}},
		Table:       table,
		Environment: o.Environment,
		metrics:     m,
	})
	_, _ = w.Write(append(line, '\n'))
}

// WriteMetricsOf writes the metrics of one event that was about several services,
// a line for each; its failure is one.
func WriteMetricsOf(w io.Writer, now time.Time, table string, outcomes []reactor.Outcome, failure error) {
	if len(outcomes) == 0 {
		outcomes = []reactor.Outcome{{}} // it failed before any service was known
	}
	for _, o := range outcomes {
		WriteMetrics(w, now, table, o, failure)
		failure = nil
	}
}

func measure(o reactor.Outcome, failure error) metrics {
	return metrics{
		EventsHandled:      one(failure == nil && !o.Unhandled && !o.Unmanaged),
		EventsUnmanaged:    one(o.Unmanaged),
		TagsMoved:          o.Moved,
		TagsBlocked:        o.Blocked,
		TagsMissing:        o.Missing,
		ContainersUnproven: o.Unproven,
		TagsInDoubt:        o.InDoubt,
		Errors:             one(failure != nil),
		EventsUnannounced:  o.Unannounced,
		LagMilliseconds:    o.Lag.Milliseconds(),
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
