package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/exchange"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// everything is a path of each route, and how many rows the story has for it.
var everything = []struct {
	target string
	rows   int
}{
	{"/v1/environments", 2},
	{"/v1/environments/prod/running", 4},
	{"/v1/environments/prod/running?service=prod-*/a*", 2},
	{"/v1/environments/prod/running?at=2026-03-04T12:10:00Z", 4},
	{"/v1/environments/prod/running?at=2026-03-04T13:10:00%2B01:00", 4},
	{"/v1/environments/prod/running?service=none-*", 0},
	{"/v1/environments/prod/running?service=staging/api", 0},
	{"/v1/environments/prod/history", 4},
	{"/v1/environments/prod/history?since=2026-03-04T12:05:00Z&until=2026-03-04T12:30:00Z", 2},
	{"/v1/environments/prod/history?since=2026-03-04T12:59:00Z", 0},
	{"/v1/services/111122223333/us-east-1/prod-a/api/history", 3},
	{"/v1/services/111122223333/us-east-1/prod-a/api/history?since=2026-03-04T12:59:00Z", 0},
	{"/v1/images?image=shop", 6},
	{"/v1/images?image=shop:v2", 2},
	{"/v1/images?image=" + tagalongtest.Image("v1").Digest.String(), 2},
	{"/v1/images?image=" + tagalongtest.Image("v1").Digest.Encoded()[:7], 2},
	{"/v1/images?image=shop@" + tagalongtest.Image("v1").Digest.Encoded()[:12], 2},
	{"/v1/find?q=" + tagalongtest.Image("v1").Digest.Encoded()[:7], 1},
	{"/v1/find?q=" + tagalongtest.Image("never").Digest.String(), 0},
	{"/v1/find?q=prod-a/api", 1},
	{"/v1/releases", 1},
	{"/v1/in-use?incomplete=true&previous=0", 6},
	{"/v1/exposure", 6}, // never scanned
	{"/v1/exposure?environment=staging&severity=critical&fixable=true", 2},
	{"/v1/exposure?at=2026-03-04T12:10:00Z&cve=CVE-2021-44228", 0},
	{"/v1/exposure?ever=true&cve=CVE-2021-44228", 0},
	{"/v1/releases?environment=staging", 1},
	{"/v1/releases?pipeline=none", 0},
	{"/v1/releases/checkout.release/" + executionID[:7], 2},
	{"/v1/releases/checkout.release/" + executionID, 2},
	{"/v1/images?image=" + tagalongtest.Image("never").Digest.String(), 0},
	{"/v1/images?image=shop@" + tagalongtest.Image("never").Digest.String(), 0},
	{"/v1/diff?from=staging&to=prod", 3},
	{"/v1/diff?from=prod&to=prod@2026-03-04T12:10:00Z", 1},
	{"/v1/tags", 2},
	{"/v1/tags?environment=prod", 1},
	{"/v1/tags?environment=staging", 1},
	{"/v1/tags?pending=true", 0},
	{"/v1/tags?pending=false", 2},
}

func TestPagesToTheEndAreTheWhole(t *testing.T) {
	w := story(t)
	for _, c := range everything {
		whole := page[json.RawMessage](t, w.get(t, c.target))
		if len(whole.Items) != c.rows || whole.Next != "" {
			t.Errorf("%s: %d rows, want %d, next %q", c.target, len(whole.Items), c.rows, whole.Next)
		}
		for limit := 1; limit <= c.rows; limit++ {
			if diff := cmp.Diff(whole.Items, walk(t, w, c.target, limit), cmp.Transformer("text", func(m json.RawMessage) string { return string(m) })); diff != "" && c.rows > 0 {
				t.Errorf("%s, %d at a time (-whole +pages):\n%s", c.target, limit, diff)
			}
		}
	}
}

// walk takes one page after the other.
func walk(t *testing.T, w *world, target string, limit int) (all []json.RawMessage) {
	t.Helper()
	for next, first := "", true; first || next != ""; first = false {
		p := page[json.RawMessage](t, w.get(t, with(target, fmt.Sprintf("limit=%d&cursor=%s", limit, next))))
		if len(p.Items) > limit || len(p.Items) < limit && p.Next != "" || p.Next != "" && p.Next == next {
			t.Fatalf("%s: %d rows at limit %d, next %q", target, len(p.Items), limit, p.Next)
		}
		all = append(all, p.Items...)
		next = p.Next
	}
	return all
}

