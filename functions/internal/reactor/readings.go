package reactor

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// wantsOf returns what is to be read of the registry: each wish's manifest and where its
// tag is.
func wantsOf(c ledger.Change, obs decide.Observation) map[tagalong.Repository]*want {
	wanted := map[tagalong.Repository]*want{}
	for _, tag := range c.Tags {
		if tag.Mode.Sets() {
			wantWish(wanted, obs, tag.Wish)
		}
	}
	return wanted
}

// wantWish adds the image of a wish and its tag, of a repository that we were given: the
// wish may be another service's, or of a time in which we were given more.
func wantWish(wanted map[tagalong.Repository]*want, obs decide.Observation, wish ledger.Claim) {
	if r := wish.Tag.Repository; obs.Policy.Coverage.Reads(r) {
		wantOf(wanted, r).add(wish.Digest, wish.Tag.Tag)
	}
}

// want lists what to read of one repository.
type want struct {
	digests []digest.Digest
	tags    []string
}

func wantOf(all map[tagalong.Repository]*want, r tagalong.Repository) *want {
	if all[r] == nil {
		all[r] = &want{}
	}
	return all[r]
}

func (w *want) add(d digest.Digest, tag string) {
	if d != "" && !slices.Contains(w.digests, d) {
		w.digests = append(w.digests, d)
	}
	if tagalong.ValidTag(tag) && !slices.Contains(w.tags, tag) {
		w.tags = append(w.tags, tag)
	}
}

// reading is what a repository showed, or why it did not.
type reading struct {
	images tagalong.Images
	want   *want // what was asked for
	err    error
	fresh  bool      // begun after the wishes at hand were written
	at     time.Time // when it was begun
	again  bool      // for a wish that changed meanwhile: where the tag sits may be our own doing
	// readers are the deployments that read the tags.
	readers ledger.Readers
}

// covers reports whether the reading says how a wish stands: it was begun after the wish
// was written, and asked for its image and its tag.
func (r reading) covers(tag ledger.Tag) bool {
	return r.fresh && slices.Contains(r.want.digests, tag.Wish.Digest) && r.asked(tag.ID)
}

// asked reports whether the reading asked for a tag: where it did not, that it shows none
// says nothing.
func (r reading) asked(tag tagalong.TagID) bool { return slices.Contains(r.want.tags, tag.Tag) }

// readAll reads repositories side by side, beginning now.
func readAll(ctx context.Context, registry tagalong.Registry, now time.Time, wanted map[tagalong.Repository]*want) map[tagalong.Repository]reading {
	var (
		mu    sync.Mutex
		group parallel.Group
		all   = make(map[tagalong.Repository]reading, len(wanted))
	)
	for repository, w := range wanted {
		group.Go(func() {
			images, err := registry.Read(ctx, repository, w.digests, w.tags)
			mu.Lock()
			defer mu.Unlock()
			all[repository] = reading{images: images, want: w, err: err, at: now}
		})
	}
	group.Wait()
	return all
}
