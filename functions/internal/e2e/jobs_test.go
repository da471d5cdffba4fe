//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	box "github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// theTagging: the action tagimage puts a tag in the middle of a pipeline and says
// so; of an image that is not there it says that.
func (w *world) theTagging(t *testing.T) {
	r := w.pushed(t, "promoted")
	action := w.job(t, "tagimage", `{"RepositoryName": "shop/promoted", "ImageTag": "build-1", "NewImageTag": "prod"}`)
	if action.Status != types.ActionExecutionStatusSucceeded || !strings.HasSuffix(action.Output.OutputVariables["ImageURI"], "@"+r.image.String()) {
		t.Errorf("status %s, output %+v", action.Status, action.Output)
	}
	w.awaitTag(t, r)

	action = w.job(t, "tagimage", `{"RepositoryName": "shop/promoted", "ImageTag": "build-9", "NewImageTag": "prod"}`)
	if message := action.failure(); action.Status != types.ActionExecutionStatusFailed || !strings.Contains(message, "build-9") {
		t.Errorf("status %s: %s", action.Status, message)
	}
}

// theForgery: an event whose job CodePipeline does not know changes nothing, whoever
// may send it.
func (w *world) theForgery(t *testing.T) {
	r := w.pushed(t, "forged")
	for function, parameters := range map[string]string{
		"tagimage":         `{"RepositoryName": "shop/forged", "ImageTag": "build-1", "NewImageTag": "prod"}`,
		"imagedefinitions": `{"ContainerName": "app", "RepositoryName": "shop/forged", "ImageTag": "build-1"}`,
	} {
		event, err := json.Marshal(map[string]any{"CodePipeline.job": map[string]any{
			"id": "00000000-0000-4000-8000-000000000000", "accountId": w.Home().Account,
			"data": map[string]any{
				"actionConfiguration": map[string]any{"configuration": map[string]string{"FunctionName": function, "UserParameters": parameters}},
				"outputArtifacts":     []any{map[string]any{"name": "Output", "location": map[string]any{"type": "S3", "s3Location": map[string]string{"bucketName": "mine", "objectKey": "mine"}}}},
				"artifactCredentials": map[string]string{"accessKeyId": "AKIDSOMEBODY", "secretAccessKey": "x"},
			},
		}})
		check(t, err)
		w.ResetCalls()
		reply, err := w.call(t, function, lambdatypes.InvocationTypeRequestResponse, event)
		check(t, err)
		if reply.FunctionError != nil {
			t.Errorf("%s: %s: %s", function, *reply.FunctionError, reply.Payload)
		}
		questions := 0
		for _, c := range w.Calls() {
			switch c.Operation {
			case "GetJobDetails":
				questions++
			case "PutJobSuccessResult", "PutJobFailureResult", "PutObject":
				t.Errorf("%s: call %+v", function, c)
			}
		}
		if questions != 3 {
			t.Errorf("%s: asked for the job %d times: %v", function, questions, w.Calls())
		}
	}
	on, err := w.tagged(t.Context(), r)
	check(t, err)
	if on != "" {
		t.Errorf("prod is on %s", on)
	}
	rows, err := w.dynamodb.Scan(t.Context(), &dynamodb.ScanInput{
		TableName: &w.out.Tagalong.Value.TableName, FilterExpression: aws.String("repository = :r"),
		ExpressionAttributeValues: map[string]dynamodbtypes.AttributeValue{":r": &dynamodbtypes.AttributeValueMemberS{Value: r.repository}},
	})
	check(t, err)
	if len(rows.Items) > 0 {
		t.Errorf("the ledger has %v", rows.Items)
	}
}

// theDefinitions: the action imagedefinitions writes the file for a deploy action,
// its image pinned; of a container that the service lacks it says that.
func (w *world) theDefinitions(t *testing.T) {
	r := w.release(t, "pinned", ecs.ServiceOptions{}) // whose image has one tag: of several MiniStack gives any
	parameters := func(container string) string {
		data, err := json.Marshal(map[string]string{
			"ContainerName": container, "RepositoryName": r.repository, "ImageTag": "build-1", "ClusterName": "prod-cluster", "ServiceName": r.service,
		})
		check(t, err)
		return string(data)
	}
	action := w.job(t, "imagedefinitions", parameters("app"))
	if action.Status != types.ActionExecutionStatusSucceeded {
		t.Fatalf("status %s: %s", action.Status, action.failure())
	}
	var definitions []struct{ Name, ImageURI string }
	content := w.output(t, action, "imagedefinitions.json")
	check(t, json.Unmarshal(content, &definitions))
	if len(definitions) != 1 || definitions[0].Name != "app" || !strings.HasSuffix(definitions[0].ImageURI, r.repository+"@"+r.image.String()) {
		t.Errorf("imagedefinitions.json: %s", content)
	}
	action = w.job(t, "imagedefinitions", parameters("web"))
	if message := action.failure(); action.Status != types.ActionExecutionStatusFailed || !strings.Contains(message, `"web"`) {
		t.Errorf("status %s: %s", action.Status, message)
	}
}

