package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Previewer says what a registry would do to images by a repository's own rules: ECR, by
// the preview of its lifecycle policy.
type Previewer interface {
	// Taken returns those of the images that the policy would take if it were applied now;
	// none where there is no policy, or no repository. ErrNoAccess is an answer.
	Taken(ctx context.Context, r tagalong.Repository, digests []digest.Digest) ([]TakenImage, error)
}

// TakenImage is an image that a lifecycle policy would take now.
type TakenImage struct {
	Digest   digest.Digest
	Rule     int // its priority
	Archives bool
	Tags     []string
}

// Action is what the rule does to it.
func (t TakenImage) Action() string {
	if t.Archives {
		return "archive"
	}
	return "expire"
}

// LifecycleRow is an image in use that its repository's lifecycle policy would take, and
// what uses it.
type LifecycleRow struct {
	InUseRow
	Rule   int      `json:"rule"`   // the priority of the rule that takes it
	Action string   `json:"action"` // expire or archive
	Tags   []string `json:"tags"`
}

// LifecycleQuery asks what lifecycle policies would take of what is in use.
type LifecycleQuery struct {
	Repositories []tagalong.ImageQuery // none is all
	Previous     int                   // as InUseQuery has it
}

// Lifecycle is the answer.
type Lifecycle struct {
	Rows []LifecycleRow
	// Looked are the repositories whose policies were looked at, and Skipped those that are
	// in use and lie in no registry of ECR that we were given.
	Looked, Skipped []string
	// Refused are the repositories that we may not look at, with the reason.
	Refused []string
	// Incomplete says why something may be missing: of what is in use, or of the policies.
	Incomplete []string
	Watched    string
}

// Lifecycle answers which images in use, or needed for a rollback, the lifecycle policies
// of their repositories would expire or archive now. *UnknownNameError says that a
// repository is not known.
func (q Queries) Lifecycle(ctx context.Context, query LifecycleQuery, previewer Previewer) (Lifecycle, error) {
	if err := q.knowRepositories(ctx, query.Repositories); err != nil {
		return Lifecycle{}, err
	}
	page, reasons, err := q.InUse(ctx, InUseQuery{Previous: query.Previous, Incomplete: true}, Paging{})
	if err != nil {
		return Lifecycle{}, err
	}
	covers, err := q.reads(ctx)
	if err != nil {
		return Lifecycle{}, err
	}
	answer := Lifecycle{Rows: []LifecycleRow{}, Incomplete: reasons, Watched: page.Watched}
	used := map[tagalong.Repository][]InUseRow{}
	var repositories []tagalong.Repository
	for _, row := range page.Items {
		r := tagalong.Repository{Registry: row.Registry, Name: row.Repository}
		switch {
		case !query.asks(r):
			continue
		case !covers(r):
			answer.Skipped = append(answer.Skipped, r.String())
			continue
		case used[r] == nil:
			repositories = append(repositories, r)
		}
		used[r] = append(used[r], row)
	}
	answer.Skipped = distinct(answer.Skipped)
	err = previews{previewer, used}.add(ctx, &answer, repositories)
	return answer, err
}

func (query LifecycleQuery) asks(r tagalong.Repository) bool {
	return len(query.Repositories) == 0 || slices.ContainsFunc(query.Repositories, func(i tagalong.ImageQuery) bool { return i.In(r) })
}

// reads says which repositories are asked for: those in ECR that we were given.
func (q Queries) reads(ctx context.Context) (func(tagalong.Repository) bool, error) {
	covers := func(tagalong.Repository) bool { return true }
	if q.Coverage != nil {
		covered, err := q.Coverage(ctx)
		if err != nil {
			return nil, err
		}
		covers = covered.Reads
	}
	return func(r tagalong.Repository) bool {
		_, _, private := r.ECR()
		return private && covers(r)
	}, nil
}

// knowRepositories returns an error for one that nobody knows.
func (q Queries) knowRepositories(ctx context.Context, asked []tagalong.ImageQuery) error {
	if len(asked) == 0 {
		return nil
	}
	known, err := q.Records.Repositories(ctx)
	if err != nil {
		return fmt.Errorf("repositories: %w", err)
	}
	for _, image := range asked {
		if slices.ContainsFunc(known, image.In) {
			continue
		}
		d, err := q.directory(ctx)
		names := tagalong.Strings(known, tagalong.Repository.String)
		names = append(names, tagalong.Strings(known, func(r tagalong.Repository) string { return r.Name })...)
		return cmp.Or[error](err, &tagalong.UnknownNameError{
			Kind: tagalong.RepositoryName, Name: image.String(), Nearest: tagalong.Nearest(image.String(), distinct(names)), Watched: q.watched(d),
		})
	}
	return nil
}

// previews joins what policies would take with what is in use.
type previews struct {
	previewer Previewer
	used      map[tagalong.Repository][]InUseRow
}

// add previews each repository; one that cannot be looked at is said, and the others are.
func (p previews) add(ctx context.Context, answer *Lifecycle, repositories []tagalong.Repository) error {
	found, errs := make([][]LifecycleRow, len(repositories)), make([]error, len(repositories))
	parallel.ForEach(len(repositories), parallel.Limit, func(i int) {
		found[i], errs[i] = p.of(ctx, repositories[i])
	})
	var problems []error
	for i, r := range repositories {
		switch {
		case errors.Is(errs[i], tagalong.ErrNoAccess):
			answer.Refused = append(answer.Refused, errs[i].Error())
		case errs[i] != nil:
			problems = append(problems, errs[i])
		default:
			answer.Looked = append(answer.Looked, r.String())
			answer.Rows = append(answer.Rows, found[i]...)
		}
	}
	answer.Incomplete = append(answer.Incomplete, answer.Refused...)
	return errors.Join(problems...)
}

func (p previews) of(ctx context.Context, r tagalong.Repository) (rows []LifecycleRow, err error) {
	var digests []digest.Digest
	for _, row := range p.used[r] {
		digests = append(digests, row.Digest)
	}
	slices.Sort(digests)
	taken, err := p.previewer.Taken(ctx, r, slices.Compact(digests))
	for _, row := range p.used[r] {
		if at := slices.IndexFunc(taken, func(t TakenImage) bool { return t.Digest == row.Digest }); at >= 0 {
			rows = append(rows, LifecycleRow{row, taken[at].Rule, taken[at].Action(), append([]string{}, taken[at].Tags...)})
		}
	}
	return rows, err
}
