package stories_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// A promotion that fails on its way tells which of its tags are desired: those
// the sweep puts.
func TestWhatIsLeftOfAFailedPromotionIsKnown(t *testing.T) {
	denied := errors.New("AccessDeniedException: not authorized")
	for _, c := range []struct {
		name  string
		spoil func(w *inventoryWorld)
		left  int // of its two tags
	}{
		{"the job cannot be dated", func(w *inventoryWorld) { w.fails("Date", 1, denied) }, 0},
		{"no claim is recorded", func(w *inventoryWorld) { w.fails("Promote", 1, denied) }, 0},
		{"one claim is recorded", func(w *inventoryWorld) { w.fails("Promote", 2, denied) }, 1},
		{"the registry cannot be read", func(w *inventoryWorld) { w.registry.OnRead = failingRead }, 2},
		{"no tag can be put", func(w *inventoryWorld) {
			w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
				return denied
			}
		}, 2},
		{"nothing can be settled", func(w *inventoryWorld) { w.fails("Settle", 1, denied) }, 2},
		{"how it went cannot be read", func(w *inventoryWorld) { w.fails("Tags", 1, denied) }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			c.spoil(w)
			image := imageOf(shopAPI, 1)
			promoted, err := w.Reactor.Promote(t.Context(), reactor.Promotion{Job: uuid(1), Repository: shopAPI, Digest: image.Digest, Tags: []string{"approved", "live"}, At: noon})
			if err == nil || len(promoted.Tags) != c.left {
				t.Fatalf("%+v, error %v", promoted, err)
			}
			w.ledger.Hook, w.registry.OnRead, w.registry.OnTag = nil, nil, nil
			w.sweeps(t, sweep.Options{})
			sits := w.registry.Tags(shopAPI)
			for i, name := range []string{"approved", "live"} {
				left := i < c.left
				if left && (promoted.Tags[i].ID.Tag != name || promoted.Tags[i].Wish.Digest != image.Digest) || (sits[name] == image.Digest) != left {
					t.Errorf("tag %s sits on %q, of %+v", name, sits[name], promoted.Tags)
				}
			}
		})
	}
}

// fails lets an operation of the ledger fail from its nth time on.
func (w *inventoryWorld) fails(operation string, n int64, err error) {
	var times atomic.Int64
	w.ledger.Hook = func(_ context.Context, of string) error {
		if of == operation && times.Add(1) >= n {
			return err
		}
		return nil
	}
}