// thePipelinesRole: who may run the two actions may run nothing else.
func (w *world) thePipelinesRole(t *testing.T) {
	for _, function := range []string{"deployment", "history"} {
		if err := w.invoke(t, function, []byte("{}")); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("invoking %s as the pipeline: %v", function, err)
		}
	}
}

// ran is an action that has its answer, as the API tells it.
type ran struct {
	types.ActionExecutionDetail
	execution *box.Execution
	stage     *box.Stage
}

// job runs an action in an execution of its own, as CodePipeline does: it invokes
// the function under the pipeline's role.
func (w *world) job(t *testing.T, function, parameters string) ran {
	t.Helper()
	at := time.Now().Add(-time.Second)
	pipeline := "shop-" + function
	execution, _, err := w.CodePipeline.CreatePipeline(wire.Scope{}, pipeline, box.PipelineOptions{}).Start(box.ExecutionOptions{}, at)
	check(t, err)
	stage, _, err := execution.StartStage("Release", at)
	check(t, err)
	action, _, err := stage.StartAction("Invoke", box.ActionOptions{
		Type:          invokeLambda,
		Configuration: map[string]string{"FunctionName": function, "UserParameters": parameters},
		Outputs:       []string{"Output"},
	}, at)
	check(t, err)
	check(t, w.invoke(t, function, action.Job().Event()))
	client := codepipeline.NewFromConfig(w.sandboxConfig())
	detail := await(t, "the answer of "+function, func(ctx context.Context) (detail types.ActionExecutionDetail, answered bool, err error) {
		list, err := client.ListActionExecutions(ctx, &codepipeline.ListActionExecutionsInput{
			PipelineName: &pipeline, Filter: &types.ActionExecutionFilter{PipelineExecutionId: aws.String(execution.ID())},
		})
		if err != nil || len(list.ActionExecutionDetails) != 1 {
			return detail, false, err
		}
		detail = list.ActionExecutionDetails[0]
		return detail, detail.Status != types.ActionExecutionStatusInProgress, nil
	})
	return ran{detail, execution, stage}
}

var invokeLambda = box.ActionType{Category: "Invoke", Provider: "Lambda"}

// invoke hands an event to a function as CodePipeline does.
func (w *world) invoke(t *testing.T, function string, event []byte) error {
	t.Helper()
	_, err := w.call(t, function, lambdatypes.InvocationTypeEvent, event)
	return err
}

// call hands an event to a function under the pipeline's role.
func (w *world) call(t *testing.T, function string, kind lambdatypes.InvocationType, event []byte) (*lambda.InvokeOutput, error) {
	t.Helper()
	cfg := w.config()
	cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), w.out.PipelineRole.Value))
	arn := w.out.Tagalong.Value.FunctionARNs[function]
	return lambda.NewFromConfig(cfg).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &arn, InvocationType: kind, Payload: event})
}

// failure is why the action failed.
func (r ran) failure() string {
	if r.Output == nil || r.Output.ExecutionResult == nil || r.Output.ExecutionResult.ErrorDetails == nil {
		return ""
	}
	return aws.ToString(r.Output.ExecutionResult.ErrorDetails.Message)
}

// output reads a file of an action's output artifact, as the next action does:
// with the credentials that it gets for its input.
func (w *world) output(t *testing.T, r ran, name string) []byte {
	t.Helper()
	next, _, err := r.stage.StartAction("Next", box.ActionOptions{Type: invokeLambda, Inputs: []string{"Output"}}, time.Now())
	check(t, err)
	cfg, key := w.sandboxConfig(), next.Job().Credentials()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken)
	artifact, _ := r.execution.Artifact("Output")
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &artifact.Bucket, Key: &artifact.Key})
	check(t, err)
	defer object.Body.Close()
	data, err := io.ReadAll(object.Body)
	check(t, err)
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	check(t, err)
	file, err := archive.Open(name)
	check(t, err)
	content, err := io.ReadAll(file)
	check(t, err)
	return content
}
