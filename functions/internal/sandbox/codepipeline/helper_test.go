package codepipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// world is a sandbox with one pipeline and a client.
type world struct {
	*sandboxtest.Sandbox
	t        *testing.T
	client   *awscodepipeline.Client
	pipeline *codepipeline.Pipeline
	clock    time.Time
}

func newWorld(t *testing.T, options codepipeline.PipelineOptions) *world {
	t.Helper()
	s := sandboxtest.Start(t)
	return &world{
		Sandbox: s, t: t, client: awscodepipeline.NewFromConfig(s.Config()),
		pipeline: s.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-release", options),
		clock:    sandboxtest.Epoch,
	}
}

// tick lets a minute and a bit pass.
func (w *world) tick() time.Time {
	w.clock = w.clock.Add(62*time.Second + 318*time.Millisecond)
	return w.clock
}

var (
	ecsDeploy = codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Deploy", Provider: "ECS"},
		Configuration: map[string]string{"ClusterName": "#{variables.cluster}", "ServiceName": "checkout-api"},
		Resolved:      map[string]string{"ClusterName": "prod-cluster", "ServiceName": "checkout-api"},
	}
	ecrSource = codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Source", Provider: "ECR"},
		Configuration: map[string]string{"RepositoryName": "checkout-api"},
		Outputs:       []string{"EcrImage"},
	}
	invoke = codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"},
		Configuration: map[string]string{"FunctionName": "image-promoter", "UserParameters": `{"NewImageTag":"prod"}`},
	}
)

func (w *world) start(options codepipeline.ExecutionOptions) *codepipeline.Execution {
	w.t.Helper()
	x, event, err := w.pipeline.Start(options, w.tick())
	w.run(event, err)
	return x
}

func (w *world) stage(x *codepipeline.Execution, name string) *codepipeline.Stage {
	w.t.Helper()
	st, event, err := x.StartStage(name, w.tick())
	w.run(event, err)
	return st
}

func (w *world) action(st *codepipeline.Stage, name string, options codepipeline.ActionOptions) *codepipeline.Action {
	w.t.Helper()
	a, event, err := st.StartAction(name, options, w.tick())
	w.run(event, err)
	return a
}

// run performs a change of state and fails the test if CodePipeline would refuse it.
func (w *world) run(event []byte, err error) []byte {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return event
}

// list gives the names of the actions of an execution and their states, as the
// API lists them.
func (w *world) list(filter *types.ActionExecutionFilter) string {
	w.t.Helper()
	out, err := w.client.ListActionExecutions(w.t.Context(), &awscodepipeline.ListActionExecutionsInput{
		PipelineName: aws.String("checkout-release"), Filter: filter,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, d := range out.ActionExecutionDetails {
		names = append(names, aws.ToString(d.ActionName)+" "+string(d.Status))
	}
	return strings.Join(names, ", ")
}

// wantCode checks an error's code and a part of its message.
func wantCode(t *testing.T, err error, code, message string) {
	t.Helper()
	if got := sandboxtest.Code(err); got != code {
		t.Errorf("error %q, want %q: %v", got, code, err)
	}
	if err != nil && !strings.Contains(err.Error(), message) {
		t.Errorf("error %v\ndoes not say %q", err, message)
	}
}
