package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

const maxRounds = 3 // how often a wish that changes under our hands is followed

// Puts are repeated by us and not by the SDK: every attempt without an answer is to be
// known, and while a busy registry is waited for, as long as there is time, a put may cease
// to be wanted.
var (
	failedBackoff = wait.Backoff{Attempts: 4, Base: 200 * time.Millisecond, Max: 800 * time.Millisecond}
	busyBackoff   = wait.Backoff{Base: 200 * time.Millisecond, Max: 5 * time.Second, Busy: true}
)

// Convergence counts what converging tags did.
type Convergence struct {
	Moved, confirmed, blocked, missing, inputs, inDoubt int

	at time.Time // when the last tag was confirmed
}

// Converge brings tags in ECR to their wishes, as the ledger has them now, and returns when
// every put has ended. A tag that deployments read is left alone; readers are those of the
// tags, and nil has them be asked for.
func (r *Reactor) Converge(ctx context.Context, tags map[tagalong.TagID]ledger.Tag, readers ledger.Readers) (Convergence, error) {
	if len(tags) == 0 {
		return Convergence{}, nil
	}
	if readers == nil {
		var err error
		if readers, err = r.Ledger.Readers(ctx, slices.SortedFunc(maps.Keys(tags), tagalong.TagID.Compare), tagalong.Service{}); err != nil {
			return Convergence{}, err
		}
	}
	return r.converge(ctx, tags, nil, readers)
}

// converge brings ECR to the wishes, repository by repository, side by side. It
// returns when every put has ended, also on error: a function that is frozen
// with a put under way might send it later. Whatever their wishes, a repository
// that we were not given is left alone, and so is a tag with readers.
func (r *Reactor) converge(ctx context.Context, wishes map[tagalong.TagID]ledger.Tag, readings map[tagalong.Repository]reading, readers ledger.Readers) (Convergence, error) {
	covered, err := r.Coverage(ctx)
	if err != nil {
		return Convergence{}, err
	}
	byRepository := map[tagalong.Repository][]ledger.Tag{}
	for id, tag := range wishes {
		if covered.Reads(id.Repository) {
			byRepository[id.Repository] = append(byRepository[id.Repository], tag)
		}
	}
	var (
		mu       sync.Mutex
		group    parallel.Group
		total    Convergence
		problems *multierror.Error
	)
	for repository, tags := range byRepository {
		var first *reading
		if read, ok := readings[repository]; ok {
			first = &read
		}
		group.Go(func() {
			done, err := r.convergeRepository(ctx, repository, tags, first, readers)
			mu.Lock()
			defer mu.Unlock()
			total.join(done)
			if err != nil {
				problems = multierror.Append(problems, err)
			}
		})
	}
	group.Wait()
	return total, problems.ErrorOrNil()
}

func (c *Convergence) join(o Convergence) {
	c.Moved += o.Moved
	c.confirmed += o.confirmed
	c.blocked += o.blocked
	c.missing += o.missing
	c.inputs += o.inputs
	c.inDoubt += o.inDoubt
	if o.at.After(c.at) {
		c.at = o.at
	}
}

// convergeRepository converges a repository's tags in rounds. A round reads once; the
// first may be given an older reading. Of that one manifests count, and that a tag sits
// elsewhere; that a tag sits right is read again.
func (r *Reactor) convergeRepository(ctx context.Context, repository tagalong.Repository, tags []ledger.Tag, first *reading, readers ledger.Readers) (Convergence, error) {
	var (
		total    Convergence
		problems *multierror.Error
	)
	for round := 0; len(tags) > 0; round++ {
		if round > maxRounds {
			return total, multierror.Append(problems, fmt.Errorf("repository %s: wishes changed %d times meanwhile: %w", repository, round, ledger.ErrConflict))
		}
		read := first
		if read == nil {
			again := readAll(ctx, r.Registry, r.Clock(), map[tagalong.Repository]*want{repository: wantTags(tags)})[repository]
			again.fresh = true
			read = &again
		}
		if read.err != nil {
			return total, multierror.Append(problems, fmt.Errorf("repository %s: %w", repository, read.err))
		}
		read.again, read.readers = round > 0, readers
		next, done, err := r.round(ctx, tags, *read)
		total.join(done)
		problems = multierror.Append(problems, err)
		tags, first = next, nil
	}
	return total, problems.ErrorOrNil()
}

func wantTags(tags []ledger.Tag) *want {
	w := &want{}
	for _, tag := range tags {
		w.add(tag.Wish.Digest, tag.ID.Tag)
	}
	return w
}

// round works on all tags side by side and returns those that need another one.
func (r *Reactor) round(ctx context.Context, tags []ledger.Tag, read reading) (next []ledger.Tag, total Convergence, err error) {
	var (
		mu       sync.Mutex
		group    parallel.Group
		problems *multierror.Error
	)
	for _, tag := range tags {
		group.Go(func() {
			again, done, err := r.convergeTag(ctx, tag, read)
			mu.Lock()
			defer mu.Unlock()
			total.join(done)
			if again != nil {
				next = append(next, *again)
			}
			if err != nil {
				problems = multierror.Append(problems, fmt.Errorf("tag %s: %w", tag.ID, err))
			}
		})
	}
	group.Wait()
	return next, total, problems.ErrorOrNil()
}

