package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTheStoryIsTheSameEachTime(t *testing.T) {
	first := must(t, "sandbox")
	for range 19 {
		if again := must(t, "sandbox"); again != first {
			t.Fatalf("another story:\n%s\nthe first was:\n%s", again, first)
		}
	}
}

var export = regexp.MustCompile(`^  export (\w+)=(\S+)$`)

func TestTheSandboxStaysUpUntilItIsEnded(t *testing.T) {
	for _, args := range [][]string{{"sandbox", "--keep"}, {"sandbox", "--keep", "--no-story"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			defer end()
			status := make(chan int, 1)
			printed, stdout := io.Pipe()
			go func() {
				status <- run(ctx, args, world{strings.NewReader(""), stdout, io.Discard, os.Getenv, time.Now})
				stdout.Close()
			}()
			variables := readVariables(t, printed)
			hide(t)
			for name, value := range variables {
				t.Setenv(name, value)
			}
			filled := len(args) == 2
			if r := tagalongIn(t.Context(), "", "tags", "-o", "json"); r.status != exitDone || strings.Contains(r.stdout, `"prod"`) != filled || strings.Contains(r.stderr, "The ledger is empty") == filled {
				t.Errorf("tags: %+v", r)
			}
			end()
			if got := <-status; got != exitDone {
				t.Errorf("exit status %d", got)
			}
			if reply, err := http.Get(variables["AWS_ENDPOINT_URL"]); err == nil {
				reply.Body.Close()
				t.Error("it still listens")
			}
		})
	}
}

// readVariables reads up to the empty line after the last variable.
func readVariables(t *testing.T, from io.Reader) map[string]string {
	t.Helper()
	variables := map[string]string{}
	for lines := bufio.NewScanner(from); lines.Scan(); {
		if m := export.FindStringSubmatch(lines.Text()); m != nil {
			variables[m[1]] = m[2]
		} else if len(variables) > 0 {
			break
		}
	}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TAGALONG_TABLE"} {
		if variables[name] == "" {
			t.Fatalf("no %s in %v", name, variables)
		}
	}
	return variables
}

func TestInterrupted(t *testing.T) {
	sandboxed(t, "told")
	ctx, end := context.WithCancel(t.Context())
	end()
	for _, args := range [][]string{{"running"}, {"running", "prod@2h"}, {"history"}, {"where", "checkout-api"}, {"diff", "staging", "prod"}, {"release", pipelineName + "/3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38"}, {"tags", "--check"}, {"environments"}, {"wait", "-s", "a/b", "-d", envoyDigest}, {"replay", samples + "ecs-deployment-completed.json"}, {"ledger", "create"}} {
		if r := tagalongIn(ctx, "", args...); r.status != exitFailed || r.stderr != "tagalong: interrupted\n" || r.stdout != "" {
			t.Errorf("tagalong %s: %+v", strings.Join(args, " "), r)
		}
	}
}
