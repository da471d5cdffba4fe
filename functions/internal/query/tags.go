package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// TagRow is one tag: its wish, and where ECR has it.
type TagRow struct {
	Environment string          `json:"environment"`
	Registry    string          `json:"registry"`
	Repository  string          `json:"repository"`
	Tag         string          `json:"tag"`
	Digest      digest.Digest   `json:"digest"`
	Actual      digest.Digest   `json:"actual"`
	State       ledger.TagState `json:"state"`
	Reason      string          `json:"reason"`
	Since       *time.Time      `json:"since"`
	// Compared says that ECR was asked where the tag is now, and answered. Answers leave it
	// out; whoever counts what was looked at needs it.
	Compared bool `json:"-"`
}

// TagsQuery asks for the tags that the ledger wishes.
type TagsQuery struct {
	Environment string // "" is all of them, and what promotions want that name none
	Pending     bool   // only those that are not confirmed
	Check       bool   // ask ECR where each of them is now
}

// Tags answers with the desired tags of an environment, or of all and of none, in the order
// of environments, repositories, registries and tags. With Check, Actual is where
// ECR has each tag now, and one that is elsewhere than the ledger last saw it is
// moved. Rows of a repository that was left out stay as they are, and so do those of one
// that cannot be read, which is in the error.
func (q Queries) Tags(ctx context.Context, query TagsQuery, p Paging) (Page[TagRow], error) {
	question := "tags " + questionOf(query)
	var behind tagCursor
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[TagRow]{}, err
	}
	page, err := answer[ledger.Tag, TagRow, tagCursor]{
		question: question,
		rows:     q.wishes(ctx, query, behind, p.hint()),
		show:     tagRow,
		at:       func(t ledger.Tag) tagCursor { return tagCursor{t.Wish.Environment, t.ID} },
	}.page(p.Limit)
	if err == nil && query.Check {
		err = q.check(ctx, page.Items)
	}
	if err == nil && len(page.Items) == 0 {
		page.Watched, err = q.nothing(ctx, namesGiven{environments: []string{query.Environment}})
	}
	return page, err
}

// tagCursor is a place in the order of tags.
type tagCursor struct {
	Environment string
	Tag         tagalong.TagID
}

func (a tagCursor) Valid() bool {
	return tagalong.ValidKeyTexts(a.Environment) && tagalong.ValidKeyTexts(a.Tag.String())
}

func (q Queries) wishes(ctx context.Context, query TagsQuery, behind tagCursor, hint int) iter.Seq2[ledger.Tag, error] {
	return func(yield func(ledger.Tag, error) bool) {
		environments, err := q.environments(ctx, query.Environment)
		if err != nil {
			yield(ledger.Tag{}, err)
			return
		}
		if query.Environment == "" { // promotions may name none
			environments = slices.Concat([]string{""}, environments)
		}
		for _, name := range environments {
			var after tagalong.TagID
			switch {
			case name < behind.Environment:
				continue
			case name == behind.Environment:
				after = behind.Tag
			}
			tags := ledger.EnvironmentTags(ctx, q.Records, name, after, hint)
			if query.Pending {
				tags = q.Records.EnvironmentTags(ctx, name, false, after, hint)
			}
			for t, err := range tags {
				if err != nil {
					yield(ledger.Tag{}, fmt.Errorf("tags of environment %q: %w", name, err))
					return
				}
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}

func tagRow(t ledger.Tag) TagRow {
	return TagRow{
		Environment: t.Wish.Environment,
		Registry:    t.ID.Registry,
		Repository:  t.ID.Name,
		Tag:         t.ID.Tag,
		Digest:      t.Wish.Digest,
		Actual:      t.Actual,
		State:       t.State,
		Reason:      t.Reason,
		Since:       tagalong.TimeOrNil(t.Since),
	}
}

// check asks ECR for each row's tag, a repository at a time, of those that we were given.
func (q Queries) check(ctx context.Context, rows []TagRow) error {
	reads := func(tagalong.Repository) bool { return true }
	if q.Coverage != nil {
		covered, err := q.Coverage(ctx)
		if err != nil {
			return err
		}
		reads = covered.Reads
	}
	asked := map[tagalong.Repository][]*TagRow{}
	for i := range rows {
		if r := rows[i].repositoryOf(); reads(r) {
			asked[r] = append(asked[r], &rows[i])
		}
	}
	repositories := slices.SortedFunc(maps.Keys(asked), tagalong.Repository.Compare)
	problems := make([]error, len(repositories))
	parallel.ForEach(len(repositories), parallel.Limit, func(i int) {
		if err := q.checkOf(ctx, repositories[i], asked[repositories[i]]); err != nil {
			problems[i] = fmt.Errorf("repository %s: %w", repositories[i], err)
		}
	})
	return errors.Join(problems...)
}

// checkOf asks ECR for tags of one repository.
func (q Queries) checkOf(ctx context.Context, r tagalong.Repository, rows []*TagRow) error {
	var names []string
	for _, row := range rows {
		if tagalong.ValidTag(row.Tag) && !slices.Contains(names, row.Tag) {
			names = append(names, row.Tag)
		}
	}
	images, err := q.Registry.Read(ctx, r, nil, names)
	if err != nil {
		return err
	}
	for _, row := range rows {
		row.found(images.Tags[row.Tag])
	}
	return nil
}

// found says where ECR has the tag now. One that was just about to be put may well be
// elsewhere than the ledger last saw it, and so may one that deployments read; since when
// another one is there nobody knows.
func (r *TagRow) found(actual digest.Digest) {
	if actual != r.Digest && actual != r.Actual && r.State != ledger.TagPending && r.State != ledger.TagInput {
		r.State, r.Reason, r.Since = ledger.TagMoved, fmt.Sprintf("moved since the ledger last saw it on %s", r.Actual), nil
		if r.Actual == "" {
			r.Reason = "put since the ledger last saw it nowhere"
		}
	}
	r.Actual, r.Compared = actual, true
}

func (r TagRow) repositoryOf() tagalong.Repository {
	return tagalong.Repository{Registry: r.Registry, Name: r.Repository}
}
