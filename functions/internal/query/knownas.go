package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// A digest that is pinned has no tag to show, and deployed again by hand it has no
// commit. Both belong to the image: the placements where it ran before, under a tag or by a
// release, still say so. They are asked as the answer is given, since what a rollout
// takes from others would depend on the order in which they were recorded.

// knownAs are placements of digests, the newest first.
type knownAs map[digest.Digest][]ledger.Placement

// rolledOut is a rollout's containers, and since when.
type rolledOut struct {
	Service    tagalong.Service
	Release    tagalong.Release
	Containers []tagalong.Container
	Since      time.Time
}

func rolledOutOf(m ledger.RunningRecord) rolledOut {
	f := rolledOut{Service: m.Service, Release: m.Release, Since: m.Since}
	for _, p := range m.Containers {
		f.Containers = append(f.Containers, p.Container)
	}
	return f
}

func rolledOutOfRow(r ledger.Row) rolledOut {
	f := rolledOut{Service: r.Service, Release: r.Released(), Containers: r.Containers, Since: r.FinishedAt}
	if r.FinishedAt.IsZero() {
		f.Since = r.StartedAt
	}
	return f
}

// nameless reports whether the container pins a digest that its own rollout has no tag for.
func (f rolledOut) nameless(c tagalong.Container) bool {
	return c.Image.Name != "" && c.Digest != "" && !c.Added && f.Release.ImageTag(c) == ""
}

// knownAs reads where the digests that are nameless ran before: of each once, and the
// last placements, as many as lookBack.
func (q Queries) knownAs(ctx context.Context, rollouts []rolledOut) (knownAs, error) {
	before := map[digest.Digest]time.Time{}
	for _, f := range rollouts {
		for _, c := range f.Containers {
			if d := c.Target(); f.nameless(c) && f.Since.After(before[d]) {
				before[d] = f.Since
			}
		}
	}
	digests := slices.Sorted(maps.Keys(before))
	places, errs := make([][]ledger.Placement, len(digests)), make([]error, len(digests))
	parallel.ForEach(len(digests), parallel.Limit, func(i int) { places[i], errs[i] = q.lastPlacements(ctx, digests[i], before[digests[i]]) })
	known := knownAs{}
	for i, d := range digests {
		if errs[i] != nil {
			return nil, fmt.Errorf("places of %s: %w", d, errs[i])
		}
		known[d] = places[i]
	}
	return known, nil
}

func (q Queries) lastPlacements(ctx context.Context, d digest.Digest, before time.Time) (places []ledger.Placement, err error) {
	for p, err := range q.Records.DigestPlacements(ctx, d, ledger.PlacementCursor{Since: before}, LookBack) {
		if err != nil {
			return nil, err
		}
		if places = append(places, p); len(places) == LookBack {
			break
		}
	}
	return places, nil
}

// name returns the containers of a rollout with what else their images were known by as
// it came into force. A tag is one of the repository, whoever deployed from it. A
// release's commit stays with the services of one name and their containers, as in Diff:
// for others it says little of a sidecar or of an image from elsewhere.
func (k knownAs) name(f rolledOut) []tagalong.Container {
	named := slices.Clone(f.Containers)
	for i := range named {
		c := &named[i]
		if !f.nameless(*c) {
			continue
		}
		for _, p := range k[c.Target()] {
			if p.Phase == ledger.PhaseRollingOut || p.Unfinished || !p.Since.Before(f.Since) {
				continue
			}
			if p.Container.Image == c.Image {
				c.KnownTag = cmp.Or(c.KnownTag, p.Container.ImageTag, p.Container.KnownTag)
			}
			if p.Service.Name == f.Service.Name && p.Container.Name == c.Name {
				c.Commit = cmp.Or(c.Commit, p.Container.Commit)
			}
		}
	}
	return named
}

// shown returns rollouts as answers have them.
func (q Queries) shown(ctx context.Context, rows []ledger.Row) ([]ledger.HistoryRow, error) {
	var rollouts []rolledOut
	for _, r := range rows {
		rollouts = append(rollouts, rolledOutOfRow(r))
	}
	names, err := q.knownAs(ctx, rollouts)
	if err != nil {
		return nil, err
	}
	shown := []ledger.HistoryRow{}
	for i, r := range rows {
		r.Containers = names.name(rollouts[i])
		shown = append(shown, r.History())
	}
	return shown, nil
}
