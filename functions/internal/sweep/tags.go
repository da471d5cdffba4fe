package sweep

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
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// tagCheck compares the tags of the ledger with ECR.
type tagCheck struct {
	*comparison
	lifecycle *lifecycleCheck
	claims    map[tagalong.Repository]*knownClaims // of the repositories that are being looked at
}

// tags puts the tags whose wish was set, once all is gone that one might have fallen
// to, and compares every tag of the ledger with ECR.
func (p *tagCheck) tags(ctx context.Context, at *cursor) error {
	if err := p.putDesired(ctx); stops(ctx, err) {
		return err
	} else if err != nil {
		p.fail(err)
	}
	if p.options.partial() {
		return nil // tags are shared: which services they belong to is not theirs to say
	}
	environments, err := p.Records.Environments(ctx)
	if err != nil {
		return fmt.Errorf("environments: %w", err)
	}
	var chunk []ledger.Tag
	for tag, err := range p.allTags(ctx, slices.Concat([]string{""}, environments), at.Tag) {
		if err != nil {
			return fmt.Errorf("tags: %w", err)
		}
		if chunk = append(chunk, tag); len(chunk) == sweepChunk {
			if err := p.tagChunk(ctx, at, chunk); err != nil {
				return err
			}
			chunk = nil
		}
	}
	return p.tagChunk(ctx, at, chunk)
}

// allTags returns the tags of all environments behind one, those of a repository one after
// the other: so its claims need to be read only once.
func (p *tagCheck) allTags(ctx context.Context, environments []string, behind tagalong.TagID) iter.Seq2[ledger.Tag, error] {
	var all []iter.Seq2[ledger.Tag, error]
	for _, name := range environments {
		all = append(all, ledger.EnvironmentTags(ctx, p.Records, name, behind, sweepChunk))
	}
	return stream.Merge(all, func(a, b ledger.Tag) int { return tagalong.ByRepository(a.ID, b.ID) })
}

// tagChunk compares some tags, a repository at a time.
func (p *tagCheck) tagChunk(ctx context.Context, at *cursor, tags []ledger.Tag) error {
	if len(tags) == 0 {
		return nil
	}
	if !p.hasTime(ctx) {
		return errTimeUp
	}
	byRepository, looked := map[tagalong.Repository][]tagalong.TagID{}, 0
	for _, tag := range tags {
		if p.covered.Reads(tag.ID.Repository) {
			byRepository[tag.ID.Repository] = append(byRepository[tag.ID.Repository], tag.ID)
			looked++
		}
	}
	repositories := slices.SortedFunc(maps.Keys(byRepository), tagalong.Repository.Compare)
	parallel.ForEach(len(repositories), parallel.Limit, func(i int) {
		r := repositories[i]
		if err := p.repository(ctx, r, byRepository[r]); err != nil {
			p.failed(ctx, fmt.Errorf("repository %s: %w", r, err), Drift{Kind: DriftUnreachable, Registry: r.Registry, Repository: r.Name, Reason: err.Error()})
		}
	})
	if p.stopped.Load() {
		return errTimeUp
	}
	at.Tag = tags[len(tags)-1].ID
	p.forgetClaims(at.Tag.Repository)
	p.report.Tags += looked
	p.progress(phaseTags, at.Tag.Name, p.report.Tags)
	return nil
}

// repository compares tags of one repository with where ECR has them, and brings them
// there.
func (p *tagCheck) repository(ctx context.Context, r tagalong.Repository, ids []tagalong.TagID) error {
	known, err := p.claimsOf(ctx, r)
	if err != nil {
		return err
	}
	images, err := p.Reactor.Registry.Read(ctx, r, nil, legalNames(ids))
	if err != nil {
		return err
	}
	var odd []tagalong.TagID
	for _, id := range ids {
		tag, actual := known.tags[id], images.Tags[id.Tag]
		if !known.wishes(id) || p.needsRepair(tag, actual, known.readers) {
			odd = append(odd, id)
			continue
		}
		p.classify(tag, tag, actual, known.readers)
	}
	return errors.Join(p.repairTags(ctx, r, odd), p.lifecycle.warn(ctx, r))
}

