package boot

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

const goldenSweep = `{"_aws":{"Timestamp":1772616011020,"CloudWatchMetrics":[{"Namespace":"Tagalong","Dimensions":[["Table"]],"Metrics":[` +
	`{"Name":"Drift","Unit":"Count"},{"Name":"DriftLeft","Unit":"Count"},{"Name":"SweepServices","Unit":"Count"},{"Name":"SweepTags","Unit":"Count"},` +
	`{"Name":"FactsRecorded","Unit":"Count"},{"Name":"TagsMoved","Unit":"Count"},{"Name":"SweepUnfinished","Unit":"Count"},{"Name":"Errors","Unit":"Count"}]}]},` +
	`"Table":"tagalong","Drift":4,"DriftLeft":1,"SweepServices":7,"SweepTags":5,"FactsRecorded":3,"TagsMoved":2,"SweepUnfinished":1,"Errors":0}
{"_aws":{"Timestamp":1772616011020,"CloudWatchMetrics":[{"Namespace":"Tagalong","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"SweepFinished","Unit":"Count"}]}]},"FunctionName":"tagalong-sweep","SweepFinished":0}
{"_aws":{"Timestamp":1772616011020,"CloudWatchMetrics":[{"Namespace":"Tagalong","Dimensions":[["Table","Kind"]],"Metrics":[{"Name":"Drift","Unit":"Count"},{"Name":"DriftLeft","Unit":"Count"}]}]},"Table":"tagalong","Kind":"ledger","Drift":1,"DriftLeft":0}
{"_aws":{"Timestamp":1772616011020,"CloudWatchMetrics":[{"Namespace":"Tagalong","Dimensions":[["Table","Kind"]],"Metrics":[{"Name":"Drift","Unit":"Count"},{"Name":"DriftLeft","Unit":"Count"}]}]},"Table":"tagalong","Kind":"tag","Drift":2,"DriftLeft":1}
{"_aws":{"Timestamp":1772616011020,"CloudWatchMetrics":[{"Namespace":"Tagalong","Dimensions":[["Table","Kind"]],"Metrics":[{"Name":"Drift","Unit":"Count"},{"Name":"DriftLeft","Unit":"Count"}]}]},"Table":"tagalong","Kind":"unmanaged","Drift":1,"DriftLeft":0}
`

var sweptReport = sweep.Report{
	Services: 7, Tags: 5, Recorded: 3, Moved: 2, Unfinished: true,
	Drift: []sweep.Drift{
		{Kind: sweep.DriftTag, Tag: "prod", Reason: "moved"},
		{Kind: sweep.DriftUnmanaged},
		{Kind: sweep.DriftLedger, Repaired: true},
		{Kind: sweep.DriftTag, Repaired: true},
	},
}

func TestSweepMetrics(t *testing.T) {
	at := time.UnixMilli(1772616011020)
	var out bytes.Buffer
	WriteSweep(&out, at, "tagalong", "tagalong-sweep", sweptReport, nil)
	if out.String() != goldenSweep {
		t.Errorf("got\n%swant\n%s", out.String(), goldenSweep)
	}
	out.Reset()
	WriteSweep(&out, at, "tagalong", "tagalong-sweep", sweep.Report{}, errors.New("x"))
	if !strings.Contains(out.String(), `"Drift":0,"DriftLeft":0,"SweepServices":0,`) || !strings.Contains(out.String(), `"Errors":1}`) ||
		!strings.Contains(out.String(), `"SweepFinished":1}`) || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("a sweep that failed: %s", out.String())
	}
}

func TestSweepLog(t *testing.T) {
	var out bytes.Buffer
	LogSweep(t.Context(), Logger(&out, slog.LevelInfo), sweptReport)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 || strings.Count(out.String(), `"level":"WARN"`) != 1 || strings.Contains(out.String(), `"cluster"`) {
		t.Errorf("log\n%s", out.String())
	}
	for at, want := range map[int]string{
		0: `"level":"WARN","msg":"drift","kind":"tag","healed":false,"tag":"prod","reason":"moved"}`,
		4: `"level":"INFO","msg":"sweep","services":7,"tags":5,"recorded":3,"moved":2,"removed":0,"scanned":0,"announced":0,"drift":4,"unfinished":true}`,
	} {
		if at >= len(lines) || !strings.Contains(lines[at], want) {
			t.Errorf("line %d does not have %s:\n%s", at, want, out.String())
		}
	}
}
