package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// resolver finds out which images are meant by a name.
type resolver struct{ Queries }

// resolved returns an image with the digest that its tag is on in ECR now, or that begins
// as is given.
func (q resolver) resolved(ctx context.Context, image tagalong.ImageQuery) (tagalong.ImageQuery, error) {
	switch {
	case image.Beginning != "":
		return q.begun(ctx, image)
	case image.Tag == "":
		return image, nil
	}
	var err error
	if image.Registry == "" {
		image.Registry, err = q.registryOf(ctx, image)
	} else {
		err = q.mayResolve(ctx, image)
	}
	if err != nil {
		return image, err
	}
	repository := tagalong.Repository{Registry: image.Registry, Name: image.Repository}
	images, err := q.Registry.Read(ctx, repository, nil, []string{image.Tag})
	if err != nil && !errors.Is(err, tagalong.ErrGone) {
		return image, fmt.Errorf("repository %s: %w", repository, err)
	}
	if err := cmp.Or(images.Refused[image.Tag], images.Unasked[image.Tag]); err != nil {
		return image, fmt.Errorf("repository %s: %w", repository, err)
	}
	at, ok := images.Tags[image.Tag]
	if !ok {
		return image, q.noTag(ctx, image, images)
	}
	image.Tag, image.Digest = "", at
	return image, nil
}

// mayResolve returns an error if ECR cannot be asked for a tag, or must not: the
// repository lies outside of what we were given. Whoever asks could aim our credentials
// at any registry.
func (q resolver) mayResolve(ctx context.Context, image tagalong.ImageQuery) error {
	if _, _, ok := (tagalong.Repository{Registry: image.Registry}).ECR(); !ok {
		return &ImageError{image, "tags are resolved in private ECR registries only: give the digest"}
	}
	registries, err := q.registriesFor(ctx, image)
	if err != nil || len(registries) > 0 {
		return err
	}
	known, err := q.known(ctx, image)
	switch {
	case err != nil || known && q.Coverage == nil:
		return err
	case known:
		return &ImageError{image, "its registry is none that we were given, and is not asked: give the digest"}
	}
	return &ImageError{image, "nothing of that repository runs or ran lately, as far as the ledger knows: give the digest"}
}

// noTag says that ECR has no such tag, or no such repository.
func (q resolver) noTag(ctx context.Context, image tagalong.ImageQuery, read tagalong.Images) error {
	known, err := q.known(ctx, image)
	if err != nil {
		return err
	}
	if read.NoRepository && !known {
		return q.noRepository(ctx, image, "")
	}
	var tags []string
	for p, err := range q.Records.OpenPlacements(ctx, image.Repository) {
		if err != nil {
			return err
		}
		if image.In(p.Container.Image) {
			tags = append(tags, slices.DeleteFunc(append(p.Tags, p.Container.ImageTag), func(tag string) bool { return tag == "" })...)
		}
	}
	d, err := q.directory(ctx)
	return cmp.Or[error](err, &tagalong.UnknownNameError{Kind: tagalong.TagName, Name: image.String(), Nearest: tagalong.Nearest(image.Tag, tags), Watched: q.watched(d)})
}

// noRepository says that nobody knows a repository. Its nearest ones are those of its
// name in other registries, and those called like a service: nothing lists all.
func (q resolver) noRepository(ctx context.Context, image tagalong.ImageQuery, elsewhere string) error {
	d, err := q.directory(ctx)
	if err != nil {
		return err
	}
	services := seenTexts(d.services, func(s ledger.SeenService) string { return s.Name })
	name := image.Repository[strings.LastIndexByte(image.Repository, '/')+1:]
	var known []string
	for _, candidate := range append([]string{image.Repository, name}, tagalong.Nearest(name, services)...) {
		for p, err := range q.Records.OpenPlacements(ctx, candidate) {
			if err != nil {
				return err
			}
			known = append(known, p.Container.Image.String())
		}
	}
	whole := repositoryOf(image)
	return &tagalong.UnknownNameError{Kind: tagalong.RepositoryName, Name: whole, Nearest: tagalong.Nearest(whole, known), Watched: elsewhere + q.watched(d)}
}

// repositoryOf names an image's repository, with its registry if that is given.
func repositoryOf(image tagalong.ImageQuery) string {
	return tagalong.ImageQuery{Registry: image.Registry, Repository: image.Repository}.String()
}

// nowhere is nothing for an image that is nowhere. first says that it is the whole
// answer: then a repository that nobody knows is an error.
func (q resolver) nowhere(ctx context.Context, image tagalong.ImageQuery, first bool) (watched string, err error) {
	elsewhere, err := q.elsewhere(ctx, image)
	if err != nil {
		return "", err
	}
	if first && image.Repository != "" {
		if known, err := q.knownAnywhere(ctx, image); err != nil || !known {
			return "", cmp.Or(err, q.noRepository(ctx, image, elsewhere))
		}
	}
	d, err := q.directory(ctx)
	return elsewhere + q.watched(d), err
}