// repairTags looks once more at tags that are not as they should be, as far as was known,
// and brings them where they belong: what is written is decided on what is read now.
func (p *tagCheck) repairTags(ctx context.Context, r tagalong.Repository, ids []tagalong.TagID) error {
	if len(ids) == 0 {
		return nil
	}
	tags, readers, err := p.renewed(ctx, r, ids)
	if err != nil {
		return err
	}
	images, err := p.Reactor.Registry.Read(ctx, r, nil, legalNames(idsOf(tags)))
	if err != nil {
		return err
	}
	var misplaced []ledger.Tag
	for _, tag := range tags {
		if p.needsRepair(tag, images.Tags[tag.ID.Tag], readers) {
			misplaced = append(misplaced, tag)
		}
	}
	after, err := p.bring(ctx, misplaced, readers)
	for _, tag := range tags {
		now, touched := after[tag.ID]
		if !touched {
			now = tag
		}
		p.classify(tag, now, images.Tags[tag.ID.Tag], readers)
	}
	return err
}

// legalNames returns the names of tags that a registry can be asked for.
func legalNames(ids []tagalong.TagID) (names []string) {
	for _, id := range ids {
		if tagalong.ValidTag(id.Tag) {
			names = append(names, id.Tag)
		}
	}
	return names
}

// bring converges tags, and returns those as they are then. One that has got another
// wish since it was read is at somebody else's hands.
func (p *tagCheck) bring(ctx context.Context, tags []ledger.Tag, readers ledger.Readers) (after map[tagalong.TagID]ledger.Tag, err error) {
	if len(tags) == 0 {
		return nil, nil
	}
	ids := idsOf(tags)
	now, err := p.Reactor.Ledger.Tags(ctx, ids)
	if err != nil {
		return nil, err
	}
	wishes := map[tagalong.TagID]ledger.Tag{}
	for _, tag := range tags {
		if now[tag.ID].Version == tag.Version {
			wishes[tag.ID] = now[tag.ID]
		}
	}
	done, err := p.Reactor.Converge(ctx, wishes, readers)
	p.count(func(r *Report) { r.Moved += done.Moved })
	after, problem := p.Reactor.Ledger.Tags(ctx, ids)
	if problem != nil {
		return nil, errors.Join(err, problem)
	}
	for _, id := range ids {
		if _, there := after[id]; !there { // a {time} tag that was put, or one that nobody claims any more
			after[id] = ledger.Tag{ID: id, State: ledger.TagConfirmed}
		}
	}
	return after, err
}

func idsOf(tags []ledger.Tag) []tagalong.TagID {
	ids := make([]tagalong.TagID, len(tags))
	for i, tag := range tags {
		ids[i] = tag.ID
	}
	return ids
}

// needsRepair reports whether a tag is to be converged, as ECR has it. Of one that
// deployments read no more is to be done than to note where they have it.
func (p *tagCheck) needsRepair(tag ledger.Tag, actual digest.Digest, readers ledger.Readers) bool {
	if readers.Has(tag.ID) {
		return tag.State != ledger.TagInput || tag.Actual != actual
	}
	is, now := tag.Wish.Digest == actual, p.now()
	switch tag.State {
	case ledger.TagConfirmed:
		return !is && !fought(tag, actual, now)
	case ledger.TagBlocked:
		turn := p.options.Whole || p.dueForFullScan(tag.ID.String())
		return is || p.options.Blocked || turn && !now.Before(tag.RestsUntil())
	case ledger.TagPending:
		return !is || !now.Before(tag.DoubtUntil) // till then only time helps
	}
	return true
}

