package codepipeline

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
)

// TestActionsAsTheyMayCome reads what the sandbox does not send.
func TestActionsAsTheyMayCome(t *testing.T) {
	for _, test := range []struct {
		name   string
		detail string
		want   pipeline.Action
	}{
		{"nothing but an id", `{"actionExecutionId": "a"}`, pipeline.Action{
			ID: "a", Account: "111122223333", Region: "us-east-1", StartedAt: time.Time{}, UpdatedAt: time.Time{},
		}},
		{"times finer than milliseconds", `{"startTime": 1772615672.6119, "lastUpdateTime": 1772616011.02}`, pipeline.Action{
			Account: "111122223333", Region: "us-east-1",
			StartedAt: time.Date(2026, 3, 4, 9, 14, 32, 611e6, time.UTC), UpdatedAt: time.Date(2026, 3, 4, 9, 20, 11, 20e6, time.UTC),
		}},
		{"a configuration that nothing was resolved in", `{"input": {"configuration": {"ClusterName": "prod"}}}`, pipeline.Action{
			Account: "111122223333", Region: "us-east-1", Configuration: map[string]string{"ClusterName": "prod"},
		}},
		{"a configuration with variables", `{"input": {"configuration": {"ClusterName": "#{v.c}"}, "resolvedConfiguration": {"ClusterName": "prod"}}}`, pipeline.Action{
			Account: "111122223333", Region: "us-east-1", Configuration: map[string]string{"ClusterName": "prod"},
		}},
		{"a role of another partition", `{"input": {"roleArn": "arn:aws-cn:iam::444455556666:role/path/deploy", "region": "cn-north-1"}}`, pipeline.Action{
			Account: "444455556666", Region: "cn-north-1",
		}},
		{"a role that is none", `{"input": {"roleArn": "arn:aws:sts::444455556666:assumed-role/deploy/x"}}`, pipeline.Action{
			Account: "111122223333", Region: "us-east-1",
		}},
		{"a status of tomorrow", `{"status": "Paused"}`, pipeline.Action{
			Account: "111122223333", Region: "us-east-1", Status: "Paused",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := answering(t, `{"actionExecutionDetails": [`+test.detail+`]}`).Actions(t.Context(), named, nobody)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]pipeline.Action{test.want}, got); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}
