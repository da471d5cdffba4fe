package query

import (
	"context"
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What people copy from a table or a log is the beginning of a name. It is completed here,
// before a question is asked, so that every question takes it.

// begun returns an image whose digest begins as is given. Where none does, the text may be
// a repository's name; beside a digest it may be a container's, as the history prints it.
func (q resolver) begun(ctx context.Context, image tagalong.ImageQuery) (tagalong.ImageQuery, error) {
	text := image.Beginning
	if image.Repository == text && image.Registry == "" {
		image.Repository = ""
	}
	named, err := q.digestsThatBegin(ctx, text)
	if err != nil {
		return image, err
	}
	matches := named.in(image)
	if len(matches) == 0 {
		if image.Repository == "" {
			return q.calledSo(ctx, text)
		}
		matches = named
	}
	switch digests := matches.digests(); len(digests) {
	case 0:
		return image, q.noDigest(ctx, image)
	case 1:
		return q.unlessContainer(ctx, image, matches)
	default:
		return image, &tagalong.AmbiguousNameError{Kind: tagalong.DigestName, Name: text, Matches: digests}
	}
}

// digestNames are names of digests that begin alike.
type digestNames []ledger.Name

func (q resolver) digestsThatBegin(ctx context.Context, text string) (all digestNames, err error) {
	for n, err := range q.Records.Names(ctx, text, maxThings) {
		if err != nil {
			return nil, fmt.Errorf("digests that begin with %s: %w", text, err)
		}
		if n.Kind == tagalong.DigestName && tagalong.Stands(text, n.Text, n.Kind) {
			all = append(all, n)
		}
	}
	return all, nil
}

func (d digestNames) in(image tagalong.ImageQuery) (some digestNames) {
	for _, n := range d {
		if image.In(n.Repository) {
			some = append(some, n)
		}
	}
	return some
}

func (d digestNames) digests() (texts []string) {
	for _, n := range d {
		texts = append(texts, n.Digest.String())
	}
	return distinct(texts)
}

// calledSo returns the repository of a name that could be a digest's beginning.
func (q resolver) calledSo(ctx context.Context, name string) (tagalong.ImageQuery, error) {
	image := tagalong.ImageQuery{Repository: name}
	known, err := q.knownAnywhere(ctx, image)
	if err == nil && !known {
		err = q.noDigest(ctx, tagalong.ImageQuery{Beginning: name})
	}
	return image, err
}

// unlessContainer returns the image of the digest that was found. A name beside it that is
// no repository of it must be a container's that runs or ran it: then it stands for that
// container's repository.
func (q resolver) unlessContainer(ctx context.Context, image tagalong.ImageQuery, found digestNames) (tagalong.ImageQuery, error) {
	image.Digest, image.Beginning = found[0].Digest, ""
	if image.Repository == "" || len(found.in(image)) > 0 {
		return image, nil
	}
	pieces, err := q.ofDigest(ctx, tagalong.ImageQuery{Digest: image.Digest}, LookBack)
	if err != nil {
		return image, err
	}
	looked := 0
	for p, err := range pieces(ledger.PlacementCursor{}) {
		if err != nil {
			return image, err
		}
		if p.meant && image.Registry == "" && p.Container.Name == image.Repository {
			image.Registry, image.Repository = p.Container.Image.Registry, p.Container.Image.Name
			return image, nil
		}
		if looked++; looked == LookBack {
			break
		}
	}
	return image, nil // the answer says under which name the digest is known
}

// wholeRelease returns the execution that begins as is given.
func (q resolver) wholeRelease(ctx context.Context, r ReleaseQuery) (ReleaseQuery, error) {
	if r.Pipeline != "" && (executionID.MatchString(r.Execution) || !shortExecution.MatchString(r.Execution)) {
		return r, nil
	}
	var found []ReleaseQuery
	for n, err := range q.Records.Names(ctx, r.Execution, maxThings) {
		if err != nil {
			return r, fmt.Errorf("executions that begin with %s: %w", r.Execution, err)
		}
		if n.Kind == tagalong.ExecutionName && (r.Pipeline == "" || r.Pipeline == n.Pipeline) {
			found = append(found, ReleaseQuery{n.Pipeline, n.Execution})
		}
	}
	switch len(found) {
	case 0:
		return r, &tagalong.UnknownNameError{Kind: tagalong.ReleaseName, Name: r.String()}
	case 1:
		return found[0], nil
	}
	return r, &tagalong.AmbiguousNameError{Kind: tagalong.ReleaseName, Name: r.String(), Matches: tagalong.Strings(found, ReleaseQuery.String)}
}

// String returns PIPELINE/EXECUTION, or the execution alone.
func (r ReleaseQuery) String() string {
	if r.Pipeline == "" {
		return r.Execution
	}
	return r.Pipeline + "/" + r.Execution
}

func (q resolver) noDigest(ctx context.Context, image tagalong.ImageQuery) error {
	d, err := q.directory(ctx)
	if err != nil {
		return err
	}
	return &tagalong.UnknownNameError{Kind: tagalong.DigestName, Name: image.String(), Watched: q.watched(d)}
}