// classify reports a tag that was not as it should be, or is not now.
func (p *tagCheck) classify(was, now ledger.Tag, actual digest.Digest, readers ledger.Readers) {
	switch {
	case readers.Has(was.ID):
		p.find(driftOfTag(was, DriftInput, actual, readers.Reason(was.ID)))
	case now.State == ledger.TagBlocked:
		p.find(driftOfTag(now, DriftBlocked, actual, now.Reason))
	case now.State == ledger.TagMissing:
		p.find(driftOfTag(now, DriftMissing, actual, now.Reason))
	case fought(was, actual, p.now()):
		p.find(driftOfTag(was, DriftFought, actual, fmt.Sprintf("moved by somebody else again, after it was put back %d times", was.Returned)))
	case now.State == ledger.TagPending && p.PendingAfter > 0 && p.now().Sub(now.Since) > p.PendingAfter:
		p.find(driftOfTag(now, DriftOverdue, actual, "pending since "+tagalong.FormatTime(now.Since)))
	case was.State == ledger.TagPending && p.now().Sub(was.Since) < lately:
		// A handler is at it just now: that is how a tag gets where it belongs.
	case p.needsRepair(was, actual, readers):
		d := driftOfTag(was, DriftTag, actual, "was "+string(was.State))
		switch was.State {
		case ledger.TagConfirmed:
			d.Reason = "moved by somebody else"
		case ledger.TagInput:
			d.Reason = "no deployment reads it any more"
		}
		d.Repaired = now.State == ledger.TagConfirmed
		p.find(d)
	}
}

// renewed computes the wishes anew from the claims, and returns the tags as they are
// to be, and which tags of the repository deployments read. A wish that is no claim's
// has lost it by a change that nobody finished.
func (p *tagCheck) renewed(ctx context.Context, r tagalong.Repository, ids []tagalong.TagID) ([]ledger.Tag, ledger.Readers, error) {
	fresh, err := p.Reactor.Ledger.Tags(ctx, ids) // before the claims, as ever
	if err != nil {
		return nil, nil, err
	}
	claims, err := p.Reactor.Ledger.Claims(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	newest := newestClaims(claims.Claims)
	var left []ledger.Tag
	for _, id := range ids {
		tag, there := fresh[id]
		if !there {
			continue
		}
		best, claimed := newest[id]
		if tag.Wish.PutOnce || claimed && (best == tag.Wish || tag.Shared && best.Stands(tag.Wish) && best.Newer(tag.Wish)) {
			left = append(left, tag)
			continue
		}
		renewed, err := p.renew(ctx, tag, best, claimed)
		if err != nil {
			return nil, nil, err
		}
		if renewed != nil {
			left = append(left, *renewed)
		}
	}
	return left, claims.Readers, nil
}

// renew writes a wish that has changed; nil if nobody claims the tag any more, or if
// somebody else was faster.
func (p *tagCheck) renew(ctx context.Context, tag ledger.Tag, best ledger.Claim, claimed bool) (*ledger.Tag, error) {
	d := driftOfTag(tag, DriftLedger, tag.Actual, "the wish is not that of the newest claim")
	if tag.Shared {
		now, there, err := p.Reactor.LookAt(ctx, tag.ID)
		if err != nil {
			return nil, err
		}
		d.Repaired = true
		p.find(d)
		if !there {
			return nil, nil
		}
		return &now, nil
	}
	w := ledger.TagWrite{Mode: ledger.Renew, Wish: best, Version: ledger.NewVersion(), Claims: ledger.NewVersion(), Seen: tag.Claims, At: p.now()}
	if !claimed {
		w.Mode, w.Wish = ledger.Drop, ledger.Claim{Tag: tag.ID}
	}
	var refused *ledger.RefusedError
	err := p.Reactor.Ledger.WriteTag(ctx, w)
	if errors.As(err, &refused) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d.Repaired = true
	p.find(d)
	if !claimed {
		return nil, nil
	}
	tag.Wish, tag.Version, tag.Claims, tag.State, tag.Since, tag.Returned = best, w.Version, w.Claims, ledger.TagPending, w.At, 0
	return &tag, nil
}

// fought reports whether somebody moves the tag away again and again. Once a week that is
// put to the test.
func fought(t ledger.Tag, actual digest.Digest, now time.Time) bool {
	return t.State == ledger.TagConfirmed && t.Wish.Digest != actual && t.Returned >= ledger.MaxPutBacks && now.Sub(t.CheckedAt) <= ledger.ContestWindow
}
