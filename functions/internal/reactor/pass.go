package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// pass is one observation on its way from the ledger to the tags.
type pass struct {
	*Reactor
	obs  decide.Observation
	know decide.LedgerView
	// recorded says that this pass wrote the fact.
	recorded bool
	// wishes are the tags to converge, as this pass wrote or read them.
	wishes map[tagalong.TagID]ledger.Tag
	// shared are tags to be looked at, since a claim on them has changed that others share.
	shared []tagalong.TagID
	// readings are what the registry showed.
	readings map[tagalong.Repository]reading
	// readers are other services that read tags of the wishes, as far as they have been
	// asked for.
	readers ledger.Readers
	asked   map[tagalong.TagID]bool
	// outbox is what this pass is to announce.
	outbox []ledger.FinishedRollout
	// unread is why images could not be read that are new.
	unread error
	// children are those of the indexes among the images that are new.
	children []ledger.Child
	// recording is that of a pass that only records; nil in any other.
	recording *Recording
}

// run takes the observation through. What it recorded is announced beside its tags.
func (p *pass) run(ctx context.Context, o Outcome) (Outcome, error) {
	err := p.record(ctx)
	if err == nil && !p.recorded {
		err = p.recheckTags(ctx)
	}
	o.Recorded, o.Repeated = p.recorded, !p.recorded
	o.Unproven = p.unproven()
	var beside parallel.Group
	beside.Go(func() { o.Announced, o.Unannounced = p.announceOutbox(ctx) })
	var done Convergence
	if err == nil {
		err = p.askForReaders(ctx, slices.Collect(maps.Keys(p.wishes))) // of those that no commit asked for
	}
	if err == nil {
		done, err = p.converge(ctx, p.wishes, p.readings, p.readers.With(p.know.Readers(p.obs.Service)))
	}
	beside.Wait()
	o.Moved, o.Confirmed, o.Blocked, o.Missing, o.Inputs, o.InDoubt = done.Moved, done.confirmed, done.blocked, done.missing, done.inputs, done.inDoubt
	if p.recorded && !done.at.IsZero() {
		o.Lag = done.at.Sub(p.obs.Fact.Time)
	}
	return o, joined(p.unread, err)
}

// record commits what the observation changes.
func (p *pass) record(ctx context.Context) error {
	for conflicts := 0; ; {
		if err := p.finish(ctx, ledger.Rest.Blocks); err != nil {
			return err
		}
		change, changed, err := p.decide(ctx)
		if err == nil && p.know.Head.Rest.Blocks() {
			continue // the head was read anew, with all facts: the change would forget its rest
		}
		if err != nil {
			return err
		}
		if !changed {
			return p.conclude(ctx)
		}
		if p.recording.outdated(change) {
			return ErrOutdated
		}
		change.Children = p.children
		change.Fit(p.transactionItems())
		err = p.commit(ctx, &change)
		if errors.Is(err, ledger.ErrConflict) && conflicts < maxConflicts {
			conflicts++
			p.know = decide.LedgerView{}
			if p.know.Snapshot, err = p.Ledger.Load(ctx, p.obs.Service); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("committing: %w", err)
		}
		p.recorded = p.recorded || change.Fact != nil
		collect(change, p.wishes)
		p.shared = append(p.shared, change.Shared...)
		p.collectOutbox(change)
		p.recording.follow(change)
		p.know = p.know.With(change)
		return p.conclude(ctx)
	}
}

// conclude writes what is still to come of the service's last change, and looks at the tags
// that other services claim, too.
func (p *pass) conclude(ctx context.Context) error {
	if err := p.finish(ctx, ledger.Rest.Remains); err != nil {
		return err
	}
	return p.lookAtShared(ctx)
}

// commit writes the change and reads the registry beside it: manifests cannot
// change, and where a tag sits is looked at again before anybody believes that
// it sits right.
func (p *pass) commit(ctx context.Context, c *ledger.Change) error {
	var read map[tagalong.Repository]reading
	wanted, wishes := wantsOf(*c, p.obs), wishesOf(*c) // before write changes the tags' modes
	begun := p.Clock()
	var beside parallel.Group
	beside.Go(func() { read = readAll(ctx, p.Registry, begun, wanted) })
	beside.Go(func() { _ = p.askForReaders(ctx, wishes) }) // what fails is asked again
	err := p.write(ctx, c)
	beside.Wait()
	p.outdate()
	maps.Copy(p.readings, read)
	return err
}

// outdate notes that the readings at hand began before what has just been written.
func (p *pass) outdate() {
	for repository, early := range p.readings {
		early.fresh = false
		p.readings[repository] = early
	}
}

