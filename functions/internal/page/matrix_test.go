package page

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// TestTwoCellsShareATintExactlyIfTheirDigestsAreEqual draws a line of cells.
func TestTwoCellsShareATintExactlyIfTheirDigestsAreEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		environments := []string{"a", "b", "c", "d", "e"}
		var rows []query.RunningRow
		truth := map[string]map[string]string{} // of environments: each container's digests, joined
		unknown := map[string]bool{}
		for _, environment := range environments {
			for cluster := range rapid.IntRange(0, 2).Draw(t, "clusters") {
				for _, container := range []string{"api", "log", "agent"} {
					d := digest.Digest(rapid.SampledFrom([]string{"", "sha256:1", "sha256:2"}).Draw(t, "digest"))
					index := digest.Digest("")
					if d != "" && rapid.Bool().Draw(t, "indexed") {
						index = digest.Digest(rapid.SampledFrom([]string{"sha256:1", "sha256:9"}).Draw(t, "index"))
					}
					r := query.RunningRow{Environment: environment, Kind: tagalong.KindService, Cluster: fmt.Sprint("c", cluster), Service: "api", Container: container, Digest: d, Index: index, Added: container == "agent"}
					rows = append(rows, r)
					if r.Added {
						continue
					}
					if truth[environment] == nil {
						truth[environment] = map[string]string{}
					}
					target := map[bool]digest.Digest{true: d, false: index}[index == ""].String()
					unknown[environment] = unknown[environment] || target == ""
					if !strings.Contains(truth[environment][container]+" ", " "+target+" ") {
						all := append(strings.Fields(truth[environment][container]), target)
						slices.Sort(all)
						truth[environment][container] = " " + strings.Join(all, " ")
					}
				}
			}
		}
		m := newMatrix(environments, rows, nil, noon)
		if len(rows) == 0 {
			return
		}
		tint := func(i int) string {
			cells := elements(parse(t, "<table><tr>"+render(t, m.lines[0].cells[i].show(asked{now: noon}, environments[i], nil))), "td", "")
			return strings.Join(slices.DeleteFunc(strings.Fields(attribute(cells[0], "class")), func(class string) bool { return class == "none" }), " ")
		}
		for i := range environments {
			for j := range i {
				a, b := environments[i], environments[j]
				same := truth[a] != nil && !unknown[a] && !unknown[b] && maps.Equal(truth[a], truth[b])
				if shared := tint(i) != "" && tint(i) == tint(j); shared != same {
					t.Fatalf("%s %v has the tint %q, %s %v %q", a, truth[a], tint(i), b, truth[b], tint(j))
				}
			}
		}
	})
}

func TestTintsAreTold(t *testing.T) {
	seen := map[string]bool{}
	for n := 1; n <= tintColors*tintEdges; n++ {
		if class := tintClass(n); seen[class] {
			t.Errorf("tint %d is %s, too", n, class)
		} else if seen[class] = true; !strings.Contains(style, "."+strings.Fields(class)[0]+"{") && !strings.HasPrefix(class, "t0") {
			t.Errorf("the style has no %s", class)
		}
	}
}

func render(t interface{ Fatal(...any) }, n node) string {
	var b strings.Builder
	if err := n.Render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestThePageOfATimeIsWhatTheCommandSaysOfIt compares them at random times.
func TestThePageOfATimeIsWhatTheCommandSaysOfIt(t *testing.T) {
	w := story(t)
	random := rand.New(rand.NewPCG(20260304, 1))
	for range 60 {
		at := noon.Add(time.Duration(random.Int64N(int64(time.Hour)))).Truncate(time.Millisecond)
		found, err := w.Running(t.Context(), query.RunningQuery{At: at}, query.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for _, r := range found.Items {
			if r.Container == r.Service {
				want[r.Environment+" "+r.Cluster+"/"+r.Service] = r.ImageTag + " " + short(r.Digest)
			}
		}
		target := "/?at=" + at.Format(time.RFC3339Nano)
		if got := runningIn(w.page(t, target)); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", target, got, want)
		}
	}
}

// runningIn reads what a matrix says that runs.
func runningIn(page *html.Node) map[string]string {
	all := map[string]string{}
	for _, a := range elements(page, "a", "v") {
		_, query, _ := strings.Cut(attribute(a, "href"), "?")
		values := map[string]string{}
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			values[name] = strings.ReplaceAll(value, "%2F", "/")
		}
		if text := textOf(a); text != "nothing runs" {
			all[values["env"]+" "+values["service"]] = text
		}
	}
	return all
}

