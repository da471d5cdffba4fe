package tagalongtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Registry is ECR in memory, safe for concurrent use. The zero value has no
// repository; pushing makes one. As in ECR a tag moves atomically, and nothing
// compares before it does.
type Registry struct {
	// OnRead and OnTag stand around the operations, if they are set: they may
	// hold one back, let it happen and say that it did not, or refuse it.
	OnRead func(ctx context.Context, r tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error)
	OnTag  func(ctx context.Context, r tagalong.Repository, m tagalong.Manifest, tag string, put func() error) error
	// OnRemove stands around the removal of a tag.
	OnRemove func(ctx context.Context, r tagalong.Repository, tag string, remove func() error) error

	mu           sync.Mutex
	repositories map[tagalong.Repository]*repository
	replicates   map[string]bool // removals, by the registry's host
	puts         int
}

var (
	_ tagalong.Registry = &Registry{}
	_ sweep.Untagger    = &Registry{}
	_ sweep.Lifecycles  = &Registry{}
)

type repository struct {
	manifests map[digest.Digest]tagalong.Manifest
	tags      map[string]digest.Digest
	history   map[string][]digest.Digest
	immutable bool
	except    []string // tags that move all the same, as globs
	room      int      // for tags on one image; 0 is no limit
	lifecycle []sweep.LifecycleRule
}

func (r *Registry) of(name tagalong.Repository) *repository {
	if r.repositories == nil {
		r.repositories = map[tagalong.Repository]*repository{}
	}
	if r.repositories[name] == nil {
		r.repositories[name] = &repository{
			manifests: map[digest.Digest]tagalong.Manifest{},
			tags:      map[string]digest.Digest{},
			history:   map[string][]digest.Digest{},
		}
	}
	return r.repositories[name]
}

// Push stores a manifest under tags, whatever the repository's settings are.
func (r *Registry) Push(name tagalong.Repository, m tagalong.Manifest, tags ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	repo := r.of(name)
	repo.manifests[m.Digest] = m
	for _, tag := range tags {
		repo.set(tag, m.Digest)
	}
}

func (r *repository) set(tag string, d digest.Digest) {
	r.tags[tag] = d
	if h := r.history[tag]; len(h) == 0 || h[len(h)-1] != d {
		r.history[tag] = append(h, d)
	}
}

// Immutable fixes the tags of a repository, but those that match an exclusion filter.
func (r *Registry) Immutable(name tagalong.Repository, except ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	repo := r.of(name)
	repo.immutable, repo.except = true, except
}

// Room bounds the tags that an image of a repository takes.
func (r *Registry) Room(name tagalong.Repository, tags int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(name).room = tags
}

// SetLifecycle returns a repository a lifecycle policy.
func (r *Registry) SetLifecycle(name tagalong.Repository, rules ...sweep.LifecycleRule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(name).lifecycle = rules
}

// Delete removes an image with its tags.
func (r *Registry) Delete(name tagalong.Repository, d digest.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	repo := r.of(name)
	delete(repo.manifests, d)
	maps.DeleteFunc(repo.tags, func(_ string, at digest.Digest) bool { return at == d })
}

// Untag removes a tag and leaves the image.
func (r *Registry) Untag(name tagalong.Repository, tag string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of(name).tags, tag)
}

// DeleteRepository removes a repository with all its images.
func (r *Registry) DeleteRepository(name tagalong.Repository) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.repositories, name)
}

// Tags returns where the tags of a repository sit.
func (r *Registry) Tags(name tagalong.Repository) map[string]digest.Digest {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.repositories[name] == nil {
		return nil // and it is not made by asking
	}
	return maps.Clone(r.repositories[name].tags)
}

// History returns every digest that a tag ever sat on, in order.
func (r *Registry) History(name tagalong.Repository, tag string) []digest.Digest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.of(name).history[tag])
}

// Puts counts the puts that moved a tag.
func (r *Registry) Puts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.puts
}

// Read implements tagalong.Registry.
func (r *Registry) Read(ctx context.Context, name tagalong.Repository, digests []digest.Digest, tags []string) (tagalong.Images, error) {
	read := func() (tagalong.Images, error) { return r.read(ctx, name, digests, tags) }
	if r.OnRead != nil {
		return r.OnRead(ctx, name, read)
	}
	return read()
}

