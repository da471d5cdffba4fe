package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

const (
	other = "444455556666"
	role  = "arn:aws:iam::444455556666:role/tagalong"
)

// world is a sandbox with a table, and the variables of a sweep.
type world struct {
	*sandboxtest.Sandbox
	t         *testing.T
	variables map[string]string
	limits    *ratelimit.Limits
	log       *slog.Logger
}

func start(t *testing.T, variables map[string]string) world {
	t.Helper()
	return startAt(t, variables, func() time.Time { return sandboxtest.Epoch })
}

// startAt is start with AWS's clock.
func startAt(t *testing.T, variables map[string]string, now func() time.Time) world {
	t.Helper()
	w := world{sandboxtest.StartWith(t, sandbox.Options{Now: now}), t, variables, ratelimit.New(), slog.New(slog.DiscardHandler)}
	w.STS.AddRole(role)
	if _, err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(w.Config()), "ledger"); err != nil {
		t.Fatal(err)
	}
	return w
}

// rollOut lets a service complete the deployment of an image of its own, hours
// ago.
func (w world) rollOut(scope wire.Scope, cluster, name, build string, hours int) *ecs.Deployment {
	w.t.Helper()
	repository := w.ECR.Repository(scope, name)
	if _, err := repository.Push(ecr.Image{Seed: name + build, Tags: []string{build}}); err != nil {
		w.t.Fatal(err)
	}
	at := sandboxtest.Epoch.Add(-time.Duration(hours) * time.Hour)
	in := w.ECS.Cluster(scope, cluster)
	service := in.Service(name)
	if service == nil {
		service = in.CreateService(name, ecs.ServiceOptions{})
	}
	d, _, err := service.Release(at, ecs.Container{Name: "app", Image: repository.URI() + ":" + build})
	if err == nil {
		_, err = d.Complete(at.Add(time.Minute))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// sweep makes a sweeper, as it is made for each sweep, and sweeps.
func (w world) sweep(ctx context.Context, options sweep.Options) (sweep.Report, error) {
	w.t.Helper()
	return w.sweepAt(ctx, sandboxtest.Epoch, options)
}

func (w world) sweepAt(ctx context.Context, at time.Time, options sweep.Options) (sweep.Report, error) {
	w.t.Helper()
	config, err := boot.ReadConfig(func(name string) string { return w.variables[name] })
	if err != nil {
		w.t.Fatal(err)
	}
	config.Table = "ledger"
	cfg := w.Function("sweep")
	if config.Findings != "" || config.Functions {
		cfg = w.Config() // make e2e's installation asks for neither, nor does its AWS know Inspector
	}
	sweeper, err := Sweeper(ctx, config, cfg, w.log, w.limits)
	if err != nil {
		w.t.Fatal(err)
	}
	sweeper.Reactor.Now = func() time.Time { return at }
	w.ResetCalls()
	return sweeper.Sweep(ctx, options)
}

// counts returns how often each operation was called, of these services of AWS.
func (w world) counts(services ...string) map[string]int {
	counts := map[string]int{}
	for _, c := range w.Calls() {
		if slices.Contains(services, c.Service) {
			counts[c.Operation]++
		}
	}
	return counts
}

func TestASweepFillsTheLedgerOfAllAccountsAndThenFindsNothing(t *testing.T) {
	w := start(t, map[string]string{
		boot.EnvAccounts: `[{"account":"` + other + `","role":"` + role + `","regions":["us-east-1","eu-west-1"]}]`,
	})
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 5)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-2", 3)
	w.rollOut(wire.Scope{Account: other}, "staging", "shop", "build-2", 2)
	w.rollOut(wire.Scope{Account: other, Region: "eu-west-1"}, "europe", "shop", "build-2", 1)
	dry, err := w.sweep(t.Context(), sweep.Options{DryRun: true, Whole: true})
	if err != nil || dry.Services != 3 || len(dry.Drift) != 6 || !dry.Left() || w.writes() != 0 {
		t.Errorf("dry: %+v, error %v, %d writes", dry, err, w.writes())
	}
	report, err := w.sweep(t.Context(), sweep.Options{Whole: true})
	if err != nil || report.Services != 3 || report.Recorded != 8 || report.Left() {
		t.Errorf("report %+v, error %v", report, err)
	}
	if c := w.ECR.Repository(wire.Scope{}, "shop"); c.Tag("prod") == "" || c.Tag("prod") != c.Tag("build-2") {
		t.Errorf("prod is on %q", c.Tag("prod"))
	}
	again, err := w.sweep(t.Context(), sweep.Options{Whole: true})
	if err != nil || len(again.Drift) != 0 || again.Recorded != 0 || again.Moved != 0 || w.writes() != 0 {
		t.Errorf("again: %+v, error %v, %d writes", again, err, w.writes())
	}
}

// Of native blue/green, linear and canary deployments ECS keeps the same records.
func TestDeploymentsOfEveryStrategyAreTold(t *testing.T) {
	for _, strategy := range types.DeploymentStrategy("").Values() {
		t.Run(string(strategy), func(t *testing.T) {
			w := start(t, nil)
			w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 5)
			service := w.ECS.Cluster(wire.Scope{}, "prod").Service("shop")
			service.Update(func(o *ecs.ServiceOptions) { o.Strategy = string(strategy) })
			w.rollOut(wire.Scope{}, "prod", "shop", "build-2", 3)
			if _, err := w.ECR.Repository(wire.Scope{}, "shop").Push(ecr.Image{Seed: "build-3", Tags: []string{"build-3"}}); err != nil {
				t.Fatal(err)
			}
			d, _, err := service.Release(sandboxtest.Epoch.Add(-time.Hour), ecs.Container{Name: "app", Image: w.ECR.Repository(wire.Scope{}, "shop").URI() + ":build-3"})
			if err == nil {
				_, err = d.Fail(sandboxtest.Epoch.Add(-50*time.Minute), "")
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.RollBack(sandboxtest.Epoch.Add(-49 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			report, err := w.sweep(t.Context(), sweep.Options{Whole: true})
			if err != nil || report.Recorded != 7 || report.Left() {
				t.Errorf("report %+v, error %v", report, err)
			}
			if c := w.ECR.Repository(wire.Scope{}, "shop"); c.Tag("prod") != c.Tag("build-2") {
				t.Errorf("prod is on %q", c.Tag("prod"))
			}
		})
	}
}

// writes counts the calls that may change something.
func (w world) writes() (n int) {
	counts := w.counts("dynamodb", "ecr")
	for _, operation := range []string{"TransactWriteItems", "UpdateItem", "PutItem", "DeleteItem", "PutImage", "BatchDeleteImage"} {
		n += counts[operation]
	}
	return n
}

func TestOneAccountsFailureDoesNotStopTheOthers(t *testing.T) {
	const gone = "123456789012"
	w := start(t, map[string]string{
		boot.EnvAccounts: `[{"account":"` + gone + `","role":"arn:aws:iam::` + gone + `:role/gone"},{"account":"` + other + `","role":"` + role + `"}]`,
	})
	w.rollOut(wire.Scope{Account: other}, "staging", "shop", "build-1", 1)
	report, err := w.sweep(t.Context(), sweep.Options{})
	if err == nil || !strings.Contains(err.Error(), "AssumeRole") || report.Services != 1 || report.Recorded != 2 {
		t.Errorf("report %+v, error %v", report, err)
	}
	if at := slices.IndexFunc(report.Drift, func(d sweep.Drift) bool { return d.Kind == sweep.DriftUnreachable }); at < 0 || report.Drift[at].Account != gone {
		t.Errorf("drift %+v", report.Drift)
	}
}

func TestTagsOfWhatIsGoneAreRemovedOnlyIfAskedTo(t *testing.T) {
	for untag, left := range map[string]string{"": "[build-1 prod]", "true": "[build-1]"} {
		w := start(t, map[string]string{boot.EnvUntag: untag, boot.EnvEventBus: "releases"})
		w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 3)
		if _, err := w.sweep(t.Context(), sweep.Options{}); err != nil {
			t.Fatal(err)
		}
		w.ECS.Cluster(wire.Scope{}, "prod").Service("shop").Delete(sandboxtest.Epoch)
		report, err := w.sweep(t.Context(), sweep.Options{})
		if err != nil || report.Left() {
			t.Errorf("untag %q: report %+v, error %v", untag, report, err)
		}
		repository := w.ECR.Repository(wire.Scope{}, "shop")
		if tags := fmt.Sprint(repository.Tags(repository.Digests()[0])); tags != left {
			t.Errorf("untag %q: the image has %s, want %s", untag, tags, left)
		}
		told := fmt.Sprintf("%s", w.EventBridge.Events(wire.Scope{}, "releases"))
		if stale := strings.Contains(told, `"kind":"stale"`); !strings.Contains(told, `"kind":"retired"`) || stale != (untag == "true") {
			t.Errorf("untag %q: the bus has %s", untag, told)
		}
	}
}

func TestThrottlesAreWaitedOut(t *testing.T) {
	w := start(t, nil)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 1)
	w.ECS.Throttle("DescribeServices", 2)
	w.ECR.Throttle("BatchGetImage", 1)
	if report, err := w.sweep(t.Context(), sweep.Options{}); err != nil || report.Recorded != 2 || report.Left() {
		t.Errorf("report %+v, error %v", report, err)
	}
}

// hanging never answers the calls of an operation.
type hanging struct {
	aws.HTTPClient
	operation string
}

func (h hanging) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+h.operation) {
		return h.HTTPClient.Do(r)
	}
	<-r.Context().Done()
	return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: r.Context().Err()}
}

