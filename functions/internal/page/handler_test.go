package page

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestThePagesAnswer(t *testing.T) {
	w := story(t)
	for target, wants := range map[string][]string{
		"/":                                    {"What runs where", "2 services in 2 environments", "✕ failed v3", "◐ rolling out v3", "● running", "not deployed", "with log 2", "tagalong running"},
		"/?state=failed":                       {"1 service in 2 environments"},
		"/?state=tag_blocked":                  {"No service matches.", "2 services were looked at"},
		"/?service=web":                        {"1 service in 2 environments"},
		"/?service=none-*":                     {"No service matches.", "Looked at 3 services"},
		"/?env=staging&differ=1":               {"No service matches."},
		"/?account=444455556666":               {"1 service"},
		"/?image=public.ecr":                   {"No service matches."},
		"/?at=2026-03-04T12:20:10Z":            {"What ran where", "As of 2026-03-04 12:20 UTC, not now.", "Back to now", "◐ rolling out v2", "Change after", "--at 2026-03-04T12:20:10Z"},
		"/?at=2026-03-04T12:06":                {"1 service the ledger did not know yet at that time: staging/api (known since 2026-03-04 12:10)"},
		"/?at=2026-03-04T11:00":                {"the ledger did not know yet"},
		"/service?service=api":                 {"Rollouts", "v3 ✕ failed", "tasks FAILED", "checkout.release", "c0ffee1"},
		"/service?service=prod-a/api&env=prod": {"prod-a/api in prod", "api everywhere"},
		"/image?image=shop":                    {"Image shop", "○ ended", "shop:prod"},
		"/image?image=shop:v2":                 {"Image shop:v2", "Digest as it ran"},
		"/changes?span=all":                    {"7 rollouts"},
		"/changes?env=prod&state=failed":       {"1 rollout from"},
		"/changes?since=2026-03-04T12:30&until=2026-03-04T12:45": {"2 rollouts from 2026-03-04 12:30 until 2026-03-04 12:45 UTC"},
		"/changes?span=night": {"Nothing was rolled out in that time."},
		"/releases":           {"checkout.release", "checkout.release 3f0c8a52…"},
		"/release?release=checkout.release/" + executionID: {"What it put in place", "v2 ✓ completed"},
		"/tags":                      {"shop:prod", "✓ confirmed", "Nothing."},
		"/tags?state=blocked":        {"No tag is like this."},
		"/drift":                     {"No tag is elsewhere.", "2 tags were compared with ECR.", "Rollouts that do not end None."},
		"/diff?from=staging&to=prod": {"3 containers differ", "not there"},
		"/diff?from=prod&to=prod":    {"Nothing differs."},
		"/find?q=c0ffee1":            {"commit c0ffee1", "prod", "running", "prod-a/api"},
		"/find?q=shop":               {"repository", "shop"},
	} {
		text := textOf(w.page(t, target))
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in:\n%s", target, want, text)
			}
		}
	}
}

// TestACommitLeadsToItsSource is for images that say where that is, and only to the web.
func TestACommitLeadsToItsSource(t *testing.T) {
	const commit = "1d2f3a4b5c6d7e8f90123456789abcdef0123456"
	for source, want := range map[string]string{
		"https://github.com/acme/shop":             "https://github.com/acme/shop/commit/" + commit,
		"https://gitlab.example.com/acme/shop.git": "https://gitlab.example.com/acme/shop/-/commit/" + commit,
		"javascript:alert(1)//github":              "",
		"https://user:word@github.com/acme/shop":   "",
		"https://code.example.com/shop":            "",
		"":                                         "",
	} {
		w := newWorld()
		w.Coverage = tagalongtest.Covering("111122223333")
		w.Handler = handlerOf(w.Queries)
		image := tagalongtest.Sourced(tagalongtest.Image("v1"), commit, source)
		w.registry.Push(shop, image, "v1")
		w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{TaskDefinition: "td:1", Revised: []tagalong.Ran{{Name: "api", Image: shop.String() + ":v1", Digest: image.Digest}}})
		w.tell(t, prodAPI, tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.InProgress, Time: noon, Source: tagalong.FromEvent})
		w.tell(t, prodAPI, tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: noon.Add(time.Minute), Source: tagalong.FromEvent})
		for _, target := range []string{"/service?service=api", "/image?image=shop"} {
			page, got := w.page(t, target), ""
			for _, a := range elements(page, "a", "") {
				if strings.Contains(attribute(a, "rel"), "external") {
					got = attribute(a, "href")
				}
			}
			if got != want || !strings.Contains(textOf(page), commit[:7]) {
				t.Errorf("%s of %q: a link to %q, want %q: %s", target, source, got, want, textOf(page))
			}
		}
	}
}

