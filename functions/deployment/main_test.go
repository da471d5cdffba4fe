package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
)

func TestMain(m *testing.M) { lambdatest.Main(m) }

// world is a sandbox with a table, an image and a service, and the function.
type world struct {
	*sandboxtest.Sandbox
	*lambdatest.Runtime
	*lambdatest.Process
	repository *ecr.Repository
	image      digest.Digest
	service    *ecs.Service
}

func variables(api *lambdatest.Runtime, endpoint string, more ...string) []string {
	return api.Variables("deployment", endpoint, append([]string{"TAGALONG_TABLE=ledger"}, more...)...)
}

func start(t *testing.T, more ...string) *world {
	t.Helper()
	w := &world{Sandbox: sandboxtest.StartWith(t, sandbox.Options{}), Runtime: lambdatest.StartRuntime(t)}
	if _, err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(w.Config()), "ledger"); err != nil {
		t.Fatal(err)
	}
	w.repository = w.ECR.Repository(wire.Scope{}, "checkout-api")
	image, err := w.repository.Push(ecr.Image{Seed: "v1", Tags: []string{"build-1"}})
	if err != nil {
		t.Fatal(err)
	}
	w.image = image
	w.service = w.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("checkout-api", ecs.ServiceOptions{})
	w.setting(t, "rules", `[{"environment":"prod","clusters":["prod-*"]}]`)
	w.Process = lambdatest.Launch(t, variables(w.Runtime, w.Sandbox.URL, more...)...)
	return w
}

