package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// watched is a part of the commands that can ask again and again.
type watched struct {
	Watch    bool   `short:"w" help:"Ask again and again until Ctrl-C: on a terminal the answer stays up to date, in a pipe each one that is new is printed."`
	Interval string `default:"5s" placeholder:"TIME" help:"With --watch: ask so often. Default: ${default}."`
}

// clearScreen puts what is written next at the top of an empty terminal.
const clearScreen = "\x1b[H\x1b[2J"

// ask answers a question, once or again and again. The answer's rows say whether it is new:
// what is printed of them changes with the time alone.
func (w watched) ask(s *session, answer func(s *session) (rows any, err error)) error {
	if !w.Watch {
		_, err := answer(s)
		return err
	}
	interval, err := durationFlag("--interval", w.Interval, leastInterval, "100ms or more, such as 5s")
	if err != nil {
		return err
	}
	looks := newWatcher(s)
	for {
		if err := looks.again(answer); err != nil && s.ctx.Err() == nil {
			return err
		}
		if wait.For(s.ctx, interval) != nil {
			return nil // that is how one ends it
		}
	}
}

// watcher shows an answer, time after time.
type watcher struct {
	*session              // who watches
	inner    session      // asks, and prints into page
	page     bytes.Buffer // what was printed
	last     []byte       // the rows that were shown last
}

func newWatcher(s *session) *watcher {
	w := &watcher{session: s, inner: *s}
	safe := &escaper{to: &w.page}
	w.inner.stdout, w.inner.stderr, w.inner.out.w, w.inner.out.notes = safe, safe, safe, safe
	return w
}

// again asks once more, and shows what it got. What passes, such as throttling, is shown
// as well.
func (w *watcher) again(answer func(s *session) (rows any, err error)) error {
	w.page.Reset()
	rows, err := answer(&w.inner)
	switch {
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	case errors.Is(err, errDifferences), err != nil && passing(err):
		fmt.Fprintf(&w.page, "tagalong: %s\n", printable(w.explain(err).Error()))
	case err != nil:
		return err
	}
	return w.show(rows)
}

// show keeps a terminal up to date, and writes into a pipe what is new.
func (w *watcher) show(rows any) error {
	head := ""
	if w.out.width > 0 {
		head = clearScreen
	} else {
		seen, err := json.Marshal(rows)
		if err != nil || bytes.Equal(seen, w.last) {
			return err
		}
		w.last = seen
	}
	if w.out.format == "table" {
		head += w.now().Format(time.RFC3339) + "\n"
	}
	_, err := fmt.Fprint(raw(w.stdout), head, w.page.String())
	return err
}
