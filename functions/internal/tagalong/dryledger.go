package tagalong

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// dryLedger is a ledger as it would be: it keeps in memory what is written to it, shows
// that to whoever reads it afterwards, and never writes to the real one.
type dryLedger struct {
	real    Ledger
	records SweepRecords

	mu           sync.Mutex
	services     map[Service]dryService
	names        map[string]bool                 // of these services, as claims have them
	touched      map[Repository]map[Service]bool // which of them claim or read tags of it, or did
	members      map[Service]*Member             // nil: it does not run any more
	environments map[string]bool                 // that are new
	tags         map[Repository]map[TagID]*Tag   // nil: nobody wishes it any more
	was          map[TagID]Tag                   // those of tags, as the real ledger has them
	stale        map[string]Stale
	unmanaged    map[Service]UnmanagedService // as far as they were read or written
}

// dryService is a service as it would be.
type dryService struct {
	Snapshot
	told    []Fact
	rows    map[RolloutKey]*Details // nil: there is no such rollout
	readers Readers
}

func newDryLedger(real Ledger, records SweepRecords) *dryLedger {
	return &dryLedger{
		real: real, records: records,
		services: map[Service]dryService{}, names: map[string]bool{}, touched: map[Repository]map[Service]bool{},
		members: map[Service]*Member{}, environments: map[string]bool{}, tags: map[Repository]map[TagID]*Tag{}, was: map[TagID]Tag{}, stale: map[string]Stale{}, unmanaged: map[Service]UnmanagedService{},
	}
}

func (l *dryLedger) service(s Service) (of dryService, written bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of, written = l.services[s]
	return of, written
}

// Load implements Journal.
func (l *dryLedger) Load(ctx context.Context, s Service) (Snapshot, error) {
	if of, written := l.service(s); written {
		return of.Snapshot, nil
	}
	return l.real.Load(ctx, s)
}

// LoadWhole implements Journal.
func (l *dryLedger) LoadWhole(ctx context.Context, s Service) (Snapshot, error) {
	snap, err := l.real.LoadWhole(ctx, s)
	if of, written := l.service(s); written {
		snap.Head, snap.Facts = of.Head, slices.Concat(snap.Facts, of.told)
	}
	return snap, err
}

// Details implements Journal.
func (l *dryLedger) Details(ctx context.Context, s Service, keys []RolloutKey) (map[RolloutKey]Details, error) {
	found, err := l.real.Details(ctx, s, keys)
	if err != nil {
		return nil, err
	}
	of, _ := l.service(s)
	return overlaid(found, of.rows, keys), nil
}

// overlaid returns what is kept under keys, where some of it is kept in memory instead.
func overlaid[K comparable, V any](real map[K]V, written map[K]*V, keys []K) map[K]V {
	all := map[K]V{}
	for _, key := range keys {
		now, changed := written[key]
		was, there := real[key]
		switch {
		case changed && now != nil:
			all[key] = *now
		case !changed && there:
			all[key] = was
		}
	}
	return all
}

// Commit implements Journal.
func (l *dryLedger) Commit(ctx context.Context, c Change) error {
	was, err := l.Load(ctx, c.Service)
	if err == nil && c.Head.Since.Before(was.Head.Since) {
		was, err = l.LoadWhole(ctx, c.Service)
	}
	if err != nil {
		return err
	}
	if was.Head.Version != c.Seen {
		return ErrConflict
	}
	if err := l.wish(ctx, c.Tags); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.services[c.Service].after(was, c)
	l.services[c.Service], l.names[c.Service.String()] = of, true
	l.touch(c.Service, was, of.Snapshot)
	if c.DropMember != "" {
		l.members[c.Service] = nil
	}
	if c.Member != nil {
		l.members[c.Service] = c.Member
	}
	if c.NewEnvironment != "" {
		l.environments[c.NewEnvironment] = true
	}
	if c.Stale != nil {
		l.stale[c.Stale.ID] = *c.Stale
	}
	return nil
}

// after returns the service as a change leaves it.
func (s dryService) after(was Snapshot, c Change) dryService {
	if c.Fact != nil {
		was.Facts, s.told = slices.Concat(was.Facts, []Fact{*c.Fact}), slices.Concat(s.told, []Fact{*c.Fact})
	}
	facts := slices.DeleteFunc(slices.Clone(was.Facts), func(f Fact) bool { return f.Time.Before(c.Head.Since) })
	rows := maps.Clone(s.rows)
	if rows == nil {
		rows = map[RolloutKey]*Details{}
	}
	for _, key := range c.DropRollouts {
		rows[key] = nil
	}
	for _, row := range c.Rollouts {
		rows[row.key()] = &row.Details
	}
	s.Snapshot, s.rows = Snapshot{Head: c.Head, Facts: facts}, rows
	s.readers = s.Snapshot.readers(c.Service)
	return s
}