func TestAnEmptyLedgerSaysSo(t *testing.T) {
	w := newWorld()
	for _, target := range []string{"/", "/changes", "/releases", "/tags", "/drift", "/exposure"} {
		if text := textOf(w.page(t, target)); !strings.Contains(text, "The ledger is empty: it has seen no rollout of any service.") && target != "/drift" {
			t.Errorf("%s: %s", target, text)
		}
	}
}

// TestWhatIsWrongIsSaid asks for what is not known and what can not be understood.
func TestWhatIsWrongIsSaid(t *testing.T) {
	w := story(t)
	for target, want := range map[string]struct {
		status int
		text   string
	}{
		"/?env=prdo":                           {404, `environment "prdo" is not known; the nearest known: prod, staging.`},
		"/?at=yesterday":                       {400, `time "yesterday": want RFC 3339`},
		"/?at=2027-01-01T00:00:00Z":            {400, "is in the future"},
		"/?colour=red":                         {400, `parameter "colour" unknown here`},
		"/?service=a&service=b":                {400, "service given 2 times"},
		"/?service=[":                          {400, "want CLUSTER/NAME or NAME"},
		"/?format=xml":                         {400, "want csv or json"},
		"/?env=%zz":                            {400, "query that does not parse"},
		"/?image=" + strings.Repeat("x", 2000): {400, "of more than 1024 bytes"},
		"/service":                             {400, "service missing"},
		"/service?service=prod-a/apo":          {404, `service "prod-a/apo" is not known; the nearest known: prod-a/api`},
		"/service?service=api&cursor=AAAA":     {400, "cursor"},
		"/image":                               {400, "image missing"},
		"/image?image=none":                    {404, `repository "none" is not known`},
		"/image?image=shop:none":               {404, "ECR has no such tag now"},
		"/release?release=x":                   {400, "want PIPELINE/EXECUTION"},
		"/release?release=x/" + executionID:    {404, "is not known"},
		"/diff?from=prod":                      {400, "to: environment"},
		"/diff?from=prod&to=qa":                {404, `environment "qa" is not known`},
		"/changes?span=aeon":                   {400, "want day, night, week, month or all"},
		"/changes?since=2026-03-04T12:00&until=2026-03-04T11:00": {400, "want a time after since"},
		"/find":                                    {400, `text ""`},
		"/tags?env=qa":                             {404, `environment "qa" is not known`},
		"/exposure?severity=awful":                 {400, "want critical, high"},
		"/exposure?cve=a%20b":                      {400, "want a name such as CVE-2021-44228"},
		"/exposure?env=qa":                         {404, `environment "qa" is not known`},
		"/exposure?service=prod-a/apo":             {404, `service "prod-a/apo" is not known`},
		"/exposure?ever=1&at=2026-03-04T12:00:00Z": {400, "want it without at"},
		"/no-such-page":                            {404, "There is nothing at this address"},
	} {
		answer := w.get(t, target, "Accept", "text/html")
		text := textOf(parse(t, answer.Body.String()))
		if answer.Code != want.status || !strings.Contains(text, want.text) || answer.Header().Get("ETag") != "" {
			t.Errorf("%.80s: status %d, want %d and %q in: %s", target, answer.Code, want.status, want.text, text)
		}
	}
}

// TestWhatFailsInsideIsSaidInThePage fails after the first bytes, and before them.
func TestWhatFailsInsideIsSaidInThePage(t *testing.T) {
	w := story(t)
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if afterTheHead(operation) {
			return errors.New("secret of the table")
		}
		return nil
	}
	answer := w.get(t, "/")
	body := answer.Body.String()
	if text := textOf(parse(t, body)); !strings.Contains(text, "The answer could not be found The log says why, under request ") || strings.Contains(body, "secret") || answer.Header().Get(http.TrailerPrefix+"Etag") != "" || !strings.HasSuffix(body, "</html>") {
		t.Errorf("%s", text)
	}
	w.ledger.Hook = func(context.Context, string) error { return context.DeadlineExceeded }
	if answer := w.get(t, "/"); answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), "It takes too long now") {
		t.Errorf("status %d: %s", answer.Code, answer.Body)
	}
}

