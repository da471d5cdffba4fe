package sweep

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/inspector"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

var inspected = map[string]string{boot.EnvFindings: boot.FindingsInspector}

func startInspected(t *testing.T) world {
	t.Helper()
	return start(t, map[string]string{boot.EnvFindings: boot.FindingsInspector, boot.EnvEventBus: "default", boot.EnvEnvironments: `[{"environment":"prod"}]`})
}

func hours(n int) time.Time { return sandboxtest.Epoch.Add(time.Duration(n) * time.Hour) }

func finding(id, severity string) inspector.Finding {
	return inspector.Finding{ID: id, Severity: severity, EPSS: 0.123, Packages: []inspector.Package{{Name: "openssl", Version: "3.0.11", FixedIn: "3.0.14"}}}
}

func (w world) swept(at time.Time, options sweep.Options) sweep.Report {
	w.t.Helper()
	report, err := w.sweepAt(w.t.Context(), at, options)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func (w world) kept() *dynamo.Ledger { return dynamo.New(dynamodb.NewFromConfig(w.Config()), "ledger") }

func (w world) scanOf(d digest.Digest) ledger.Scan {
	w.t.Helper()
	scans, err := w.kept().Scans(w.t.Context(), []digest.Digest{d})
	if err != nil {
		w.t.Fatal(err)
	}
	return scans[d]
}

func (w world) findingsOf(d digest.Digest) []ledger.Finding {
	w.t.Helper()
	all, err := stream.Collect(w.kept().Findings(w.t.Context(), d, ""))
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// announced returns the events about exposures so far: their type, environment, finding
// and services.
func (w world) announced() (all []string) {
	w.t.Helper()
	for _, raw := range w.EventBridge.Events(w.Home(), "default") {
		var e struct {
			DetailType string `json:"detail-type"`
			Detail     sweep.ExposureDetail
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			w.t.Fatal(err)
		}
		if name, is := strings.CutPrefix(e.DetailType, "Tagalong Exposure "); is {
			text := fmt.Sprintf("%s %s %s %d", name, e.Detail.Environment, e.Detail.ID, e.Detail.Count)
			for _, p := range e.Detail.Places {
				text += " " + p.Service + "/" + string(p.Phase)
			}
			all = append(all, text)
		}
	}
	return all
}

func TestFindingsAreFetchedOnceADayAndWrittenWhereTheyChange(t *testing.T) {
	w := startInspected(t)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 5)
	repository := w.ECR.Repository(wire.Scope{}, "shop")
	image := repository.Tag("build-1")
	w.Inspector.Scan(wire.Scope{}, "shop", image, finding("CVE-1", "CRITICAL"), finding("CVE-2", "LOW"))
	if r := w.swept(hours(0), sweep.Options{Scheduled: true}); r.Scanned != 1 || w.counts("inspector2")["ListFindings"] != 1 || w.counts("inspector2")["ListCoverage"] != 0 {
		t.Errorf("report %+v, calls %v", r, w.counts("inspector2"))
	}
	found := w.findingsOf(image)
	if len(found) != 2 || !found[0].FirstSeen.Equal(hours(0)) || found[0].Package != "openssl" || found[0].FixedIn != "3.0.14" || *found[0].EPSS != 0.12 {
		t.Errorf("findings %+v", found)
	}
	if scan := w.scanOf(image); !scan.Scanned || !slices.Equal(scan.Critical, []string{"CVE-1"}) {
		t.Errorf("scan %+v", scan)
	}
	w.Inspector.Scan(wire.Scope{}, "shop", image, finding("CVE-1", "HIGH"), finding("CVE-3", "LOW"))
	if w.swept(hours(1), sweep.Options{Scheduled: true}); len(w.counts("inspector2")) != 0 {
		t.Errorf("within a day: calls %v", w.counts("inspector2"))
	}
	w.swept(hours(24), sweep.Options{Scheduled: true})
	found = w.findingsOf(image)
	if scan := w.scanOf(image); len(scan.Critical) != 0 || !slices.Equal(scan.High, []string{"CVE-1"}) {
		t.Errorf("a day later: scan %+v", scan)
	}
	if len(found) != 3 || found[0].Severity != "high" || !found[0].FirstSeen.Equal(hours(0)) || !found[1].Gone.Equal(hours(24)) || !found[2].FirstSeen.Equal(hours(24)) {
		t.Errorf("a day later: findings %+v", found)
	}
	w.swept(hours(48), sweep.Options{Scheduled: true})
	counts := w.counts("dynamodb")
	if counts["BatchWriteItem"] != 0 || counts["PutItem"] != 2 || w.counts("inspector2")["ListFindings"] != 1 {
		t.Errorf("an unchanged day: %v, want that it was swept and the cursor written alone", counts)
	}
	if w.swept(hours(49), sweep.Options{Findings: true}); w.counts("inspector2")["ListFindings"] != 1 {
		t.Errorf("asked by hand: calls %v", w.counts("inspector2"))
	}
}

// Findings are of platforms' images. An image without any was scanned, or not.
func TestThePlatformsOfAnIndexAreScannedAndNeverScannedIsAState(t *testing.T) {
	w := startInspected(t)
	repository := w.ECR.Repository(wire.Scope{}, "shop")
	index, err := repository.PushIndex(ecr.Index{Seed: "shop", Tags: []string{"build-1"}})
	if err != nil {
		t.Fatal(err)
	}
	service := w.ECS.Cluster(wire.Scope{}, "prod").CreateService("shop", ecs.ServiceOptions{})
	d, _, err := service.Release(hours(-2), ecs.Container{Name: "app", Image: repository.URI() + "@" + index.Digest.String()})
	if err == nil {
		_, err = d.Complete(hours(-1))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Inspector.Scan(wire.Scope{}, "shop", index.ARM64)
	w.swept(hours(0), sweep.Options{Scheduled: true})
	if scan := w.scanOf(index.Digest); !slices.Equal(scan.Platforms, []digest.Digest{index.AMD64, index.ARM64}) {
		t.Errorf("index %+v", scan)
	}
	if clean, never := w.scanOf(index.ARM64), w.scanOf(index.AMD64); !clean.Scanned || clean.Reason != "" || never.Scanned || never.Reason == "" {
		t.Errorf("scanned %+v, never %+v", clean, never)
	}
	// What was never scanned may be about to be: each sweep of the first day asks.
	w.Inspector.Scan(wire.Scope{}, "shop", index.AMD64, finding("CVE-1", "CRITICAL"))
	w.swept(hours(1), sweep.Options{Scheduled: true})
	if scan := w.scanOf(index.AMD64); !scan.Scanned || len(w.findingsOf(index.AMD64)) != 1 {
		t.Errorf("an hour later %+v", scan)
	}
	// Inspector closes its findings as it stops to scan: that says nothing of the image.
	w.Inspector.Stop(wire.Scope{}, "shop", index.AMD64, "SCAN_ELIGIBILITY_EXPIRED")
	w.swept(hours(24), sweep.Options{Scheduled: true})
	scan, known := w.scanOf(index.AMD64), w.findingsOf(index.AMD64)
	if !scan.Scanned || !strings.Contains(scan.Reason, "SCAN_ELIGIBILITY_EXPIRED") || len(known) != 1 || !known[0].Gone.IsZero() || len(scan.Critical) != 1 {
		t.Errorf("expired: %+v, findings %+v", scan, known)
	}
}

// Of an index that ran before anybody could read it the ledger lacks what it holds. By the
// name of a finding it is found all the same, once a sweep has read it.
func TestAFindingFindsAnIndexWhoseImagesNobodyHadRecorded(t *testing.T) {
	w := startInspected(t)
	repository := w.ECR.Repository(wire.Scope{}, "shop")
	index, err := repository.PushIndex(ecr.Index{Seed: "shop", Tags: []string{"build-1"}})
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := w.ECS.Cluster(wire.Scope{}, "prod").CreateService("shop", ecs.ServiceOptions{}).Release(hours(-2), ecs.Container{Name: "app", Image: repository.URI() + "@" + index.Digest.String()})
	if err == nil {
		_, err = d.Complete(hours(-1))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Inspector.Scan(wire.Scope{}, "shop", index.ARM64, finding("CVE-1", "CRITICAL"))
	w.swept(hours(-1), sweep.Options{Scheduled: true})
	w.forget(index.ARM64)
	w.forget(index.Digest)
	w.swept(hours(24), sweep.Options{Scheduled: true})
	for _, wanted := range []query.ExposureQuery{{ID: "CVE-1"}, {ID: "CVE-1", Ever: true}} {
		if got := w.exposed(wanted); !slices.Contains(got, "CVE-1 shop -1h0m0s..now") {
			t.Errorf("%+v: %q", wanted, got)
		}
	}
}

// forget takes away what the table has of an image: which indexes hold it, and how it was
// scanned.
func (w world) forget(d digest.Digest) {
	w.t.Helper()
	client := dynamodb.NewFromConfig(w.Config())
	out, err := client.Scan(w.t.Context(), &dynamodb.ScanInput{TableName: aws.String("ledger")})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, item := range out.Items {
		pk, _ := item["pk"].(*types.AttributeValueMemberS)
		if !strings.HasSuffix(pk.Value, d.String()) {
			continue
		}
		if _, err := client.DeleteItem(w.t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("ledger"), Key: map[string]types.AttributeValue{"pk": item["pk"], "sk": item["sk"]}}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// What has ended of late is asked about, and keeps what Inspector forgets.
func TestWhatHasEndedKeepsItsFindings(t *testing.T) {
	w := startInspected(t)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 5)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-2", 3)
	old := w.ECR.Repository(wire.Scope{}, "shop").Tag("build-1")
	w.Inspector.Scan(wire.Scope{}, "shop", old, finding("CVE-1", "CRITICAL"))
	w.swept(hours(0), sweep.Options{Scheduled: true})
	w.Inspector.Scan(wire.Scope{}, "shop", old)
	w.swept(hours(24), sweep.Options{Scheduled: true})
	if known := w.findingsOf(old); len(known) != 1 || !known[0].Gone.IsZero() {
		t.Errorf("closed: %+v", known)
	}
	if w.swept(hours(24*92), sweep.Options{Scheduled: true}); w.counts("inspector2")["ListFindings"] != 1 {
		t.Errorf("92 days later: calls %v", w.counts("inspector2"))
	}
	if events := w.announced(); len(events) != 0 {
		t.Errorf("announced %q, and none of it is in use", events)
	}
}

func TestACriticalFindingIsAnnouncedOnceAndThatItIsGoneOnce(t *testing.T) {
	w := startInspected(t)
	w.rollOut(wire.Scope{}, "prod", "cart", "build-1", 5)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 5)
	for _, name := range []string{"cart", "shop"} {
		w.Inspector.Scan(wire.Scope{}, name, w.ECR.Repository(wire.Scope{}, name).Tag("build-1"), finding("CVE-1", "CRITICAL"), finding("CVE-2", "HIGH"))
	}
	w.EventBridge.Refuse(func([]byte) string { return "InternalFailure" })
	if _, err := w.sweepAt(t.Context(), hours(0), sweep.Options{Scheduled: true}); err == nil || len(w.announced()) != 0 {
		t.Errorf("a bus that is down: error %v, events %q", err, w.announced())
	}
	w.EventBridge.Refuse(nil)
	for hour := range 3 {
		w.swept(hours(1+hour), sweep.Options{Scheduled: true})
	}
	found := []string{"Found prod CVE-1 2 cart/running shop/running"}
	if got := w.announced(); !slices.Equal(got, found) {
		t.Errorf("announced %q, want %q", got, found)
	}
	w.rollOut(wire.Scope{}, "prod", "cart", "build-2", -4)
	w.swept(hours(5), sweep.Options{Scheduled: true})
	if got := w.announced(); !slices.Equal(got, found) {
		t.Errorf("one is left: announced %q", got)
	}
	w.rollOut(wire.Scope{}, "prod", "shop", "build-2", -6)
	for hour := range 3 {
		w.swept(hours(7+hour), sweep.Options{Scheduled: true})
	}
	if got, want := w.announced(), append(found, "Gone prod CVE-1 0"); !slices.Equal(got, want) {
		t.Errorf("none is left: announced %q, want %q", got, want)
	}
}

// exposed asks for places with a finding.
func (w world) exposed(wanted query.ExposureQuery) (places []string) {
	w.t.Helper()
	page, _, err := query.Queries{Records: w.kept(), Now: func() time.Time { return hours(24) }}.Exposure(w.t.Context(), wanted, query.Paging{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range page.Items {
		until := "now"
		if r.Until != nil {
			until = fmt.Sprint(r.Until.Sub(hours(0)))
		}
		places = append(places, fmt.Sprintf("%s %s %s..%s", cmp.Or(r.ID, "never scanned"), r.Service, r.Since.Sub(hours(0)), until))
	}
	return places
}

// The image ran, another one replaced it, and it was rolled out again. Another one lies in
// the registry, as bad as it is.
func TestAFindingOfTodayOnAnImageThatRanTwiceIsTwoIntervals(t *testing.T) {
	w := startInspected(t)
	repository := w.ECR.Repository(wire.Scope{}, "shop")
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 6)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-2", 4)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 2)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-3", 1)
	idle, err := repository.Push(ecr.Image{Seed: "idle", Tags: []string{"idle"}})
	if err != nil {
		t.Fatal(err)
	}
	bad := finding("CVE-1", "CRITICAL")
	bad.Aliases = []string{"GHSA-1"}
	w.Inspector.Scan(wire.Scope{}, "shop", repository.Tag("build-1"), bad)
	w.Inspector.Scan(wire.Scope{}, "shop", idle, bad)
	w.Inspector.Scan(wire.Scope{}, "shop", repository.Tag("build-2"))
	w.swept(hours(0), sweep.Options{Scheduled: true})
	twice := []string{"CVE-1 shop -5h59m0s..-3h59m0s", "CVE-1 shop -1h59m0s..-59m0s"}
	for _, name := range []string{"CVE-1", "ghsa-1"} {
		if got := w.exposed(query.ExposureQuery{ID: name, Ever: true}); !slices.Equal(got, twice) {
			t.Errorf("ever to %s: %q, want %q", name, got, twice)
		}
	}
	if got := w.exposed(query.ExposureQuery{Environment: "prod"}); !slices.Equal(got, []string{"never scanned shop -59m0s..now"}) {
		t.Errorf("now: %q", got)
	}
	if got := w.exposed(query.ExposureQuery{At: hours(-5), Environment: "prod"}); !slices.Equal(got, twice[:1]) {
		t.Errorf("5 hours ago: %q", got)
	}
	if got := w.exposed(query.ExposureQuery{At: hours(-3)}); len(got) != 0 {
		t.Errorf("3 hours ago: %q", got)
	}
}

func TestAnAccountWhoseInspectorMayNotBeAskedIsSaid(t *testing.T) {
	w := start(t, inspected)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 5)
	w.Inspector.Deny("ListFindings")
	w.swept(hours(0), sweep.Options{Scheduled: true})
	swept, err := w.kept().Swept(t.Context())
	if err != nil || !swept.FindingsAt.Equal(hours(0)) || len(swept.Unscanned) != 1 || !strings.HasPrefix(swept.Unscanned[0], "111122223333/us-east-1: ") {
		t.Errorf("swept %+v, %v", swept, err)
	}
	w.Inspector.Permit("ListFindings")
	w.Inspector.Throttle("ListFindings", 100)
	ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second) // five of them are the sweep's reserve
	defer cancel()
	if _, err := w.sweepAt(ctx, hours(24), sweep.Options{}); err == nil {
		t.Error("no error")
	}
	if swept, err = w.kept().Swept(t.Context()); err != nil || !swept.FindingsAt.Equal(hours(0)) {
		t.Errorf("busy: swept %+v, %v", swept, err)
	}
	w.Inspector.Permit("ListFindings")
	w.swept(hours(25), sweep.Options{Scheduled: true})
	if swept, err = w.kept().Swept(t.Context()); err != nil || !swept.FindingsAt.Equal(hours(25)) || len(swept.Unscanned) != 0 {
		t.Errorf("at last: swept %+v, %v", swept, err)
	}
}

// A thousand images are asked about ten at a time, which is what Inspector takes, and on an
// unchanged day nothing is written of them.
func TestTheDailyFetchIsAsFewCallsAsInspectorTakes(t *testing.T) {
	const images = 200
	w := start(t, inspected)
	w.limits = ratelimit.Unlimited()
	for i := range images {
		name := fmt.Sprintf("shop-%03d", i)
		w.rollOut(wire.Scope{}, "prod", name, "build-1", 5)
		w.Inspector.Scan(wire.Scope{}, name, w.ECR.Repository(wire.Scope{}, name).Tag("build-1"), finding("CVE-1", "LOW"), finding("CVE-2", "LOW"))
	}
	w.swept(hours(0), sweep.Options{Scheduled: true})
	w.swept(hours(24), sweep.Options{Scheduled: true})
	counts, asked := w.counts("dynamodb"), w.counts("inspector2")
	if asked["ListFindings"] != images/10 || asked["ListCoverage"] != 0 {
		t.Errorf("calls %v, want %d", asked, images/10)
	}
	if counts["BatchWriteItem"] != 0 || counts["PutItem"] != 2 {
		t.Errorf("an unchanged day: %v, want that it was swept and the cursor written alone", counts)
	}
}