// convergeTag converges one tag as soon as the registry has time for it. After each wait
// the wish and who reads the tag are asked for anew: what was right may do harm by now.
func (r *Reactor) convergeTag(ctx context.Context, tag ledger.Tag, read reading) (again *ledger.Tag, done Convergence, err error) {
	for n := 1; ; n++ {
		again, done, err = r.convergeOnce(ctx, tag, read)
		if !errors.Is(err, tagalong.ErrBusy) {
			return again, done, err
		}
		if ended := cmp.Or(busyBackoff.Wait(ctx, n), timeToPut(ctx)); ended != nil {
			return nil, done, errors.Join(err, ended)
		}
		claimed, err := r.wished(ctx, tag.ID)
		if claimed == nil || err != nil {
			return nil, done, err
		}
		tag = *claimed
		if read.readers, err = r.Ledger.Readers(ctx, []tagalong.TagID{tag.ID}, tagalong.Service{}); err != nil {
			return nil, done, err
		}
	}
}

// wished returns a tag as the ledger has it, nil if nobody claims it any more.
func (r *Reactor) wished(ctx context.Context, id tagalong.TagID) (*ledger.Tag, error) {
	tags, err := r.Ledger.Tags(ctx, []tagalong.TagID{id})
	if tag, ok := tags[id]; ok {
		return &tag, err
	}
	return nil, err
}

// convergeOnce puts one tag where its wish is, unless it is there, and settles
// it. It returns the tag back if it must be looked at again.
func (r *Reactor) convergeOnce(ctx context.Context, tag ledger.Tag, read reading) (again *ledger.Tag, done Convergence, err error) {
	manifest, there := read.images.Manifests[tag.Wish.Digest]
	actual := read.images.Tags[tag.ID.Tag]
	checkedAt := read.at // what is seen holds from when the looking began
	var v ledger.Verdict
	switch {
	case !tagalong.ValidTag(tag.ID.Tag):
		v = ledger.Verdict{State: ledger.TagBlocked, Reason: fmt.Sprintf("%q is no legal tag: shorten the names in its template", tag.ID.Tag)}
	case read.readers.Has(tag.ID):
		v = ledger.Verdict{State: ledger.TagInput, Actual: actual, Reason: read.readers.Reason(tag.ID)}
	case (actual == tag.Wish.Digest || !there || tag.State == ledger.TagConfirmed && !read.asked(tag.ID)) && !read.covers(tag):
		return &tag, done, nil
	case actual == tag.Wish.Digest:
		v = ledger.Verdict{State: ledger.TagConfirmed, Actual: actual}
	case !there:
		v = absent(read.images, tag.Wish.Digest)
		v.Actual = actual
	default:
		checkedAt = r.Clock()
		v, err = r.put(ctx, tag, manifest, actual)
		if err != nil {
			return nil, done, err
		}
		if v.State == ledger.TagConfirmed {
			done.Moved++
			if tag.State == ledger.TagConfirmed && !read.again {
				v.Returned = returned(tag, checkedAt) + 1
			}
		}
	}
	v.CheckedAt, v.Since = checkedAt, tag.EnteredAt(v.State, checkedAt)
	v.Children = childrenOf(tag.ID.Repository, manifest)
	v.Apart = tag.Shared
	v.Done = v.State == ledger.TagConfirmed && tag.Wish.PutOnce
	again, err = r.settle(ctx, tag, v, &done)
	return again, done, err
}

func childrenOf(r tagalong.Repository, m tagalong.Manifest) []ledger.Child {
	var children []ledger.Child
	for _, c := range m.Children() {
		children = append(children, ledger.Child{Digest: c.Digest, Index: m.Digest, Repository: r, Platform: tagalong.Platform(*c.Platform)})
	}
	return distinct(children)
}

// distinct returns each child once: an index may list one image for several variants, and
// several containers may run one index.
func distinct(children []ledger.Child) (once []ledger.Child) {
	type place struct {
		child, index digest.Digest
		tagalong.Repository
	}
	seen := map[place]bool{}
	for _, c := range children {
		if at := (place{c.Digest, c.Index, c.Repository}); !seen[at] {
			seen[at] = true
			once = append(once, c)
		}
	}
	return once
}

// settle confirms the verdict in the ledger if the wish is still the same; if
// it is not, the tag comes back with its new wish.
func (r *Reactor) settle(ctx context.Context, tag ledger.Tag, v ledger.Verdict, done *Convergence) (again *ledger.Tag, err error) {
	// After a put the version must be asked for: the wish may have passed since it was read.
	if done.Moved == 0 && tag.SettledAs(v, r.Clock()) {
		done.count(v)
		return nil, nil
	}
	err = r.Ledger.Settle(ctx, tag.ID, tag.Version, v)
	if err == nil {
		done.count(v)
		return nil, nil
	}
	if errors.Is(err, ledger.ErrInDoubt) {
		done.inDoubt++
		return nil, nil
	}
	if !errors.Is(err, ledger.ErrConflict) {
		return nil, fmt.Errorf("settling: %w", err)
	}
	return r.wished(ctx, tag.ID)
}

