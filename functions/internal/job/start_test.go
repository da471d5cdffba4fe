package job

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestJobsOfAFunctionThatCannotStartAreAnswered(t *testing.T) {
	for want, problem := range map[string]error{
		"ConfigurationError: the function cannot start: TAGALONG_TABLE missing": errors.New("TAGALONG_TABLE missing"),
		"SystemUnavailable: rules: ":  errors.Join(errors.New("rules: "), tagalong.ErrBusy),
		"ConfigurationError: table: ": errors.Join(errors.New("table: "), ledger.ErrNoTable),
	} {
		w := start(t, nil)
		w.Work = Start(t.Context(), w.Log, func(context.Context) (Work, error) { return nil, problem })
		if err := w.handle(t, time.Minute); err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, w, want)
		if !strings.Contains(w.log.String(), `"msg":"start"`) {
			t.Errorf("log %s", &w.log)
		}
	}
}

func TestStartIsTriedAgainWithTheNextJob(t *testing.T) {
	tries := 0
	work := Start(t.Context(), slog.New(slog.DiscardHandler), func(context.Context) (Work, error) {
		if tries++; tries < 3 {
			return nil, tagalong.ErrBusy
		}
		return done, nil
	})
	if _, err := work(t.Context(), Job{}); !errors.Is(err, tagalong.ErrBusy) {
		t.Errorf("error %v", err)
	}
	if s, err := work(t.Context(), Job{}); err != nil || s.Summary != "done well" {
		t.Errorf("%+v, error %v", s, err)
	}
}
