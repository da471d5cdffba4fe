package stories_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

func TestALagIsAwaitedForTenSecondsAtMost(t *testing.T) {
	event, err := os.ReadFile("../../../events/testdata/codepipeline-stage-succeeded.json")
	if err != nil {
		t.Fatal(err)
	}
	for range 50 { // the waiting is random
		synctest.Test(t, func(t *testing.T) {
			s := (&pipelineStory{}).scene()
			s.Handler.Backoff = wait.Backoff{}
			tries := 0
			s.pipelines.Hook = func(context.Context, string) error {
				tries++
				return pipeline.ErrNoExecution
			}
			begun := time.Now()
			_, err := s.Handler.Handle(t.Context(), event)
			if waited := time.Since(begun); !errors.Is(err, pipeline.ErrNoExecution) || tries != 3 || waited > 10*time.Second {
				t.Errorf("error %v after %d tries and %v", err, tries, waited)
			}
		})
	}
}

// A condition may skip a stage: then it has succeeded without any run.
func TestAStageWithoutRunsIsTakenForSkippedWhenTheAPICannotLagAnyMore(t *testing.T) {
	event, err := os.ReadFile("../../../events/testdata/codepipeline-stage-succeeded.json")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := events.Parse(event)
	if err != nil {
		t.Fatal(err)
	}
	stage := parsed.(events.StageExecutionStateChange)
	s := (&pipelineStory{}).scene()
	s.pipelines.Start(tagalong.Pipeline{Account: stage.Account(), Region: stage.Region(), Name: stage.Pipeline()}, stage.Execution(), tagalong.Execution{})
	for _, sent := range []struct {
		behind time.Duration
		lags   bool
	}{{time.Second, true}, {time.Minute, true}, {3 * time.Minute, false}} {
		s.Handler.Reactor.Now = func() time.Time { return stage.Time().Add(sent.behind) }
		if _, err := s.Handler.Handle(t.Context(), event); (err != nil) != sent.lags || sent.lags && !strings.Contains(err.Error(), "lags") {
			t.Errorf("%v behind the event: error %v", sent.behind, err)
		}
	}
}

func TestNobodyWaitsForALagWhenTheFunctionEnds(t *testing.T) {
	event, err := os.ReadFile("../../../events/testdata/codepipeline-stage-succeeded.json")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := (&pipelineStory{}).scene()
		s.Handler.Backoff = wait.Backoff{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Handler.Handle(ctx, event); !errors.Is(err, pipeline.ErrNoExecution) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

// CodeDeploy tells the end of a deployment and its time in one word, or not yet.
func TestAnEndWithoutATimeIsAwaited(t *testing.T) {
	event, err := os.ReadFile("../../../events/testdata/codedeploy-deployment-success.json")
	if err != nil {
		t.Fatal(err)
	}
	s := (&pipelineStory{images: map[deploymentOf]tagalong.Ran{{prodWeb, "ecs-svc/1"}: ran("app", shopWeb, 0)}}).scene()
	deployment := pipeline.CodeDeployDeployment{ID: "d-8QZK4T2LF", State: pipeline.CodeDeploySucceeded, CreatedAt: noon, Targets: []pipeline.CodeDeployTarget{{Service: prodWeb, TaskSet: "ecs-svc/1"}}}
	s.codeDeploy.Put(webGroup, deployment)
	if _, err := s.Handler.Handle(t.Context(), event); err == nil || !strings.Contains(err.Error(), "lags") || len(rowsOf(t, s, prodWeb)) != 0 {
		t.Errorf("error %v, rows %+v", err, rowsOf(t, s, prodWeb))
	}
	deployment.EndedAt = noon.Add(time.Minute)
	s.codeDeploy.Put(webGroup, deployment)
	if _, err := s.Handler.Handle(t.Context(), event); err != nil || len(rowsOf(t, s, prodWeb)) != 1 || rowsOf(t, s, prodWeb)[0].State != timeline.StateCompleted {
		t.Errorf("error %v, rows %+v", err, rowsOf(t, s, prodWeb))
	}
}
