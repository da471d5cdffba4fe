package tagalong_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	. "github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// idle is an estate of one service that has no deployment.
type idle struct{ service Service }

func (e idle) Clusters(context.Context, Scope) ([]string, error) {
	return []string{e.service.Cluster}, nil
}

func (e idle) ServiceNames(context.Context, Scope, string) ([]string, error) {
	return []string{e.service.Name}, nil
}

func (e idle) Describe(context.Context, Scope, string, []string) ([]ServiceState, error) {
	return []ServiceState{{Service: e.service}}, nil
}

func (e idle) Chronicle(context.Context, Scope, []Service) (map[Service][]ServiceDeployment, error) {
	return nil, nil
}

func (e idle) Prepare(context.Context, Scope, []DeploymentOf) error { return nil }

// found gives the drift that a bus has been told of since the last time.
func found(t *testing.T, bus *tagalongtest.Bus) (all []Drift) {
	t.Helper()
	for _, e := range bus.Take() {
		if e.DetailType != DriftFoundType {
			continue
		}
		var d Drift
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func TestDriftIsAnnouncedAsLongAsItIsLeft(t *testing.T) {
	w, bus := newWorld(Rules{{Environment: "prod", Clusters: []string{prodAPI.Cluster}}}).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	unmanaged := prodAPI
	unmanaged.Name, unmanaged.Cluster = "batch", "other"
	sweeper := Sweeper{
		Reactor: w.Reactor, Records: w.ledger, Estate: idle{unmanaged},
		Scopes: []Scope{{prodAPI.Account, "eu-west-1"}}, // not that of prodAPI, which would be gone
	}
	w.Rules = append(w.Rules, Rule{Environment: "unused", Clusters: []string{"other"}, Services: []string{"nothing"}})
	sweep := func(o SweepOptions) Report {
		t.Helper()
		report, err := sweeper.Sweep(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	bus.Take()
	if report := sweep(SweepOptions{}); len(report.Drift) != 1 || report.Drift[0].Kind != DriftUnmanaged || len(found(t, bus)) != 0 {
		t.Errorf("report %+v: an unmanaged service is reported, and not announced", report)
	}

	moved := func() { w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod") }
	moved()
	if sweep(SweepOptions{DryRun: true}); len(found(t, bus)) != 0 {
		t.Error("a dry run announces")
	}
	for range 3 { // so often it is put back
		sweep(SweepOptions{})
		want := []Drift{{
			Kind: DriftTag, Healed: true, Environment: "prod", Registry: shopAPI.Registry, Repository: shopAPI.Name, Tag: "prod",
			Want: d(1), Actual: imageOf(shopAPI, 0).Digest, Reason: "moved by somebody else",
		}}
		if diff := cmp.Diff(want, found(t, bus)); diff != "" {
			t.Errorf("announced (-want +got):\n%s", diff)
		}
		if sweep(SweepOptions{}); len(found(t, bus)) != 0 {
			t.Error("what is healed is announced again")
		}
		moved()
	}
	for range 2 { // it is left, and announced each time
		sweep(SweepOptions{})
		if got := found(t, bus); len(got) != 1 || got[0].Kind != DriftFought || got[0].Healed {
			t.Errorf("announced %+v", got)
		}
	}
}

func TestASweepSaysThatItsDriftWasNotAccepted(t *testing.T) {
	w, bus := newWorld(prodRules()).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod")
	bus.Refuse = func(Event) error { return errDown }
	report, err := (&Sweeper{Reactor: w.Reactor, Records: w.ledger}).Sweep(t.Context(), SweepOptions{})
	if !errors.Is(err, errDown) || len(report.Drift) != 1 || report.Moved != 1 {
		t.Errorf("report %+v, error %v", report, err)
	}
}

// An interrupted sweep tells what it has found so far, though its time is up.
func TestASweepWhoseTimeIsUpAnnouncesItsDrift(t *testing.T) {
	w, bus := newWorld(prodRules()).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sweeper := Sweeper{Reactor: w.Reactor, Records: w.ledger, Scopes: []Scope{{prodAPI.Account, prodAPI.Region}, {prodAPI.Account, "eu-west-1"}}}
	unreachable, asked := errors.New("no way there"), 0
	sweeper.Estate = closed{idle{prodAPI}, func() error {
		if asked++; asked == 2 {
			cancel()
		}
		return unreachable
	}}
	report, _ := sweeper.Sweep(ctx, SweepOptions{})
	if got := found(t, bus); len(report.Drift) != 1 || len(got) != 1 || got[0].Kind != DriftUnreachable || got[0].Reason != unreachable.Error() {
		t.Errorf("report %+v, announced %+v", report, got)
	}
}

// closed is an estate of which no cluster can be seen.
type closed struct {
	Estate
	why func() error
}

func (e closed) Clusters(context.Context, Scope) ([]string, error) { return nil, e.why() }

func TestResourcesOfDrift(t *testing.T) {
	for want, drift := range map[string]Drift{
		"arn:aws:ecs:us-east-1:111122223333:service/prod-a/api":       {Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Service: "api", Registry: shopAPI.Registry, Repository: shopAPI.Name},
		"arn:aws-cn:ecs:cn-north-1:111122223333:service/prod-a/api":   {Account: "111122223333", Region: "cn-north-1", Cluster: "prod-a", Service: "api"},
		"arn:aws:ecr:us-east-1:111122223333:repository/shop/api":      {Registry: shopAPI.Registry, Repository: shopAPI.Name},
		"arn:aws-cn:ecr:cn-north-1:111122223333:repository/shop/base": {Registry: "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", Repository: "shop/base"},
		"": {Account: "111122223333", Region: "us-east-1", Kind: DriftUnreachable},
	} {
		if got := strings.Join(drift.EventAt(noon).Resources, " "); got != want {
			t.Errorf("%+v is about %q, want %q", drift, got, want)
		}
	}
}

func TestLongReasonsAreCutShort(t *testing.T) {
	for _, reason := range []string{strings.Repeat("é", 100_000), "x" + strings.Repeat("é", 100_000), strings.Repeat("\x00", 100_000)} {
		for _, event := range []Event{
			Drift{Reason: reason}.EventAt(noon),
			Ending{Row: Row{Rollout: Rollout{Reason: reason, FinishedAt: noon}}}.Event(),
		} {
			var detail struct{ Reason string }
			if err := json.Unmarshal(event.Detail, &detail); err != nil {
				t.Fatal(err)
			}
			if len(event.Detail) > 16_000 || !utf8.ValidString(detail.Reason) || strings.ContainsRune(detail.Reason, utf8.RuneError) || !strings.HasSuffix(detail.Reason, "…") {
				t.Errorf("%d bytes: …%q", len(event.Detail), detail.Reason[len(detail.Reason)-10:])
			}
		}
	}
}

// shown gives the JSON in the comment of a type.
func shown(t *testing.T, file, name string) string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var block []string
	for _, declaration := range parsed.Decls {
		types, ok := declaration.(*ast.GenDecl)
		if !ok || types.Tok != token.TYPE || types.Specs[0].(*ast.TypeSpec).Name.Name != name {
			continue
		}
		for _, line := range types.Doc.List {
			if text, is := strings.CutPrefix(line.Text, "//\t"); is {
				block = append(block, text)
			}
		}
	}
	return strings.Join(block, "\n")
}

func TestTheCommentsShowWhatIsSent(t *testing.T) {
	s := Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: "checkout-api"}
	repository := Repository{Registry: home, Name: "checkout-api"}
	was, is := digest.Digest("sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17"), tagalongtest.Image("build-43").Digest
	when := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	rollout := Ending{
		Row: Row{
			Service: s,
			Rollout: Rollout{
				Deployment: "ecs-svc/7330915268420174663", State: StateCompleted, Rollback: true,
				StartedAt: when("2026-03-04T09:15:02.318Z"), FinishedAt: when("2026-03-04T09:18:02.915Z"),
				Reason:   "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/7330915268420174663.",
				Release:  Release{Pipeline: "checkout-release", Execution: "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38", Stage: "DeployProd", Commit: "9c81d0e7b3a54f6628d1f0a9b7c35e4d12f6a8b0"},
				Restored: Build{Commit: "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"},
			},
			Details: Details{
				Environment: "prod", TaskDefinition: "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2",
				Containers: []Container{{Name: "checkout-api", Image: repository, ImageTag: "build-42", Digest: was, Evidence: Revision}},
			},
		},
		RolledBack: "ecs-svc/8401123456789012345",
	}
	drift := Drift{
		Kind: DriftTag, Healed: true, Environment: "prod", Registry: home, Repository: "checkout-api", Tag: "prod",
		Want: was, Actual: is, Reason: "moved by somebody else",
	}
	for _, test := range []struct {
		file, name string
		detail     json.RawMessage
	}{
		{"event.go", "RolloutRecorded", rollout.Event().Detail},
		{"drift.go", "Drift", drift.EventAt(noon).Detail},
	} {
		var indented strings.Builder
		encoder := json.NewEncoder(&indented)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(test.detail); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(indented.String()), shown(t, test.file, test.name)); diff != "" {
			t.Errorf("the comment of %s (-sent +shown):\n%s", test.name, diff)
		}
	}
}

// TestTheReadmeShowsWhatIsSent reads the event of events/README.md back: it has all fields, in
// their order, and no other.
func TestTheReadmeShowsWhatIsSent(t *testing.T) {
	readme, err := os.ReadFile("../../../events/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "\n## Tagalong's own events\n")
	_, block, _ = strings.Cut(block, "```json\n")
	block, _, _ = strings.Cut(block, "```")
	var event struct {
		DetailType string `json:"detail-type"`
		Source     string
		Time       time.Time
		Resources  []string
		Detail     json.RawMessage
	}
	if err := json.Unmarshal([]byte(block), &event); err != nil {
		t.Fatal(err)
	}
	var r RolloutRecorded
	if err := json.Unmarshal(event.Detail, &r); err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	again, err := json.Marshal(r)
	if err := errors.Join(err, json.Compact(&shown, event.Detail)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(again), shown.String()); diff != "" {
		t.Errorf("detail (-sent +shown):\n%s", diff)
	}
	s := Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}
	if event.DetailType != RolloutRecordedType || event.Source != EventSource || !event.Time.Equal(r.FinishedAt.Truncate(time.Second)) || event.Resources[0] != s.ARN() {
		t.Errorf("event %+v", event)
	}
}
