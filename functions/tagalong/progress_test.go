package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

func TestProgressShowsWhereTheSweepIsAndGoesAway(t *testing.T) {
	var terminal bytes.Buffer
	show, done := progressOn(&terminal)
	show(sweep.Progress{Phase: "services", At: "111122223333/us-east-1/prod-cluster", Done: 200})
	if !strings.Contains(terminal.String(), "services 111122223333/us-east-1/prod-cluster 200") {
		t.Errorf("on the terminal: %q", terminal.String())
	}
	done()
	if last := terminal.String()[strings.LastIndexByte(strings.TrimRight(terminal.String(), "\r"), '\r')+1:]; strings.TrimSpace(last) != "" {
		t.Errorf("left on the terminal: %q", last)
	}
}

func TestProgressIsForTerminals(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	for name, w := range map[string]world{"pipe": {stderr: out}, "buffer": {stderr: &bytes.Buffer{}}} {
		s := session{world: w}
		show, done := s.progress()
		if show != nil {
			t.Errorf("%s: there is progress", name)
		}
		done()
	}
}