// askForReaders asks for the other services that deploy from tags, once; of our own the
// ledger is about to change. Who only records puts nothing, and need not know.
func (p *pass) askForReaders(ctx context.Context, ids []tagalong.TagID) error {
	ids = slices.DeleteFunc(ids, func(id tagalong.TagID) bool { return p.asked[id] })
	if len(ids) == 0 || p.recording != nil {
		return nil
	}
	slices.SortFunc(ids, tagalong.TagID.Compare)
	readers, err := p.Ledger.Readers(ctx, ids, p.obs.Service)
	if err != nil {
		return err
	}
	p.readers = p.readers.With(readers)
	p.markAsked(ids)
	return nil
}

// markAsked notes that the readers of tags are known, or do not matter.
func (p *pass) markAsked(ids []tagalong.TagID) {
	if p.asked == nil {
		p.asked = map[tagalong.TagID]bool{}
	}
	for _, id := range ids {
		p.asked[id] = true
	}
}

// unproven counts the running containers whose image we tag, and whose digest may move
// no tag.
func (p *pass) unproven() (n int) {
	for _, c := range p.know.Head.Live[p.know.Head.Running].Containers {
		if p.obs.Policy.CanTag(p.obs.Service, c) && !c.Proven() {
			n++
		}
	}
	return n
}

// recheckTags adds the tags of a repeated fact to the wishes, so that they are compared
// with ECR again: those that the deployment claims, those that the service claims now,
// and those that it let go. Its handler may have died on the way, perhaps with a put in
// flight. Once no put can be in flight any more only the tags that are still to be put
// count: a queue brings back for a day what has failed.
func (p *pass) recheckTags(ctx context.Context) error {
	at := slices.IndexFunc(p.know.Facts, p.obs.Fact.Same)
	if at < 0 || p.obs.Fact.OfAction() {
		return nil
	}
	asked := ledger.ClaimsOf(p.obs.Service, p.obs.Policy, timeline.Rollout{FinishedAt: p.obs.Fact.Time}, p.obs.Details.Containers, nil)
	tags, err := p.Ledger.Tags(ctx, ledger.ClaimedTags(asked, p.know.Head.Claims, p.know.Head.ReleasedClaims()))
	if err != nil {
		return err
	}
	if err := p.lookAgain(ctx, tags); err != nil {
		return err
	}
	if !p.Recheck && p.obs.Now.Sub(p.know.Facts[at].RecordedAt) >= ledger.DoubtFor {
		maps.DeleteFunc(tags, func(_ tagalong.TagID, tag ledger.Tag) bool { return tag.State != ledger.TagPending })
		if len(tags) == 0 {
			return nil
		}
	}
	maps.Copy(p.wishes, tags)
	wanted := map[tagalong.Repository]*want{}
	for _, tag := range tags {
		wantWish(wanted, p.obs, tag.Wish)
	}
	for repository, read := range readAll(ctx, p.Registry, p.Clock(), wanted) {
		read.fresh = true
		p.readings[repository] = read
	}
	p.markAsked(p.settled(tags))
	return nil
}

// lookAgain looks at those of the tags at which the handler before may not have come to
// look, or not to its end.
func (p *pass) lookAgain(ctx context.Context, tags map[tagalong.TagID]ledger.Tag) error {
	var ids []tagalong.TagID
	for _, id := range ledger.ClaimedTags(p.know.Head.Claims, idsOf(tags)) {
		own, has := ledger.NewestClaim(p.know.Head.Claims, id)
		tag, there := tags[id]
		unseen := has && !there && !own.PutOnce
		behind := there && tag.Shared && (tag.State == ledger.TagPending || has && own.Newer(tag.Wish) && !own.Stands(tag.Wish))
		inVain := there && !has && !tag.Wish.PutOnce && claimantsOf(p.obs.Service)(tag.Wish.By)
		if unseen || behind || inVain {
			ids = append(ids, id)
		}
	}
	if _, err := p.lookAt(ctx, ids, look{again: true}); err != nil {
		return err
	}
	for _, id := range ids {
		delete(tags, id)
		if tag, mine := p.wishes[id]; mine {
			tags[id] = tag
		}
	}
	return nil
}

func idsOf(tags map[tagalong.TagID]ledger.Tag) (all []ledger.Claim) {
	for id := range tags {
		all = append(all, ledger.Claim{Tag: id})
	}
	return all
}

// settled returns the tags that ECR has where the ledger has confirmed them: as long as
// their wishes stay they will not be put, whoever reads them.
func (p *pass) settled(tags map[tagalong.TagID]ledger.Tag) (ids []tagalong.TagID) {
	for id, tag := range tags {
		if tag.State == ledger.TagConfirmed && p.readings[id.Repository].images.Tags[id.Tag] == tag.Wish.Digest {
			ids = append(ids, id)
		}
	}
	return ids
}