func with(target, more string) string {
	if strings.Contains(target, "?") {
		return target + "&" + more
	}
	return target + "?" + more
}

// TestAnEmptyPageSaysWhatWasWatched asks for names that are known, of which there is
// nothing; and pages with rows do not pay for it, but for what others delete images by.
func TestAnEmptyPageSaysWhatWasWatched(t *testing.T) {
	w := story(t)
	for _, c := range everything {
		p := page[json.RawMessage](t, w.get(t, c.target))
		told := strings.HasPrefix(p.Watched, "Looked at 3 services of ECS in the environments prod and staging, of 2 accounts (111122223333 and 444455556666) in eu-west-1 and us-east-1") &&
			strings.Contains(p.Watched, "the ledger knows the first of them since 2026-03-04T12:00:00Z") &&
			strings.HasSuffix(p.Watched, "App Runner, Bedrock AgentCore, CodeBuild and EKS.")
		if strings.HasPrefix(c.target, "/v1/exposure") {
			if told = strings.HasPrefix(p.Watched, "The answer may be incomplete: ") && (c.rows > 0 || strings.HasSuffix(p.Watched, "CodeBuild and EKS.")); !told {
				t.Errorf("%s: %d rows, watched %q", c.target, c.rows, p.Watched)
			}
			continue
		}
		if always := strings.HasPrefix(c.target, "/v1/in-use"); told != (c.rows == 0 || always) || p.Watched != "" && !told {
			t.Errorf("%s: %d rows, watched %q", c.target, c.rows, p.Watched)
		}
	}
	empty := newWorld()
	for _, target := range []string{"/v1/environments", "/v1/tags", "/v1/images?image=" + tagalongtest.Image("never").Digest.String()} {
		if p := page[json.RawMessage](t, empty.get(t, target)); !strings.HasPrefix(p.Watched, "The ledger is empty: ") || !strings.Contains(p.Watched, "Not watched are") {
			t.Errorf("%s of an empty ledger: watched %q", target, p.Watched)
		}
	}
}

