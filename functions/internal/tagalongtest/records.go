package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// sorted returns what select finds under the lock, in an order, at the moment when
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

// Environments implements ledger.Directory.
func (l *Ledger) Environments(ctx context.Context) ([]string, error) {
	done, err := l.begin(ctx, "Environments")
	if err != nil {
		return nil, err
	}
	defer done()
	return slices.Sorted(maps.Keys(l.names)), nil
}

// Services implements ledger.Directory.
func (l *Ledger) Services(ctx context.Context, environment string) ([]tagalong.Service, error) {
	done, err := l.begin(ctx, "Services")
	if err != nil {
		return nil, err
	}
	defer done()
	services := slices.SortedFunc(maps.Keys(l.listed), byService)
	return slices.DeleteFunc(services, func(s tagalong.Service) bool { return environment != "" && !l.listed[s][environment] }), nil
}

// Seen implements ledger.Directory.
func (l *Ledger) Seen(ctx context.Context) ([]ledger.SeenService, error) {
	done, err := l.begin(ctx, "Seen")
	if err != nil {
		return nil, err
	}
	defer done()
	var seen []ledger.SeenService
	for _, s := range slices.SortedFunc(maps.Keys(l.seen), byService) {
		seen = append(seen, ledger.SeenService{Service: s, CompleteSince: l.seen[s]})
	}
	return seen, nil
}

// RunningRecords implements ledger.RunningReader.
func (l *Ledger) RunningRecords(ctx context.Context, environment string, from tagalong.Service, _ int) iter.Seq2[ledger.RunningRecord, error] {
	return sorted(ctx, l, "Members", func() (running []ledger.RunningRecord) {
		for key, m := range l.running {
			if key.environment == environment && (from == (tagalong.Service{}) || byService(key.service, from) >= 0) {
				running = append(running, cloneRunning(m))
			}
		}
		return running
	}, func(a, b ledger.RunningRecord) int { return byService(a.Service, b.Service) })
}

// PastRecords implements ledger.RunningReader.
func (l *Ledger) PastRecords(ctx context.Context, environment string, after time.Time) iter.Seq2[ledger.PastRecord, error] {
	return sorted(ctx, l, "Departed", func() (gone []ledger.PastRecord) {
		for key, g := range l.past {
			if key.environment == environment && g.Until.After(after) {
				g.RunningRecord = cloneRunning(g.RunningRecord)
				gone = append(gone, g)
			}
		}
		return gone
	}, func(a, b ledger.PastRecord) int {
		return cmp.Or(a.Until.Compare(b.Until), byService(a.Service, b.Service))
	})
}

// CountRunning implements ledger.RunningReader.
func (l *Ledger) CountRunning(ctx context.Context, environment string) (map[tagalong.Kind]int, error) {
	done, err := l.begin(ctx, "Population")
	if err != nil {
		return nil, err
	}
	defer done()
	count := map[tagalong.Kind]int{}
	for key := range l.running {
		if key.environment == environment {
			count[key.service.Kind()]++
		}
	}
	return count, nil
}

// Rollouts implements ledger.RolloutReader.
func (l *Ledger) Rollouts(ctx context.Context, s tagalong.Service, span ledger.Span, _ int) iter.Seq2[ledger.Row, error] {
	return l.rows(ctx, "Rollouts", span, func() (one []*service) {
		if of, known := l.services[s]; known {
			one = append(one, of)
		}
		return one
	}, func(ledger.Row) bool { return true })
}

// EnvironmentRollouts implements ledger.RolloutReader.
func (l *Ledger) EnvironmentRollouts(ctx context.Context, environment string, span ledger.Span, _ int) iter.Seq2[ledger.Row, error] {
	return l.rows(ctx, "EnvironmentRollouts", span, l.allServices, func(r ledger.Row) bool { return r.Environment == environment })
}

func (l *Ledger) allServices() []*service { return slices.Collect(maps.Values(l.services)) }

func (l *Ledger) rows(ctx context.Context, operation string, span ledger.Span, among func() []*service, keep func(ledger.Row) bool) iter.Seq2[ledger.Row, error] {
	return sorted(ctx, l, operation, func() (rows []ledger.Row) {
		for _, of := range among() {
			for _, row := range of.rows {
				if keep(row) && span.Holds(row) {
					row.Details = cloneDetails(row.Details)
					rows = append(rows, row)
				}
			}
		}
		return rows
	}, func(a, b ledger.Row) int { return b.At().Compare(a.At()) })
}

