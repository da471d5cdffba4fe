package stories_test

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

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// idle is an inventory of one service that has no deployment.
type idle struct{ service tagalong.Service }

func (e idle) Clusters(context.Context, tagalong.Scope) ([]string, error) {
	return []string{e.service.Cluster}, nil
}

func (e idle) ServiceNames(context.Context, tagalong.Scope, string) ([]string, error) {
	return []string{e.service.Name}, nil
}

func (e idle) Describe(context.Context, tagalong.Scope, string, []string) ([]sweep.ServiceState, error) {
	return []sweep.ServiceState{{Service: e.service}}, nil
}

func (e idle) Looks(context.Context, tagalong.Scope, []tagalong.Service) (map[tagalong.Service]tagalong.RolloutLook, error) {
	return nil, nil
}

func (e idle) DeploymentHistory(context.Context, tagalong.Scope, []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	return nil, nil
}

func (e idle) StandaloneTasks(context.Context, tagalong.Scope, string) ([]sweep.StandaloneTask, error) {
	return nil, nil
}

func (e idle) Prepare(context.Context, tagalong.Scope, []sweep.DeploymentOf) error { return nil }

// found returns the drift that a bus has been told of since the last time.
func found(t *testing.T, bus *tagalongtest.Bus) (all []sweep.Drift) {
	t.Helper()
	for _, e := range bus.Take() {
		if e.DetailType != sweep.DriftFoundType {
			continue
		}
		var d sweep.Drift
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func TestDriftIsAnnouncedAsLongAsItIsLeft(t *testing.T) {
	w, bus := newWorld(tagalong.Rules{{Environment: "prod", Clusters: []string{prodAPI.Cluster}}}).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	unmanaged := prodAPI
	unmanaged.Name, unmanaged.Cluster = "batch", "other"
	sweeper := sweep.Sweeper{
		Reactor: w.Reactor, Records: w.ledger, Inventory: idle{unmanaged},
		Scopes: []tagalong.Scope{{Account: prodAPI.Account, Region: "eu-west-1"}}, // not that of prodAPI, which would be gone
	}
	w.Rules = append(w.Rules, tagalong.Rule{Environment: "unused", Clusters: []string{"other"}, Services: []string{"nothing"}})
	swept := func(o sweep.Options) sweep.Report {
		t.Helper()
		report, err := sweeper.Sweep(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	bus.Take()
	if report := swept(sweep.Options{}); len(report.Drift) != 1 || report.Drift[0].Kind != sweep.DriftUnmanaged || len(found(t, bus)) != 0 {
		t.Errorf("report %+v: an unmanaged service is reported, and not announced", report)
	}

	moved := func() { w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod") }
	moved()
	if swept(sweep.Options{DryRun: true}); len(found(t, bus)) != 0 {
		t.Error("a dry run announces")
	}
	for range 3 { // so often it is put back
		swept(sweep.Options{})
		want := []sweep.Drift{{
			Kind: sweep.DriftTag, Repaired: true, Environment: "prod", Registry: shopAPI.Registry, Repository: shopAPI.Name, Tag: "prod",
			Want: d(1), Actual: imageOf(shopAPI, 0).Digest, Reason: "moved by somebody else",
		}}
		if diff := cmp.Diff(want, found(t, bus)); diff != "" {
			t.Errorf("announced (-want +got):\n%s", diff)
		}
		if swept(sweep.Options{}); len(found(t, bus)) != 0 {
			t.Error("what is healed is announced again")
		}
		moved()
	}
	for range 2 { // it is left, and announced each time
		swept(sweep.Options{})
		if got := found(t, bus); len(got) != 1 || got[0].Kind != sweep.DriftFought || got[0].Repaired {
			t.Errorf("announced %+v", got)
		}
	}
}

func TestASweepSaysThatItsDriftWasNotAccepted(t *testing.T) {
	w, bus := newWorld(prodRules()).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod")
	bus.Refuse = func(tagalong.Event) error { return errDown }
	report, err := (&sweep.Sweeper{Reactor: w.Reactor, Records: w.ledger}).Sweep(t.Context(), sweep.Options{})
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
	sweeper := sweep.Sweeper{Reactor: w.Reactor, Records: w.ledger, Scopes: []tagalong.Scope{{Account: prodAPI.Account, Region: prodAPI.Region}, {Account: prodAPI.Account, Region: "eu-west-1"}}}
	unreachable, asked := errors.New("no way there"), 0
	sweeper.Inventory = closed{idle{prodAPI}, func() error {
		if asked++; asked == 2 {
			cancel()
		}
		return unreachable
	}}
	report, _ := sweeper.Sweep(ctx, sweep.Options{})
	if got := found(t, bus); len(report.Drift) != 1 || len(got) != 1 || got[0].Kind != sweep.DriftUnreachable || got[0].Reason != unreachable.Error() {
		t.Errorf("report %+v, announced %+v", report, got)
	}
}

// closed is an inventory of which no cluster can be seen.
type closed struct {
	sweep.Inventory
	why func() error
}

func (e closed) Clusters(context.Context, tagalong.Scope) ([]string, error) { return nil, e.why() }

func TestResourcesOfDrift(t *testing.T) {
	for want, drift := range map[string]sweep.Drift{
		"arn:aws:ecs:us-east-1:111122223333:service/prod-a/api":       {Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Service: "api", Registry: shopAPI.Registry, Repository: shopAPI.Name},
		"arn:aws-cn:ecs:cn-north-1:111122223333:service/prod-a/api":   {Account: "111122223333", Region: "cn-north-1", Cluster: "prod-a", Service: "api"},
		"arn:aws:ecr:us-east-1:111122223333:repository/shop/api":      {Registry: shopAPI.Registry, Repository: shopAPI.Name},
		"arn:aws-cn:ecr:cn-north-1:111122223333:repository/shop/base": {Registry: "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", Repository: "shop/base"},
		"": {Account: "111122223333", Region: "us-east-1", Kind: sweep.DriftUnreachable},
	} {
		if got := strings.Join(drift.Event(noon).Resources, " "); got != want {
			t.Errorf("%+v is about %q, want %q", drift, got, want)
		}
	}
}

func TestLongReasonsAreCutShort(t *testing.T) {
	for _, reason := range []string{strings.Repeat("é", 100_000), "x" + strings.Repeat("é", 100_000), strings.Repeat("\x00", 100_000)} {
		for _, event := range []tagalong.Event{
			sweep.Drift{Reason: reason}.Event(noon),
			reactor.RolloutEvent(ledger.FinishedRollout{Row: ledger.Row{Rollout: timeline.Rollout{Reason: reason, FinishedAt: noon}}}),
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

// shown returns the JSON in the comment of a type.
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
	s := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: "checkout-api"}
	repository := tagalong.Repository{Registry: home, Name: "checkout-api"}
	was, is := digest.Digest("sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17"), tagalongtest.Image("build-43").Digest
	when := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	rollout := ledger.FinishedRollout{
		Row: ledger.Row{
			Service: s,
			Rollout: timeline.Rollout{
				Deployment: "ecs-svc/7330915268420174663", State: timeline.StateCompleted, Rollback: true,
				StartedAt: when("2026-03-04T09:15:02.318Z"), FinishedAt: when("2026-03-04T09:18:02.915Z"),
				Reason:   "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/7330915268420174663.",
				Release:  tagalong.Release{Pipeline: "checkout-release", Execution: "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38", Stage: "DeployProd", Commit: "9c81d0e7b3a54f6628d1f0a9b7c35e4d12f6a8b0"},
				Restored: tagalong.Build{Commit: "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"},
			},
			Details: ledger.Details{
				Environment: "prod", TaskDefinition: "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2",
				Containers: []tagalong.Container{{Name: "checkout-api", Image: repository, ImageTag: "build-42", Digest: was, Evidence: tagalong.Revision}},
			},
		},
		RolledBack: "ecs-svc/8401123456789012345",
	}
	drift := sweep.Drift{
		Kind: sweep.DriftTag, Repaired: true, Environment: "prod", Registry: home, Repository: "checkout-api", Tag: "prod",
		Want: was, Actual: is, Reason: "moved by somebody else",
	}
	for _, test := range []struct {
		file, name string
		detail     json.RawMessage
	}{
		{"../reactor/event.go", "RolloutRecorded", reactor.RolloutEvent(rollout).Detail},
		{"../sweep/drift.go", "Drift", drift.Event(noon).Detail},
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
	var r reactor.RolloutRecorded
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
	s := tagalong.Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}
	if event.DetailType != reactor.RolloutRecordedType || event.Source != tagalong.EventSource || !event.Time.Equal(r.FinishedAt.Truncate(time.Second)) || event.Resources[0] != s.ARN() {
		t.Errorf("event %+v", event)
	}
}
