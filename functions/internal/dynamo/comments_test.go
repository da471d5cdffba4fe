package dynamo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	sandboxecr "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	sandboxecs "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var update = flag.Bool("update", false, "write the items into the comments of their types")

// stored lets two deployments and a promotion pass through the real reactor and
// gives one stored item of each kind, by the name of its type.
func stored(t *testing.T) map[string]string {
	t.Helper()
	clock := time.Date(2026, 3, 4, 9, 20, 1, 312e6, time.UTC)
	aws := sandboxtest.StartWith(t, sandbox.Options{Now: func() time.Time { return clock }})
	client := dynamodb.NewFromConfig(aws.Config())
	if _, err := dynamo.Create(t.Context(), client, "tagalong"); err != nil {
		t.Fatal(err)
	}
	ledger := dynamo.New(client, "tagalong")
	reactor := reactorOn(aws, ledger, clock)
	for _, event := range twoDeployments(t, aws) {
		if _, err := reactor.Handle(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	release(t, aws, reactor, ledger)
	retire(t, aws, reactor)
	read(t, aws, reactor)
	runAlone(t, aws, reactor)
	keepTheRest(t, ledger, clock)
	kinds := map[string]*regexp.Regexp{
		"headItem":         regexp.MustCompile(`^SVC#\S+/checkout-api HEAD$`),
		"factItem":         regexp.MustCompile(`^SVC#\S+ F#\S+#COMPLETED#ecs-svc/7330915268420174663$`),
		"rolloutItem":      regexp.MustCompile(`^SVC#\S+ R#\S+#ecs-svc/7330915268420174663$`),
		"runningItem":      regexp.MustCompile(`^ENV#\S+ NOW#[^:]+$`),
		"placementItem":    regexp.MustCompile(`^REPO#\S+ NOW#`),
		"previousItem":     regexp.MustCompile(`^REPO#\S+ PREV#`),
		"pendingUntagItem": regexp.MustCompile(`^STALE `),
		"untagLockItem":    regexp.MustCompile(`^SWEEP UNTAG`),
		"tagItem":          regexp.MustCompile(`^REPO#\S+ TAG#`),
		"childItem":        regexp.MustCompile(`^D#`),
		"directoryItem":    regexp.MustCompile(`^DIR S#\S+/checkout-api$`),
		"nameItem":         regexp.MustCompile(`^NAME#cdd0 \S+#digest#`),
		"promotionItem":    regexp.MustCompile(`^REPO#\S+ PROMO#`),
		"executionItem":    regexp.MustCompile(`^X#\S+ ORIGIN`),
		"pastItem":         regexp.MustCompile(`^ENV#\S+ GONE#`),
		"cursorItem":       regexp.MustCompile(`^SWEEP CURSOR`),
		"sweptItem":        regexp.MustCompile(`^SWEEP SWEPT`),
		"settingItem":      regexp.MustCompile(`^@`),
		"stageItem":        regexp.MustCompile(`^X#\S+ STAGE#`),
		"jobItem":          regexp.MustCompile(`^JOB#`),
		"progressItem":     regexp.MustCompile(`^SVC#\S+ PROGRESS$`),
		"unmanagedItem":    regexp.MustCompile(`^UNMANAGED `),
		"taskFamilyItem":   regexp.MustCompile(`^TASKS `),
		"inputItem":        regexp.MustCompile(`^REPO#\S+ READ#`),
		"scanItem":         regexp.MustCompile(`^FIND#\S+ SCAN$`),
		"findingItem":      regexp.MustCompile(`^FIND#\S+ V#`),
		"affectedItem":     regexp.MustCompile(`^CVE#CVE-2026-31337 `),
		"exposureItem":     regexp.MustCompile(`^EXPOSED `),
		"finishedItem":     regexp.MustCompile(`^OUT \S+#ecs-svc/7330915268420174663#completed#\S+$`),
	}
	items := map[string]string{}
	pager := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: ptr("tagalong")})
	for pager.HasMorePages() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			var plain map[string]any
			if err := attributevalue.UnmarshalMap(item, &plain); err != nil {
				t.Fatal(err)
			}
			for kind, key := range kinds {
				if key.MatchString(plain["pk"].(string) + " " + plain["sk"].(string)) {
					items[kind] = indent(t, plain)
				}
			}
		}
	}
	for kind := range kinds {
		if items[kind] == "" {
			t.Errorf("no %s was stored", kind)
		}
	}
	return items
}