// TestARollbackSaysWhatItCameBackFrom is a failure, and the old version again.
func TestARollbackSaysWhatItCameBackFrom(t *testing.T) {
	w := story(t)
	w.tell(t, prodAPI, tagalong.Fact{Deployment: "ecs-svc/2", Name: tagalong.InProgress, Time: noon.Add(31 * time.Minute), Source: tagalong.FromEvent})
	w.tell(t, prodAPI, tagalong.Fact{Deployment: "ecs-svc/2", Name: tagalong.Completed, Time: noon.Add(32 * time.Minute), Source: tagalong.FromEvent})
	if text := textOf(w.page(t, "/?env=prod")); !strings.Contains(text, "↩ rolled back 28 min from v3, which failed") {
		t.Error(text)
	}
	if text := textOf(w.page(t, "/?env=prod&at=2026-03-04T12:31:30Z")); !strings.Contains(text, "● running 11 min c0ffee1 ◐ rolling out v2") {
		t.Error(text)
	}
}

// TestAFilterLeavesOutNoPartOfALine filters by an image that runs in staging alone, and by
// an account: what runs in the other environments is no other for that.
func TestAFilterLeavesOutNoPartOfALine(t *testing.T) {
	w := story(t)
	for _, filter := range []string{"image=shop:v3@", "image=shop:v2@", "account=" + stagingAPI.Account, "service=api"} {
		page := w.page(t, "/?"+filter)
		want := map[string]string{"prod prod-a/api": runningIn(w.page(t, "/"))["prod prod-a/api"], "staging staging/api": runningIn(w.page(t, "/"))["staging staging/api"]}
		got := runningIn(page)
		delete(got, "prod prod-a/web") // the first filter has it: v3 rolls out there
		if !maps.Equal(got, want) || strings.Contains(textOf(page), "nothing runs") {
			t.Errorf("%s: %v, want %v: %s", filter, got, want, textOf(page))
		}
	}
	if text := textOf(w.page(t, "/?image=shop:v1@")); !strings.Contains(text, "1 service in 2 environments") || !strings.Contains(text, "◐ rolling out v3") {
		t.Errorf("the latest attempt is not of the image that was filtered by, and not shown: %s", text)
	}
	if text := textOf(w.page(t, "/?image=none")); !strings.Contains(text, "No service matches. 2 services were looked at") {
		t.Error(text)
	}
}

// TestWhatWasOvertakenLaterRolledOutThen asks for a time between two starts: of the first
// one nobody saw an end.
func TestWhatWasOvertakenLaterRolledOutThen(t *testing.T) {
	w := newWorld()
	w.rollOut(t, prodAPI, 1, 0, tagalong.Completed)
	w.rollOut(t, prodAPI, 2, 10, "")
	w.rollOut(t, prodAPI, 3, 20, tagalong.Completed)
	for _, target := range []string{"/?at=2026-03-04T12:15:00Z", "/service?service=api&at=2026-03-04T12:15:00Z"} {
		if text := textOf(w.page(t, target)); !strings.Contains(text, "◐ rolling out") || !strings.Contains(text, "v2") {
			t.Errorf("%s: %s", target, text)
		}
	}
	if text := textOf(w.page(t, "/?at=2026-03-04T12:25:00Z")); strings.Contains(text, "◐ rolling out v2") {
		t.Errorf("it was overtaken by then: %s", text)
	}
}

