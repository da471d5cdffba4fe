package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/job/jobtest"
	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/s3"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestMain(m *testing.M) { lambdatest.Main(m) }

const kmsKey = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// world is a sandbox with an image, a service and a pipeline, and the function.
type world struct {
	*sandboxtest.Sandbox
	*lambdatest.Runtime
	*lambdatest.Process
	repository *ecr.Repository
	image      digest.Digest
	options    codepipeline.PipelineOptions
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{options: codepipeline.PipelineOptions{Key: kmsKey}, Sandbox: sandboxtest.StartWith(t, sandbox.Options{}), Runtime: lambdatest.StartRuntime(t)}
	w.repository = w.ECR.Repository(wire.Scope{}, "checkout-api")
	image, err := w.repository.Push(ecr.Image{Seed: "v1", Tags: []string{"build-1"}})
	if err != nil {
		t.Fatal(err)
	}
	w.image = image
	service := w.ECS.Cluster(wire.Scope{}, "prod").CreateService("checkout", ecs.ServiceOptions{})
	if _, _, err := service.Release(time.Now(), ecs.Container{Name: "app", Image: w.repository.URI() + ":build-1"}); err != nil {
		t.Fatal(err)
	}
	w.Process = lambdatest.Launch(t, w.Runtime.Variables("imagedefinitions", w.Sandbox.URL)...)
	return w
}

// pipeline runs an ECR source action, which leaves these files, and starts the
// action with these parameters.
func (w *world) pipeline(t *testing.T, parameters string, files map[string]string) (*codepipeline.Execution, *codepipeline.Job) {
	t.Helper()
	at := time.Now().Add(-time.Minute)
	x, _, err := w.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-release", w.options).Start(codepipeline.ExecutionOptions{}, at)
	if err != nil {
		t.Fatal(err)
	}
	stage, _, err := x.StartStage("Release", at)
	if err != nil {
		t.Fatal(err)
	}
	begin := func(name string, options codepipeline.ActionOptions) *codepipeline.Action {
		action, _, err := stage.StartAction(name, options, at)
		if err != nil {
			t.Fatal(err)
		}
		return action
	}
	begin("Source", codepipeline.ActionOptions{Type: codepipeline.ActionType{Category: "Source", Provider: "ECR"}, Outputs: []string{"EcrImage"}})
	source, _ := x.Artifact("EcrImage")
	if err := w.S3.Put(source.Bucket, source.Key, s3.Object{Data: archive(t, files)}); err != nil {
		t.Fatal(err)
	}
	action := begin("Pin", codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"},
		Configuration: map[string]string{"FunctionName": "imagedefinitions", "UserParameters": parameters},
		Inputs:        []string{"EcrImage"}, Outputs: []string{"Definitions"},
	})
	return x, action.Job()
}

