package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// sorted gives what select finds under the lock, in an order, at the moment when
// the walk begins.
func sorted[T any](ctx context.Context, l *Ledger, operation string, found func() []T, compare func(a, b T) int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		done, err := l.begin(ctx, operation)
		if err != nil {
			var zero T
			yield(zero, err)
			return
		}
		all := found()
		done()
		slices.SortFunc(all, compare)
		for _, t := range all {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func byService(a, b tagalong.Service) int { return cmp.Compare(a.String(), b.String()) }

// Environments implements tagalong.Directory.
func (l *Ledger) Environments(ctx context.Context) ([]string, error) {
	done, err := l.begin(ctx, "Environments")
	if err != nil {
		return nil, err
	}
	defer done()
	return slices.Sorted(maps.Keys(l.names)), nil
}

// Services implements tagalong.Directory.
func (l *Ledger) Services(ctx context.Context, environment string) ([]tagalong.Service, error) {
	done, err := l.begin(ctx, "Services")
	if err != nil {
		return nil, err
	}
	defer done()
	services := slices.SortedFunc(maps.Keys(l.listed), byService)
	return slices.DeleteFunc(services, func(s tagalong.Service) bool { return environment != "" && !l.listed[s][environment] }), nil
}

// Seen implements tagalong.Directory.
func (l *Ledger) Seen(ctx context.Context) ([]tagalong.SeenService, error) {
	done, err := l.begin(ctx, "Seen")
	if err != nil {
		return nil, err
	}
	defer done()
	var seen []tagalong.SeenService
	for _, s := range slices.SortedFunc(maps.Keys(l.seen), byService) {
		seen = append(seen, tagalong.SeenService{Service: s, CompleteSince: l.seen[s]})
	}
	return seen, nil
}

// Members implements tagalong.Residents.
func (l *Ledger) Members(ctx context.Context, environment string, from tagalong.Service, _ int) iter.Seq2[tagalong.Member, error] {
	return sorted(ctx, l, "Members", func() (members []tagalong.Member) {
		for key, m := range l.members {
			if key.environment == environment && (from == (tagalong.Service{}) || byService(key.service, from) >= 0) {
				members = append(members, cloneMember(m))
			}
		}
		return members
	}, func(a, b tagalong.Member) int { return byService(a.Service, b.Service) })
}

// Departed implements tagalong.Residents.
func (l *Ledger) Departed(ctx context.Context, environment string, after time.Time) iter.Seq2[tagalong.Gone, error] {
	return sorted(ctx, l, "Departed", func() (gone []tagalong.Gone) {
		for key, g := range l.gone {
			if key.environment == environment && g.Until.After(after) {
				g.Member = cloneMember(g.Member)
				gone = append(gone, g)
			}
		}
		return gone
	}, func(a, b tagalong.Gone) int { return cmp.Or(a.Until.Compare(b.Until), byService(a.Service, b.Service)) })
}

// Population implements tagalong.Residents.
func (l *Ledger) Population(ctx context.Context, environment string) (int, error) {
	done, err := l.begin(ctx, "Population")
	if err != nil {
		return 0, err
	}
	defer done()
	count := 0
	for key := range l.members {
		if key.environment == environment {
			count++
		}
	}
	return count, nil
}

// Rollouts implements tagalong.Chronicle.
func (l *Ledger) Rollouts(ctx context.Context, s tagalong.Service, span tagalong.Span, _ int) iter.Seq2[tagalong.Row, error] {
	return l.rows(ctx, "Rollouts", span, func(r tagalong.Row) bool { return r.Service == s })
}

// EnvironmentRollouts implements tagalong.Chronicle.
func (l *Ledger) EnvironmentRollouts(ctx context.Context, environment string, span tagalong.Span, _ int) iter.Seq2[tagalong.Row, error] {
	return l.rows(ctx, "EnvironmentRollouts", span, func(r tagalong.Row) bool { return r.Environment == environment })
}

func (l *Ledger) rows(ctx context.Context, operation string, span tagalong.Span, keep func(tagalong.Row) bool) iter.Seq2[tagalong.Row, error] {
	return sorted(ctx, l, operation, func() (rows []tagalong.Row) {
		for _, of := range l.services {
			for _, row := range of.rows {
				if keep(row) && span.Holds(row) {
					row.Details = cloneDetails(row.Details)
					rows = append(rows, row)
				}
			}
		}
		return rows
	}, func(a, b tagalong.Row) int { return b.At().Compare(a.At()) })
}

// OpenPlaces implements tagalong.Whereabouts.
func (l *Ledger) OpenPlaces(ctx context.Context, repository string) iter.Seq2[tagalong.Place, error] {
	return l.placesWhere(ctx, "OpenPlaces", tagalong.PlaceAt{}, func(p tagalong.Place) bool {
		return p.Container.Image.Name == repository && p.Phase != tagalong.PhaseEnded
	})
}

// EndedPlaces implements tagalong.Whereabouts.
func (l *Ledger) EndedPlaces(ctx context.Context, repository string, behind tagalong.PlaceAt, _ int) iter.Seq2[tagalong.Place, error] {
	return l.placesWhere(ctx, "EndedPlaces", behind, func(p tagalong.Place) bool {
		return p.Container.Image.Name == repository && p.Phase == tagalong.PhaseEnded
	})
}

// DigestPlaces implements tagalong.Whereabouts.
func (l *Ledger) DigestPlaces(ctx context.Context, d digest.Digest, behind tagalong.PlaceAt, _ int) iter.Seq2[tagalong.Place, error] {
	return l.placesWhere(ctx, "DigestPlaces", behind, func(p tagalong.Place) bool { return p.Container.Target() == d })
}

func (l *Ledger) placesWhere(ctx context.Context, operation string, behind tagalong.PlaceAt, keep func(tagalong.Place) bool) iter.Seq2[tagalong.Place, error] {
	return sorted(ctx, l, operation, func() (places []tagalong.Place) {
		for _, p := range l.places {
			if keep(p) && (behind == tagalong.PlaceAt{} || p.At().Compare(behind) < 0) {
				places = append(places, clonePlace(p))
			}
		}
		return places
	}, func(a, b tagalong.Place) int { return b.At().Compare(a.At()) })
}

// Successor implements tagalong.Whereabouts.
func (l *Ledger) Successor(ctx context.Context, p tagalong.Place) (tagalong.Place, bool, error) {
	done, err := l.begin(ctx, "Successor")
	if err != nil {
		return tagalong.Place{}, false, err
	}
	defer done()
	for _, next := range l.places {
		if next.Succeeds(p) {
			return clonePlace(next), true, nil
		}
	}
	return tagalong.Place{}, false, nil
}

// Indexes implements tagalong.Whereabouts.
func (l *Ledger) Indexes(ctx context.Context, d digest.Digest) ([]tagalong.Child, error) {
	done, err := l.begin(ctx, "Indexes")
	if err != nil {
		return nil, err
	}
	defer done()
	var children []tagalong.Child
	for child := range l.children {
		if child.Digest == d {
			children = append(children, child)
		}
	}
	slices.SortFunc(children, compareChildren)
	return children, nil
}

// EnvironmentTags implements tagalong.Tagged.
func (l *Ledger) EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, _ int) iter.Seq2[tagalong.Tag, error] {
	return sorted(ctx, l, "EnvironmentTags", func() (tags []tagalong.Tag) {
		for _, tag := range l.tags {
			there := tag.Wish.Environment == environment && settled == tag.State.Settled()
			if there && (behind == (tagalong.TagID{}) || byRepository(tag.ID, behind) > 0) {
				tags = append(tags, tag)
			}
		}
		return tags
	}, func(a, b tagalong.Tag) int { return byRepository(a.ID, b.ID) })
}

func byRepository(a, b tagalong.TagID) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Registry, b.Registry), cmp.Compare(a.Tag, b.Tag))
}