func TestRowsAreThoseOfTheCore(t *testing.T) {
	w := story(t)
	want, err := w.Running(t.Context(), query.RunningQuery{Environment: "prod"}, query.Paging{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, page[query.RunningRow](t, w.get(t, "/v1/environments/prod/running?limit=3"))); diff != "" {
		t.Errorf("(-core +API):\n%s", diff)
	}
	wanted, err := w.Tags(t.Context(), query.TagsQuery{}, query.Paging{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, page[query.TagRow](t, w.get(t, "/v1/tags"))); diff != "" {
		t.Errorf("(-core +API):\n%s", diff)
	}
}

// TestAGateAnswersEachConditionWithItsReason asks a ledger that nobody has swept: it does not
// say of an image that it does not run, nor that it has no findings.
func TestAGateAnswersEachConditionWithItsReason(t *testing.T) {
	w := story(t)
	rows := page[query.GateRow](t, w.get(t, "/v1/gate?image=shop:v2&ranIn=prod&for=100d&noNew=critical&against=prod")).Items
	if len(rows) != 2 || rows[0].Passed || !strings.Contains(rows[0].Reason, "want 2400h0m0s") || rows[1].Passed || !strings.Contains(rows[1].Reason, "nobody was asked what is found in it") {
		t.Errorf("rows %+v", rows)
	}
	if rows := page[query.GateRow](t, w.get(t, "/v1/gate?image=shop:v2&ranIn=prod&for=1ms")).Items; len(rows) != 1 || !rows[0].Passed {
		t.Errorf("rows %+v", rows)
	}
	if answer := w.get(t, "/v1/gate?image=shop:v2&notRunning=prod"); answer.Code != http.StatusConflict || !strings.Contains(answer.Body.String(), "the ledger is incomplete") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if answer := w.get(t, "/v1/gate?image=shop:v2&notRunning=pord"); answer.Code != http.StatusNotFound {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

func TestAReleaseIsThatOfTheCoreOnEveryPage(t *testing.T) {
	w := story(t)
	wanted, cursor := query.ReleaseQuery{Pipeline: "checkout.release", Execution: executionID}, ""
	for first := true; first || cursor != ""; first = false {
		want, err := w.Release(t.Context(), wanted, query.Paging{Limit: 1, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		var got query.ReleasePage
		answer := w.get(t, "/v1/releases/checkout.release/"+executionID+"?limit=1&cursor="+cursor)
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-core +API):\n%s", diff)
		}
		cursor = want.Next
	}
}

func TestAPageHasAHundredRowsByDefault(t *testing.T) {
	w := newWorld()
	for i := range 101 {
		w.rollOut(t, api, i+1, i-200, tagalong.Completed)
	}
	if p := page[ledger.HistoryRow](t, w.get(t, "/v1/environments/prod/history")); len(p.Items) != 100 || p.Next == "" {
		t.Errorf("%d rows, next %q", len(p.Items), p.Next)
	}
}

func TestACursorOfTheLongestNamesIsTaken(t *testing.T) {
	long := func(r string) string { return strings.Repeat(r, 255) }
	s := tagalong.Service{Account: "111122223333", Region: "us-gov-northeast-1", Cluster: long("c"), Name: long("s")}
	w := newWorld()
	w.reactor.Rules = nil
	w.workload.Deploy(s, "ecs-svc/1", tagalongtest.Deployment{Revised: []tagalong.Ran{
		{Name: long("a"), Image: home + "/" + long("r"), Digest: tagalongtest.Image("v1").Digest},
		{Name: long("b"), Image: home + "/" + long("r"), Digest: tagalongtest.Image("v1").Digest},
	}})
	if _, err := w.reactor.Observe(t.Context(), s, tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: noon, Source: tagalong.FromEvent}); err != nil {
		t.Fatal(err)
	}
	other := tagalong.Service{Account: "111122223333", Region: "us-gov-northeast-1", Cluster: long("d"), Name: long("s")}
	if _, err := w.reactor.Observe(t.Context(), other, tagalong.Fact{Deployment: "ecs-svc/2", Name: tagalong.Completed, Time: noon, Source: tagalong.FromEvent}); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{
		"/v1/environments/" + long("c") + "/running",
		"/v1/images?image=" + long("r"),
		"/v1/diff?from=" + long("c") + "&to=" + long("d"),
	} {
		if rows := walk(t, w, target, 1); len(rows) != 2 {
			t.Errorf("%.30s: %d rows", target, len(rows))
		}
	}
}

func TestCursorsOfOtherQuestionsAndForgedOnesAreRefused(t *testing.T) {
	w := story(t)
	own := page[json.RawMessage](t, w.get(t, "/v1/environments/prod/running?limit=1")).Next
	forged := []byte(own)
	forged[len(forged)/2] ^= 1
	for _, target := range []string{
		"/v1/environments/staging/running?cursor=" + own,
		"/v1/environments/prod/running?service=api&cursor=" + own,
		"/v1/environments/prod/history?cursor=" + own,
		"/v1/environments?cursor=" + own,
		"/v1/images?image=shop&cursor=" + own,
		"/v1/diff?from=prod&to=staging&cursor=" + own,
		"/v1/tags?cursor=" + own,
		"/v1/services/111122223333/us-east-1/prod-a/api/history?cursor=" + own,
		"/v1/environments/prod/running?cursor=" + string(forged),
		"/v1/environments/prod/running?cursor=" + own[1:],
		"/v1/environments/prod/running?cursor=AAAAAAAAAAAAbnVsbA",
		"/v1/environments/prod/running?cursor=%2F%2F",
		"/v1/environments/prod/running?cursor=" + strings.Repeat("a", 2049),
	} {
		if p := told(t, w.get(t, target), http.StatusBadRequest); p.Parameter != "cursor" || !strings.Contains(p.Detail, "want") {
			t.Errorf("%s: %+v", target, p)
		}
	}
}

func TestWhatIsNotKnownOfAPastTimeIsInAHeader(t *testing.T) {
	w := newWorld()
	last := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-b", Name: "api"}
	for minute, s := range []tagalong.Service{api, last, web} {
		w.rollOut(t, s, 1, 4*minute, tagalong.Completed)
	}
	answer := w.get(t, "/v1/environments/prod/running?at=2026-03-04T12:03:00Z")
	if got := answer.Header().Get(completeSince); got != "2026-03-04T12:08:00Z" || len(page[query.RunningRow](t, answer).Items) != 2 {
		t.Errorf("%s: %q", completeSince, got)
	}
	for pages, target := 0, "/v1/environments/prod/running?at=2026-03-04T12:03:00Z&limit=1"; target != ""; pages++ {
		answer := w.get(t, target)
		if got := answer.Header().Get(completeSince); got != "2026-03-04T12:08:00Z" || pages > 2 {
			t.Errorf("page %d: %s: %q", pages, completeSince, got)
		}
		next := page[query.RunningRow](t, answer).Next
		if target = ""; next != "" {
			target = "/v1/environments/prod/running?at=2026-03-04T12:03:00Z&limit=1&cursor=" + url.QueryEscape(next)
		} else if pages != 1 {
			t.Errorf("%d pages, want 2", pages+1)
		}
	}
	if got := w.get(t, "/v1/diff?from=prod&to=prod@2026-03-04T12:03:00Z").Header().Get(completeSince); got != "2026-03-04T12:08:00Z" {
		t.Errorf("%s: %q", completeSince, got)
	}
	if got := w.get(t, "/v1/environments/prod/running").Header().Values(completeSince); len(got) > 0 {
		t.Errorf("%s: %q", completeSince, got)
	}
}

// A time may be how long ago it was, and is the same one on all pages, however late they
// are asked for.
func TestATimeMayBeHowLongAgo(t *testing.T) {
	w := story(t)
	now := w.Now()
	q := w.Queries
	for form, ago := range map[string]string{
		"/v1/environments/prod/running?at=%s":             "45m",
		"/v1/environments/prod/history?since=%s":          "1d",
		"/v1/environments/prod/history?since=3d&until=%s": "40m30s",
		"/v1/diff?from=staging&to=prod@%s":                "50m",
		"/v1/releases?since=%s":                           "2d",
	} {
		age, err := query.ParseDuration(ago)
		if err != nil {
			t.Fatal(err)
		}
		whole := page[json.RawMessage](t, w.get(t, fmt.Sprintf(form, now.Add(-age).Format("2006-01-02T15:04:05Z"))))
		clock := now
		q.Now = func() time.Time { clock = clock.Add(7 * time.Minute); return clock.Add(-7 * time.Minute) }
		w.Handler = Handler(q, slog.New(slog.DiscardHandler))
		if got := walk(t, w, fmt.Sprintf(form, ago), 1); len(got) == 0 || !cmp.Equal(raw(whole.Items), raw(got)) {
			t.Errorf("%s: %s, want %s", fmt.Sprintf(form, ago), got, whole.Items)
		}
	}
	for _, cursor := range []string{"1772629200000", "9999999999999AAAA", "1772629200000AAAA", "x"} {
		if p := told(t, w.get(t, "/v1/environments/prod/running?at=45m&cursor="+cursor), http.StatusBadRequest); p.Parameter != "cursor" {
			t.Errorf("cursor %s: %+v", cursor, p)
		}
	}
}

func raw(messages []json.RawMessage) (texts []string) {
	for _, m := range messages {
		texts = append(texts, string(m))
	}
	return texts
}

func TestOnlyGetAndHead(t *testing.T) {
	w := story(t)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"} {
		for _, target := range []string{"/v1/tags", "/v1/environments/prod/running", "/nowhere", "/openapi.json", "/"} {
			answer := w.send(t, method, target)
			told(t, answer, http.StatusMethodNotAllowed)
			if allow := answer.Header().Get("Allow"); allow != "GET, HEAD" {
				t.Errorf("%s %s: Allow %q", method, target, allow)
			}
		}
	}
}

func TestOtherPathsAreNotFound(t *testing.T) {
	w := story(t)
	for _, target := range []string{
		"/", "/v1", "/v1/", "/v1/tags/", "//v1/tags", "/v1//tags", "/v1/../v1/tags", "/v2/tags", "/V1/tags", "/v1/environments/prod",
		"/v1/environments//running", "/v1/environments/a/b/running", "/v1/services/1/2/3/history", "/openapi.json/", "/v1/releases/a",
		"/" + strings.Repeat("a", 9000), strings.Repeat("/", 9000), "/v1/%00", "/%ff", "/v1/tag%73/x",
	} {
		told(t, w.get(t, target), http.StatusNotFound)
	}
	if w.get(t, "/v1/tag%73").Code != http.StatusOK {
		t.Error("an escape that was not necessary is not understood")
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	w := story(t)
	server := httptest.NewServer(w)
	defer server.Close()
	for _, target := range []string{"/v1/tags", "/v1/environments/prod/running", "/openapi.json", "/nowhere", "/v1/tags?limit=0", "/v1/diff"} {
		if n := w.send(t, http.MethodHead, target).Body.Len(); n > 0 {
			t.Errorf("%s: %d bytes are written", target, n)
		}
		for _, encoding := range []string{"identity", "gzip"} {
			get, body := ask(t, server, http.MethodGet, target, encoding)
			head, none := ask(t, server, http.MethodHead, target, encoding)
			if get.Header.Get("Content-Length") != fmt.Sprint(len(body)) || len(none) != 0 || get.StatusCode != head.StatusCode {
				t.Errorf("%s: Content-Length %s of %d bytes, HEAD has %d", target, get.Header.Get("Content-Length"), len(body), len(none))
			}
			get.Header.Del("Date")
			head.Header.Del("Date")
			if diff := cmp.Diff(get.Header, head.Header); diff != "" && get.StatusCode == http.StatusOK {
				t.Errorf("%s, %s (-GET +HEAD):\n%s", target, encoding, diff)
			}
		}
	}
}

func ask(t *testing.T, server *httptest.Server, method, target, encoding string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", encoding)
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, body
}

func TestHeaders(t *testing.T) {
	w := story(t)
	for target, cache := range map[string]string{"/v1/tags": "private, no-cache", "/openapi.json": "public, max-age=3600"} {
		h := w.get(t, target).Header()
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": cache, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff",
		} {
			if got := h.Values(name); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %s %q, want %q", target, name, got, want)
			}
		}
	}
}

func TestWhatTheClientHasIsNotSentAgain(t *testing.T) {
	w := story(t)
	for _, target := range []string{"/v1/environments/prod/running", "/openapi.json"} {
		first := w.get(t, target)
		tag := first.Header().Get("ETag")
		if !strings.HasPrefix(tag, `W/"`) {
			t.Fatalf("ETag %s", tag)
		}
		for known, want := range map[string]int{
			tag: 304, strings.TrimPrefix(tag, "W/"): 304, `"x", ` + tag + `,"y"`: 304, "*": 304, " * ": 304,
			`"x"`: 200, "": 200, `W/"x", "y"`: 200, strings.Trim(tag, `W/"`): 200,
		} {
			for _, encoding := range []string{"identity", "gzip"} {
				answer := w.get(t, target, "If-None-Match", known, "Accept-Encoding", encoding)
				h := answer.Header()
				if answer.Code != want || h.Get("ETag") != tag || h.Get("Cache-Control") != first.Header().Get("Cache-Control") || h.Get("Vary") == "" {
					t.Errorf("%s, known %s: status %d, want %d, headers %v", target, known, answer.Code, want, h)
				}
				if want == 304 && (answer.Body.Len() > 0 || h.Get("Content-Length")+h.Get("Content-Type")+h.Get("Content-Encoding") != "") {
					t.Errorf("%s: 304 with %d bytes, headers %v", target, answer.Body.Len(), h)
				}
			}
		}
		if two := w.get(t, target, "If-None-Match", `"x"`, "If-None-Match", tag); two.Code != 304 {
			t.Errorf("two headers: status %d", two.Code)
		}
	}
	if got := w.get(t, "/v1/tags?limit=0", "If-None-Match", "*").Code; got != 400 {
		t.Errorf("status %d of an error", got)
	}
}

func TestTheETagChangesWithTheAnswer(t *testing.T) {
	w := story(t)
	before := w.get(t, "/v1/environments/prod/history").Header().Get("ETag")
	w.rollOut(t, web, 4, 50, tagalong.Completed)
	if w.get(t, "/v1/environments/prod/history", "If-None-Match", before).Code != 200 {
		t.Error("a new rollout is not seen")
	}
}

func TestGzip(t *testing.T) {
	w := story(t)
	const long, short = "/v1/environments/prod/running", "/v1/environments"
	plain := w.get(t, long)
	for accept, want := range map[string]bool{
		"gzip": true, "GZIP": true, "x-gzip": true, "*": true, "deflate, gzip;q=0.5, br": true, "br;q=1.0, *;q=0.1": true, "gzip ; q=0.001": true,
		"": false, "identity": false, "gzip;q=0": false, "gzip;q=0.0, *": false, "gzip;q=x": false, "*;q=0": false, "zstd, br": false, ";;,,;q=,": false,
	} {
		answer := w.get(t, long, "Accept-Encoding", accept)
		if zipped := answer.Header().Get("Content-Encoding") == "gzip"; zipped != want {
			t.Errorf("%q: gzip %v, want %v", accept, zipped, want)
		}
		if answer.Header().Get("ETag") != plain.Header().Get("ETag") {
			t.Errorf("%q: another ETag", accept)
		}
		if want {
			checkUnzipped(t, answer, plain.Body.Bytes())
		}
	}
	if got := w.get(t, short, "Accept-Encoding", "gzip").Header().Get("Content-Encoding"); got != "" {
		t.Errorf("a short answer has Content-Encoding %q", got)
	}
}

func checkUnzipped(t *testing.T, answer *httptest.ResponseRecorder, want []byte) {
	t.Helper()
	z, err := gzip.NewReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %v", got, err)
	}
}

