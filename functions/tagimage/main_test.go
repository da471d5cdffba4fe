package main

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/job/jobtest"
	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestMain(m *testing.M) { lambdatest.Main(m) }

// world is a sandbox with a table, two images and a pipeline, and the function.
type world struct {
	*sandboxtest.Sandbox
	*lambdatest.Runtime
	*lambdatest.Process
	repository   *ecr.Repository
	older, newer digest.Digest // build-1, build-2
	pipeline     *codepipeline.Pipeline
	role         string // that its actions act with, "" for the pipeline's own
}

func variables(api *lambdatest.Runtime, endpoint string, more ...string) []string {
	return api.Variables("tagimage", endpoint, append([]string{"TAGALONG_TABLE=ledger"}, more...)...)
}

func start(t *testing.T, more ...string) *world {
	t.Helper()
	w := &world{Sandbox: sandboxtest.StartWith(t, sandbox.Options{}), Runtime: lambdatest.StartRuntime(t)}
	if _, err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(w.Config()), "ledger"); err != nil {
		t.Fatal(err)
	}
	w.repository = w.ECR.Repository(wire.Scope{}, "checkout-api")
	w.older, w.newer = w.push(t, "v1", "build-1"), w.push(t, "v2", "build-2")
	w.pipeline = w.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-release", codepipeline.PipelineOptions{})
	w.Process = lambdatest.Launch(t, variables(w.Runtime, w.Sandbox.URL, more...)...)
	return w
}

