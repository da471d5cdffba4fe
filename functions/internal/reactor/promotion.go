package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Promotion is the request of a pipeline's job to put tags on an image: a claim like that
// of a rollout, dated by the job.
type Promotion struct {
	Job        string // the id of CodePipeline's job
	Repository tagalong.Repository
	Digest     digest.Digest
	// Tags are templates; {environment} and {time} are filled in.
	Tags        []string
	Environment string // whose tags they are, "" if none is named
	// At is when the action's run began; zero if that is not known: then it counts
	// from when the ledger first saw the job.
	At      time.Time
	Release tagalong.Release
}

// Promoted is how the tags of a promotion stand.
type Promoted struct {
	ledger.FirstSeen // of the claim
	// Tags are one for each of the promotion's, as the ledger has them now. Beside an
	// error they are those whose wish this call has set: the sweep puts them, too.
	Tags []ledger.Tag
}

// jobsAreOverAfter is far more than the day that CodePipeline gives a job, with all
// its retries.
const jobsAreOverAfter = 30 * 24 * time.Hour

// Promote takes a promotion through: the wish, the put, and the confirmation. It
// is safe to repeat. A tag that deployments read is put all the same, since a pipeline
// asked for it; nothing puts it back. A tag that a newer claim holds stays there: its
// Tag's Wish says whose it is. What no retry can mend is a Tag's State and no error.
func (r *Reactor) Promote(ctx context.Context, p Promotion) (Promoted, error) {
	first := ledger.FirstSeen{Digest: p.Digest, At: cmp.Or(p.At, r.Clock()).UTC().Truncate(time.Millisecond)}
	seen, err := r.Promotions.RecordFirstSeen(ctx, p.Job, first, r.Clock().Add(jobsAreOverAfter))
	if err != nil {
		return Promoted{}, fmt.Errorf("dating the promotion: %w", err)
	}
	p.Digest, p.At = seen.Digest, seen.At
	claims := p.claims()
	wishes, readings, err := r.recordClaims(ctx, p, claims)
	if err == nil {
		_, err = r.converge(ctx, wishes, readings, nil)
	}
	var tags []ledger.Tag
	if err == nil {
		tags, err = r.currentTags(ctx, claims)
	}
	if err != nil {
		tags = recorded(claims, wishes)
	}
	return Promoted{seen, tags}, err
}

// recorded returns the claims' wishes, in the order of the claims.
func recorded(claims []ledger.Claim, wishes map[tagalong.TagID]ledger.Tag) (tags []ledger.Tag) {
	for _, c := range claims {
		if tag, ok := wishes[c.Tag]; ok {
			tags = append(tags, tag)
		}
	}
	return tags
}

// claims returns the promotion's claims, one for each of its tags.
func (p Promotion) claims() (all []ledger.Claim) {
	for _, template := range p.Tags {
		all = append(all, ledger.Claim{
			Tag:         tagalong.TagID{Repository: p.Repository, Tag: tagalong.Expand(template, p.Environment, tagalong.Service{}, "", p.At)},
			Digest:      p.Digest,
			At:          p.At,
			By:          ledger.JobClaimant(p.Job),
			Environment: p.Environment,
			PutOnce:     tagalong.Timed(template),
		})
	}
	return all
}

// recordClaims records the claims and reads the registry beside it: manifests cannot
// change. It returns the wishes that the promotion has now.
func (r *Reactor) recordClaims(ctx context.Context, p Promotion, claims []ledger.Claim) (map[tagalong.TagID]ledger.Tag, map[tagalong.Repository]reading, error) {
	var readings map[tagalong.Repository]reading
	wishes, begun, wanted := map[tagalong.TagID]ledger.Tag{}, r.Clock(), map[tagalong.Repository]*want{}
	for _, c := range claims {
		wantOf(wanted, p.Repository).add(c.Digest, c.Tag.Tag)
	}
	err := parallel.All(
		func() error {
			for _, c := range claims {
				if err := r.recordClaim(ctx, p, c, wishes); err != nil {
					return fmt.Errorf("recording the promotion of %s: %w", c.Tag, err)
				}
			}
			return nil
		},
		func() error {
			readings = readAll(ctx, r.Registry, begun, wanted)
			return nil
		},
	)
	return wishes, readings, err
}

// recordClaim writes one claim, and the wish of its tag unless a newer one is there.
func (r *Reactor) recordClaim(ctx context.Context, p Promotion, c ledger.Claim, wishes map[tagalong.TagID]ledger.Tag) error {
	now := r.Clock()
	tag := &ledger.TagWrite{Mode: ledger.Advance, Wish: c, Version: ledger.NewVersion(), Claims: ledger.NewVersion(), At: now}
	write := ledger.PromotionWrite{Tag: tag, Promoting: ledger.Promoting{Claim: c, Job: p.Job, Stage: p.Release.Stage}, Release: p.Release, Expires: r.Expiry()}
	for range maxConflicts {
		err := r.Promotions.Promote(ctx, write)
		var refused *ledger.RefusedError
		switch {
		case errors.Is(err, ledger.ErrOvertaken):
			write.Tag = nil
		case errors.As(err, &refused):
			tags, err := r.Ledger.Tags(ctx, refused.Tags)
			if err != nil {
				return err
			}
			if tags[c.Tag].Shared {
				tag.Mode = ledger.Skip
				break
			}
			tag.Mode = map[ledger.TagMode]ledger.TagMode{ledger.Advance: ledger.Yield, ledger.Yield: ledger.Advance}[tag.Mode]
		case err != nil:
			return err
		default:
			if write.Tag != nil && tag.Mode == ledger.Skip {
				return r.lookAtPromoted(ctx, c, wishes)
			}
			if write.Tag != nil && tag.Mode == ledger.Advance {
				wishes[c.Tag] = ledger.Tag{ID: c.Tag, Wish: c, Version: tag.Version, State: ledger.TagPending, Since: now}
			}
			return nil
		}
	}
	return ledger.ErrConflict
}

// lookAtPromoted looks at a tag that services share, once the promotion is recorded.
func (r *Reactor) lookAtPromoted(ctx context.Context, c ledger.Claim, wishes map[tagalong.TagID]ledger.Tag) error {
	s, err := r.lookOf(func(by ledger.Claimant) bool { return by == c.By }, []ledger.Claim{c}, c.Tag).at(ctx)
	if err == nil && s.there && s.mine {
		wishes[c.Tag] = s.forConverging()
	}
	return err
}

// Expiry returns when what is written now may be forgotten; zero is never.
func (r *Reactor) Expiry() time.Time {
	if r.Retention == 0 {
		return time.Time{}
	}
	return r.Clock().Add(r.Retention)
}

// currentTags returns how the tags stand now. A {time} tag that was put is no wish any
// more: it stands where it was put.
func (r *Reactor) currentTags(ctx context.Context, claims []ledger.Claim) ([]ledger.Tag, error) {
	held, err := r.Ledger.Tags(ctx, ledger.ClaimedTags(claims))
	if err != nil {
		return nil, err
	}
	tags := make([]ledger.Tag, len(claims))
	for i, c := range claims {
		tag, ok := held[c.Tag]
		if !ok {
			tag = ledger.Tag{ID: c.Tag, Wish: c, State: ledger.TagConfirmed, Actual: c.Digest}
		}
		tags[i] = tag
	}
	return tags, nil
}