func TestErrorsInsideStayInside(t *testing.T) {
	throttled := &smithy.GenericAPIError{Code: "ProvisionedThroughputExceededException", Message: "secret table"}
	query := func(err error) error {
		return fmt.Errorf("secret table: %w", &smithy.OperationError{ServiceID: "DynamoDB", OperationName: "Query", Err: err})
	}
	for _, test := range []struct {
		err    error
		status int
		cause  string
	}{
		{errors.New("secret table"), 500, "*errors.errorString"},
		{fmt.Errorf("secret table: %w", errors.Join(&url.Error{URL: "secret table", Err: errors.New("secret table")}, errors.New("secret table"))), 500, "*errors.errorString"},
		{query(&smithy.GenericAPIError{Code: "AccessDeniedException", Message: "secret table"}), 500, "DynamoDB Query: AccessDeniedException"},
		{query(fmt.Errorf("secret table: %w", syscall.ECONNREFUSED)), 500, "DynamoDB Query: connection refused"},
		{&smithy.OperationError{ServiceID: "ECR", OperationName: "BatchGetImage", Err: query(syscall.ECONNRESET)}, 500, "ECR BatchGetImage: DynamoDB Query: connection reset by peer"},
		{query(errors.New("secret table")), 500, "DynamoDB Query: *errors.errorString"},
		{ledger.ErrNoTable, 500, "ledger table not found"},
		{throttled, 503, "ProvisionedThroughputExceededException"},
		{query(throttled), 503, "DynamoDB Query: ProvisionedThroughputExceededException"},
		{context.DeadlineExceeded, 503, "context deadline exceeded"},
		{query(context.Canceled), 503, "DynamoDB Query: context canceled"},
	} {
		checkFailure(t, test.status, test.err, test.cause)
	}
}