func (r *Registry) read(ctx context.Context, name tagalong.Repository, digests []digest.Digest, tags []string) (tagalong.Images, error) {
	images := tagalong.Images{Manifests: map[digest.Digest]tagalong.Manifest{}, Tags: map[string]digest.Digest{}}
	if err := ctx.Err(); err != nil {
		return images, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, ok := r.repositories[name]
	if !ok {
		images.NoRepository = true
		return images, nil
	}
	for _, tag := range tags {
		if d, ok := repo.tags[tag]; ok {
			images.Tags[tag] = d
			images.Manifests[d] = repo.manifests[d]
		}
	}
	for _, d := range digests {
		if m, ok := repo.manifests[d]; ok {
			images.Manifests[d] = m
		}
	}
	return images, nil
}

// Tag implements tagalong.Registry.
func (r *Registry) Tag(ctx context.Context, name tagalong.Repository, m tagalong.Manifest, tag string) error {
	put := func() error { return r.put(name, m, tag) }
	if r.OnTag != nil {
		return r.OnTag(ctx, name, m, tag, put)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return put()
}

// put checks in ECR's order. An immutable tag is taken even by its own image.
func (r *Registry) put(name tagalong.Repository, m tagalong.Manifest, tag string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, ok := r.repositories[name]
	if !ok {
		return fmt.Errorf("repository %s: %w", name, tagalong.ErrGone)
	}
	held, ok := repo.manifests[m.Digest]
	if !ok {
		return fmt.Errorf("image %s: %w", m.Digest, tagalong.ErrGone)
	}
	if !bytes.Equal(held.Bytes, m.Bytes) || held.MediaType != m.MediaType {
		return fmt.Errorf("image %s: manifest of type %s does not match its digest", m.Digest, m.MediaType)
	}
	at, exists := repo.tags[tag]
	switch {
	case exists && repo.fixed(tag):
		return fmt.Errorf("tag %s: %w", tag, tagalong.ErrTaken)
	case at == m.Digest:
		return nil
	case repo.room > 0 && repo.tagsOn(m.Digest) >= repo.room:
		return fmt.Errorf("image %s: %w", m.Digest, tagalong.ErrFull)
	}
	repo.set(tag, m.Digest)
	r.puts++
	return nil
}

// ReplicateDeletes lets a registry pass removals on to others.
func (r *Registry) ReplicateDeletes(host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replicates = map[string]bool{host: true}
}

// ImageTags implements sweep.Untagger.
func (r *Registry) ImageTags(ctx context.Context, name tagalong.Repository, d digest.Digest) (sweep.ImageTags, error) {
	if err := ctx.Err(); err != nil {
		return sweep.ImageTags{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, ok := r.repositories[name]
	if !ok || repo.manifests[d].Digest == "" {
		return sweep.ImageTags{}, fmt.Errorf("image %s: %w", d, tagalong.ErrGone)
	}
	s := sweep.ImageTags{Replicated: r.replicates[name.Registry]}
	for tag, at := range repo.tags {
		if at == d {
			s.Tags = append(s.Tags, tag)
		}
	}
	slices.Sort(s.Tags)
	return s, nil
}

// LifecycleRules implements sweep.Lifecycles.
func (r *Registry) LifecycleRules(ctx context.Context, name tagalong.Repository) ([]sweep.LifecycleRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, ok := r.repositories[name]
	if !ok {
		return nil, nil
	}
	return slices.SortedFunc(slices.Values(repo.lifecycle), func(a, b sweep.LifecycleRule) int { return cmp.Compare(a.Priority, b.Priority) }), nil
}

// TagsOf implements sweep.Lifecycles.
func (r *Registry) TagsOf(ctx context.Context, name tagalong.Repository, digests []digest.Digest) (map[digest.Digest][]string, error) {
	all := map[digest.Digest][]string{}
	for _, d := range digests {
		tags, err := r.ImageTags(ctx, name, d)
		if errors.Is(err, tagalong.ErrGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all[d] = tags.Tags
	}
	return all, nil
}

// RemoveTag implements sweep.Untagger: the image goes with its last tag.
func (r *Registry) RemoveTag(ctx context.Context, name tagalong.Repository, tag string) error {
	remove := func() error { return r.removeTag(name, tag) }
	if r.OnRemove != nil {
		return r.OnRemove(ctx, name, tag, remove)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return remove()
}

func (r *Registry) removeTag(name tagalong.Repository, tag string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, ok := r.repositories[name]
	if !ok {
		return nil
	}
	d, ok := repo.tags[tag]
	if !ok {
		return nil
	}
	delete(repo.tags, tag)
	if repo.tagsOn(d) == 0 {
		delete(repo.manifests, d)
	}
	return nil
}

func (r *repository) fixed(tag string) bool {
	return r.immutable && !slices.ContainsFunc(r.except, func(filter string) bool {
		ok, _ := path.Match(filter, tag)
		return ok
	})
}

func (r *repository) tagsOn(d digest.Digest) (n int) {
	for _, at := range r.tags {
		if at == d {
			n++
		}
	}
	return n
}
