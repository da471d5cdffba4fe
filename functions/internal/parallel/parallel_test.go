package parallel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAPanicReachesWhoWaits(t *testing.T) {
	var others atomic.Int32
	defer func() {
		lost := fmt.Sprint(recover())
		if first, stack, _ := strings.Cut(lost, "\n"); first != "out of paper" || !strings.Contains(stack, "parallel_test.go") {
			t.Errorf("panic %q", lost)
		}
		if others.Load() != 2 {
			t.Errorf("%d of 2 others ended", others.Load())
		}
	}()
	ForEach(3, 3, func(i int) {
		if i == 1 {
			panic("out of paper")
		}
		others.Add(1)
	})
	t.Error("nobody was told")
}

func TestForEachRunsSoManyAtATime(t *testing.T) {
	var now, most atomic.Int32
	var done [50]atomic.Bool
	ForEach(len(done), 4, func(i int) {
		if running := now.Add(1); running > most.Load() {
			most.Store(running)
		}
		done[i].Store(true)
		now.Add(-1)
	})
	if most.Load() > 4 {
		t.Errorf("%d at a time", most.Load())
	}
	for i := range done {
		if !done[i].Load() {
			t.Errorf("%d was not run", i)
		}
	}
}

func TestAllWaitsForAllAndJoinsTheirErrors(t *testing.T) {
	one, other, ended := errors.New("one"), errors.New("other"), make(chan bool, 1)
	err := All(
		func() error { return one },
		func() error { ended <- true; return nil },
		func() error { <-ended; return other }, // would wait for ever, were they not side by side
	)
	if !errors.Is(err, one) || !errors.Is(err, other) {
		t.Errorf("error %v", err)
	}
	if err := All(func() error { return nil }); err != nil {
		t.Errorf("error %v of nothing that failed", err)
	}
}

func TestTheFirstErrorEndsTheOthers(t *testing.T) {
	broken := errors.New("broken")
	err := Try(t.Context(), 3, 3, func(ctx context.Context, i int) error {
		if i == 2 {
			return broken
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if err != broken {
		t.Errorf("error %v", err)
	}
	if err := Try(t.Context(), 3, 1, func(ctx context.Context, _ int) error { return ctx.Err() }); err != nil {
		t.Errorf("error %v", err)
	}
}
