package main

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// progress shows on a terminal how far a sweep has come; in a pipe or a file it
// shows nothing. done takes it away.
func (s *session) progress() (show func(sweep.Progress), done func()) {
	file, ok := terminal(s.stderr)
	if !ok {
		return nil, func() {}
	}
	return progressOn(file)
}

// progressOn turns without an end in sight: how much there is ECS says only bit by bit.
func progressOn(w io.Writer) (show func(sweep.Progress), done func()) {
	bar := progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
	show = func(p sweep.Progress) {
		bar.Describe(strings.Join([]string{p.Phase, printable(p.At), strconv.Itoa(p.Done)}, " "))
		_ = bar.Set(p.Done) // a terminal that is gone is no reason to stop
	}
	return show, func() { _ = bar.Finish() }
}