func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte(content))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// written returns the file of the output artifact, and how that is encrypted.
func (w *world) written(t *testing.T, x *codepipeline.Execution, file string) (content, key string) {
	t.Helper()
	out, _ := x.Artifact("Definitions")
	object, ok := w.S3.Get(out.Bucket, out.Key)
	if !ok {
		t.Fatal("no artifact is written")
	}
	archive, err := zip.NewReader(bytes.NewReader(object.Data), int64(len(object.Data)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := archive.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), object.KMSKey
}

func succeed(t *testing.T, a lambdatest.Answer) {
	t.Helper()
	if a.Failed || a.Body != "null" {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}

// wantSecrecy checks that nothing the function wrote shows credentials.
func wantSecrecy(t *testing.T, w *world, j *codepipeline.Job) {
	t.Helper()
	output := w.Output.Await(t, j.ID(), 1)
	for _, secret := range []string{"very-secret", j.Credentials().SecretAccessKey, j.Credentials().SessionToken, j.Credentials().AccessKeyID} {
		if strings.Contains(output, secret) {
			t.Error("the log has credentials")
		}
	}
}

func TestDefinitionsArePinnedFromTheSourcesArtifact(t *testing.T) {
	w := start(t)
	pinned := w.repository.URI() + "@" + w.image.String()
	detail := fmt.Sprintf(`{"ImageDigest":%q,"RegistryId":"111122223333","RepositoryName":"checkout-api","ImageURI":%q,"ImageTags":["build-1"]}`, w.image, pinned)
	x, j := w.pipeline(t, `{"ContainerName":"app","ClusterName":"prod","ServiceName":"checkout"}`, map[string]string{"imageDetail.json": detail})
	succeed(t, w.Invoke(t, j.Event(), 30*time.Second))
	if a := j.Answer(); a.Status != codepipeline.JobSucceeded || a.Variables["ImageURI"] != pinned || a.Variables["ImageDigest"] != w.image.String() {
		t.Fatalf("answer %+v", a)
	}
	content, key := w.written(t, x, "imagedefinitions.json")
	if want := `[{"name":"app","imageUri":"` + pinned + `"}]`; content != want || key != kmsKey {
		t.Errorf("%s, by key %s", content, key)
	}
	succeed(t, w.Invoke(t, j.Event(), 30*time.Second)) // a repeated job has its answer
	w.Output.Await(t, "job had its answer before", 1)
	wantSecrecy(t, w, j)
}

// An event may be anybody's: what CodePipeline does not know, or knows otherwise,
// writes no artifact and answers no job.
func TestForgedJobsChangeNothing(t *testing.T) {
	w := start(t)
	newer, err := w.repository.Push(ecr.Image{Seed: "v2", Tags: []string{"build-2"}})
	if err != nil {
		t.Fatal(err)
	}
	x, j := w.pipeline(t, `{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-2"}`, nil)
	out, _ := x.Artifact("Definitions")
	for old, forged := range map[string]string{
		j.ID():                       "00000000-0000-4000-8000-000000000000",
		"build-2":                    "build-1",
		`"accountId":"111122223333"`: `"accountId":"444455556666"`,
		out.Key:                      out.Key + "x",
		out.Bucket:                   "somebody-elses",
	} {
		event := strings.ReplaceAll(string(j.Event()), old, forged)
		if event == string(j.Event()) {
			t.Fatalf("%s is not in the event", old)
		}
		w.ResetCalls()
		succeed(t, w.Invoke(t, []byte(event), 30*time.Second))
		for _, c := range w.Calls() {
			if c.Operation != "GetJobDetails" && c.Operation != "" { // the connections that are opened at the start have none
				t.Errorf("%s in place of %s: call %+v", forged, old, c)
			}
		}
		if _, written := w.S3.Get(out.Bucket, out.Key); written || j.Answer().Status != codepipeline.JobPending {
			t.Errorf("%s in place of %s: written %t, answer %+v", forged, old, written, j.Answer())
		}
	}
	succeed(t, w.Invoke(t, j.Event(), 30*time.Second))
	if content, _ := w.written(t, x, "imagedefinitions.json"); !strings.Contains(content, newer.String()) {
		t.Errorf("%s, answer %+v", content, j.Answer())
	}
}

// An event that comes again when its job is over leaves the artifact as it is, though
// the tag has moved meanwhile.
func TestJobThatIsOverWritesNothing(t *testing.T) {
	w := start(t)
	x, j := w.pipeline(t, `{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-1"}`, nil)
	succeed(t, w.Invoke(t, j.Event(), 30*time.Second))
	first, _ := w.written(t, x, "imagedefinitions.json")
	if _, err := w.repository.Push(ecr.Image{Seed: "v2", Tags: []string{"build-1"}}); err != nil {
		t.Fatal(err)
	}
	succeed(t, w.Invoke(t, j.Event(), 30*time.Second))
	w.Output.Await(t, "job had its answer before", 1)
	if again, _ := w.written(t, x, "imagedefinitions.json"); again != first || !strings.Contains(first, w.image.String()) || j.Answer().Status != codepipeline.JobSucceeded {
		t.Errorf("%s in place of %s, answer %+v", again, first, j.Answer())
	}
}

// Credentials of somebody else's reach nothing: the job's are CodePipeline's.
func TestForgedCredentialsAreNotUsed(t *testing.T) {
	w := start(t)
	x, j := w.pipeline(t, `{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-1"}`, nil)
	k := j.Credentials()
	event := strings.NewReplacer(k.AccessKeyID, "ASIASOMEBODYELSES", k.SecretAccessKey, "x", k.SessionToken, "y").Replace(string(j.Event()))
	succeed(t, w.Invoke(t, []byte(event), 30*time.Second))
	if content, _ := w.written(t, x, "imagedefinitions.json"); j.Answer().Status != codepipeline.JobSucceeded || !strings.Contains(content, w.image.String()) {
		t.Errorf("%s, answer %+v", content, j.Answer())
	}
}

// Where CodePipeline's word on the job has no credentials those of the event serve.
func TestCredentialsMayComeWithTheEventAlone(t *testing.T) {
	w := start(t)
	w.options.NoCredentials, w.options.NoARN = true, true
	x, j := w.pipeline(t, `{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-1"}`, nil)
	succeed(t, w.Invoke(t, j.Event(), 30*time.Second))
	if content, _ := w.written(t, x, "imagedefinitions.json"); j.Answer().Status != codepipeline.JobSucceeded || !strings.Contains(content, w.image.String()) {
		t.Errorf("%s, answer %+v", content, j.Answer())
	}
	wantSecrecy(t, w, j)
}

func TestTagIsPinnedByAskingECR(t *testing.T) {
	w := start(t)
	x, j := w.pipeline(t, `{"Output":"imageDetail","RepositoryName":"checkout-api","ImageTag":"build-1"}`, nil)
	w.CodePipeline.Throttle("PutJobSuccessResult", 2) // the answer's own failure
	succeed(t, w.Invoke(t, j.Event(), 30*time.Second))
	if content, _ := w.written(t, x, "imageDetail.json"); j.Answer().Status != codepipeline.JobSucceeded || content != `{"ImageURI":"`+w.repository.URI()+"@"+w.image.String()+`"}` {
		t.Errorf("%s, answer %+v", content, j.Answer())
	}
}

func TestJobsFailWithTheirType(t *testing.T) {
	w := start(t)
	const byTag = `{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-1","ClusterName":"prod","ServiceName":"checkout"}`
	const byArtifact = `{"ContainerName":"app"}`
	for _, c := range []struct {
		parameters string
		files      map[string]string
		deny       func(operation string, accounts ...string)
		permit     func(operation string)
		operation  string
		kind, says string
	}{
		{parameters: "not json", kind: "ConfigurationError", says: "no legal JSON"},
		{parameters: byArtifact, kind: "ConfigurationError", says: "no image"},
		{parameters: byArtifact, files: map[string]string{"../x": ""}, kind: "ConfigurationError", says: `artifact "EcrImage": entry "../x"`},
		{parameters: strings.Replace(byTag, `"app"`, `"web"`, 1), kind: "ConfigurationError", says: "want one of app"},
		{parameters: strings.Replace(byTag, `"checkout"`, `"other"`, 1), kind: "ConfigurationError", says: "not found in ECS"},
		{byTag, nil, w.ECR.Deny, w.ECR.Permit, "BatchGetImage", "PermissionError", "allow the function's role ecr:BatchGetImage"},
		{byTag, nil, w.ECS.Deny, w.ECS.Permit, "DescribeTaskDefinition", "PermissionError", "ecs:DescribeTaskDefinition"},
		{byTag, nil, w.S3.Deny, w.S3.Permit, "PutObject", "PermissionError", "allow the pipeline's role s3:PutObject on the artifact bucket"},
		{byArtifact, nil, w.S3.Deny, w.S3.Permit, "GetObject", "PermissionError", "s3:GetObject"},
		{byTag, nil, func(operation string, _ ...string) { w.ECR.Throttle(operation, math.MaxInt) }, w.ECR.Permit, "BatchGetImage", "SystemUnavailable", "retry the action"},
	} {
		_, j := w.pipeline(t, c.parameters, c.files)
		if c.deny != nil {
			c.deny(c.operation)
		}
		succeed(t, w.Invoke(t, j.Event(), 4*time.Second)) // as long is a busy service waited for
		if c.permit != nil {
			c.permit(c.operation)
		}
		if a := j.Answer(); a.FailureType != c.kind || !strings.Contains(a.Message, c.says) {
			t.Errorf("%s: answer %+v", c.parameters, a)
		}
		wantSecrecy(t, w, j)
	}
}

func TestEveryFailureOfAnImageHasItsType(t *testing.T) {
	w := start(t)
	for _, c := range jobtest.Refusals {
		w.repository.Refuse("build-1", c.Code)
		_, j := w.pipeline(t, `{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-1"}`, nil)
		succeed(t, w.Invoke(t, j.Event(), 30*time.Second))
		if a := j.Answer(); a.FailureType != c.Type || !strings.Contains(a.Message, c.Says) {
			t.Errorf("%s: answer %+v", c.Code, a)
		}
	}
}

func TestSettingsAreAMatterOfConfiguration(t *testing.T) {
	w := start(t)
	for setting, says := range map[string]string{
		"TAGALONG_ACCOUNTS=@accounts": "TAGALONG_ACCOUNTS, item @accounts: this function has no table",
		"TAGALONG_UNTAG=maybe":        "TAGALONG_UNTAG \"maybe\": want true or false",
	} {
		_, j := w.pipeline(t, `{}`, nil)
		api := lambdatest.StartRuntime(t)
		p := lambdatest.Launch(t, api.Variables("imagedefinitions", w.Sandbox.URL, setting)...)
		succeed(t, api.Invoke(t, j.Event(), 30*time.Second))
		p.Output.Await(t, `"msg":"start"`, 1)
		if a := j.Answer(); a.FailureType != "ConfigurationError" || !strings.Contains(a.Message, says) {
			t.Errorf("%s: answer %+v", setting, a)
		}
	}
}

// Accounts that are too many for a variable lie in the table, which is asked for
// nothing else.
func TestAccountsMayLieInTheTable(t *testing.T) {
	const name = "@accounts-read-0123456789ab"
	w := start(t)
	ledger := awsdynamodb.NewFromConfig(w.Config())
	if _, err := dynamo.Create(t.Context(), ledger, "ledger"); err != nil {
		t.Fatal(err)
	}
	api := lambdatest.StartRuntime(t)
	lambdatest.Launch(t, api.Variables("imagedefinitions", w.Sandbox.URL, "TAGALONG_TABLE=ledger", "TAGALONG_ACCOUNTS="+name)...)
	invoke := func() codepipeline.Answer {
		_, j := w.pipeline(t, `{"Output":"imageDetail","RepositoryName":"checkout-api","ImageTag":"build-1"}`, nil)
		succeed(t, api.Invoke(t, j.Event(), 30*time.Second))
		return j.Answer()
	}
	if a := invoke(); a.FailureType != "ConfigurationError" || !strings.Contains(a.Message, "TAGALONG_ACCOUNTS, item "+name) {
		t.Errorf("answer %+v", a)
	}
	_, err := ledger.PutItem(t.Context(), &awsdynamodb.PutItemInput{
		TableName: aws.String("ledger"),
		Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: name}, "sk": &types.AttributeValueMemberS{Value: "SETTING"},
			"json": &types.AttributeValueMemberS{Value: `[{"account":"111122223333"}]`},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := invoke(); a.Status != codepipeline.JobSucceeded {
		t.Errorf("answer %+v", a)
	}
}

// An AWS that answers nothing in time costs the action no more than the function's time.
func TestAnswerThatCannotBeGivenIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"__type":"ThrottlingException","message":"Rate exceeded"}`, http.StatusBadRequest)
	}))
	defer server.Close()
	w := start(t)
	_, j := w.pipeline(t, "{}", nil)
	api := lambdatest.StartRuntime(t)
	p := lambdatest.Launch(t, api.Variables("imagedefinitions", server.URL)...)
	if a := api.Invoke(t, j.Event(), 3*time.Second); !a.Failed || !strings.Contains(a.Body, "job "+j.ID()) || strings.Contains(a.Body+p.Output.String(), j.Credentials().SecretAccessKey) {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
	succeed(t, w.Invoke(t, j.Event(), 30*time.Second)) // Lambda tries again
	if a := j.Answer(); a.FailureType != "ConfigurationError" {
		t.Errorf("answer %+v", a)
	}
}