func (w *world) push(t *testing.T, seed, tag string) digest.Digest {
	t.Helper()
	d, err := w.repository.Push(ecr.Image{Seed: seed, Tags: []string{tag}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// recipe is what teams have in their pipelines.
func (w *world) recipe(d digest.Digest) string {
	return fmt.Sprintf(`{"RepositoryName": "checkout-api", "ImageTag": "build-1", "NewImageTag": "prod", "ImageDigest": %q, "ImageURI": "%s@%s"}`, d, w.repository.URI(), d)
}

// job starts an action of an execution of its own, so long ago.
func (w *world) job(t *testing.T, parameters string, ago time.Duration) *codepipeline.Job {
	t.Helper()
	at := time.Now().Add(-ago)
	x, _, err := w.pipeline.Start(codepipeline.ExecutionOptions{}, at)
	if err != nil {
		t.Fatal(err)
	}
	stage, _, err := x.StartStage("DeployProd", at)
	if err != nil {
		t.Fatal(err)
	}
	action, _, err := stage.StartAction("Tag", codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"},
		Configuration: map[string]string{"FunctionName": "tagimage", "UserParameters": parameters},
		RoleARN:       w.role,
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	return action.Job()
}

func succeed(t *testing.T, a lambdatest.Answer) {
	t.Helper()
	if a.Failed || a.Body != "null" {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}

func (w *world) invoke(t *testing.T, j *codepipeline.Job) codepipeline.Answer {
	t.Helper()
	return w.invokeWithin(t, j, 30*time.Second)
}

func (w *world) invokeWithin(t *testing.T, j *codepipeline.Job, limit time.Duration) codepipeline.Answer {
	t.Helper()
	succeed(t, w.Invoke(t, j.Event(), limit))
	output := w.Output.Await(t, j.ID(), 1)
	for _, secret := range []string{"very-secret", j.Credentials().SecretAccessKey, j.Credentials().SessionToken, j.Credentials().AccessKeyID} {
		if strings.Contains(output, secret) {
			t.Error("the log has credentials")
		}
	}
	return j.Answer()
}

func (w *world) wantTag(t *testing.T, on digest.Digest) {
	t.Helper()
	if at := w.repository.Tag("prod"); at != on {
		t.Errorf("prod is on %q instead of %s", at, on)
	}
}

func TestRecipeTagsTheImage(t *testing.T) {
	w := start(t)
	j := w.job(t, w.recipe(w.older), time.Minute)
	a := w.invoke(t, j)
	uri := w.repository.URI() + "@" + w.older.String()
	if a.Status != codepipeline.JobSucceeded || a.Summary != uri+" is tagged prod" || a.Variables["ImageURI"] != uri || a.Variables["ImageTag"] != "prod" {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, w.older)
	w.invoke(t, j) // a repeated job has its answer
	w.Output.Await(t, "job had its answer before", 1)
	if history := w.repository.History("prod"); !slices.Equal(history, []digest.Digest{w.older}) {
		t.Errorf("prod was on %s", history)
	}
}

// A job that comes late counts from when its action began: it takes no tag back.
func TestLateJobTakesNoTagBack(t *testing.T) {
	w := start(t)
	late := w.job(t, w.recipe(w.older), time.Hour)
	if a := w.invoke(t, w.job(t, w.recipe(w.newer), time.Minute)); a.Status != codepipeline.JobSucceeded || !strings.Contains(a.Summary, `"build-1" has moved to `+w.older.String()) {
		t.Fatalf("answer %+v", a)
	}
	a := w.invoke(t, late)
	if a.Status != codepipeline.JobSucceeded || !strings.Contains(a.Summary, `tag "prod" stays on `+w.newer.String()) || strings.Contains(a.Summary, "is tagged") || a.Variables["ImageTag"] != "build-1" {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, w.newer)
}

// Without CodePipeline's word on the action's run the job counts from when it was first seen.
func TestDateMayBeDenied(t *testing.T) {
	w := start(t)
	w.CodePipeline.Deny("ListActionExecutions")
	w.invoke(t, w.job(t, w.recipe(w.newer), time.Minute))
	w.invoke(t, w.job(t, w.recipe(w.older), time.Hour))
	w.wantTag(t, w.older)
	w.Output.Await(t, "cannot be dated", 2)
}

func TestEnvironmentMeansItsTags(t *testing.T) {
	w := start(t, `TAGALONG_ENVIRONMENTS=[{"environment":"prod","tags":["{environment}","{environment}-{service}","live"]}]`)
	a := w.invoke(t, w.job(t, `{"RepositoryName":"checkout-api","ImageTag":"build-1","Environment":"prod"}`, 0))
	if a.Status != codepipeline.JobSucceeded || w.repository.Tag("live") != w.older {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, w.older)
}

func TestJobsFailWithTheirType(t *testing.T) {
	w := start(t)
	immutable := w.ECR.Repository(wire.Scope{}, "fixed")
	for _, image := range []ecr.Image{{Seed: "a", Tags: []string{"build-1"}}, {Seed: "b", Tags: []string{"prod"}}} {
		if _, err := immutable.Push(image); err != nil {
			t.Fatal(err)
		}
	}
	if err := immutable.SetMutability("IMMUTABLE"); err != nil {
		t.Fatal(err)
	}
	const recipe = `{"RepositoryName":"checkout-api","ImageTag":"build-1","NewImageTag":"prod"}`
	for _, c := range []struct {
		parameters string
		spoil      func()
		mend       func()
		kind, says string
		recorded   bool // the promotion is
	}{
		{parameters: "not json", kind: "ConfigurationError", says: "no legal JSON"},
		{parameters: `{"RepositoryName":"none","ImageTag":"build-1","NewImageTag":"prod"}`, kind: "ConfigurationError", says: "no such tag or no such repository"},
		{parameters: `{"RepositoryName":"fixed","ImageTag":"build-1","NewImageTag":"prod"}`, kind: "ConfigurationError", says: "IMMUTABLE_WITH_EXCLUSION", recorded: true},
		{recipe, func() { w.ECR.Deny("PutImage") }, func() { w.ECR.Permit("PutImage") }, "PermissionError", "action: allow the function's role ecr:PutImage on the repository", true},
		{recipe, func() { w.ECR.Deny("BatchGetImage") }, func() { w.ECR.Permit("BatchGetImage") }, "PermissionError", "ecr:BatchGetImage", false},
	} {
		if c.spoil != nil {
			c.spoil()
		}
		a := w.invoke(t, w.job(t, c.parameters, 0))
		if c.mend != nil {
			c.mend()
		}
		if a.FailureType != c.kind || !strings.Contains(a.Message, c.says) || strings.Contains(a.Message, "; the promotion stays recorded: ") != c.recorded {
			t.Errorf("%s: answer %+v", c.parameters, a)
		}
	}
	w.ECR.Throttle("BatchGetImage", math.MaxInt)
	if a := w.invokeWithin(t, w.job(t, recipe, 0), 3*time.Second); a.FailureType != "SystemUnavailable" || !strings.Contains(a.Message, "retry the action") {
		t.Errorf("throttled as long as there is time: answer %+v", a)
	}
	w.ECR.Permit("BatchGetImage")
	w.ECR.Throttle("BatchGetImage", 4)                                                // so long it is waited for
	if a := w.invoke(t, w.job(t, recipe, 0)); a.Status != codepipeline.JobSucceeded { // all is mended
		t.Errorf("answer %+v", a)
	}
}

func TestEveryFailureOfAnImageHasItsType(t *testing.T) {
	w := start(t)
	for _, c := range jobtest.Refusals {
		for id, parameters := range map[string]string{
			"build-1":        `{"RepositoryName":"checkout-api","ImageTag":"build-1","NewImageTag":"prod"}`,
			w.older.String(): `{"RepositoryName":"checkout-api","ImageDigest":"` + w.older.String() + `","NewImageTag":"prod"}`,
		} {
			w.repository.Refuse(id, c.Code)
			a := w.invoke(t, w.job(t, parameters, 0))
			if a.FailureType != c.Type || !strings.Contains(a.Message, c.Says) {
				t.Errorf("%s of %s: answer %+v", c.Code, id, a)
			}
			w.repository.Refuse(id, "")
		}
	}
	// to a tag that is put, and to one that only says where the image came from,
	// upstream is nothing
	w.repository.Refuse("build-1", "UpstreamUnavailable")
	w.repository.Refuse("prod", "UpstreamUnavailable")
	if a := w.invoke(t, w.job(t, w.recipe(w.older), 0)); a.Status != codepipeline.JobSucceeded {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, w.older)
}

// No job hangs because the function's own settings are wrong.
func TestSettingsAreAMatterOfConfiguration(t *testing.T) {
	w := start(t)
	for setting, says := range map[string]string{
		"TAGALONG_TABLE=another":               "check TAGALONG_TABLE",
		"TAGALONG_TABLE=":                      "TAGALONG_TABLE missing",
		"TAGALONG_ENVIRONMENTS=[{}]":           "TAGALONG_ENVIRONMENTS: environment rules[0].environment",
		"TAGALONG_ENVIRONMENTS=@rules":         "TAGALONG_ENVIRONMENTS, item @rules",
		"TAGALONG_PROMOTIONS=@promotions":      "TAGALONG_PROMOTIONS, item @promotions",
		"TAGALONG_PROMOTIONS={}":               "TAGALONG_PROMOTIONS: promotions: json",
		"TAGALONG_ACCOUNTS=[{\"role\":\"x\"}]": "TAGALONG_ACCOUNTS",
	} {
		api := lambdatest.StartRuntime(t)
		p := lambdatest.Launch(t, variables(api, w.Sandbox.URL, setting)...)
		j := w.job(t, w.recipe(w.older), 0)
		succeed(t, api.Invoke(t, j.Event(), 30*time.Second))
		if a := j.Answer(); a.FailureType != "ConfigurationError" || !strings.Contains(a.Message, says) || strings.Contains(a.Message, "stays recorded") {
			t.Errorf("%s: answer %+v\n%s", setting, a, p.Output)
		}
	}
}

// Rules that were not there at the start are read with the next job.
func TestStartIsMendedByTheNextJob(t *testing.T) {
	w := start(t)
	api := lambdatest.StartRuntime(t)
	lambdatest.Launch(t, variables(api, w.Sandbox.URL, "TAGALONG_ENVIRONMENTS=@rules")...)
	invoke := func() codepipeline.Answer {
		j := w.job(t, `{"RepositoryName":"checkout-api","ImageTag":"build-1","Environment":"prod"}`, 0)
		succeed(t, api.Invoke(t, j.Event(), 30*time.Second))
		return j.Answer()
	}
	if a := invoke(); a.FailureType != "ConfigurationError" || !strings.Contains(a.Message, "item @rules") {
		t.Errorf("answer %+v", a)
	}
	_, err := dynamodb.NewFromConfig(w.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("ledger"),
		Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "@rules"}, "sk": &types.AttributeValueMemberS{Value: "SETTING"},
			"json": &types.AttributeValueMemberS{Value: `[{"environment":"prod"}]`},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := invoke(); a.Status != codepipeline.JobSucceeded {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, w.older)
}

func TestAnswersOwnFailureIsTriedAgain(t *testing.T) {
	w := start(t)
	w.CodePipeline.Throttle("PutJobSuccessResult", 3)
	if a := w.invoke(t, w.job(t, w.recipe(w.older), 0)); a.Status != codepipeline.JobSucceeded {
		t.Errorf("answer %+v", a)
	}
}

// A job that is run again promotes what it did, also if its image is named by a tag
// that has moved meanwhile, or is gone.
func TestRepeatedJobStaysWithItsImage(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"the tag has moved": func(w *world) { w.push(t, "v2", "build-1") },
		"the tag is gone":   func(w *world) { w.repository.Untag("build-1") },
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			j := w.job(t, `{"RepositoryName":"checkout-api","ImageTag":"build-1","NewImageTag":"prod"}`, time.Minute)
			w.CodePipeline.Deny("PutJobSuccessResult")
			w.CodePipeline.Deny("PutJobFailureResult")
			if a := w.Invoke(t, j.Event(), 3*time.Second); !a.Failed {
				t.Fatalf("answer %+v", a)
			}
			w.CodePipeline.Permit("PutJobSuccessResult")
			lose(w)
			if a := w.invoke(t, j); a.Status != codepipeline.JobSucceeded || a.Variables["ImageDigest"] != w.older.String() || !strings.Contains(a.Summary, w.older.String()) {
				t.Errorf("answer %+v", a)
			}
			if history := w.repository.History("prod"); !slices.Equal(history, []digest.Digest{w.older}) {
				t.Errorf("prod was on %s", history)
			}
		})
	}
}

// wantNothing checks that an event has asked for nothing but the job, and that what is
// there is as it was.
func (w *world) wantNothing(t *testing.T, j *codepipeline.Job, event string) {
	t.Helper()
	w.ResetCalls()
	succeed(t, w.Invoke(t, []byte(event), 30*time.Second))
	for _, c := range w.Calls() {
		if c.Operation != "GetJobDetails" && c.Operation != "" { // the connections that are opened at the start have none
			t.Errorf("call %+v", c)
		}
	}
	if a := j.Answer(); a.Status != codepipeline.JobPending || w.repository.Tag("prod") != "" {
		t.Errorf("answer %+v, prod is on %q", a, w.repository.Tag("prod"))
	}
}

// An event may be anybody's: what CodePipeline does not know, or knows otherwise,
// changes nothing.
func TestForgedJobsChangeNothing(t *testing.T) {
	w := start(t)
	j := w.job(t, w.recipe(w.newer), 0)
	forged := func(old, new string) string {
		t.Helper()
		event := strings.ReplaceAll(string(j.Event()), old, new)
		if event == string(j.Event()) {
			t.Fatalf("%s is not in the event", old)
		}
		return event
	}
	w.wantNothing(t, j, forged(j.ID(), "00000000-0000-4000-8000-000000000000"))
	w.Output.Await(t, "job is not known to CodePipeline: nothing is done", 1)
	w.wantNothing(t, j, forged(w.newer.String(), w.older.String()))
	w.wantNothing(t, j, forged(`"accountId":"111122223333"`, `"accountId":"444455556666"`))
	w.wantNothing(t, j, forged(`\"checkout-api\"`, `\"another\"`))
	w.Output.Await(t, "event is not the job that CodePipeline knows: nothing is done", 3)
	if a := w.invoke(t, j); a.Status != codepipeline.JobSucceeded {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, w.newer)
}

// What CodePipeline cannot be asked for is not done: Lambda tries again.
func TestNothingIsDoneWithoutCodePipelinesWord(t *testing.T) {
	w := start(t)
	j := w.job(t, w.recipe(w.older), 0)
	w.CodePipeline.Throttle("GetJobDetails", math.MaxInt)
	if a := w.Invoke(t, j.Event(), 3*time.Second); !a.Failed || !strings.Contains(a.Body, "GetJobDetails") || w.repository.Tag("prod") != "" {
		t.Errorf("answer %+v, prod is on %q", a, w.repository.Tag("prod"))
	}
	w.CodePipeline.Permit("GetJobDetails")
	if a := w.invoke(t, j); a.Status != codepipeline.JobSucceeded {
		t.Errorf("answer %+v", a)
	}
	w.CodePipeline.Deny("GetJobDetails")
	if a := w.invoke(t, w.job(t, w.recipe(w.newer), 0)); a.FailureType != "PermissionError" || !strings.Contains(a.Message, "allow the function's role codepipeline:GetJobDetails") {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, w.older)
}

// Jobs of pipelines that may not tag fail, and say what to change.
func TestPipelinesThatMayNotTagFail(t *testing.T) {
	w := start(t, `TAGALONG_PROMOTIONS=[{"pipelines":["payments-*"],"repositories":["*"]}]`)
	a := w.invoke(t, w.job(t, w.recipe(w.older), time.Minute))
	if want := "pipeline checkout-release of account 111122223333 may not tag repository " + w.repository.URI(); a.FailureType != "PermissionError" || !strings.Contains(a.Message, want) {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, "")

	w.pipeline = w.CodePipeline.CreatePipeline(wire.Scope{Account: "444455556666"}, "payments-release", codepipeline.PipelineOptions{})
	w.role = "arn:aws:iam::111122223333:role/deploy" // of ours, which a pipeline of another account acts with
	if a := w.invoke(t, w.job(t, w.recipe(w.older), time.Minute)); a.FailureType != "PermissionError" || !strings.Contains(a.Message, "account 444455556666 may not tag") {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, "")

	w.pipeline, w.role = w.CodePipeline.CreatePipeline(wire.Scope{}, "payments-release", codepipeline.PipelineOptions{}), ""
	if a := w.invoke(t, w.job(t, w.recipe(w.older), time.Minute)); a.Status != codepipeline.JobSucceeded {
		t.Errorf("answer %+v", a)
	}
	w.wantTag(t, w.older)
}

// An event that comes again after its job has failed finds nobody waiting, whether
// CodePipeline still knows the job or not.
func TestJobThatIsOverPromotesNothing(t *testing.T) {
	for _, options := range []codepipeline.PipelineOptions{{}, {ForgetsEnded: true}} {
		w := start(t)
		w.pipeline = w.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-hotfix", options)
		j := w.job(t, `{"RepositoryName":"checkout-api","ImageTag":"build-3","NewImageTag":"prod"}`, time.Minute)
		if a := w.invoke(t, j); a.Status != codepipeline.JobFailed {
			t.Fatalf("answer %+v", a)
		}
		w.push(t, "v3", "build-3")
		succeed(t, w.Invoke(t, j.Event(), 30*time.Second))
		w.Output.Await(t, map[bool]string{false: "job had its answer before", true: "job is not known to CodePipeline"}[options.ForgetsEnded], 1)
		w.wantTag(t, "")
	}
}

func TestEventThatIsNoJobIsAnError(t *testing.T) {
	w := start(t)
	if a := w.Invoke(t, []byte(`{"source":"aws.ecs"}`), 30*time.Second); !a.Failed || !strings.Contains(a.Body, "CodePipeline.job") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}

// A function that is killed before its answer is run again: the tag is put once,
// the answer is given once.
func TestKilledBeforeTheAnswer(t *testing.T) {
	w := start(t)
	target, err := url.Parse(w.Sandbox.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy, reached, ended := httputil.NewSingleHostReverseProxy(target), make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutJobSuccessResult") {
			close(reached)
			<-ended
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	defer server.Close()
	defer close(ended)
	api := lambdatest.StartRuntime(t)
	p := lambdatest.Launch(t, variables(api, server.URL)...)
	j := w.job(t, w.recipe(w.older), time.Minute)
	go api.Send(t.Context(), j.Event(), 30*time.Second)
	<-reached
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	w.wantTag(t, w.older)
	if a := j.Answer(); a.Status != codepipeline.JobPending {
		t.Fatalf("answer %+v", a)
	}
	if a := w.invoke(t, j); a.Status != codepipeline.JobSucceeded || len(w.repository.History("prod")) != 1 {
		t.Errorf("answer %+v, prod was on %s", a, w.repository.History("prod"))
	}
}

func TestStartWithoutATableFails(t *testing.T) {
	p := lambdatest.Launch(t, "AWS_REGION=us-east-1")
	_ = p.Wait()
	if p.ProcessState.ExitCode() != 1 || !strings.Contains(p.Output.String(), "TAGALONG_TABLE missing") {
		t.Errorf("exit status %d:\n%s", p.ProcessState.ExitCode(), p.Output)
	}
}