// OpenPlacements implements ledger.PlacementReader.
func (l *Ledger) OpenPlacements(ctx context.Context, repository string) iter.Seq2[ledger.Placement, error] {
	return l.placementsWhere(ctx, "OpenPlaces", ledger.PlacementCursor{}, l.named(repository), func(p ledger.Placement) bool { return p.Phase != ledger.PhaseEnded })
}

// EndedPlacements implements ledger.PlacementReader.
func (l *Ledger) EndedPlacements(ctx context.Context, repository string, behind ledger.PlacementCursor, _ int) iter.Seq2[ledger.Placement, error] {
	return l.placementsWhere(ctx, "EndedPlaces", behind, l.named(repository), func(p ledger.Placement) bool { return p.Phase == ledger.PhaseEnded })
}

// DigestPlacements implements ledger.PlacementReader.
func (l *Ledger) DigestPlacements(ctx context.Context, d digest.Digest, behind ledger.PlacementCursor, _ int) iter.Seq2[ledger.Placement, error] {
	everywhere := func() iter.Seq[map[placementKey]ledger.Placement] { return maps.Values(l.placements) }
	return l.placementsWhere(ctx, "DigestPlaces", behind, everywhere, func(p ledger.Placement) bool { return p.Container.Target() == d })
}

// named gives the placements of a repository.
func (l *Ledger) named(repository string) func() iter.Seq[map[placementKey]ledger.Placement] {
	return func() iter.Seq[map[placementKey]ledger.Placement] {
		return slices.Values([]map[placementKey]ledger.Placement{l.placements[repository]})
	}
}

func (l *Ledger) placementsWhere(ctx context.Context, operation string, behind ledger.PlacementCursor, among func() iter.Seq[map[placementKey]ledger.Placement], keep func(ledger.Placement) bool) iter.Seq2[ledger.Placement, error] {
	return sorted(ctx, l, operation, func() (places []ledger.Placement) {
		for named := range among() {
			for _, p := range named {
				if keep(p) && (behind == ledger.PlacementCursor{} || p.At().Compare(behind) < 0) {
					places = append(places, clonePlacement(p))
				}
			}
		}
		return places
	}, func(a, b ledger.Placement) int { return b.At().Compare(a.At()) })
}

// Successor implements ledger.PlacementReader.
func (l *Ledger) Successor(ctx context.Context, p ledger.Placement) (ledger.Placement, bool, error) {
	done, err := l.begin(ctx, "Successor")
	if err != nil {
		return ledger.Placement{}, false, err
	}
	defer done()
	for _, next := range l.placements[p.Container.Image.Name] {
		if next.Succeeds(p) {
			return clonePlacement(next), true, nil
		}
	}
	return ledger.Placement{}, false, nil
}

// Indexes implements ledger.PlacementReader.
func (l *Ledger) Indexes(ctx context.Context, d digest.Digest) ([]ledger.Child, error) {
	done, err := l.begin(ctx, "Indexes")
	if err != nil {
		return nil, err
	}
	defer done()
	var children []ledger.Child
	for child := range l.children {
		if child.Digest == d {
			children = append(children, child)
		}
	}
	slices.SortFunc(children, compareChildren)
	return children, nil
}

// EnvironmentTags implements ledger.TagReader.
func (l *Ledger) EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, _ int) iter.Seq2[ledger.Tag, error] {
	return sorted(ctx, l, "EnvironmentTags", func() (tags []ledger.Tag) {
		for _, tag := range l.tags {
			there := tag.Wish.Environment == environment && settled == tag.State.Settled()
			if there && (behind == (tagalong.TagID{}) || byRepository(tag.ID, behind) > 0) {
				tags = append(tags, tag)
			}
		}
		return tags
	}, func(a, b ledger.Tag) int { return byRepository(a.ID, b.ID) })
}

func byRepository(a, b tagalong.TagID) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Registry, b.Registry), cmp.Compare(a.Tag, b.Tag))
}