// TestDriftSaysWhatWasNotCompared has a repository that cannot be read, one that was not
// given, and a ledger that does not answer.
func TestDriftSaysWhatWasNotCompared(t *testing.T) {
	var log bytes.Buffer
	drift := func(w *world) (string, *httptest.ResponseRecorder) {
		log.Reset()
		w.Handler = Handler(w.Queries, http.NotFoundHandler(), slog.New(slog.NewTextHandler(&log, nil)))
		answer := w.get(t, "/drift")
		return textOf(parse(t, answer.Body.String())), answer
	}
	w := story(t)
	w.registry.OnRead = func(context.Context, tagalong.Repository, func() (tagalong.Images, error)) (tagalong.Images, error) {
		return tagalong.Images{}, errors.New("secret of the registry")
	}
	text, answer := drift(w)
	for _, want := range []string{"Not all repositories could be read in ECR", "2 tags were not compared", "shop:prod, shop:staging", "No tag was compared with ECR. 0 tags were compared with ECR.", "Rollouts that do not end None."} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in: %s", want, text)
		}
	}
	if strings.Contains(text, "secret") || !strings.Contains(log.String(), "level=ERROR") || answer.Header().Get(http.TrailerPrefix+"Etag") != "" {
		t.Errorf("%v, log %s: %s", answer.Header(), log.String(), text)
	}

	w = story(t)
	w.Coverage = tagalongtest.Covering("999988887777")
	if text, _ := drift(w); !strings.Contains(text, "2 tags were not compared") || strings.Contains(text, "No tag is elsewhere") || log.Len() == 0 || strings.Contains(log.String(), "ERROR") {
		t.Errorf("log %s: %s", log.String(), text)
	}

	w = story(t)
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if operation == "EnvironmentTags" {
			return errors.New("secret of the table")
		}
		return nil
	}
	if text, _ := drift(w); !strings.Contains(text, "The answer could not be found") || strings.Contains(text, "No tag") || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log %s: %s", log.String(), text)
	}
}

// TestAnAmbiguousBeginningIsSaid is for two executions that begin alike.
func TestAnAmbiguousBeginningIsSaid(t *testing.T) {
	w := story(t)
	w.note(t, "checkout.release")
	w.note(t, "billing.release")
	for _, target := range []string{"/release?release=" + executionID, "/release?release=3f0c8a5"} {
		answer := w.get(t, target, "Accept", "text/html")
		if text := textOf(parse(t, answer.Body.String())); answer.Code != http.StatusBadRequest || !strings.Contains(text, "stands for several: billing.release/"+executionID+", checkout.release/"+executionID) {
			t.Errorf("%s: status %d: %s", target, answer.Code, text)
		}
	}
}

// TestAnExecutionAloneLeadsToItsWholeName gives the beginning of one.
func TestAnExecutionAloneLeadsToItsWholeName(t *testing.T) {
	w := story(t)
	w.note(t, "checkout.release")
	for _, given := range []string{"3f0c8a5", executionID, "checkout.release/3f0c8a52", "checkout.release/" + executionID} {
		page := w.page(t, "/release?release="+given)
		if text := textOf(page); !strings.Contains(textOf(elements(page, "h1", "")[0]), "Release of checkout.release") || !strings.Contains(text, "tagalong release checkout.release/"+executionID) {
			t.Errorf("%s: %s", given, text)
		}
	}
}

// TestALateFailureIsTheStatusWhereNothingIsOut asks in the ways in which nothing goes out
// before the whole is known.
func TestALateFailureIsTheStatusWhereNothingIsOut(t *testing.T) {
	w := story(t)
	fail := errors.New("secret of the table")
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if afterTheHead(operation) {
			return fail
		}
		return nil
	}
	for _, want := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable} {
		if head := ask(t, w, http.MethodHead, "/"); head.Code != want || head.Header().Get("ETag") != "" {
			t.Errorf("HEAD: status %d, want %d: %v", head.Code, want, head.Header())
		}
		if again := w.get(t, "/", "If-None-Match", `W/"x"`); again.Code != want || again.Header().Get("ETag") != "" {
			t.Errorf("If-None-Match: status %d, want %d: %v", again.Code, want, again.Header())
		}
		event := json.RawMessage(`{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`)
		answer, err := api.Lambda(w)(t.Context(), event)
		if raw, _ := json.Marshal(answer); err != nil || !strings.Contains(string(raw), fmt.Sprintf(`{"statusCode":%d,`, want)) {
			t.Errorf("Lambda: %.200s, want %d: %v", raw, want, err)
		}
		fail = context.DeadlineExceeded
	}
	w.ledger.Hook = nil
	answer, err := api.Lambda(w)(t.Context(), json.RawMessage(`{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`))
	if raw, _ := json.Marshal(answer); err != nil || !strings.Contains(string(raw), `{"statusCode":200,`) || !strings.Contains(string(raw), `"Etag":"W/`) {
		t.Errorf("Lambda: %.600s: %v", raw, err)
	}
}

