//go:build e2e

package e2e

import (
	"testing"
)

func (w *world) apply(t *testing.T) {
	w.init(t)
	if out, status := w.run(t, "apply", "-auto-approve"); status != 0 {
		t.Fatalf("terraform apply: exit status %d\n%s\n%s", status, out, log())
	}
	w.outputs(t, &w.out)
}

func (w *world) planNothing(t *testing.T) {
	if out, status := w.run(t, "plan", "-detailed-exitcode"); status != 0 {
		t.Errorf("terraform plan: exit status %d\n%s", status, out)
	}
}

func (w *world) destroy(t *testing.T) {
	if out, status := w.run(t, "destroy", "-auto-approve"); status != 0 {
		t.Fatalf("terraform destroy: exit status %d\n%s", status, out)
	}
}