// touch notes the repositories whose tags a service claims or reads, or did.
func (l *dryLedger) touch(s Service, was, is Snapshot) {
	ids := claimedTags(was.Head.Claims, is.Head.Claims)
	for id := range was.readers(s).with(is.readers(s)) {
		ids = append(ids, id)
	}
	l.touchAll(s, ids)
}

func (l *dryLedger) touchAll(s Service, ids []TagID) {
	for _, id := range ids {
		if l.touched[id.Repository] == nil {
			l.touched[id.Repository] = map[Service]bool{}
		}
		l.touched[id.Repository][s] = true
	}
}

// Claims implements Wishes.
func (l *dryLedger) Claims(ctx context.Context, r Repository) (RepositoryClaims, error) {
	real, err := l.real.Claims(ctx, r)
	if err != nil {
		return RepositoryClaims{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	all := RepositoryClaims{Readers: real.Readers.without(func(s Service) bool { return l.touched[r][s] })}
	for _, c := range real.Claims {
		if service, _, _ := strings.Cut(c.By, "#"); !l.names[service] {
			all.Claims = append(all.Claims, c)
		}
	}
	for s := range l.touched[r] {
		of := l.services[s]
		for _, c := range of.Head.Claims {
			if c.Tag.Repository == r && !c.Once {
				all.Claims = append(all.Claims, c)
			}
		}
		for id, by := range of.readers.with(l.unmanaged[s].Readers()) {
			for _, reader := range by {
				if id.Repository == r {
					all.Readers.add(id, reader)
				}
			}
		}
	}
	ids := slices.AppendSeq(slices.Collect(maps.Keys(real.Tags)), maps.Keys(l.tags[r]))
	all.Tags = overlaid(real.Tags, l.tags[r], ids)
	return all, nil
}

// Readers implements Wishes. Of several readers the index may name one that reads the
// tag no more: where that may be, the repositories are asked.
func (l *dryLedger) Readers(ctx context.Context, ids []TagID, except Service) (Readers, error) {
	all, err := l.real.Readers(ctx, ids, except)
	if err != nil {
		return nil, err
	}
	of := map[Repository]Readers{}
	for _, id := range ids {
		if !l.touches(id.Repository) {
			continue
		}
		if _, asked := of[id.Repository]; !asked {
			claims, err := l.Claims(ctx, id.Repository)
			if err != nil {
				return nil, err
			}
			of[id.Repository] = claims.Readers.without(func(s Service) bool { return s == except })
		}
		delete(all, id)
		for _, reader := range of[id.Repository][id] {
			all.add(id, reader)
		}
	}
	return all, nil
}

func (l *dryLedger) touches(r Repository) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.touched[r]) > 0
}

// Tags implements Wishes.
func (l *dryLedger) Tags(ctx context.Context, ids []TagID) (map[TagID]Tag, error) {
	real, err := l.unwritten(ctx, ids)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asWritten(real, ids), err
}

// unwritten reads those of the tags that only the real ledger has.
func (l *dryLedger) unwritten(ctx context.Context, ids []TagID) (map[TagID]Tag, error) {
	l.mu.Lock()
	ids = slices.DeleteFunc(slices.Clone(ids), func(id TagID) bool { _, written := l.tags[id.Repository][id]; return written })
	l.mu.Unlock()
	if len(ids) == 0 {
		return nil, nil
	}
	return l.real.Tags(ctx, ids)
}

func (l *dryLedger) asWritten(real map[TagID]Tag, ids []TagID) map[TagID]Tag {
	written := map[TagID]*Tag{}
	for _, id := range ids {
		if tag, changed := l.tags[id.Repository][id]; changed {
			written[id] = tag
		}
	}
	return overlaid(real, written, ids)
}

// tag returns a tag as it is now, and as the real ledger has it.
func (l *dryLedger) tag(ctx context.Context, id TagID) (now, real Tag, err error) {
	tags, err := l.Tags(ctx, []TagID{id})
	l.mu.Lock()
	defer l.mu.Unlock()
	real, written := l.was[id]
	if !written {
		real = tags[id]
	}
	return tags[id], real, err
}

// change changes tags if all stand as expected: all of them, or none.
func (l *dryLedger) change(ctx context.Context, ids []TagID, change func(map[TagID]Tag) error) error {
	real, err := l.unwritten(ctx, ids)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tags := l.asWritten(real, ids)
	err = change(tags)
	if err != nil && !errors.Is(err, ErrInDoubt) {
		return err
	}
	for _, id := range ids {
		if l.tags[id.Repository] == nil {
			l.tags[id.Repository] = map[TagID]*Tag{}
		}
		if _, written := l.tags[id.Repository][id]; !written {
			l.was[id] = real[id]
		}
		l.tags[id.Repository][id] = nil
		if tag, there := tags[id]; there {
			l.tags[id.Repository][id] = &tag
		}
	}
	return err
}

