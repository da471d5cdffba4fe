package tagalong_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestALagIsAwaitedForTenSecondsAtMost(t *testing.T) {
	event, err := os.ReadFile("../../../events/testdata/codepipeline-stage-succeeded.json")
	if err != nil {
		t.Fatal(err)
	}
	for range 50 { // the waiting is random
		synctest.Test(t, func(t *testing.T) {
			s := (&drama{}).scene()
			s.Follower.Patience = nil
			tries := 0
			s.pipelines.Hook = func(context.Context, string) error {
				tries++
				return ErrNoExecution
			}
			begun := time.Now()
			_, err := s.Follower.Handle(t.Context(), event)
			if waited := time.Since(begun); !errors.Is(err, ErrNoExecution) || tries != 3 || waited > 10*time.Second {
				t.Errorf("error %v after %d tries and %v", err, tries, waited)
			}
		})
	}
}

func TestNobodyWaitsForALagWhenTheFunctionEnds(t *testing.T) {
	event, err := os.ReadFile("../../../events/testdata/codepipeline-stage-succeeded.json")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := (&drama{}).scene()
		s.Follower.Patience = nil
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Follower.Handle(ctx, event); !errors.Is(err, ErrNoExecution) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}