// tagsBefore is a ledger with so many other tags before its own.
type tagsBefore struct {
	ledger.Records
	others int
}

func (l tagsBefore) EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, hint int) iter.Seq2[ledger.Tag, error] {
	if !settled || environment != "prod" {
		return l.Records.EnvironmentTags(ctx, environment, settled, behind, hint)
	}
	return func(yield func(ledger.Tag, error) bool) {
		for i := range l.others {
			id := tagalong.TagID{Repository: tagalong.Repository{Registry: shop.Registry, Name: "a"}, Tag: fmt.Sprintf("t%05d", i)}
			if id.Compare(behind) > 0 && !yield(ledger.Tag{ID: id, State: ledger.TagConfirmed, Wish: ledger.Claim{Environment: environment}}, nil) {
				return
			}
		}
		for tag, err := range l.Records.EnvironmentTags(ctx, environment, settled, behind, hint) {
			if !yield(tag, err) {
				return
			}
		}
	}
}

// TestAnImagesTagsAreLookedForBehindAThousandOthers says, too, where there are more than
// it looks at.
func TestAnImagesTagsAreLookedForBehindAThousandOthers(t *testing.T) {
	for others, found := range map[int]bool{0: true, 1500: true, mostTags: false} {
		w := story(t)
		w.Records = tagsBefore{w.ledger, others}
		w.Handler = handlerOf(w.Queries)
		text := textOf(w.page(t, "/image?image=shop"))
		if strings.Contains(text, "shop:prod") != found || strings.Contains(text, "only the first 10000 were looked through") == found {
			t.Errorf("behind %d tags: %s", others, text)
		}
	}
}

// TestAnImageIsReleasedByWhoBroughtItInWhateverContainer has a service whose container has
// another name, and a sidecar that stays through two releases.
func TestAnImageIsReleasedByWhoBroughtItInWhateverContainer(t *testing.T) {
	w := newWorld()
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	sidecar := tagalongtest.Image("sidecar")
	w.registry.Push(shop, sidecar, "sidecar")
	for i, commit := range []string{"aaaaaa1", "bbbbbb2"} {
		image := tagalongtest.Image(commit)
		w.registry.Push(shop, image, commit)
		id := fmt.Sprint("ecs-svc/", i)
		w.workload.Deploy(prodAPI, id, tagalongtest.Deployment{TaskDefinition: "td:1", Revised: []tagalong.Ran{
			{Name: "app", Image: shop.String() + ":" + commit, Digest: image.Digest},
			{Name: "log", Image: shop.String() + ":sidecar", Digest: sidecar.Digest},
		}})
		release := tagalong.Release{Pipeline: "checkout.release", Execution: executionID, Stage: "Deploy", Commit: commit}
		w.tell(t, prodAPI, tagalong.Fact{Action: commit, Name: tagalong.ActionStarted, Time: at(10 * i), Source: tagalong.FromPipeline, Release: release, Limit: at(10*i + 9)})
		w.tell(t, prodAPI, tagalong.Fact{Deployment: id, Name: tagalong.InProgress, Time: at(10*i + 1), Source: tagalong.FromEvent})
		w.tell(t, prodAPI, tagalong.Fact{Deployment: id, Name: tagalong.Completed, Time: at(10*i + 2), Source: tagalong.FromEvent})
		w.tell(t, prodAPI, tagalong.Fact{Action: commit, Name: tagalong.ActionEnded, Time: at(10*i + 3), Source: tagalong.FromPipeline})
	}
	for image, want := range map[string]string{"bbbbbb2": "checkout.release bbbbbb2", "sidecar": "checkout.release aaaaaa1"} {
		page := w.page(t, "/image?image=shop:"+image)
		var got string
		for _, fact := range elements(elements(page, "dl", "")[0], "div", "") {
			if text := textOf(fact); strings.HasPrefix(text, "Released by ") {
				got = strings.TrimPrefix(text, "Released by ")
			}
		}
		if got != want {
			t.Errorf("%s: released by %q, want %q", image, got, want)
		}
	}
}