func (l *dryLedger) wish(ctx context.Context, writes []TagWrite) error {
	var ids []TagID
	for _, w := range writes {
		ids = append(ids, w.Wish.Tag)
	}
	return l.change(ctx, ids, func(tags map[TagID]Tag) error {
		var refused []TagID
		for _, w := range writes {
			if tag, there := tags[w.Wish.Tag]; !expected(w, tag, there) {
				refused = append(refused, w.Wish.Tag)
			}
		}
		if len(refused) > 0 {
			return &RefusedError{Tags: refused}
		}
		for _, w := range writes {
			if w.Mode == Drop {
				delete(tags, w.Wish.Tag)
			} else {
				tags[w.Wish.Tag] = rewritten(w, tags[w.Wish.Tag])
			}
		}
		return nil
	})
}

// expected reports whether a tag is as a write expects.
func expected(w TagWrite, tag Tag, there bool) bool {
	switch w.Mode {
	case Advance:
		ours := tag.Wish.At.Equal(w.Wish.At) && tag.Wish.By == w.Wish.By
		return !there || ours || w.Wish.newer(tag.Wish)
	case Yield:
		return there && tag.Wish.newer(w.Wish)
	}
	return tag.Claims == w.Seen
}

// rewritten returns a tag as a write leaves it: what is known of the registry stays known.
func rewritten(w TagWrite, tag Tag) Tag {
	if w.Mode == Advance || w.Mode == Renew {
		tag.ID, tag.Wish, tag.Version = w.Wish.Tag, w.Wish, w.Version
		tag.State, tag.Reason, tag.Since, tag.Returned = TagPending, "", w.At, 0
	}
	tag.Claims = w.Claims
	return tag
}

// Rewish implements Wishes.
func (l *dryLedger) Rewish(ctx context.Context, w TagWrite) error {
	return l.wish(ctx, []TagWrite{w})
}

// Settle implements Wishes.
func (l *dryLedger) Settle(ctx context.Context, id TagID, version string, v Verdict) error {
	return l.change(ctx, []TagID{id}, func(tags map[TagID]Tag) error {
		tag, there := tags[id]
		if !there || tag.Version != version {
			return ErrConflict
		}
		tag.Actual, tag.CheckedAt = v.Actual, v.CheckedAt
		if v.CheckedAt.Before(tag.DoubtUntil) {
			tag.State, tag.Reason = TagPending, ""
			tags[id] = tag
			return ErrInDoubt
		}
		tag.State, tag.Since, tag.Reason = v.State, v.Since, v.Reason
		if v.Returned > 0 {
			tag.Returned = v.Returned
		}
		tags[id] = tag
		if v.Done {
			delete(tags, id)
		}
		return nil
	})
}

// Doubt implements Wishes.
func (l *dryLedger) Doubt(ctx context.Context, id TagID, since, until time.Time) error {
	return l.change(ctx, []TagID{id}, func(tags map[TagID]Tag) error {
		if tag, there := tags[id]; there && tag.DoubtUntil.Before(until) {
			tag.DoubtUntil, tag.State, tag.Since = until, TagPending, since
			tags[id] = tag
		}
		return nil
	})
}

// Adopt implements Wishes. No sweep asks for the children of an index.
func (l *dryLedger) Adopt(context.Context, []Child) error { return nil }

// Unmanaged implements UnmanagedServices.
func (l *dryLedger) Unmanaged(ctx context.Context, s Service) (UnmanagedService, error) {
	l.mu.Lock()
	kept, known := l.unmanaged[s]
	l.mu.Unlock()
	if known {
		return kept, nil
	}
	return l.real.Unmanaged(ctx, s)
}

// AllUnmanaged implements UnmanagedServices. A sweep reads all of them before it writes any.
func (l *dryLedger) AllUnmanaged(ctx context.Context) iter.Seq2[UnmanagedService, error] {
	return only(l.real.AllUnmanaged(ctx), func(u UnmanagedService) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unmanaged[u.Service] = u
		return true
	})
}