// What AWS does not answer, or throttles for ever, the end of the time cuts off: once that
// is a slow day, twice it is an error. What the ledger does not answer is one at once.
func TestASweepThatAWSKeepsFromGoingOnIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		keep func(w world, cfg *aws.Config)
		want []string // of the first error and of the second one
	}{
		"ECS throttles":  {func(w world, _ *aws.Config) { w.ECS.Throttle("DescribeServices", math.MaxInt) }, []string{"", "no further than the sweep before"}},
		"ECS hangs":      {func(_ world, cfg *aws.Config) { cfg.HTTPClient = hanging{cfg.HTTPClient, "DescribeServices"} }, []string{"", "no further than the sweep before"}},
		"DynamoDB hangs": {func(_ world, cfg *aws.Config) { cfg.HTTPClient = hanging{cfg.HTTPClient, "BatchGetItem"} }, []string{"reading the sweep's cursor", "reading the sweep's cursor"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, nil)
			w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 1)
			cfg := w.Function("sweep")
			test.keep(w, &cfg)
			for n, want := range test.want {
				sweeper, err := Sweeper(t.Context(), boot.Config{Table: "ledger"}, cfg, slog.New(slog.DiscardHandler), w.limits)
				if err != nil {
					t.Fatal(err)
				}
				sweeper.Reactor.Now = func() time.Time { return sandboxtest.Epoch }
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(300*time.Millisecond, cancel)
				report, err := sweeper.Sweep(ctx, sweep.Options{Scheduled: true})
				cancel()
				if !report.Unfinished || len(report.Drift) > 0 || (err != nil) != (want != "") || want != "" && !strings.Contains(err.Error(), want) {
					t.Errorf("sweep %d: %+v, error %v; want %q", n+1, report, err, want)
				}
			}
		})
	}
}