// TestTheNextChangeIsFound is for rollouts of which one began hours before the time that is
// looked at, and one ends before another that began earlier.
func TestTheNextChangeIsFound(t *testing.T) {
	w := newWorld()
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	w.rollOut(t, prodWeb, 1, -900, tagalong.Completed)
	w.rollOut(t, prodAPI, 1, -600, "")
	w.tell(t, prodAPI, tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: at(50), Source: tagalong.FromEvent})
	for now, want := range map[string]time.Time{"2026-03-04T12:00:00Z": at(50), "2026-03-04T12:50:00Z": {}, "2026-03-04T01:00:00Z": at(50)} {
		if got := changeAfter(t, w, now); !got.Equal(want) {
			t.Errorf("after %s: %s, want %s", now, got, want)
		}
	}
	w.rollOut(t, stagingAPI, 1, 30, tagalong.Completed)
	if got, want := changeAfter(t, w, "2026-03-04T12:00:00Z"), at(30).Add(30*time.Second); !got.Equal(want) {
		t.Errorf("%s, want %s: it began later and ended earlier", got, want)
	}
}

// changeAfter reads where the page of a time leads to as the change after it; zero if
// it does not.
func changeAfter(t *testing.T, h http.Handler, at string) (next time.Time) {
	t.Helper()
	for _, a := range elements(parse(t, ask(t, h, http.MethodGet, "/?at="+at).Body.String()), "a", "button") {
		if to, err := url.Parse(attribute(a, "href")); err == nil && textOf(a) == "Change after →" {
			next, _ = time.Parse(time.RFC3339Nano, to.Query().Get("at"))
		}
	}
	return next
}

// busy is a ledger in which a rollout begins each second.
type busy struct {
	crowd
	read *atomic.Int64
}

func (b busy) EnvironmentRollouts(_ context.Context, environment string, span ledger.Span, _ int) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		for i := range 20_000 {
			row := b.row(environment, noon.Add(time.Duration(-i)*time.Second))
			if !span.Holds(row) {
				continue
			}
			if b.read.Add(1); !yield(row, nil) {
				return
			}
		}
	}
}

func (b busy) row(environment string, start time.Time) ledger.Row {
	return ledger.Row{Service: b.record(environment, 0).Service, Details: ledger.Details{Environment: environment}, Rollout: timeline.Rollout{Deployment: "ecs-svc/1", State: timeline.StateCompleted, StartedAt: start, FinishedAt: start.Add(time.Second)}}
}

func (busy) PastRecords(context.Context, string, time.Time) iter.Seq2[ledger.PastRecord, error] {
	return stream.Empty[ledger.PastRecord](nil)
}

// TestTheNextChangeIsNotLookedForWithoutEnd counts the rollouts that a page of the past reads.
func TestTheNextChangeIsNotLookedForWithoutEnd(t *testing.T) {
	for ago, known := range map[time.Duration]bool{4 * time.Minute: true, 5 * time.Hour: false} {
		var read atomic.Int64
		h := handlerOf(query.Queries{Records: busy{crowd{environments: []string{"dev", "prod"}, services: 1}, &read}, Now: func() time.Time { return noon }})
		next := changeAfter(t, h, noon.Add(-ago).Format(time.RFC3339))
		if most := int64(2 * 2 * (lately + 1)); read.Load() > most || next.IsZero() == known {
			t.Errorf("%s ago: %d rollouts were read, want at most %d; the next change %s", ago, read.Load(), most, next)
		}
	}
}

func TestAStateThatNobodyKnowsShowsAsItsWord(t *testing.T) {
	if text := render(t, badge("half_baked")); !strings.Contains(text, " half baked") {
		t.Error(text)
	}
}

// crowd is a ledger of many services, of which each has a rollout.
type crowd struct {
	ledger.Records
	environments []string
	services     int
}

func (c crowd) Environments(context.Context) ([]string, error) { return c.environments, nil }

func (c crowd) CountRunning(context.Context, string) (map[tagalong.Kind]int, error) {
	return map[tagalong.Kind]int{tagalong.KindService: c.services}, nil
}

func (c crowd) record(environment string, i int) ledger.RunningRecord {
	random := rand.New(rand.NewPCG(uint64(i), uint64(len(environment))))
	since := noon.Add(-time.Duration(random.IntN(90*24*3600)) * time.Second)
	name := fmt.Sprintf("%s-%s-%d", []string{"checkout", "billing", "search", "account", "mail"}[i%5], []string{"api", "worker", "web"}[i%3], i)
	image := func(seed string) tagalong.Container {
		return tagalong.Container{Image: tagalong.Repository{Registry: shop.Registry, Name: "team/" + name}, Digest: digest.FromString(seed), Evidence: tagalong.Pinned, ImageTag: fmt.Sprintf("build-%d", 1000+random.IntN(9000))}
	}
	main, log := image(fmt.Sprint(name, random.IntN(3))), image("log")
	main.Name, log.Name, log.ImageTag = name, "log-router", "2.32"
	return ledger.RunningRecord{
		Service: tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: environment + "-cluster", Name: name}, Environment: environment,
		Deployment: fmt.Sprintf("ecs-svc/%019d", random.Int64()), Since: since, Release: tagalong.Release{Commit: fmt.Sprintf("%040x", random.Uint64())},
		Containers: []ledger.Placed{{Container: main, Tags: []string{environment}}, {Container: log}},
	}
}

