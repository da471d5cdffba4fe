package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var (
	home = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	shop = tagalong.Repository{Registry: home, Name: "shop"}

	api   = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "api"}
	web   = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "web"}
	stage = tagalong.Service{Account: "444455556666", Region: "eu-west-1", Cluster: "staging", Name: "api"}

	rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-*"}}, {Environment: "staging", Accounts: []string{stage.Account}}}
	noon  = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
)

// world is the handler over a ledger that a reactor keeps.
type world struct {
	query.Queries
	ledger   *tagalongtest.Ledger // nil if it is another one
	registry *tagalongtest.Registry
	reactor  *reactor.Reactor
	releases ledger.Releases
	workload *tagalongtest.Workload
	log      bytes.Buffer
	http.Handler
}

func newWorld() *world {
	ledger := &tagalongtest.Ledger{}
	w := worldOn(ledger)
	w.ledger = ledger
	return w
}

func worldOn(store tagalongtest.Store) *world {
	w := &world{releases: store, registry: &tagalongtest.Registry{}, workload: &tagalongtest.Workload{}}
	clock := func() time.Time { return noon.Add(time.Hour) }
	w.reactor = &reactor.Reactor{Rules: rules, Ledger: store, Registry: w.registry, Workload: w.workload, Now: clock, Coverage: tagalongtest.Covering("111122223333", "444455556666")}
	w.Queries = query.Queries{Records: store, Registry: w.registry, Now: clock}
	w.Handler = Handler(w.Queries, slog.New(slog.NewJSONHandler(&w.log, nil)))
	return w
}

// rollOut tells of a rollout of an image, so many minutes after noon.
func (w *world) rollOut(t testing.TB, s tagalong.Service, version, minute int, end tagalong.FactName) {
	t.Helper()
	id := fmt.Sprintf("ecs-svc/%d", version)
	image := tagalongtest.Image(fmt.Sprint("v", version))
	w.registry.Push(shop, image, fmt.Sprint("v", version))
	w.workload.Deploy(s, id, tagalongtest.Deployment{TaskDefinition: fmt.Sprint("td:", version), Revised: []tagalong.Ran{
		{Name: "app", Image: fmt.Sprint(shop, ":v", version), Digest: image.Digest},
		{Name: "log", Image: "public.ecr.aws/log/router:2", Digest: tagalongtest.Image("log").Digest},
	}})
	at := noon.Add(time.Duration(minute) * time.Minute)
	for i, name := range []tagalong.FactName{tagalong.InProgress, end} {
		f := tagalong.Fact{Deployment: id, Name: name, Time: at.Add(time.Duration(i) * 30 * time.Second), Source: tagalong.FromEvent}
		if _, err := w.reactor.Observe(t.Context(), s, f); err != nil {
			t.Fatal(err)
		}
	}
}

// executionID is that of the only release in the story.
const executionID = "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38"

// deploy tells that a pipeline deployed a service from one minute after noon to
// another, and what it was that did.
func (w *world) deploy(t testing.TB, s tagalong.Service, from, to int) {
	t.Helper()
	release := tagalong.Release{Pipeline: "checkout.release", Execution: executionID, Stage: "Deploy-" + s.Cluster, Commit: "c0ffee1"}
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	for _, f := range []tagalong.Fact{
		{Action: s.Cluster, Name: tagalong.ActionStarted, Time: at(from), Source: tagalong.FromPipeline, Release: release, Limit: at(to)},
		{Action: s.Cluster, Name: tagalong.ActionEnded, Time: at(to), Source: tagalong.FromPipeline},
	} {
		if _, err := w.reactor.Observe(t.Context(), s, f); err != nil {
			t.Fatal(err)
		}
	}
	origin := tagalong.Execution{Trigger: "WebhookV2", Revisions: []tagalong.Revised{{Name: "Source", ID: "c0ffee1", Summary: "Charge a card once"}}}
	pipeline := tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: release.Pipeline}
	change := ledger.StageChange{Stage: release.Stage, State: "SUCCEEDED", At: at(to), Attempt: 1}
	if err := errors.Join(
		w.releases.NoteExecution(t.Context(), pipeline, executionID, origin, time.Time{}),
		w.releases.NoteStage(t.Context(), pipeline.Name, executionID, change, time.Time{}),
	); err != nil {
		t.Fatal(err)
	}
}

// story is a world in which enough has happened for each question to have
// several rows: staging is ahead of prod, where a rollout failed.
func story(t testing.TB) *world {
	t.Helper()
	w := newWorld()
	w.tell(t)
	return w
}

func (w *world) tell(t testing.TB) {
	t.Helper()
	w.rollOut(t, api, 1, 0, tagalong.Completed)
	w.rollOut(t, web, 1, 5, tagalong.Completed)
	w.rollOut(t, stage, 2, 10, tagalong.Completed)
	w.deploy(t, api, 19, 29)
	w.rollOut(t, api, 2, 20, tagalong.Completed)
	w.rollOut(t, api, 3, 30, tagalong.Failed)
	w.deploy(t, stage, 39, 49)
	w.rollOut(t, stage, 3, 40, tagalong.Completed)
}

// get asks the handler; headers are names and values, in turn.
func (w *world) get(t testing.TB, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return w.send(t, http.MethodGet, target, headers...)
}

func (w *world) send(t testing.TB, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}

// page reads an answer that must be one.
func page[R any](t testing.TB, answer *httptest.ResponseRecorder) query.Page[R] {
	t.Helper()
	var p struct {
		query.Page[R]
		Release json.RawMessage `json:"release"` // a release's only
	}
	if answer.Code != http.StatusOK {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	decoder := json.NewDecoder(answer.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil || p.Items == nil {
		t.Fatalf("page %+v: %v", p, err)
	}
	return p.Page
}

// told reads a problem and checks what all of them have in common.
func told(t testing.TB, answer *httptest.ResponseRecorder, status int) problem {
	t.Helper()
	p := problem{blamed: &blamed{}, unknown: &unknown{}}
	if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil {
		t.Fatalf("status %d: %s: %v", answer.Code, answer.Body, err)
	}
	h := answer.Header()
	if answer.Code != status || p.Status != status || p.Title != http.StatusText(status) || p.Type != "about:blank" || p.Detail == "" || p.RequestID == "" {
		t.Fatalf("status %d, want %d: %s", answer.Code, status, answer.Body)
	}
	if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" {
		t.Errorf("headers %v", h)
	}
	return p
}

// fail makes every operation of the ledger end with an error.
func (w *world) fail(err error) {
	w.ledger.Hook = func(context.Context, string) error { return err }
}