// SetUnmanaged implements UnmanagedServices.
func (l *dryLedger) SetUnmanaged(ctx context.Context, was, is UnmanagedService) error {
	now, err := l.Unmanaged(ctx, is.Service)
	if err != nil {
		return err
	}
	if now.Version != was.Version {
		return ErrConflict
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unmanaged[is.Service] = is
	l.touchAll(is.Service, slices.Collect(maps.Keys(now.Readers().with(is.Readers()))))
	return nil
}

// StaleTags implements Stales.
func (l *dryLedger) StaleTags(ctx context.Context) iter.Seq2[Stale, error] {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := maps.Clone(l.stale)
	all := []Stale{}
	for _, s := range written {
		if len(s.Tags) > 0 {
			all = append(all, s)
		}
	}
	real := only(l.real.StaleTags(ctx), func(s Stale) bool { _, changed := written[s.ID]; return !changed })
	return merge([]iter.Seq2[Stale, error]{real, listed(all)}, func(Stale, Stale) int { return -1 })
}

// SetStale implements Stales.
func (l *dryLedger) SetStale(_ context.Context, s Stale) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stale[s.ID] = s
	return nil
}

// HoldStale implements Stales. Whether another sweep removes tags just now could only be
// told by taking the hold.
func (l *dryLedger) HoldStale(context.Context, string, time.Time, time.Time) error { return nil }

// Cursor implements Sweeps.
func (l *dryLedger) Cursor(ctx context.Context) (string, error) { return l.real.Cursor(ctx) }

// SetCursor implements Sweeps. No pass goes on where a dry run has come to.
func (l *dryLedger) SetCursor(context.Context, string) error { return nil }

// Unannounced implements Outbox.
func (l *dryLedger) Unannounced(ctx context.Context, before time.Time) iter.Seq2[Ending, error] {
	return l.real.Unannounced(ctx, before)
}

// Announced implements Outbox.
func (l *dryLedger) Announced(context.Context, []Ending) error { return nil }

// Environments implements Directory.
func (l *dryLedger) Environments(ctx context.Context) ([]string, error) {
	real, err := l.records.Environments(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.AppendSeq(slices.Clone(real), maps.Keys(l.environments))
	slices.Sort(all)
	return slices.Compact(all), err
}

// Services implements Directory, of those of any environment.
func (l *dryLedger) Services(ctx context.Context, environment string) ([]Service, error) {
	return l.records.Services(ctx, environment)
}

// Members implements Residents.
func (l *dryLedger) Members(ctx context.Context, environment string, from Service, hint int) iter.Seq2[Member, error] {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := maps.Clone(l.members)
	var here []Member
	for s, m := range written {
		if m != nil && m.Environment == environment && (from == Service{} || s.String() >= from.String()) {
			here = append(here, *m)
		}
	}
	compare := func(a, b Member) int { return strings.Compare(a.Service.String(), b.Service.String()) }
	slices.SortFunc(here, compare)
	real := only(l.records.Members(ctx, environment, from, hint), func(m Member) bool { _, changed := written[m.Service]; return !changed })
	return merge([]iter.Seq2[Member, error]{real, listed(here)}, compare)
}

// EnvironmentTags implements Tagged.
func (l *dryLedger) EnvironmentTags(ctx context.Context, environment string, settled bool, behind TagID, hint int) iter.Seq2[Tag, error] {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := map[TagID]bool{}
	var here []Tag
	for _, tags := range l.tags {
		for id, tag := range tags {
			written[id] = true
			if tag != nil && tag.Wish.Environment == environment && tag.State.Settled() == settled && (behind == TagID{} || byRepository(id, behind) > 0) {
				here = append(here, *tag)
			}
		}
	}
	compare := func(a, b Tag) int { return byRepository(a.ID, b.ID) }
	slices.SortFunc(here, compare)
	real := only(l.records.EnvironmentTags(ctx, environment, settled, behind, hint), func(t Tag) bool { return !written[t.ID] })
	return merge([]iter.Seq2[Tag, error]{real, listed(here)}, compare)
}

// errDry says that no sweep asks for that, and that a dry run would have to write it.
var errDry = errors.New("a dry run does not record what pipelines do")

// Sight implements Promotions.
func (l *dryLedger) Sight(ctx context.Context, job string) (Sight, bool, error) {
	return l.real.Sight(ctx, job)
}

// Date implements Promotions.
func (l *dryLedger) Date(_ context.Context, job string, _ Sight, _ time.Time) (Sight, error) {
	return Sight{}, fmt.Errorf("job %q: %w", job, errDry)
}

// Promote implements Promotions.
func (l *dryLedger) Promote(_ context.Context, p PromotionWrite) error {
	return fmt.Errorf("promotion of %s: %w", p.Claim.Tag, errDry)
}

// NoteExecution implements Releases.
func (l *dryLedger) NoteExecution(_ context.Context, p Pipeline, execution string, _ Execution, _ time.Time) error {
	return fmt.Errorf("execution %s/%s: %w", p.Name, execution, errDry)
}

// NoteStage implements Releases.
func (l *dryLedger) NoteStage(_ context.Context, pipeline, execution string, s StageChange, _ time.Time) error {
	return fmt.Errorf("stage %s of %s/%s: %w", s.Stage, pipeline, execution, errDry)
}