// elsewhere says under which other name a digest runs or ran: a scanner may have found
// it in a replica, in a cache or under a mirror's name. It is "" if it does under none.
func (q resolver) elsewhere(ctx context.Context, image tagalong.ImageQuery) (string, error) {
	if image.Digest == "" || image.Repository == "" {
		return "", nil
	}
	anywhere, err := q.ofDigest(ctx, tagalong.ImageQuery{Digest: image.Digest}, 1)
	if err != nil {
		return "", err
	}
	for p, err := range anywhere(ledger.PlacementCursor{}) {
		if err != nil {
			return "", err
		}
		if p.meant && !image.In(p.Container.Image) {
			return fmt.Sprintf("The digest runs or ran as %s, and not under this name. ", p.Container.Image), nil
		}
	}
	return "", nil
}

// knownAnywhere reports whether the ledger or ECR, as far as we were given it, knows a
// repository.
func (q resolver) knownAnywhere(ctx context.Context, image tagalong.ImageQuery) (bool, error) {
	image.Tag, image.Digest = "", ""
	known, all, err := q.lookFor(ctx, image)
	if err != nil || known || !all {
		return true, err // what is too much to look at is not denied
	}
	registries, err := q.registriesFor(ctx, image)
	if err != nil {
		return false, err
	}
	for _, registry := range registries {
		// A tag that nobody has is no image: that it is asked for counts as no pull.
		read, err := q.Registry.Read(ctx, tagalong.Repository{Registry: registry, Name: image.Repository}, nil, []string{askedTag})
		if errors.Is(err, tagalong.ErrNoAccess) {
			continue // then it is none that we were given
		}
		if err != nil {
			return false, fmt.Errorf("repository %s/%s: %w", registry, image.Repository, err)
		}
		if !read.NoRepository {
			return true, nil
		}
	}
	return false, nil
}

// askedTag is what a repository is asked for to see whether it is there.
const askedTag = "tagalong-asks-whether-this-repository-is-there"

// registriesFor returns the private ECR registries, among what we were given, that may
// hold an image's repository: its own or, where none is named, those of where services
// are looked for.
func (q resolver) registriesFor(ctx context.Context, image tagalong.ImageQuery) ([]string, error) {
	if q.Coverage == nil || q.Scopes == nil {
		return nil, nil
	}
	covered, err := q.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	hosts := []string{image.Registry}
	if image.Registry == "" {
		scopes, err := q.Scopes(ctx)
		if err != nil {
			return nil, err
		}
		hosts = tagalong.Strings(scopes, func(s tagalong.Scope) string { return tagalong.RegistryHost(s.Account, s.Region) })
	}
	return slices.DeleteFunc(hosts, func(host string) bool {
		return !covered.Reads(tagalong.Repository{Registry: host, Name: image.Repository})
	}), nil
}

// LookBack is how many placements that have ended are searched for a repository.
const LookBack = 100

// known reports whether anything of a repository runs or ran lately.
func (q resolver) known(ctx context.Context, image tagalong.ImageQuery) (bool, error) {
	known, _, err := q.lookFor(ctx, image)
	return known, err
}

// lookFor reports whether anything of a repository runs or ran lately, and whether
// all was looked at: others of its name may be too many.
func (q resolver) lookFor(ctx context.Context, image tagalong.ImageQuery) (known, all bool, err error) {
	all = true
	for _, name := range image.Partitions() {
		for p, err := range q.Records.OpenPlacements(ctx, name) {
			if err != nil || image.In(p.Container.Image) {
				return err == nil, all, err
			}
		}
		looked := 0
		for p, err := range q.Records.EndedPlacements(ctx, name, ledger.PlacementCursor{}, LookBack) {
			if err != nil || image.In(p.Container.Image) {
				return err == nil, all, err
			}
			if looked++; looked == LookBack {
				all = false
				break
			}
		}
	}
	return false, all, nil
}

// registryOf returns the registry that a repository without one lies in: the only one
// in ECR from which something of that name runs.
func (q resolver) registryOf(ctx context.Context, image tagalong.ImageQuery) (string, error) {
	var registries []string
	for p, err := range q.Records.OpenPlacements(ctx, image.Repository) {
		if err != nil {
			return "", fmt.Errorf("repository %s: %w", image.Repository, err)
		}
		if _, _, ok := p.Container.Image.ECR(); ok {
			registries = append(registries, p.Container.Image.Registry)
		}
	}
	switch registries = distinct(registries); len(registries) {
	case 0:
		if known, err := q.knownAnywhere(ctx, image); err != nil || !known {
			return "", cmp.Or(err, q.noRepository(ctx, image, ""))
		}
		return "", &ImageError{image, "nothing of that repository runs, so its registry is not known: want HOST/REPOSITORY:TAG"}
	case 1:
		return registries[0], nil
	}
	return "", &ImageError{image, "the repository is in several registries: want HOST/REPOSITORY:TAG with one of " + strings.Join(registries, ", ")}
}
