package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// hand lets the function handle a batch, and returns the numbers of the messages that it
// gives back.
func (w *world) hand(t *testing.T, limit time.Duration, bodies ...[]byte) []int {
	t.Helper()
	a := w.Invoke(t, lambdatest.Batch(bodies...), limit)
	if a.Failed {
		t.Fatalf("failed: %s", a.Body)
	}
	return lambdatest.GivenBack(t, []byte(a.Body))
}

func (w *world) rollouts(t *testing.T) []ledger.Row {
	t.Helper()
	rows, err := stream.Collect(dynamo.New(dynamodb.NewFromConfig(w.Config()), "ledger").ReleaseRollouts(t.Context(), "checkout-release", w.execution.ID(), ledger.Span{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestABatchOfAPipelinesEventsBecomesARelease(t *testing.T) {
	w := start(t)
	var bodies [][]byte
	for _, event := range w.CodePipeline.Events() {
		if !strings.Contains(string(event), "Pipeline Execution State Change") {
			bodies = append([][]byte{event}, bodies...) // the last one first
		}
	}
	malformed := []byte(strings.Replace(string(w.staged), w.execution.ID(), "none", 1))
	if failed := w.hand(t, 30*time.Second, append(bodies, malformed)...); !slices.Equal(failed, []int{len(bodies)}) {
		t.Errorf("given back: %v of %d, want the malformed one", failed, len(bodies)+1)
	}
	rows := w.rollouts(t)
	if len(rows) != 1 || rows[0].State != timeline.StateCompleted || rows[0].Release.Commit != commit {
		t.Errorf("rows %+v", rows)
	}
	if on := w.repository.Tag("prod"); on == "" || on != w.repository.Tag("build-1") {
		t.Errorf("the tag is on %q", on)
	}
	w.Output.Await(t, "detail.execution-id", 1)
}

func TestWhatTheAPIDoesNotKnowYetGoesBackInTime(t *testing.T) {
	w := start(t)
	w.CodePipeline.LagNext(99, time.Time{})
	if failed := w.hand(t, 2*time.Second, w.staged); !slices.Equal(failed, []int{0}) {
		t.Errorf("given back: %v", failed)
	}
	w.Output.Await(t, "not found in CodePipeline", 1)
	w.CodePipeline.LagNext(0, time.Time{})
	if failed := w.hand(t, 30*time.Second, w.staged); len(failed) != 0 || len(w.rollouts(t)) != 1 {
		t.Errorf("given back: %v, rollouts %v", failed, w.rollouts(t))
	}
}
