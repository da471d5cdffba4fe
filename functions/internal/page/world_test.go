package page

import (
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var (
	shop = tagalong.Repository{Registry: "111122223333.dkr.ecr.us-east-1.amazonaws.com", Name: "shop"}

	prodAPI    = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "api"}
	prodWeb    = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "web"}
	stagingAPI = tagalong.Service{Account: "444455556666", Region: "eu-west-1", Cluster: "staging", Name: "api"}

	rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-*"}}, {Environment: "staging", Accounts: []string{stagingAPI.Account}}}
	noon  = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
)

const executionID = "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38"

// world is the page over a ledger that a reactor keeps: an hour after noon, in which api
// went to staging and prod, one rollout of prod failed and one is under way.
type world struct {
	query.Queries
	ledger   *tagalongtest.Ledger
	registry *tagalongtest.Registry
	workload *tagalongtest.Workload
	reactor  *reactor.Reactor
	http.Handler
}

func newWorld() *world {
	w := &world{ledger: &tagalongtest.Ledger{}, registry: &tagalongtest.Registry{}, workload: &tagalongtest.Workload{}}
	clock := func() time.Time { return noon.Add(time.Hour) }
	w.reactor = &reactor.Reactor{Rules: rules, Ledger: w.ledger, Registry: w.registry, Workload: w.workload, Now: clock, Coverage: tagalongtest.Covering("111122223333", "444455556666")}
	w.Queries = query.Queries{Records: w.ledger, Registry: w.registry, Now: clock}
	w.Handler = handlerOf(w.Queries)
	return w
}

func handlerOf(q query.Queries) http.Handler {
	log := slog.New(slog.DiscardHandler)
	return Handler(q, api.Handler(q, log), log)
}

func story(t testing.TB) *world {
	t.Helper()
	w := newWorld()
	w.rollOut(t, prodAPI, 1, 0, tagalong.Completed)
	w.rollOut(t, prodWeb, 1, 5, tagalong.Completed)
	w.rollOut(t, stagingAPI, 2, 10, tagalong.Completed)
	w.deploy(t, prodAPI, 19, 29)
	w.rollOut(t, prodAPI, 2, 20, tagalong.Completed)
	w.rollOut(t, prodAPI, 3, 30, tagalong.Failed)
	w.rollOut(t, stagingAPI, 3, 40, tagalong.Completed)
	w.rollOut(t, prodWeb, 3, 50, "")
	return w
}

// rollOut tells of a rollout of an image, so many minutes after noon; "" has no end yet.
func (w *world) rollOut(t testing.TB, s tagalong.Service, version, minute int, end tagalong.FactName) {
	t.Helper()
	id := fmt.Sprintf("ecs-svc/%d", version)
	image := tagalongtest.Image(fmt.Sprint("v", version))
	w.registry.Push(shop, image, fmt.Sprint("v", version))
	w.workload.Deploy(s, id, tagalongtest.Deployment{TaskDefinition: fmt.Sprint("td:", version), Revised: []tagalong.Ran{
		{Name: s.Name, Image: fmt.Sprint(shop, ":v", version), Digest: image.Digest},
		{Name: "log", Image: "public.ecr.aws/log/router:2", Digest: tagalongtest.Image("log").Digest},
	}})
	w.tell(t, s, tagalong.Fact{Deployment: id, Name: tagalong.InProgress, Time: noon.Add(time.Duration(minute) * time.Minute), Source: tagalong.FromEvent})
	if end != "" {
		w.tell(t, s, tagalong.Fact{Deployment: id, Name: end, Time: noon.Add(time.Duration(minute)*time.Minute + 30*time.Second), Source: tagalong.FromEvent, Reason: "tasks " + string(end)})
	}
}

func (w *world) tell(t testing.TB, s tagalong.Service, f tagalong.Fact) {
	t.Helper()
	if _, err := w.reactor.Observe(t.Context(), s, f); err != nil {
		t.Fatal(err)
	}
}

// deploy tells that a pipeline deployed a service from one minute after noon to another.
func (w *world) deploy(t testing.TB, s tagalong.Service, from, to int) {
	t.Helper()
	release := tagalong.Release{Pipeline: "checkout.release", Execution: executionID, Stage: "Deploy", Commit: "c0ffee1"}
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	w.tell(t, s, tagalong.Fact{Action: s.Cluster, Name: tagalong.ActionStarted, Time: at(from), Source: tagalong.FromPipeline, Release: release, Limit: at(to)})
	w.tell(t, s, tagalong.Fact{Action: s.Cluster, Name: tagalong.ActionEnded, Time: at(to), Source: tagalong.FromPipeline})
}

// note tells of an execution that a pipeline began.
func (w *world) note(t testing.TB, pipeline string) {
	t.Helper()
	if err := w.ledger.NoteExecution(t.Context(), tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: pipeline}, executionID, tagalong.Execution{Trigger: "Webhook"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// get asks the handler; headers are names and values, in turn.
func (w *world) get(t testing.TB, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return ask(t, w, http.MethodGet, target, headers...)
}

func ask(t testing.TB, h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer
}

// page reads a page that must be there.
func (w *world) page(t testing.TB, target string) *html.Node {
	t.Helper()
	answer := w.get(t, target)
	if answer.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s", target, answer.Code, textOf(parse(t, answer.Body.String())))
	}
	return parse(t, answer.Body.String())
}

func parse(t interface{ Fatal(...any) }, body string) *html.Node {
	document, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func unzipped(t testing.TB, from io.Reader) string {
	t.Helper()
	z, err := gzip.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// elements returns the elements of a name, with a class if one is given.
func elements(in *html.Node, name, class string) (found []*html.Node) {
	for n := range in.Descendants() {
		if n.Type == html.ElementNode && n.Data == name && (class == "" || strings.Contains(" "+attribute(n, "class")+" ", " "+class+" ")) {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf returns what one reads of an element.
func textOf(n *html.Node) string {
	var all []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "style" && d.Parent.Data != "script" {
			all = append(all, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(all, " ")
}