func checkFailure(t *testing.T, status int, err error, cause string) {
	t.Helper()
	w := story(t)
	w.fail(err)
	answer := w.get(t, "/v1/environments/prod/running")
	if p := told(t, answer, status); strings.Contains(answer.Body.String(), "secret") || p.blamed.Errors != nil {
		t.Errorf("%v: %s", err, answer.Body)
	}
	if after := answer.Header().Get("Retry-After"); (after != "") != (status == 503) {
		t.Errorf("%v: Retry-After %q", err, after)
	}
	l := w.line(t)
	if l["error"] != cause || strings.Contains(w.log.String(), "secret") || l["level"] != "ERROR" || !strings.Contains(answer.Body.String(), l["requestId"].(string)) {
		t.Errorf("%v: line %v", err, l)
	}
}

// line reads the only line of the log.
func (w *world) line(t *testing.T) map[string]any {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal(w.log.Bytes(), &line); err != nil {
		t.Fatalf("log %s: %v", &w.log, err)
	}
	return line
}

func TestTheLogSaysNothingOfWhatWasAskedFor(t *testing.T) {
	for target, route := range map[string]string{
		"/v1/images?image=password":             "/v1/images",
		"/v1/images?image=%21password":          "/v1/images",
		"/v1/tags?password=password":            "/v1/tags",
		"/v1/tags?;password":                    "/v1/tags",
		"/v1/environments/password/running":     "/v1/environments/{environment}/running",
		"/v1/environments/prod/history/pass":    "",
		"/password?password":                    "",
		"/v1/environments/a%20password/history": "/v1/environments/{environment}/history",
	} {
		w := story(t)
		w.get(t, target)
		l := w.line(t)
		if l["route"] != route || l["method"] != "GET" || l["status"] == nil || l["duration"] == nil || l["requestId"] == "" || strings.Contains(w.log.String(), "pass") {
			t.Errorf("%s: %s", target, &w.log)
		}
	}
}

