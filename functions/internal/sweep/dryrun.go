package sweep

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// dryRun takes a sweep that changes nothing: on a ledger that keeps in memory what is
// written, a registry that keeps what is put, and a bus that nobody hears. What it would
// have repaired is not, and each tag that it would have put is drift.
func (s *Sweeper) dryRun(ctx context.Context, o Options) (Report, error) {
	kept := newDryLedger(s.Reactor.Ledger, s.Records)
	puts := &dryRegistry{Registry: s.Reactor.Registry, untagger: s.Untagger, lifecycles: s.Lifecycles, ledger: kept, seen: map[tagalong.TagID]digest.Digest{}, put: map[tagalong.Repository]map[string]dryPut{}}
	handler, dry := *s.Reactor, *s
	handler.Ledger, handler.Registry = kept, puts
	dry.Reactor, dry.Records = &handler, kept
	if s.Reactor.Announcer != nil {
		handler.Announcer = unheard{}
	}
	dry.Scanner = nil // what it would be asked for repairs nothing
	if s.Untagger != nil {
		dry.Untagger = puts
	}
	if s.Lifecycles != nil {
		dry.Lifecycles = puts
	}
	report, err := dry.sweep(ctx, o)
	for i := range report.Drift {
		report.Drift[i].Repaired = false
	}
	report.Drift = append(report.Drift, puts.unreported(report.Drift)...)
	slices.SortFunc(report.Drift, Drift.compare)
	return report, err
}

// unheard is a bus that nobody hears.
type unheard struct{}

// Announce implements Announcer.
func (unheard) Announce(_ context.Context, all []tagalong.Event) []error {
	return make([]error, len(all))
}

// dryRegistry is a registry as it would be: it keeps in memory what is put and removed,
// and shows that to whoever reads it afterwards.
type dryRegistry struct {
	tagalong.Registry
	untagger   Untagger
	lifecycles Lifecycles
	ledger     *dryLedger

	mu   sync.Mutex
	seen map[tagalong.TagID]digest.Digest // where tags are
	put  map[tagalong.Repository]map[string]dryPut
}

// dryPut is a tag that would have been put, or removed.
type dryPut struct {
	ledger.Tag                   // as the ledger would have had it
	image      tagalong.Manifest // the zero Manifest if it was removed
}

// Read implements Registry.
func (d *dryRegistry) Read(ctx context.Context, r tagalong.Repository, digests []digest.Digest, tags []string) (tagalong.Images, error) {
	images, err := d.Registry.Read(ctx, r, digests, tags)
	if err != nil {
		return tagalong.Images{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all := images
	all.Tags, all.Manifests = map[string]digest.Digest{}, maps.Clone(images.Manifests)
	for _, name := range tags {
		d.seen[tagalong.TagID{Repository: r, Tag: name}] = images.Tags[name]
		at, there := images.Tags[name]
		if put, changed := d.put[r][name]; changed {
			if at, there = put.image.Digest, put.image.Digest != ""; there {
				all.Manifests[at] = put.image
			}
		}
		if there {
			all.Tags[name] = at
		}
	}
	return all, nil
}

// refusedBefore is why a put is refused, as the ledger has it of one before.
type refusedBefore string

func (e refusedBefore) Error() string { return string(e) }

// Is has it be ErrRefused.
func (refusedBefore) Is(target error) bool { return target == tagalong.ErrRefused }

// Tag implements Registry. Whether it takes a tag that it has refused only a put would
// show: it is taken to refuse that again.
func (d *dryRegistry) Tag(ctx context.Context, r tagalong.Repository, m tagalong.Manifest, tag string) error {
	id := tagalong.TagID{Repository: r, Tag: tag}
	now, real, err := d.ledger.tag(ctx, id)
	if err != nil {
		return err
	}
	if real.State == ledger.TagBlocked {
		return refusedBefore(real.Reason)
	}
	d.change(dryPut{now, m}, id)
	return nil
}

func (d *dryRegistry) change(put dryPut, id tagalong.TagID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.put[id.Repository] == nil {
		d.put[id.Repository] = map[string]dryPut{}
	}
	d.put[id.Repository][id.Tag] = put
}

// unreported returns the tags that were put, that no drift reports.
func (d *dryRegistry) unreported(drift []Drift) (all []Drift) {
	reported := map[tagalong.TagID]bool{}
	for _, one := range drift {
		reported[tagalong.TagID{Repository: tagalong.Repository{Registry: one.Registry, Name: one.Repository}, Tag: one.Tag}] = one.Kind == DriftTag
	}
	for r, tags := range d.put {
		for name, put := range tags {
			id := tagalong.TagID{Repository: r, Tag: name}
			if is := put.image.Digest; is != "" && is != d.seen[id] && !reported[id] {
				all = append(all, driftOfTag(put.Tag, DriftTag, d.seen[id], "is to be moved once the ledger is repaired"))
			}
		}
	}
	return all
}

// RemoveTag implements Untagger.
func (d *dryRegistry) RemoveTag(_ context.Context, r tagalong.Repository, tag string) error {
	d.change(dryPut{}, tagalong.TagID{Repository: r, Tag: tag})
	return nil
}

// ImageTags implements Untagger.
func (d *dryRegistry) ImageTags(ctx context.Context, r tagalong.Repository, image digest.Digest) (ImageTags, error) {
	found, err := d.untagger.ImageTags(ctx, r, image)
	found.Tags = d.tagsOf(r, image, found.Tags)
	return found, err
}

// LifecycleRules implements Lifecycles.
func (d *dryRegistry) LifecycleRules(ctx context.Context, r tagalong.Repository) ([]LifecycleRule, error) {
	return d.lifecycles.LifecycleRules(ctx, r)
}

// TagsOf implements Lifecycles.
func (d *dryRegistry) TagsOf(ctx context.Context, r tagalong.Repository, digests []digest.Digest) (map[digest.Digest][]string, error) {
	all, err := d.lifecycles.TagsOf(ctx, r, digests)
	for image, tags := range all {
		all[image] = d.tagsOf(r, image, tags)
	}
	return all, err
}

// tagsOf returns the tags that an image has, once it has those that were put.
func (d *dryRegistry) tagsOf(r tagalong.Repository, image digest.Digest, tags []string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	tags = slices.DeleteFunc(slices.Clone(tags), func(name string) bool { _, changed := d.put[r][name]; return changed })
	for name, put := range d.put[r] {
		if put.image.Digest == image {
			tags = append(tags, name)
		}
	}
	return tags
}