func ptr[T any](v T) *T { return &v }

// indent shows an item; the values that its writer makes up are cut short.
func indent(t *testing.T, plain map[string]any) string {
	t.Helper()
	for _, name := range []string{"version", "claims"} {
		if _, made := plain[name].(string); made {
			plain[name] = "…"
		}
	}
	if sk := plain["sk"].(string); plain["pk"] == "STALE" {
		plain["sk"] = sk[:strings.LastIndexByte(sk, '#')+1] + "…"
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("\t", "  ")
	if err := encoder.Encode(plain); err != nil {
		t.Fatal(err)
	}
	return "\t" + strings.TrimSpace(b.String())
}

func reactorOn(s *sandboxtest.Sandbox, ledger *dynamo.Ledger, clock time.Time) *reactor.Reactor {
	configs := func(_ context.Context, _, region string) (aws.Config, error) {
		cfg := s.Config()
		cfg.Region = region
		return cfg, nil
	}
	return &reactor.Reactor{
		Rules:    tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-*"}, PreviousTags: []string{"{environment}-previous"}}},
		Untag:    true,
		Coverage: tagalongtest.Covering("111122223333"),
		Ledger:   ledger, Promotions: ledger,
		Workload: ecs.New(configs),
		Registry: ecr.New(configs),
		// A bus that is down, so that there is something in the outbox.
		Announcer: &tagalongtest.Bus{Refuse: func(tagalong.Event) error { return errors.New("down") }},
		Now:       func() time.Time { return clock },
	}
}

func twoDeployments(t *testing.T, s *sandboxtest.Sandbox) (events [][]byte) {
	t.Helper()
	images := s.ECR.Repository(wire.Scope{}, "checkout-api")
	service := s.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("checkout-api", sandboxecs.ServiceOptions{
		Numbers: []string{"5126480937715502841", "7330915268420174663"},
	})
	at := time.Date(2026, 3, 4, 8, 2, 11, 480e6, time.UTC)
	for _, build := range []string{"build-41", "build-42"} {
		if _, err := images.PushIndex(sandboxecr.Index{Seed: build, Tags: []string{build}}); err != nil {
			t.Fatal(err)
		}
		d, started, err := service.Release(at, sandboxecs.Container{Name: "checkout-api", Image: images.URI() + ":" + build})
		if err != nil {
			t.Fatal(err)
		}
		completed, err := d.Complete(at.Add(3*time.Minute + 597*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, started, completed)
		at = time.Date(2026, 3, 4, 9, 15, 2, 318e6, time.UTC)
	}
	return events
}

// retire lets a service go whose image has no other tag, so that a sweep keeps it.
func retire(t *testing.T, s *sandboxtest.Sandbox, r *reactor.Reactor) {
	t.Helper()
	at := time.Date(2026, 3, 4, 8, 30, 0, 0, time.UTC)
	images := s.ECR.Repository(wire.Scope{}, "cart")
	if _, err := images.Push(sandboxecr.Image{Seed: "cart", Tags: []string{"build-7"}}); err != nil {
		t.Fatal(err)
	}
	service := s.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("cart", sandboxecs.ServiceOptions{Numbers: []string{"1048576000000000001"}})
	d, _, err := service.Release(at, sandboxecs.Container{Name: "cart", Image: images.URI() + ":build-7"})
	if err != nil {
		t.Fatal(err)
	}
	completed, err := d.Complete(at.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	of := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: "cart"}
	_, ran := r.Handle(t.Context(), completed)
	_, gone := r.Observe(t.Context(), of, tagalong.Fact{Name: tagalong.Retired, Time: at.Add(time.Hour), Source: tagalong.FromSweep, Reason: "the service is gone"})
	if err := errors.Join(ran, gone); err != nil {
		t.Fatal(err)
	}
}

// keepTheRest writes what neither events nor pipelines do.
func keepTheRest(t *testing.T, l *dynamo.Ledger, clock time.Time) {
	t.Helper()
	exploited, likely := true, 0.87
	platform, found := tagalongtest.Image("platform").Digest, ledger.Finding{
		Finding: report.Finding{
			ID: "CVE-2026-31337", Severity: "critical", Package: "openssl", Installed: "3.0.11-1", FixedIn: "3.0.14-1",
			KnownExploited: &exploited, EPSS: &likely,
		},
		FirstSeen: clock,
	}
	err := errors.Join(
		l.LockUntag(t.Context(), "…", clock, clock.Add(20*time.Minute)),
		l.SetCursor(t.Context(), "…"),
		l.SetProgress(t.Context(), ledger.RolloutProgress{
			Service:    tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: "checkout-api"},
			Deployment: "ecs-svc/8264410957731246980", State: ledger.ProgressBaking, Stage: tagalong.StageBakeTime, Weight: ptr(100.0),
			Until: clock.Add(23 * time.Hour), SeenAt: clock,
		}),
		l.SetSwept(t.Context(), ledger.Swept{Begun: clock, Scopes: []tagalong.Scope{{Account: "111122223333", Region: "us-east-1"}, {Account: "444455556666", Region: "us-east-1"}}, Closed: []string{"444455556666/us-east-1"}, Named: true}),
		l.SetScan(t.Context(), ledger.Scan{Digest: platform, Scanned: true, Since: clock, Critical: []string{found.ID}, High: []string{"CVE-2026-0002"}, Sum: "…"}, []ledger.Finding{found}),
		l.SetExposure(t.Context(), ledger.Exposure{Environment: "prod", ID: found.ID, Since: clock}),
		l.PutSetting(t.Context(), "environments", "", `[{"environment":"prod","clusters":["prod-*"]}]`),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// read lets a service of another cluster be deployed from a tag.
func read(t *testing.T, s *sandboxtest.Sandbox, r *reactor.Reactor) {
	t.Helper()
	images := s.ECR.Repository(wire.Scope{}, "checkout-api")
	service := s.ECS.Cluster(wire.Scope{}, "dev").CreateService("reader", sandboxecs.ServiceOptions{Numbers: []string{"4417302958811620394"}})
	_, started, err := service.Release(time.Date(2026, 3, 4, 9, 18, 2, 915e6, time.UTC), sandboxecs.Container{Name: "app", Image: images.URI() + ":build-42"})
	if err == nil {
		_, err = r.Handle(t.Context(), started)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// runAlone runs a standalone task, twice.
func runAlone(t *testing.T, s *sandboxtest.Sandbox, r *reactor.Reactor) {
	t.Helper()
	cluster := s.ECS.Cluster(wire.Scope{}, "prod-cluster")
	definition, err := s.ECS.Register(wire.Scope{}, "nightly-import", sandboxecs.Container{Name: "import", Image: s.ECR.Repository(wire.Scope{}, "checkout-api").URI() + ":build-42"})
	at := time.Date(2026, 3, 4, 3, 0, 1, 77e6, time.UTC)
	var task string
	if err == nil {
		task, err = cluster.RunTask(definition, sandboxecs.RunOptions{StartedBy: "events-rule/nightly-import"}, at)
	}
	for _, change := range []func() error{func() error { return nil }, func() error { return cluster.StopTask(task, at.Add(7*time.Minute)) }} {
		if err == nil {
			err = change()
		}
		var event []byte
		if err == nil {
			event, err = cluster.TaskEvent(task)
		}
		if err == nil {
			_, err = r.Handle(t.Context(), event)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// release promotes an image and notes what CodePipeline said of its execution.
func release(t *testing.T, s *sandboxtest.Sandbox, r *reactor.Reactor, releases ledger.Releases) {
	t.Helper()
	const commit = "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"
	of := tagalong.Release{Pipeline: "checkout-release", Execution: "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38", Stage: "Promote"}
	images := s.ECR.Repository(wire.Scope{}, "checkout-api")
	at := time.Date(2026, 3, 4, 9, 12, 7, 511e6, time.UTC)
	_, promoted := r.Promote(t.Context(), reactor.Promotion{
		Job: "6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63", Digest: images.Tag("build-42"), Tags: []string{"released"}, At: at, Release: of,
		Repository: tagalong.Repository{Registry: strings.TrimSuffix(images.URI(), "/checkout-api"), Name: "checkout-api"},
	})
	pipeline := tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: of.Pipeline}
	began := releases.NoteExecution(t.Context(), pipeline, of.Execution, tagalong.Execution{
		Revisions: []tagalong.Revised{{Name: "SourceArtifact", ID: commit, Summary: "Charge a card once", URL: "https://github.com/example/checkout/commit/" + commit}},
		Trigger:   "WebhookV2", TriggeredBy: "main",
	}, time.Time{})
	stage := releases.NoteStage(t.Context(), of.Pipeline, of.Execution, ledger.StageChange{Stage: "DeployProd", State: "SUCCEEDED", At: at.Add(time.Hour), Attempt: 1}, time.Time{})
	if err := errors.Join(promoted, began, stage); err != nil {
		t.Fatal(err)
	}
}

// TestTheCommentsShowWhatIsStored keeps the JSON beside the types equal to the table.
func TestTheCommentsShowWhatIsStored(t *testing.T) {
	items, shown := stored(t), map[string]string{}
	doc, err := os.ReadFile("ledger.go")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			source = rewrite(source, items)
			if err := os.WriteFile(name, source, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		here := shownItems(t, source)
		maps.Copy(shown, here)
		if len(here) > 0 && !bytes.Contains(doc, []byte(" "+name+"\n")) {
			t.Errorf("the package comment does not list %s", name)
		}
	}
	for kind, item := range items {
		if diff := cmp.Diff(item, shown[kind]); diff != "" {
			t.Errorf("the comment of %s shows another item (-stored +shown); go test -run %s -update writes it:\n%s", kind, t.Name(), diff)
		}
	}
}

// shownItems returns the indented parts of the types' comments.
func shownItems(t *testing.T, source []byte) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, declaration := range file.Decls {
		types, ok := declaration.(*ast.GenDecl)
		if !ok || types.Tok != token.TYPE || types.Doc == nil {
			continue
		}
		var block []string
		for _, line := range types.Doc.List {
			if text, is := strings.CutPrefix(line.Text, "//\t"); is {
				block = append(block, "\t"+text)
			}
		}
		if len(block) > 0 {
			shown[types.Specs[0].(*ast.TypeSpec).Name.Name] = strings.Join(block, "\n")
		}
	}
	return shown
}

// rewrite puts the items into the comments.
func rewrite(source []byte, items map[string]string) []byte {
	for kind, item := range items {
		block := "//" + strings.ReplaceAll(item, "\n", "\n//") + "\n"
		comment := regexp.MustCompile(`(?m)^(?://(?:golden:\w+|\t.*)\n)+type ` + kind + ` struct`)
		source = comment.ReplaceAll(source, []byte(strings.ReplaceAll(block, "$", "$$")+"type "+kind+" struct"))
	}
	return source
}