// afterTheHead reports whether the first page's head waits for no such operation.
func afterTheHead(operation string) bool {
	return operation != "Environments" && operation != "Population"
}

// TestTheHeadIsOutBeforeTheLastQuery holds that query until the head has been read.
func TestTheHeadIsOutBeforeTheLastQuery(t *testing.T) {
	w := story(t)
	read := make(chan struct{})
	w.ledger.Hook = func(ctx context.Context, operation string) error {
		if !afterTheHead(operation) {
			return nil
		}
		select {
		case <-read:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	server := httptest.NewServer(w)
	defer server.Close()
	reply, err := server.Client().Get(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	lines := bufio.NewReader(reply.Body)
	for text := ""; !strings.Contains(text, "<h1>What runs where</h1>"); {
		more, err := lines.ReadString('>')
		if text += more; err != nil {
			t.Fatalf("%v after %.200s", err, text)
		}
	}
	close(read)
	rest := new(strings.Builder)
	if _, err := lines.WriteTo(rest); err != nil || !strings.HasSuffix(rest.String(), "</html>") || !strings.Contains(rest.String(), "not deployed") {
		t.Errorf("%v: %.300s", err, rest)
	}
	if tag := reply.Trailer.Get("Etag"); !strings.HasPrefix(tag, `W/"`) {
		t.Errorf("trailers %v", reply.Trailer)
	}
}

func TestWhoHasAPageIsToldSo(t *testing.T) {
	w := story(t)
	for _, target := range []string{"/", "/service?service=api", "/image?image=shop", "/changes", "/releases", "/tags", "/drift", "/exposure"} {
		first := w.get(t, target, "Accept-Encoding", "gzip")
		tag := first.Header().Get(http.TrailerPrefix + "Etag")
		if tag == "" || first.Header().Get("Content-Encoding") != "gzip" || !strings.HasSuffix(unzipped(t, first.Body), "</html>") {
			t.Errorf("%s: %v", target, first.Header())
		}
		again := w.get(t, target, "If-None-Match", tag)
		if again.Code != http.StatusNotModified || again.Body.Len() > 0 || again.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: status %d, %d bytes", target, again.Code, again.Body.Len())
		}
		head := ask(t, w, http.MethodHead, target)
		if head.Code != http.StatusOK || head.Body.Len() > 0 || head.Header().Get("ETag") != tag || head.Header().Get("Content-Length") == "" {
			t.Errorf("HEAD %s: status %d, %v", target, head.Code, head.Header())
		}
	}
	if other := w.get(t, "/", "If-None-Match", `W/"other"`); other.Code != http.StatusOK || other.Header().Get("ETag") == "" {
		t.Errorf("status %d, %v", other.Code, other.Header())
	}
}

// TestThePolicyAllowsOurStyleAndScriptAlone computes the hashes of what a browser gets.
func TestThePolicyAllowsOurStyleAndScriptAlone(t *testing.T) {
	w := story(t)
	answer := w.get(t, "/")
	policy := answer.Header().Get("Content-Security-Policy")
	document := parse(t, answer.Body.String())
	for name, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		all := elements(document, name, "")
		if len(all) != 1 || len(all[0].Attr) > 0 || !strings.Contains(policy, directive+" '"+hashOf(all[0].FirstChild.Data)+"';") {
			t.Errorf("%d elements %s, policy %s", len(all), name, policy)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("policy %s", policy)
	}
}

// TestEveryLinkLeadsSomewhereUnderAnyPrefix follows them all, from the first page on.
func TestEveryLinkLeadsSomewhereUnderAnyPrefix(t *testing.T) {
	w := story(t)
	for _, prefix := range []string{"/", "/some/prefix/"} {
		seen, kinds := map[string]bool{}, map[string]bool{}
		for next := []string{prefix}; len(next) > 0 && len(seen) < 400; next = next[1:] {
			if seen[next[0]] {
				continue
			}
			seen[next[0]] = true
			at, err := url.Parse(next[0])
			if err != nil {
				t.Fatal(err)
			}
			answer := w.get(t, next[0], "Accept", "text/html")
			if answer.Code != http.StatusOK {
				t.Errorf("%s: status %d: %s", next[0], answer.Code, textOf(parse(t, answer.Body.String())))
			}
			kinds[strings.TrimPrefix(at.Path, prefix)] = true
			if !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
				continue
			}
			for _, a := range elements(parse(t, answer.Body.String()), "a", "") {
				to, err := at.Parse(attribute(a, "href"))
				if err != nil || !strings.HasPrefix(to.Path, prefix) || to.Host != "" {
					t.Fatalf("%s links to %s, %v", next[0], attribute(a, "href"), err)
				}
				to.Fragment = ""
				next = append(next, to.String())
			}
		}
		for _, kind := range []string{"", "changes", "releases", "release", "tags", "drift", "exposure", "service", "image", "diff", "openapi.json"} {
			if !kinds[kind] {
				t.Errorf("no link leads to %q under %s: %v", kind, prefix, kinds)
			}
		}
	}
}

// TestEveryViewHasItsRows asks for the files that a page links to.
func TestEveryViewHasItsRows(t *testing.T) {
	w := story(t)
	for _, target := range []string{"/", "/?at=2026-03-04T12:20:10Z&env=prod", "/service?service=api", "/image?image=shop", "/changes?span=all", "/release?release=checkout.release/" + executionID, "/tags", "/diff?from=staging&to=prod"} {
		page, rows := w.page(t, target), 0
		for _, a := range elements(page, "a", "") {
			link := attribute(a, "href")
			if !strings.Contains(link, "format=") {
				continue
			}
			answer := w.get(t, "/"+strings.TrimPrefix(link, "./"))
			var objects []map[string]any
			lines, err := csv.NewReader(strings.NewReader(answer.Body.String())).ReadAll()
			if strings.Contains(link, "json") {
				err = json.Unmarshal(answer.Body.Bytes(), &objects)
				lines = make([][]string, len(objects)+1)
			}
			if err != nil || answer.Code != http.StatusOK || len(lines) < 2 || rows > 0 && rows != len(lines) {
				t.Errorf("%s: status %d, %d lines after %d: %v", link, answer.Code, len(lines), rows, err)
			}
			rows = len(lines)
		}
		if rows == 0 {
			t.Errorf("%s links to no rows", target)
		}
	}
}

// TestCellsAreNoFormulas puts one into a commit.
func TestCellsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{`=HYPERLINK("https://evil.example")`: `'=HYPERLINK("https://evil.example")`, "+1": "'+1", "-1": "'-1", "@SUM(1)": "'@SUM(1)", "\t=1": "'\t=1", "c0ffee1": "c0ffee1", "a=1": "a=1", "": ""} {
		var b strings.Builder
		if err := (list[query.ReleasesRow]{{Commit: text}}).write(&b, "csv"); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(lines) != 2 || lines[1][slices.Index(lines[0], "commit")] != want {
			t.Errorf("%q: %q, want %q: %v", text, lines, want, err)
		}
	}
}

