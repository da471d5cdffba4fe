package sweep

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// lambdaWorld is a world whose AWS has a clock, and whose functions are watched.
type lambdaWorld struct {
	world
	clock *time.Time
}

func startLambda(t *testing.T, variables map[string]string) lambdaWorld {
	t.Helper()
	clock := sandboxtest.Epoch
	w := startAt(t, variables, func() time.Time { return clock })
	w.ECS.Cluster(wire.Scope{}, "prod")
	return lambdaWorld{w, &clock}
}

var watched = map[string]string{boot.EnvFunctions: "true"}

// image pushes an image, and returns it as functions name it.
func (w lambdaWorld) image(build string) (string, digest.Digest) {
	w.t.Helper()
	repository := w.ECR.Repository(wire.Scope{}, "resize")
	d, err := repository.Push(ecr.Image{Seed: build, Tags: []string{build}})
	if err != nil {
		w.t.Fatal(err)
	}
	return repository.URI() + ":" + build, d
}

// at lets the clock go on to so many hours.
func (w lambdaWorld) at(n int) { *w.clock = hours(n) }

func (w lambdaWorld) sweeps(n int) sweep.Report {
	w.t.Helper()
	w.at(n)
	return w.swept(hours(n), sweep.Options{})
}

func (w lambdaWorld) wantWhere(what string, d digest.Digest, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.where(d)); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAFunctionRunsWhatCanBeInvoked(t *testing.T) {
	w := startLambda(t, watched)
	image1, v1 := w.image("v1")
	f := w.Lambda.Create(wire.Scope{}, "resize", image1, v1, nil)
	f.Alias("live", f.Publish(), nil)
	f.Alias("test", "1", nil)
	w.at(1)
	image2, v2 := w.image("v2")
	f.Update(image2, v2, "Successful")
	w.sweeps(2)
	w.wantWhere("what live and test lead to, since it was seen", v1, "running 2..-")
	w.wantWhere("$LATEST, since its update", v2, "running 1..-")
	w.sweeps(3)
	if w.writes() > 0 {
		t.Errorf("nothing has changed: calls %v", w.counts("dynamodb"))
	}

	f.Alias("live", f.Publish(), map[string]float64{"1": 0.05})
	f.Alias("test", "2", nil)
	w.sweeps(4)
	w.wantWhere("a twentieth of the calls", v1, "running 2..-")
	f.Alias("live", "2", nil)
	w.sweeps(5)
	w.wantWhere("what no alias leads to", v1, "ended 2..5")
	f.Alias("live", "1", nil)
	w.sweeps(6)
	w.wantWhere("what live is led back to", v1, "running 6..-", "ended 2..5")
	w.Lambda.Delete(wire.Scope{}, "resize")
	w.sweeps(7)
	w.wantWhere("what is gone", v1, "ended 6..7", "ended 2..5")
	w.wantWhere("what is gone", v2, "ended 1..7")
}

func TestWhileAnUpdateIsNotDoneTheCodeBeforeItRuns(t *testing.T) {
	for _, status := range []string{"InProgress", "Failed"} {
		w := startLambda(t, watched)
		image1, v1 := w.image("v1")
		f := w.Lambda.Create(wire.Scope{}, "resize", image1, v1, nil)
		w.sweeps(1)
		image2, v2 := w.image("v2")
		f.Update(image2, v2, status)
		w.sweeps(2)
		w.wantWhere(status, v1, "running 0..-")
		w.wantWhere(status, v2, "running 1..-")
		f.Update(image2, v2, "Successful")
		w.sweeps(3)
		w.wantWhere("when it is done", v1, "ended 0..3")
		w.wantWhere("when it is done", v2, "running 1..-")
	}
}

