package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/dev/screen"
)

// The READMEs show what commands print. Here each of these commands is run on the
// sandbox's story, half an hour after its end; -update writes what it prints.

// kept compares a file with what it should be, or writes that.
func kept(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is out of date (make papers writes it; -want +got):\n%s", file, diff)
	}
}

// TestThePictureShowsWhatTheCommandPrints keeps the README's picture.
func TestThePictureShowsWhatTheCommandPrints(t *testing.T) {
	sandboxed(t, "found")
	var commands []screen.Command
	for _, line := range []string{
		"tagalong running prod",
		"tagalong running prod@2h",
		"tagalong exposure prod --cve CVE-2021-44228",
	} {
		commands = append(commands, screen.Command{Line: line, Output: onTerminal(t, strings.Fields(line)[1:]...)})
	}
	kept(t, "../../.github/terminal.svg", screen.SVG("What tagalong prints: what runs in prod, what ran there two hours ago, and which services burn by a finding", commands))
}

// pictureWidth is how many columns the picture's terminal has.
const pictureWidth = 140

// onTerminal runs a command as on a terminal, which shows colors and both streams.
func onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	var c cli
	var shown bytes.Buffer
	w := world{strings.NewReader(""), &shown, &shown, os.Getenv, func() time.Time { return testNow }}
	command, err := c.parser(w, func(int) {}).Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	s := c.session(t.Context(), w)
	s.out.color, s.out.width = true, pictureWidth
	if status := s.finish(command.Run(s)); status != exitDone && status != exitDifferences {
		t.Fatalf("tagalong %v: exit status %d\n%s", args, status, &shown)
	}
	return shown.String()
}

// TestTheReadmesShowWhatTheCommandPrints keeps their examples.
func TestTheReadmesShowWhatTheCommandPrints(t *testing.T) {
	for _, test := range []struct {
		file   string
		told   string // how far the story is
		before func(t *testing.T, url string)
	}{
		{"../../README.md", "found", func(*testing.T, string) {}},
		{"README.md", "told", func(*testing.T, string) {}},
		{"COOKBOOK.md", "found", func(*testing.T, string) {}},
		{"../sweep/README.md", "told", func(t *testing.T, url string) {
			if err := retag(url, "build-41", "prod"); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.file, func(t *testing.T) {
			_, url := sandboxed(t, test.told)
			test.before(t, url)
			raw, err := os.ReadFile(test.file)
			if err != nil {
				t.Fatal(err)
			}
			examples := 0
			kept(t, test.file, example.ReplaceAllStringFunc(string(raw), func(block string) string {
				examples++
				line := example.FindStringSubmatch(block)[1]
				return "```\n$ " + line + "\n" + printed(t.Context(), line) + "```\n"
			}))
			if examples == 0 {
				t.Error("it shows no command")
			}
		})
	}
}

// example is a command in a README, with what it prints.
var example = regexp.MustCompile("(?ms)^```\n\\$ (tagalong [^\n]*)\n.*?```\n")

// printed is what a terminal shows of a command, without colors.
func printed(ctx context.Context, line string) string {
	r := tagalongIn(ctx, "", strings.Fields(line)[1:]...)
	return r.stdout + r.stderr
}

// TestTheReadmeNamesEveryCommandAndFlag holds the reference against the parser.
func TestTheReadmeNamesEveryCommandAndFlag(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var c cli
	for _, command := range c.parser(world{stdout: os.Stdout, stderr: os.Stderr}, func(int) {}).Model.Leaves(true) {
		if !strings.Contains(string(raw), "`"+strings.TrimPrefix(command.FullPath(), "tagalong ")) {
			t.Errorf("README.md does not name %s", command.FullPath())
		}
		for _, flag := range command.Flags {
			if !strings.Contains(string(raw), "--"+flag.Name) {
				t.Errorf("README.md does not name --%s of %s", flag.Name, command.FullPath())
			}
		}
	}
}

// TestTheReadmesFirstCommandsWork runs what the README gives people to try.
func TestTheReadmesFirstCommandsWork(t *testing.T) {
	sandboxed(t, "found")
	t.Chdir("../..")
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "\n## Try it\n")
	section, _, _ = strings.Cut(section, "\n## ")
	tried := 0
	for _, line := range regexp.MustCompile(`(?m)^dist/tagalong (.*)$`).FindAllStringSubmatch(section, -1) {
		if strings.HasPrefix(line[1], "sandbox") {
			continue // it stays up, and is what stands behind the others here
		}
		tried++
		if r := tagalongIn(t.Context(), "", strings.Fields(line[1])...); r.status != exitDone && r.status != exitDifferences || r.stdout == "" {
			t.Errorf("tagalong %s: exit status %d\n%s%s", line[1], r.status, r.stdout, r.stderr)
		}
	}
	if tried < 5 {
		t.Errorf("%d commands to try", tried)
	}
}