// setting puts an item that a variable names as @NAME.
func (w *world) setting(t *testing.T, name, text string) {
	t.Helper()
	_, err := dynamodb.NewFromConfig(w.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("ledger"),
		Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "@" + name}, "sk": &types.AttributeValueMemberS{Value: "SETTING"},
			"json": &types.AttributeValueMemberS{Value: text},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// deploy returns the events of a deployment's start and completion.
func (w *world) deploy(t *testing.T) (started, completed []byte) {
	t.Helper()
	at := time.Now().Add(-time.Minute)
	d, started, err := w.service.Release(at, ecs.Container{Name: "app", Image: w.repository.URI() + ":build-1"})
	if err != nil {
		t.Fatal(err)
	}
	completed, err = d.Complete(at.Add(30 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return started, completed
}

func succeed(t *testing.T, a lambdatest.Answer) {
	t.Helper()
	if a.Failed || a.Body != "null" {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}

func TestDeploymentAnnouncesRolloutsAndNeverFailsByIt(t *testing.T) {
	w := start(t, "TAGALONG_ENVIRONMENTS=@rules", "TAGALONG_EVENT_BUS=releases")
	for refused, accepted := range []int{1, 1} {
		started, completed := w.deploy(t)
		succeed(t, w.Invoke(t, started, 30*time.Second))
		succeed(t, w.Invoke(t, completed, 30*time.Second))
		if events := w.EventBridge.Events(wire.Scope{}, "releases"); len(events) != accepted {
			t.Errorf("the bus has %s", events)
		}
		left, err := stream.Collect(dynamo.New(dynamodb.NewFromConfig(w.Config()), "ledger").Unannounced(t.Context(), time.Now().Add(time.Hour)))
		if err != nil || len(left) != refused {
			t.Errorf("the outbox has %+v, error %v", left, err)
		}
		w.EventBridge.Deny("PutEvents")
	}
	w.Output.Await(t, `"EventsUnannounced":1`, 1)
	w.Output.Await(t, "is not authorized to perform: events:PutEvents", 1)
}

func TestDeploymentMovesTheTag(t *testing.T) {
	w := start(t, "TAGALONG_ENVIRONMENTS=@rules")
	started, completed := w.deploy(t)
	succeed(t, w.Invoke(t, started, 30*time.Second))
	if on := w.repository.Tag("prod"); on != "" {
		t.Errorf("the tag is on %s before the deployment is complete", on)
	}
	w.ResetCalls()
	succeed(t, w.Invoke(t, completed, 30*time.Second))
	if on := w.repository.Tag("prod"); on != w.image {
		t.Errorf("the tag is on %q", on)
	}
	if calls := w.Calls(); len(calls) > 6 {
		t.Errorf("%d calls: %v", len(calls), calls)
	}
	w.ResetCalls()
	succeed(t, w.Invoke(t, completed, 30*time.Second)) // at least once may be twice
	if calls := w.Calls(); len(calls) > 3 || slices.ContainsFunc(calls, func(c sandbox.Call) bool { return c.Operation == "PutImage" }) {
		t.Errorf("the repeat makes %d calls: %v", len(calls), calls)
	}
	checkOutput(t, w.Output.Await(t, `"_aws"`, 3))
}

// The platforms of an index are recorded as a rollout of it starts, which may fail.
func TestAStartRecordsThePlatformsOfAnIndexInFiveCalls(t *testing.T) {
	w := start(t, "TAGALONG_ENVIRONMENTS=@rules")
	for event := range pair(w.deploy(t)) { // opens the connections
		succeed(t, w.Invoke(t, event, 30*time.Second))
	}
	multi, err := w.repository.PushIndex(ecr.Index{Seed: "multi", Tags: []string{"multi"}})
	if err != nil {
		t.Fatal(err)
	}
	d, started, err := w.service.Release(time.Now().Add(-time.Minute), ecs.Container{Name: "app", Image: w.repository.URI() + ":multi"})
	if err != nil {
		t.Fatal(err)
	}
	w.ResetCalls()
	succeed(t, w.Invoke(t, started, 30*time.Second))
	if calls := w.Calls(); len(calls) > 5 {
		t.Errorf("%d calls: %v", len(calls), calls)
	}
	indexes, err := dynamo.New(dynamodb.NewFromConfig(w.Config()), "ledger").Indexes(t.Context(), multi.ARM64)
	if err != nil || len(indexes) != 1 || indexes[0].Index != multi.Digest || indexes[0].Platform != "linux/arm64" {
		t.Errorf("indexes of the platform's image: %+v, error %v", indexes, err)
	}
	completed, err := d.Complete(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.ResetCalls()
	succeed(t, w.Invoke(t, completed, 30*time.Second))
	if calls := w.Calls(); len(calls) > 7 {
		t.Errorf("%d calls: %v", len(calls), calls)
	}
	if on := w.repository.Tag("prod"); on != multi.Digest {
		t.Errorf("the tag is on %q, want the index", on)
	}
}

// A service that nobody has heard of costs two round trips more than others: its images are
// read, beside the question whether others run them, and then they get their names.
func TestTheFirstCompletionOfAServiceTakesNoDetour(t *testing.T) {
	w := start(t, `TAGALONG_ENVIRONMENTS=[{"environment": "prod"}]`)
	_, completed := w.deploy(t)
	w.ResetCalls()
	succeed(t, w.Invoke(t, completed, 30*time.Second))
	if on := w.repository.Tag("prod"); on != w.image {
		t.Errorf("the tag is on %q", on)
	}
	var calls []string
	for _, c := range w.Calls() {
		if c.Operation != "" { // a connection that was opened
			calls = append(calls, c.Operation)
		}
	}
	slices.Sort(calls)
	want := []string{
		"BatchGetImage", "BatchGetImage", // the image, and where the tag sits
		"BatchWriteItem", "DescribeServiceRevisions", "PutImage",
		"Query", "Query", "Query", // the service, who else runs its image, and who reads its tag
		"TransactWriteItems", "UpdateItem",
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// checkOutput looks at what the function wrote: JSON in every line, and the
// metrics of each event.
func checkOutput(t *testing.T, output string) {
	t.Helper()
	var moved []float64
	for line := range strings.Lines(output) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		if _, metrics := fields["_aws"]; metrics {
			moved = append(moved, fields["TagsMoved"].(float64))
			if fields["Environment"] != "prod" {
				t.Errorf("line %s", line)
			}
		} else if fields["requestId"] == nil || fields["timestamp"] == nil {
			t.Errorf("line %s", line)
		}
	}
	if !slices.Equal(moved, []float64{0, 1, 0}) {
		t.Errorf("tags moved: %v", moved)
	}
	if strings.Contains(output, "very-secret") {
		t.Error("the log has the credentials")
	}
}

func TestMalformedEventIsAnErrorThatNamesTheField(t *testing.T) {
	w := start(t)
	started, _ := w.deploy(t)
	broken := strings.Replace(string(started), `"ecs-svc/`, `"svc/`, 1)
	for event, want := range map[string]string{
		broken:                "detail.deploymentId",
		`{"source":"aws.ecs"`: "event",
		``:                    "event",
	} {
		a := w.Invoke(t, []byte(event), 30*time.Second)
		var reply struct{ ErrorMessage string }
		if err := json.Unmarshal([]byte(a.Body), &reply); err != nil || !a.Failed || !strings.Contains(reply.ErrorMessage, want) {
			t.Errorf("event %q: failed %v: %s", event, a.Failed, a.Body)
		}
	}
	succeed(t, w.Invoke(t, started, 30*time.Second)) // the process goes on
}

// Of a service that no rule matches only which tags it reads is kept, once. The
// connections that the function opens do not count.
func TestEventThatIsNotForUsIsNoError(t *testing.T) {
	w := start(t, "TAGALONG_ENVIRONMENTS="+`[{"environment":"prod","clusters":["other-*"]}]`)
	started, completed := w.deploy(t)
	for _, event := range []struct {
		raw   []byte
		calls []string
	}{
		{[]byte(`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","time":"2026-03-04T09:18:52Z","region":"us-east-1","resources":[],"detail":{}}`), nil},
		{started, []string{"BatchGetItem", "DescribeServiceRevisions", "TransactWriteItems"}},
		{completed, []string{"BatchGetItem", "TransactWriteItems"}},
		{completed, []string{"BatchGetItem"}},
	} {
		w.ResetCalls()
		succeed(t, w.Invoke(t, event.raw, 30*time.Second))
		var calls []string
		for _, c := range w.Calls() {
			if c.Operation != "" {
				calls = append(calls, c.Operation)
			}
		}
		if !slices.Equal(calls, event.calls) {
			t.Errorf("calls %v, want %v", calls, event.calls)
		}
	}
	w.Output.Await(t, `"EventsUnmanaged":1`, 3)
}

func TestConnectionsAreOpenBeforeTheFirstEvent(t *testing.T) {
	w := start(t, "TAGALONG_ENVIRONMENTS="+`[{"environment":"prod"}]`)
	succeed(t, w.Invoke(t, []byte(`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","time":"2026-03-04T09:18:52Z","region":"us-east-1","resources":[],"detail":{}}`), 30*time.Second))
	opened := slices.DeleteFunc(w.Calls(), func(c sandbox.Call) bool { return c.Operation != "" }) // what the sandbox makes of a HEAD request
	if len(opened) != 7 {                                                                          // to ECS one, to DynamoDB and ECR as many as three containers need
		t.Errorf("%d connections to DynamoDB, ECR and ECS, want 7: %v", len(opened), opened)
	}
}

func TestFailureNamesTheOperation(t *testing.T) {
	w := start(t, "TAGALONG_ENVIRONMENTS=@rules")
	_, completed := w.deploy(t)
	w.ECR.Deny("PutImage")
	if a := w.Invoke(t, completed, 30*time.Second); !a.Failed || !strings.Contains(a.Body, "PutImage") || !strings.Contains(a.Body, "AccessDenied") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
	w.ECR.Permit("PutImage")
	succeed(t, w.Invoke(t, completed, 30*time.Second))
	if on := w.repository.Tag("prod"); on != w.image {
		t.Errorf("after the retry the tag is on %q", on)
	}
}

func TestHandlerEndsWithAnErrorOfItsOwn(t *testing.T) {
	api := lambdatest.StartRuntime(t)
	hanging, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	p := lambdatest.Launch(t, variables(api, "http://"+hanging.Addr().String())...)
	event := []byte(`{"version":"0","id":"5c7284ba-9b50-4056-b381-19acd8eb3de2","detail-type":"ECS Deployment State Change","source":"aws.ecs","account":"111122223333",
		"time":"2026-03-04T09:18:52Z","region":"us-east-1","resources":["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],
		"detail":{"eventType":"INFO","eventName":"SERVICE_DEPLOYMENT_COMPLETED","deploymentId":"ecs-svc/7330915268420174663","updatedAt":"2026-03-04T09:18:41Z","reason":""}}`)
	begun := time.Now()
	a := api.Invoke(t, event, 2*time.Second)
	if !a.Failed || !strings.Contains(a.Body, "ended before the function's timeout") || time.Since(begun) > 4*time.Second {
		t.Errorf("after %v, failed %v: %s", time.Since(begun), a.Failed, a.Body)
	}
	time.AfterFunc(500*time.Millisecond, func() { _ = p.Process.Signal(syscall.SIGTERM) })
	if a := api.Invoke(t, event, time.Minute); !a.Failed || !strings.Contains(a.Body, "ended by Lambda") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}

func TestStartReportsEveryProblem(t *testing.T) {
	p := lambdatest.Launch(t, "AWS_REGION=us-east-1", "TAGALONG_LOG_LEVEL=loud", "TAGALONG_UNTAG=maybe")
	_ = p.Wait()
	if status := p.ProcessState.ExitCode(); status != 1 {
		t.Errorf("exit status %d", status)
	}
	for _, want := range []string{"TAGALONG_TABLE missing", `TAGALONG_LOG_LEVEL \"loud\"`, `TAGALONG_UNTAG \"maybe\"`, "AWS_ACCESS_KEY_ID missing"} {
		if !strings.Contains(p.Output.String(), want) {
			t.Errorf("%s is not in:\n%s", want, p.Output)
		}
	}
}

func TestStartWithoutTheNamedItemFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"__type":"ResourceNotFoundException","message":"no table"}`, http.StatusBadRequest)
	}))
	defer server.Close()
	p := lambdatest.Launch(t, variables(lambdatest.StartRuntime(t), server.URL, "TAGALONG_ENVIRONMENTS=@rules")...)
	_ = p.Wait()
	if p.ProcessState.ExitCode() != 1 || !strings.Contains(p.Output.String(), "TAGALONG_ENVIRONMENTS, item @rules") {
		t.Errorf("exit status %d:\n%s", p.ProcessState.ExitCode(), p.Output)
	}
}