func TestWithoutItsRulesThereIsNoSweep(t *testing.T) {
	w := start(t, nil)
	config, err := boot.ReadConfig(func(name string) string { return map[string]string{boot.EnvEnvironments: "@rules"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	config.Table = "ledger"
	if _, err := Sweeper(t.Context(), config, w.Function("sweep"), slog.New(slog.DiscardHandler), w.limits); err == nil || !strings.Contains(err.Error(), "item @rules") {
		t.Errorf("error %v", err)
	}
}

// What a sweep needs of ECS at least follows from how much one call gives. Those
// services whose hour of the day it is are looked at whole: a twenty-fourth.
func TestCallsAreHardlyMoreThanBatchesNeed(t *testing.T) {
	w := start(t, nil)
	w.limits = ratelimit.Unlimited()
	clusters, each := 4, 100
	if testing.Short() {
		clusters = 2
	}
	for c := range clusters {
		for n := range each {
			w.rollOut(wire.Scope{}, fmt.Sprintf("cluster-%d", c), fmt.Sprintf("service-%02d", n), "build-1", 1)
		}
	}
	for hour, step := range []struct {
		name string
		want map[string]int
	}{
		{"the first", map[string]int{
			"ListClusters": 1, "ListServices": clusters, "DescribeServices": clusters * each / 10,
			"ListServiceDeployments": clusters * each, "DescribeServiceRevisions": clusters * each / 20,
			"ListTasks": clusters, "DescribeTasks": clusters, // for standalone ones among them
		}},
		{"the next", map[string]int{"ListClusters": 1, "ListServices": clusters, "DescribeServices": clusters * each / 10, "ListServiceDeployments": clusters * each / 24, "ListTasks": clusters, "DescribeTasks": clusters}},
	} {
		report, err := w.sweepAt(t.Context(), sandboxtest.Epoch.Add(time.Duration(hour)*time.Hour), sweep.Options{Scheduled: true})
		if err != nil || report.Services != clusters*each {
			t.Fatalf("%s: %d services, error %v", step.name, report.Services, err)
		}
		got := w.counts("ecs")
		best := 0
		for operation, n := range step.want {
			best += n
			if operation != "ListServiceDeployments" && float64(got[operation]) > 1.1*float64(n) {
				t.Errorf("%s: %s is called %d times, want at most 1.1 times %d", step.name, operation, got[operation], n)
			}
		}
		total := 0
		for _, n := range got {
			total += n
		}
		if float64(total) > 1.1*float64(best) {
			t.Errorf("%s: %d calls of ECS %v, want at most 1.1 times %d", step.name, total, got, best)
		}
	}
}

// The image that runs has the environment's tag alone, and untagged images expire.
// What runs is not the newest build, and the policy keeps that alone. Nobody previews unless
// told to.
func TestASweepTellsOnceADayWhatALifecyclePolicyWouldTakeOfWhatRuns(t *testing.T) {
	w := start(t, map[string]string{boot.EnvEnvironments: `[{"environment":"prod"}]`})
	w.rollOut(wire.Scope{}, "prod-cluster", "checkout-api", "build-1", 5)
	repository := w.ECR.Repository(wire.Scope{}, "checkout-api")
	if _, err := repository.Push(ecr.Image{Seed: "newer", Tags: []string{"build-2"}}); err != nil {
		t.Fatal(err)
	}
	repository.SetLifecyclePolicy(`{"rules":[{"rulePriority":7,"selection":{"tagStatus":"tagged","tagPrefixList":["build-"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`)
	day := func(n int) (found []sweep.Drift, previews int) {
		for hour := range 24 {
			report, err := w.sweepAt(t.Context(), sandboxtest.Epoch.Add(time.Duration(24*n+hour)*time.Hour), sweep.Options{Scheduled: true})
			if err != nil || report.Left() {
				t.Fatalf("report %+v, error %v", report, err)
			}
			for _, d := range report.Drift {
				if d.Kind == sweep.DriftUnprotected {
					found = append(found, d)
				}
			}
			previews += w.counts("ecr")["StartLifecyclePolicyPreview"]
		}
		return found, previews
	}
	if found, previews := day(0); len(found) != 0 || previews != 0 {
		t.Errorf("not told to: %d previews found %+v", previews, found)
	}
	w.variables[boot.EnvLifecycleCheck] = "true"
	found, previews := day(1)
	if previews != 1 || len(found) != 1 || found[0].Service != "checkout-api" || !strings.Contains(found[0].Reason, "rule 7 of the repository's lifecycle policy would expire the image now, and it is running") {
		t.Errorf("%d previews found %+v", previews, found)
	}
}

func TestAnImageThatALifecyclePolicyWouldTakeIsToldOncePerRepositoryAndDay(t *testing.T) {
	w := start(t, map[string]string{boot.EnvEnvironments: `[{"environment":"prod"}]`})
	w.rollOut(wire.Scope{}, "prod-cluster", "checkout-api", "build-1", 5)
	repository := w.ECR.Repository(wire.Scope{}, "checkout-api")
	repository.SetLifecyclePolicy(`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}`)
	swept := func(hours int) sweep.Report {
		report, err := w.sweepAt(t.Context(), sandboxtest.Epoch.Add(time.Duration(hours)*time.Hour), sweep.Options{Scheduled: true})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	swept(0)
	if counts := w.counts("ecr"); counts["GetLifecyclePolicy"] != 1 || counts["DescribeImages"] != 1 {
		t.Errorf("calls %v", counts)
	}
	repository.Untag("build-1")
	var found []sweep.Drift
	calls := 0
	for hour := range 24 {
		found = append(found, swept(hour+1).Drift...)
		calls += w.counts("ecr")["GetLifecyclePolicy"]
	}
	if len(found) != 1 || found[0].Kind != sweep.DriftUnprotected || found[0].Left() || found[0].Tag != "prod" || calls != 1 {
		t.Errorf("in a day %d calls found %+v", calls, found)
	}
	w.ECR.Deny("GetLifecyclePolicy")
	denied, err := w.sweep(t.Context(), sweep.Options{Whole: true})
	if err != nil || denied.Left() || len(denied.Drift) != 1 || !strings.Contains(denied.Drift[0].Reason, "could not be looked at") {
		t.Errorf("denied: %+v, error %v", denied.Drift, err)
	}
}
