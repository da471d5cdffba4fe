//go:build e2e

package e2e

import "testing"

func TestTheModule(t *testing.T) {
	w := newWorld(t)
	if !t.Run("one apply installs everything", w.apply) {
		return
	}
	checkout := w.release(t, "checkout-api")
	t.Run("a deployment's event moves the tag to the deployed digest in ECR", func(t *testing.T) { w.theTag(t, checkout) })
	t.Run("its rows are in DynamoDB", func(t *testing.T) { w.theRows(t, checkout) })
	t.Run("a second plan is empty", w.planNothing)
	t.Run("destroy is clean", w.destroy)
}