func TestTheRowsOfTheMatrixAreThoseOfTheCommand(t *testing.T) {
	w := story(t)
	for _, at := range []string{"", "2026-03-04T12:20:10Z"} {
		moment, _ := time.Parse(time.RFC3339, at)
		want, err := w.Running(t.Context(), query.RunningQuery{At: moment}, query.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		var got []query.RunningRow
		if err := json.Unmarshal(w.get(t, "/?format=json&at="+at).Body.Bytes(), &got); err != nil || len(got) != len(want.Items) {
			t.Errorf("%d rows at %q, want %d: %v", len(got), at, len(want.Items), err)
		}
	}
}

func TestTheAPIIsBesideThePage(t *testing.T) {
	w := story(t)
	for target, status := range map[string]int{
		"/v1/environments": 200, "/some/prefix/v1/environments": 200, "/openapi.json": 200, "/some/prefix/openapi.json": 200, "/v1/tags": 200,
		"/v1/services/111122223333/us-east-1/prod-a/api/history": 200, "/v1/nothing": 404, "/nothing": 404,
	} {
		if answer := w.get(t, target); answer.Code != status || !strings.Contains(answer.Header().Get("Content-Type"), "json") {
			t.Errorf("%s: status %d, %v", target, answer.Code, answer.Header())
		}
	}
	if answer := ask(t, w, http.MethodPost, "/"); answer.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", answer.Code)
	}
}