func TestTheRequestIDIsLambdas(t *testing.T) {
	w := story(t)
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536"})
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, "GET", "/nowhere", nil))
	if p := told(t, answer, 404); p.RequestID != "8476a536" || w.line(t)["requestId"] != "8476a536" {
		t.Errorf("%+v, log %s", p, &w.log)
	}
}

func TestARequestHasATime(t *testing.T) {
	w := story(t)
	w.ledger.Hook = func(ctx context.Context, _ string) error {
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > exchange.Timeout {
			t.Errorf("the deadline is %v", deadline)
		}
		return nil
	}
	w.get(t, "/v1/tags")
}

func TestWhoseTimeIsUpIsToldSo(t *testing.T) {
	w := story(t)
	w.ledger.Hook = func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return errors.New("connection reset")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, "GET", "/v1/tags", nil))
	told(t, answer, 503)
	if l := w.line(t); l["error"] != "context deadline exceeded" {
		t.Errorf("line %v", l)
	}
}

func TestAClientThatHangsUpIsNoFailure(t *testing.T) {
	w := story(t)
	ctx, hangUp := context.WithCancel(t.Context())
	w.ledger.Hook = func(ctx context.Context, _ string) error {
		hangUp()
		<-ctx.Done()
		return errors.New("connection reset")
	}
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, "GET", "/v1/tags", nil))
	if answer.Body.Len() > 0 {
		t.Errorf("it is told %s", answer.Body)
	}
	if l := w.line(t); l["level"] != "INFO" || l["status"] != 499.0 || l["error"] != nil {
		t.Errorf("line %v", l)
	}
}

