package wait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var errBusy = errors.New("busy")

func busy(err error) bool { return errors.Is(err, errBusy) }

func TestAWaitEndsWithItsTimeOrItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if err := For(t.Context(), time.Hour); err != nil || time.Since(begun) != time.Hour {
			t.Errorf("error %v after %v", err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun = time.Now()
		if err := For(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("error %v after %v", err, time.Since(begun))
		}
		if err := For(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v: no wait is no reason to go on", err)
		}
	})
}

// The jitter is half of the wait in both directions.
func TestBackoffDoublesUpToItsMaximum(t *testing.T) {
	b := Backoff{Attempts: 6, Base: time.Second, Max: 4 * time.Second}
	for n, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			if more := b.Next(t.Context(), n+1); !more {
				t.Errorf("no attempt after %d", n+1)
			}
			if took := time.Since(begun); took < want/2 || took >= want*3/2 {
				t.Errorf("attempt %d: waited %v, want about %v", n+1, took, want)
			}
		})
	}
	if b.Next(t.Context(), 6) {
		t.Error("an attempt after the last")
	}
	b.Attempts = 0
	synctest.Test(t, func(t *testing.T) {
		if !b.Next(t.Context(), 1000) {
			t.Error("no attempt after 1000, where there is no last")
		}
		begun := time.Now()
		if err := b.Wait(t.Context(), 0); err != nil || !time.Now().Equal(begun) {
			t.Errorf("before the first attempt: error %v after %v", err, time.Since(begun))
		}
	})
}

// Full jitter: those who were refused together come again spread over the whole wait.
func TestABusyServiceIsWaitedForWithFullJitter(t *testing.T) {
	b := Backoff{Base: time.Second, Max: 8 * time.Second, Busy: true}
	for n, length := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 1000: 8 * time.Second} {
		var shortest, longest, sum time.Duration
		const waits = 2000
		for i := range waits {
			d := b.Delay(n)
			if i == 0 || d < shortest {
				shortest = d
			}
			longest, sum = max(longest, d), sum+d
		}
		if shortest > length/20 || longest < length*19/20 || longest >= length || sum/waits < length*2/5 || sum/waits > length*3/5 {
			t.Errorf("attempt %d: waits from %v to %v, %v in the mean; want anything below %v", n, shortest, longest, sum/waits, length)
		}
	}
}

// As long as there is time, somebody who waits may still get his turn.
func TestABusyServiceIsWaitedForAsLongAsThereIsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun, tries := time.Now(), 0
		err := Backoff{Base: 10 * time.Millisecond, Max: 5 * time.Second, Busy: true}.Retry(ctx, busy, func(bool) error { tries++; return errBusy })
		if !errors.Is(err, errBusy) || !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute || tries < 20 {
			t.Errorf("error %v after %v and %d attempts", err, time.Since(begun), tries)
		}
	})
}

func TestBackoffsOfSeveralAreApart(t *testing.T) {
	waited := map[time.Duration]bool{}
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			Backoff{Attempts: 2, Base: time.Second, Max: time.Second}.Next(t.Context(), 1)
			waited[time.Since(begun)] = true
		})
	}
	if len(waited) < 10 {
		t.Errorf("20 waits took only %d different times", len(waited))
	}
}

func TestRetryGoesOnWhileAnErrorMayPass(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		errs  []error
		want  error
		tries int
	}{
		{[]error{nil}, nil, 1},
		{[]error{errBusy, nil}, nil, 2},
		{[]error{broken}, broken, 1},
		{[]error{errBusy, broken}, broken, 2},
		{[]error{errBusy, errBusy, errBusy, nil}, errBusy, 3},
	} {
		tries := 0
		err := Backoff{Attempts: 3}.Retry(t.Context(), busy, func(last bool) error {
			tries++
			if last != (tries == 3) {
				t.Errorf("%v: attempt %d is said to be the last: %t", test.errs, tries, last)
			}
			return test.errs[tries-1]
		})
		if err != test.want || tries != test.tries {
			t.Errorf("%v: error %v after %d attempts, want %v after %d", test.errs, err, tries, test.want, test.tries)
		}
	}
}

func TestRetryEndsWithItsContextAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		tries := 0
		err := Backoff{Attempts: 9, Base: time.Minute, Max: time.Minute}.Retry(ctx, busy, func(bool) error { tries++; return errBusy })
		if !errors.Is(err, errBusy) || !errors.Is(err, context.DeadlineExceeded) || tries != 1 {
			t.Errorf("error %v after %d attempts", err, tries)
		}
	})
}