func (c *Convergence) count(v ledger.Verdict) {
	switch v.State {
	case ledger.TagConfirmed:
		c.confirmed++
		c.at = v.CheckedAt
	case ledger.TagBlocked:
		c.blocked++
	case ledger.TagMissing:
		c.missing++
	case ledger.TagInput:
		c.inputs++
	}
}

// put moves the tag. What no retry can mend is a verdict, everything else an error.
func (r *Reactor) put(ctx context.Context, tag ledger.Tag, m tagalong.Manifest, was digest.Digest) (ledger.Verdict, error) {
	if err := m.Verify(); err != nil { // as of an image of schema 1, which ECR signs anew
		return ledger.Verdict{State: ledger.TagBlocked, Actual: was, Reason: err.Error()}, nil
	}
	err := r.attempt(ctx, tag, m)
	switch {
	case err == nil:
		return ledger.Verdict{State: ledger.TagConfirmed, Actual: m.Digest}, nil
	case errors.Is(err, tagalong.ErrTaken):
		return r.taken(ctx, tag)
	case errors.Is(err, tagalong.ErrFull), errors.Is(err, tagalong.ErrRefused):
		return ledger.Verdict{State: ledger.TagBlocked, Actual: was, Reason: err.Error()}, nil
	case errors.Is(err, tagalong.ErrGone):
		return ledger.Verdict{State: ledger.TagMissing, Actual: was, Reason: err.Error()}, nil
	}
	return ledger.Verdict{}, err
}

// putTime is what a put has at least: one that the end of the time cuts off may still
// arrive, and leaves the tag in doubt for a quarter of an hour.
const putTime = time.Second

// timeToPut awaits the end of a context that has no time for another put, and returns its
// error then.
func timeToPut(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < putTime {
		return wait.For(ctx, putTime)
	}
	return nil
}

// attempt puts the tag, one attempt at a time.
func (r *Reactor) attempt(ctx context.Context, tag ledger.Tag, m tagalong.Manifest) error {
	if ended := timeToPut(ctx); ended != nil {
		return ended
	}
	for n := 1; ; n++ {
		err := r.Registry.Tag(ctx, tag.ID.Repository, m, tag.ID.Tag)
		unanswered := errors.Is(err, tagalong.ErrUnanswered)
		if unanswered {
			if doubt := r.doubt(ctx, tag); doubt != nil {
				return errors.Join(err, doubt)
			}
		}
		if !unanswered && !errors.Is(err, tagalong.ErrOutOfOrder) || !failedBackoff.Next(ctx, n) {
			return err
		}
	}
}

// doubt notes in the ledger that a put may still arrive, before anything else happens, even
// if the handler's own time is up.
func (r *Reactor) doubt(ctx context.Context, tag ledger.Tag) error {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return r.Ledger.Doubt(late, tag.ID, tag.EnteredAt(ledger.TagPending, r.Clock()), r.Clock().Add(ledger.DoubtFor))
}

// taken looks where an immutable tag sits: on its wish is success.
func (r *Reactor) taken(ctx context.Context, tag ledger.Tag) (ledger.Verdict, error) {
	images, err := r.Registry.Read(ctx, tag.ID.Repository, nil, []string{tag.ID.Tag})
	if err != nil {
		return ledger.Verdict{}, err
	}
	actual := images.Tags[tag.ID.Tag]
	if actual == tag.Wish.Digest {
		return ledger.Verdict{State: ledger.TagConfirmed, Actual: actual}, nil
	}
	return ledger.Verdict{State: ledger.TagBlocked, Actual: actual, Reason: fmt.Sprintf(
		"tag %q is immutable: set the repository to IMMUTABLE_WITH_EXCLUSION with the exclusion filter %q", tag.ID.Tag, tag.ID.Tag)}, nil
}

// absent is the verdict on a wish whose image the registry does not have.
func absent(i tagalong.Images, d digest.Digest) ledger.Verdict {
	if err := i.Refused[d.String()]; err != nil {
		return ledger.Verdict{State: ledger.TagBlocked, Reason: err.Error()}
	}
	return ledger.Verdict{State: ledger.TagMissing, Reason: fmt.Sprintf("image %s is not in the repository any more", d)}
}

// returned returns how often the tag was put back of late. A put-back ends in a
// confirmation, so CheckedAt is when the last one was. Where somebody was at odds with
// us, one time more shows whether that goes on.
func returned(t ledger.Tag, now time.Time) int {
	switch {
	case now.Sub(t.CheckedAt) <= ledger.ContestWindow:
		return t.Returned
	case t.Returned >= ledger.MaxPutBacks:
		return ledger.MaxPutBacks - 1
	}
	return 0
}