// FuzzHandler sends targets as a client could write them.
func FuzzHandler(f *testing.F) {
	for _, c := range everything {
		f.Add(c.target)
	}
	for _, target := range []string{
		"/v1/tags?;", "/v1/tags?%", "/v1/tags?limit=%00", "/v1/environments/%ff%fe/running", "/v1/images?image=\xff", "/v1/diff?from=a@&to=@",
		"/v1/environments/prod/running?service=[", "/v1/environments/prod/running?cursor=AAAA", "/v1/environments/prod/history?since=9999-12-31T23:59:59-23:59",
		"/v1/environments/prod/running?at=0001-01-01T00:00:00%2B23:59", "/v1/images?image=localhost/", "/v1/images?image=a.b/c:d", "/v1/images?image=@",
	} {
		f.Add(target)
	}
	w := story(f)
	f.Fuzz(func(t *testing.T, target string) {
		defer w.log.Reset()
		path, query, _ := strings.Cut(target, "?")
		unescaped, err := url.PathUnescape(path)
		if err != nil {
			unescaped = path
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.URL = &url.URL{Path: unescaped, RawPath: path, RawQuery: query}
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, r)
		switch answer.Code {
		case 200:
			if !json.Valid(answer.Body.Bytes()) {
				t.Errorf("%q: %s", target, answer.Body)
			}
		case 400:
			if p := told(t, answer, 400); len(p.Errors) == 0 || p.Errors[0] != (badParameter{p.Parameter, p.Value, p.Detail}) {
				t.Errorf("%q: %s", target, answer.Body)
			}
		default:
			told(t, answer, 404)
		}
	})
}
