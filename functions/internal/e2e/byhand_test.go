//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// byHand runs the command as a person does who has nothing but what the module's output
// says, and variables of their own.
func (w *world) byHand(t *testing.T, status int, arguments string, own ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), "sh", "-c", `eval "$COMMAND"; exec "$TAGALONG" `+arguments)
	command.Env = slices.Concat(os.Environ(), rootVariables(region), []string{
		"AWS_ENDPOINT_URL_ECS=" + w.sandboxURL, "AWS_ENDPOINT_URL_STS=" + w.sandboxURL, "COMMAND=" + w.out.Tagalong.Value.Command, "TAGALONG=" + filepath.Join(w.dist, "tagalong"),
	}, own)
	command.Stdout, command.Stderr = &stdout, &stderr
	if _ = command.Run(); command.ProcessState == nil || command.ProcessState.ExitCode() != status {
		t.Fatalf("tagalong %s: %s, want exit status %d\n%s%s", arguments, command.ProcessState, status, stdout.String(), stderr.String())
	}
	return stdout.String() + stderr.String()
}

// theForgotten: somebody sweeps everything, and sets no rules. The rules are those of
// the table, and no environment is a cluster's name; other rules are refused.
func (w *world) theForgotten(t *testing.T) {
	r := w.release(t, "forgotten", ecs.ServiceOptions{})
	w.theTag(t, r)
	w.theRows(t, r)
	w.sweep(t) // so that nothing is left to be mended by hand
	before := w.byHand(t, 0, "running -o json")
	same := func(after string) {
		t.Helper()
		w.wantTag(t, r)
		if now := w.byHand(t, 0, "running -o json"); now != before {
			t.Errorf("%s, what runs is\n%s\nwant\n%s", after, now, before)
		}
		if names := w.byHand(t, 0, "environments -o csv"); strings.Contains(names, "prod-cluster") {
			t.Errorf("%s, the environments are %s", after, names)
		}
	}
	// Something is left: of the service that runs no tasks nobody knows the digest.
	if out := w.byHand(t, 3, "sweep --whole"); !strings.Contains(out, " 0 tags moved") || !strings.Contains(out, "1 left") {
		t.Errorf("the sweep did something:\n%s", out)
	}
	same("after a sweep without rules")
	if out := w.byHand(t, 1, "sweep --whole", "TAGALONG_ENVIRONMENTS=[]"); !strings.Contains(out, "TAGALONG_ENVIRONMENTS is not what the table has in item @environments") {
		t.Errorf("the refusal says %s", out)
	}
	same("after a sweep that was refused")
}