// Of a function nothing is kept and logged but its image: what stands in its configuration may
// be a secret.
func TestNothingOfAFunctionsConfigurationIsKeptButTheImage(t *testing.T) {
	const secret = "hunter2hunter2"
	var log bytes.Buffer
	w := startLambda(t, map[string]string{boot.EnvFunctions: "true", boot.EnvEventBus: "default", boot.EnvLogLevel: "debug"})
	w.log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	image, d := w.image("v1")
	w.Lambda.Create(wire.Scope{}, "resize", image, d, map[string]string{"DATABASE_PASSWORD": secret})
	w.Lambda.Create(wire.Scope{}, "broken", image, "sha256:none", map[string]string{"DATABASE_PASSWORD": secret})
	report, err := w.sweepAt(t.Context(), hours(1), sweep.Options{})
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Fatalf("a function whose digest is none: %v", err)
	}
	boot.LogSweep(t.Context(), w.log, report)
	boot.WriteSweep(&log, hours(1), "ledger", "sweep", report, err)
	w.wantWhere("the function", d, "running 0..-")
	table, errTable := dynamodb.NewFromConfig(w.Config()).Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("ledger")})
	kept, errKept := json.Marshal(table.Items)
	if errTable != nil || errKept != nil || !bytes.Contains(kept, []byte("lambda:resize")) {
		t.Fatalf("%v, %v: the table has %s", errTable, errKept, kept)
	}
	events := bytes.Join(w.EventBridge.Events(w.Home(), "default"), nil)
	if len(events) == 0 || log.Len() == 0 {
		t.Fatalf("%d bytes of events, %d of the log", len(events), log.Len())
	}
	for name, text := range map[string]string{"table": string(kept), "log": log.String(), "events": string(events), "error": err.Error()} {
		if strings.Contains(text, secret) || strings.Contains(text, "DATABASE_PASSWORD") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestFunctionsAreLookedAtOnlyIfAskedFor(t *testing.T) {
	for value, want := range map[string]string{
		"":     "Not watched are Lambda functions, ",
		"true": "Of Lambda functions that are made of images each sweep looks at",
	} {
		w := startLambda(t, map[string]string{boot.EnvFunctions: value})
		w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 1)
		image, d := w.image("v1")
		w.Lambda.Create(wire.Scope{}, "resize", image, d, nil)
		w.sweeps(1)
		if asked := len(w.counts("lambda")) > 0; asked != (value != "") || (len(w.where(d)) > 0) != asked {
			t.Errorf("functions %q: calls %v, where %v", value, w.counts("lambda"), w.where(d))
		}
		page, err := query.Queries{Records: w.kept()}.Where(t.Context(), tagalong.ImageQuery{Digest: digest.FromString("none")}, query.Paging{})
		if err != nil || !strings.Contains(page.Watched, want) {
			t.Errorf("functions %q: %v, watched: %s", value, err, page.Watched)
		}
		used, _, err := query.Queries{Records: w.kept()}.InUse(t.Context(), query.InUseQuery{Incomplete: true}, query.Paging{})
		listed := slices.ContainsFunc(used.Items, func(r query.InUseRow) bool {
			return r.Digest == d && r.Kind == tagalong.KindFunction && r.Service == "resize" && r.Cluster == ""
		})
		if err != nil || listed != (value != "") {
			t.Errorf("functions %q: in use: %v, %+v", value, err, used.Items)
		}
	}
}

// Where Lambda does not answer nothing has ended, services are looked at all the same, and the
// ledger says what it does not know.
func TestFunctionsThatCannotBeLookedAtHaveNotEnded(t *testing.T) {
	for _, operation := range []string{"ListFunctions", "ListAliases", "GetFunction"} {
		w := startLambda(t, watched)
		image, d := w.image("v1")
		w.Lambda.Create(wire.Scope{}, "resize", image, d, nil)
		w.sweeps(1)
		w.Lambda.Deny(operation)
		w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 1)
		report, err := w.sweepAt(t.Context(), hours(2), sweep.Options{})
		if err == nil || !report.Left() || report.Services != 1 {
			t.Errorf("%s: %+v, %v", operation, report, err)
		}
		w.wantWhere(operation, d, "running 0..-")
		swept, err := w.kept().Swept(t.Context())
		if err != nil || !slices.ContainsFunc(swept.Closed, func(name string) bool { return strings.HasPrefix(name, "111122223333/us-east-1/lambda:") }) {
			t.Errorf("%s: %v, swept %+v", operation, err, swept)
		}
	}
}

func TestADryRunRecordsNoFunction(t *testing.T) {
	w := startLambda(t, watched)
	image, d := w.image("v1")
	w.Lambda.Create(wire.Scope{}, "resize", image, d, nil)
	w.swept(hours(1), sweep.Options{DryRun: true})
	w.wantWhere("after a dry run", d)
	w.swept(hours(1), sweep.Options{Cluster: "prod"})
	w.wantWhere("after a sweep of one cluster", d)
}

// A function's calls: a page for each 50 functions, and for one of images its aliases and each
// of its versions.
func TestFunctionsCostAsFewCallsAsLambdaTakes(t *testing.T) {
	w := startLambda(t, watched)
	image, d := w.image("v1")
	for i := range 60 {
		name := "zip-" + string(rune('A'+i))
		w.Lambda.Create(wire.Scope{}, name, "", "", nil)
	}
	f := w.Lambda.Create(wire.Scope{}, "resize", image, d, nil)
	f.Alias("live", f.Publish(), nil)
	f.Alias("test", "1", nil)
	w.sweeps(1)
	want := map[string]int{"ListFunctions": 2, "ListAliases": 1, "GetFunction": 2}
	if diff := cmp.Diff(want, w.counts("lambda")); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