func (c crowd) RunningRecords(_ context.Context, environment string, _ tagalong.Service, _ int) iter.Seq2[ledger.RunningRecord, error] {
	return func(yield func(ledger.RunningRecord, error) bool) {
		for i := range c.services {
			if !yield(c.record(environment, i), nil) {
				return
			}
		}
	}
}

func (c crowd) EnvironmentRollouts(context.Context, string, ledger.Span, int) iter.Seq2[ledger.Row, error] {
	return stream.Empty[ledger.Row](nil)
}

func (c crowd) Services(_ context.Context, environment string) (all []tagalong.Service, err error) {
	for i := range c.services {
		all = append(all, c.record(environment, i).Service)
	}
	return all, nil
}

func (c crowd) Rollouts(context.Context, tagalong.Service, ledger.Span, int) iter.Seq2[ledger.Row, error] {
	return stream.Empty[ledger.Row](nil)
}

func (c crowd) Seen(ctx context.Context) (all []ledger.SeenService, err error) {
	for _, environment := range c.environments {
		services, _ := c.Services(ctx, environment)
		for _, s := range services {
			all = append(all, ledger.SeenService{Service: s})
		}
	}
	return all, nil
}

func (c crowd) Swept(context.Context) (ledger.Swept, error) { return ledger.Swept{}, nil }

// Scans says of every image that it is bad.
func (c crowd) Scans(_ context.Context, images []digest.Digest) (map[digest.Digest]ledger.Scan, error) {
	all := map[digest.Digest]ledger.Scan{}
	for _, d := range images {
		all[d] = ledger.Scan{Digest: d, Scanned: true, Critical: []string{d.String()[:12], "CVE-2021-44228"}[d[7]%2:], High: []string{d.String()[:13], d.String()[:14]}}
	}
	return all, nil
}

func (c crowd) TagStates(context.Context, []tagalong.TagID) (map[tagalong.TagID]ledger.Tag, error) {
	return nil, nil
}

func bigMatrix() http.Handler {
	records := crowd{environments: []string{"dev", "test", "qa", "staging", "canary", "prod"}, services: 1000}
	return handlerOf(query.Queries{Records: records, Now: func() time.Time { return noon }})
}

// TestAThousandServicesInSixEnvironmentsFit is a page of 6,000 cells, no two rows alike.
func TestAThousandServicesInSixEnvironmentsFit(t *testing.T) {
	answer := ask(t, bigMatrix(), http.MethodGet, "/", "Accept-Encoding", "gzip")
	size := answer.Body.Len()
	body := unzipped(t, answer.Body)
	if got := len(elements(parse(t, body), "a", "v")); got != 6000 {
		t.Errorf("%d cells", got)
	}
	const most = 300_000
	if size > most {
		t.Errorf("%d bytes, want at most %d", size, most)
	}
	t.Logf("%d bytes, %d before they were compressed", size, len(body))
}

// BenchmarkAThousandServices is the handler's time beside the queries, which cost nothing here.
func BenchmarkAThousandServices(b *testing.B) {
	handler := bigMatrix()
	for b.Loop() {
		ask(b, handler, http.MethodGet, "/", "Accept-Encoding", "gzip")
	}
}

// BenchmarkCompression is the part of it that compressing takes.
func BenchmarkCompression(b *testing.B) {
	body := ask(b, bigMatrix(), http.MethodGet, "/").Body.Bytes()
	for b.Loop() {
		var small bytes.Buffer
		z := gzip.NewWriter(&small)
		_, _ = z.Write(body)
		_ = z.Close()
	}
}
