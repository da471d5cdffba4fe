package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestMain(m *testing.M) { lambdatest.Main(m) }

// world is a sandbox in which a deployment has completed, and the function.
type world struct {
	*sandboxtest.Sandbox
	*lambdatest.Runtime
	*lambdatest.Process
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{Sandbox: sandboxtest.StartWith(t, sandbox.Options{}), Runtime: lambdatest.StartRuntime(t)}
	w.rollOut(t)
	w.Process = lambdatest.Launch(t, w.Variables("history", w.Sandbox.URL, "TAGALONG_TABLE=ledger")...)
	return w
}

// rollOut lets the real reactor handle a deployment's end.
func (w *world) rollOut(t *testing.T) {
	t.Helper()
	if _, err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(w.Config()), "ledger"); err != nil {
		t.Fatal(err)
	}
	config, err := boot.ReadConfig(func(name string) string { return map[string]string{boot.EnvTable: "ledger"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	reactor, err := wiring.Reactor(t.Context(), config, w.Config(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reactor.Handle(t.Context(), w.completion(t)); err != nil {
		t.Fatal(err)
	}
}

func (w *world) completion(t *testing.T) []byte {
	t.Helper()
	repository := w.ECR.Repository(wire.Scope{}, "checkout-api")
	if _, err := repository.Push(ecr.Image{Seed: "v1", Tags: []string{"build-1"}}); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Minute)
	service := w.ECS.Cluster(wire.Scope{}, "prod").CreateService("checkout-api", ecs.ServiceOptions{})
	d, _, err := service.Release(at, ecs.Container{Name: "app", Image: repository.URI() + ":build-1"})
	if err != nil {
		t.Fatal(err)
	}
	completed, err := d.Complete(at.Add(30 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return completed
}

// response is what the function gives.
type response struct {
	StatusCode int
	Headers    map[string]string
	Body       string
}

func (w *world) ask(t *testing.T, method, path, query string) response {
	t.Helper()
	event := fmt.Sprintf(`{"version":"2.0","rawPath":%q,"rawQueryString":%q,"headers":{"host":"abcdefghij.lambda-url.us-east-1.on.aws"},
		"requestContext":{"http":{"method":%q,"path":%q},"stage":"$default"},"isBase64Encoded":false}`, path, query, method, path)
	a := w.Invoke(t, []byte(event), 30*time.Second)
	var r response
	if err := json.Unmarshal([]byte(a.Body), &r); err != nil || a.Failed {
		t.Fatalf("failed %v: %s", a.Failed, a.Body)
	}
	return r
}

func TestHistoryAnswersFromTheLedgerAndECR(t *testing.T) {
	w := start(t)
	for target, rows := range map[[2]string]int{
		{"/v1/environments", ""}:                                              1,
		{"/v1/environments/prod/running", ""}:                                 1,
		{"/v1/services/111122223333/us-east-1/prod/checkout-api/history", ""}: 1,
		{"/v1/images", "image=checkout-api:prod"}:                             1,
		{"/v1/tags", "pending=true"}:                                          0,
	} {
		var page query.Page[any]
		if r := w.ask(t, "GET", target[0], target[1]); r.StatusCode != http.StatusOK || json.Unmarshal([]byte(r.Body), &page) != nil || len(page.Items) != rows {
			t.Errorf("%s: %+v", target, r)
		}
	}
	if r := w.ask(t, "HEAD", "/openapi.json", ""); r.StatusCode != 200 || r.Body != "" || r.Headers["Etag"] == "" {
		t.Errorf("%+v", r)
	}
	if r := w.ask(t, "POST", "/v1/tags", ""); r.StatusCode != 405 || r.Headers["Allow"] != "GET, HEAD" {
		t.Errorf("%+v", r)
	}
}

// TestHistoryShowsThePage asks for it as a browser does, twice.
func TestHistoryShowsThePage(t *testing.T) {
	w := start(t)
	r := w.ask(t, "GET", "/", "")
	for _, want := range []string{"What runs where", "checkout-api", "build-1", "</html>"} {
		if r.StatusCode != http.StatusOK || !strings.Contains(r.Body, want) || !strings.HasPrefix(r.Headers["Content-Security-Policy"], "default-src 'none'; ") || r.Headers["Etag"] == "" {
			t.Errorf("%q is not in %+v", want, r)
		}
	}
	if r := w.ask(t, "GET", "/image", "image=checkout-api"); r.StatusCode != http.StatusOK || !strings.Contains(r.Body, "Where it runs and ran") {
		t.Errorf("%+v", r)
	}
}

func TestHistoryHidesWhatIsWrongInside(t *testing.T) {
	w := start(t)
	w.ECR.Deny("BatchGetImage")
	r := w.ask(t, "GET", "/v1/images", "image=checkout-api:prod&limit=17")
	const id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd" // the emulator's
	if r.StatusCode != 500 || strings.Contains(r.Body, "BatchGetImage") || !strings.Contains(r.Body, id) {
		t.Errorf("%+v", r)
	}
	var line map[string]any
	output := w.Output.Await(t, `"route"`, 1)
	if err := json.Unmarshal([]byte(output), &line); err != nil {
		t.Fatalf("%s: %v", output, err)
	}
	if line["route"] != "/v1/images" || line["requestId"] != id || strings.Count(output, "requestId") != 1 || !strings.Contains(line["error"].(string), "BatchGetImage") || strings.Contains(output, "limit=") || strings.Contains(output, "checkout-api") {
		t.Errorf("line %s", output)
	}
}

func TestOtherEventsAreErrors(t *testing.T) {
	w := start(t)
	if a := w.Invoke(t, []byte(`{"source":"aws.ecs"}`), 30*time.Second); !a.Failed || !strings.Contains(a.Body, "payload format 2.0") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}

func TestStartReportsEveryProblem(t *testing.T) {
	p := lambdatest.Launch(t, "AWS_REGION=us-east-1", "TAGALONG_LOG_LEVEL=loud")
	_ = p.Wait()
	for _, want := range []string{"TAGALONG_TABLE missing", `TAGALONG_LOG_LEVEL \"loud\"`, "AWS_ACCESS_KEY_ID missing"} {
		if p.ProcessState.ExitCode() != 1 || !strings.Contains(p.Output.String(), want) {
			t.Errorf("exit status %d, %s is not in:\n%s", p.ProcessState.ExitCode(), want, p.Output)
		}
	}
}
