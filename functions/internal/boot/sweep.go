package boot

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// LogSweep logs what a sweep did, and a line for each thing that was not as it
// should be: a warning, if something is left to be done about it.
func LogSweep(ctx context.Context, log *slog.Logger, r sweep.Report) {
	for _, d := range r.Drift {
		level := slog.LevelInfo
		if d.Left() {
			level = slog.LevelWarn
		}
		log.LogAttrs(ctx, level, "drift", driftAttributes(d)...)
	}
	log.LogAttrs(ctx, slog.LevelInfo, "sweep",
		slog.Int("services", r.Services), slog.Int("tags", r.Tags), slog.Int("recorded", r.Recorded), slog.Int("moved", r.Moved),
		slog.Int("removed", r.Removed), slog.Int("scanned", r.Scanned), slog.Int("announced", r.Announced), slog.Int("drift", len(r.Drift)), slog.Bool("unfinished", r.Unfinished))
}

// driftAttributes returns what a drift says, under the keys of its row.
func driftAttributes(d sweep.Drift) []slog.Attr {
	attributes := []slog.Attr{slog.String("kind", string(d.Kind)), slog.Bool("healed", d.Repaired)}
	for _, a := range []slog.Attr{
		slog.String("environment", d.Environment), slog.String("account", d.Account), slog.String("region", d.Region),
		slog.String("cluster", d.Cluster), slog.String("service", d.Service), slog.String("container", d.Container),
		slog.String("registry", d.Registry), slog.String("repository", d.Repository), slog.String("tag", d.Tag),
		slog.String("want", d.Want.String()), slog.String("actual", d.Actual.String()), slog.String("reason", d.Reason),
	} {
		if a.Value.String() != "" {
			attributes = append(attributes, a)
		}
	}
	return attributes
}

// sweepLine is a line of the embedded metric format about a sweep, about one kind of
// drift, or about the function.
type sweepLine struct {
	AWS          metricsHead `json:"_aws"`
	Table        string      `json:"Table,omitempty"`
	Kind         string      `json:"Kind,omitempty"`
	FunctionName string      `json:"FunctionName,omitempty"`
	*driftMetrics
	*sweepMetrics
	*finishMetrics
}

// finishMetrics say whether a pass came to its end. They are the function's own: where
// there are several installations, one that sweeps must not speak for one that does not.
type finishMetrics struct {
	SweepFinished int
}

// driftMetrics count what was not as it should be.
type driftMetrics struct {
	Drift     int
	DriftLeft int // about which something is left to be done
}

// sweepMetrics are what one sweep did.
type sweepMetrics struct {
	SweepServices   int // that were looked at
	SweepTags       int
	FactsRecorded   int // that no event had told
	TagsMoved       int
	SweepUnfinished int // it goes on in the next invocation
	Errors          int
}

var (
	driftCounts = []metricName{{"Drift", unitCount}, {"DriftLeft", unitCount}}
	sweepCounts = []metricName{
		{"SweepServices", unitCount}, {"SweepTags", unitCount}, {"FactsRecorded", unitCount}, {"TagsMoved", unitCount},
		{"SweepUnfinished", unitCount}, {"Errors", unitCount},
	}
	finishCounts = []metricName{{"SweepFinished", unitCount}}
)

// WriteSweep writes the metrics of a sweep: one line in total and one of the function,
// which are always there, and one for each kind of drift that was found. The ledger's
// table tells installations apart. More dimensions there are none: every value of one is
// billed.
func WriteSweep(w io.Writer, now time.Time, table, function string, r sweep.Report, failure error) {
	total, kinds := driftMetrics{}, map[sweep.DriftKind]driftMetrics{}
	for _, d := range r.Drift {
		kinds[d.Kind] = kinds[d.Kind].with(d)
		total = total.with(d)
	}
	writeSweepLine(w, now, []string{"Table"}, sweepLine{Table: table, driftMetrics: &total, sweepMetrics: &sweepMetrics{
		SweepServices: r.Services, SweepTags: r.Tags, FactsRecorded: r.Recorded, TagsMoved: r.Moved,
		SweepUnfinished: one(r.Unfinished), Errors: one(failure != nil),
	}}, slices.Concat(driftCounts, sweepCounts))
	writeSweepLine(w, now, []string{"FunctionName"}, sweepLine{FunctionName: function, finishMetrics: &finishMetrics{one(!r.Unfinished)}}, finishCounts)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		of := kinds[kind]
		writeSweepLine(w, now, []string{"Table", "Kind"}, sweepLine{Table: table, Kind: string(kind), driftMetrics: &of}, driftCounts)
	}
}

func (m driftMetrics) with(d sweep.Drift) driftMetrics {
	return driftMetrics{Drift: m.Drift + 1, DriftLeft: m.DriftLeft + one(d.Left())}
}

func writeSweepLine(w io.Writer, now time.Time, dimensions []string, line sweepLine, names []metricName) {
	line.AWS = metricsHead{Timestamp: now.UnixMilli(), Metrics: []metricsDirective{
		{Namespace: "Tagalong", Dimensions: [][]string{dimensions}, Metrics: names},
	}}
	raw, _ := json.Marshal(line) // strings and numbers: no error
	_, _ = w.Write(append(raw, '\n'))
}
