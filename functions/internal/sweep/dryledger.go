package sweep

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// dryLedger is a ledger as it would be: it keeps in memory what is written to it, shows
// that to whoever reads it afterwards, and never writes to the real one.
type dryLedger struct {
	real    reactor.Ledger
	records Records

	mu            sync.Mutex
	services      map[tagalong.Service]dryService
	touched       map[tagalong.Repository]map[tagalong.Service]bool      // which of them claim or read tags of it, or did
	running       map[tagalong.Service]*ledger.RunningRecord             // nil: it does not run any more
	environments  map[string]bool                                        // that are new
	tags          map[tagalong.Repository]map[tagalong.TagID]*ledger.Tag // nil: nobody claims it any more
	was           map[tagalong.TagID]ledger.Tag                          // those of tags, as the real ledger has them
	pendingUntags map[string]ledger.PendingUntag
	unmanaged     map[tagalong.Service]ledger.UnmanagedService // as far as they were read or written
	progress      map[tagalong.Service]ledger.RolloutProgress  // as far as it was written
	families      map[tagalong.Service]ledger.TaskFamily
}

// dryService is a service as it would be.
type dryService struct {
	ledger.Snapshot
	reported []tagalong.Fact
	rows     map[timeline.RolloutKey]*ledger.Details // nil: there is no such rollout
	readers  ledger.Readers
}

func newDryLedger(real reactor.Ledger, records Records) *dryLedger {
	return &dryLedger{
		real: real, records: records,
		services: map[tagalong.Service]dryService{}, touched: map[tagalong.Repository]map[tagalong.Service]bool{},
		running: map[tagalong.Service]*ledger.RunningRecord{}, environments: map[string]bool{}, tags: map[tagalong.Repository]map[tagalong.TagID]*ledger.Tag{}, was: map[tagalong.TagID]ledger.Tag{}, pendingUntags: map[string]ledger.PendingUntag{}, unmanaged: map[tagalong.Service]ledger.UnmanagedService{},
		progress: map[tagalong.Service]ledger.RolloutProgress{},
		families: map[tagalong.Service]ledger.TaskFamily{},
	}
}

func (l *dryLedger) service(s tagalong.Service) (of dryService, written bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of, written = l.services[s]
	return of, written
}

// Load implements Journal.
func (l *dryLedger) Load(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	if of, written := l.service(s); written {
		return of.Snapshot, nil
	}
	return l.real.Load(ctx, s)
}

// LoadState implements StateReader.
func (l *dryLedger) LoadState(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	if of, written := l.service(s); written {
		return of.Snapshot, nil
	}
	return l.records.LoadState(ctx, s)
}

// HeadStates implements StateReader.
func (l *dryLedger) HeadStates(ctx context.Context, services []tagalong.Service) (map[tagalong.Service]ledger.Head, error) {
	heads, err := l.records.HeadStates(ctx, services)
	if err != nil {
		return nil, err
	}
	for _, s := range services {
		if of, written := l.service(s); written {
			heads[s] = of.Head
		}
	}
	return heads, nil
}

// LoadWhole implements Journal.
func (l *dryLedger) LoadWhole(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	snap, err := l.real.LoadWhole(ctx, s)
	if of, written := l.service(s); written {
		snap.Head, snap.Facts = of.Head, slices.Concat(snap.Facts, of.reported)
	}
	return snap, err
}

// Details implements Journal.
func (l *dryLedger) Details(ctx context.Context, s tagalong.Service, keys []timeline.RolloutKey) (map[timeline.RolloutKey]ledger.Details, error) {
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
func (l *dryLedger) Commit(ctx context.Context, c ledger.Change) error {
	was, err := l.Load(ctx, c.Service)
	if err == nil && c.Head.Since.Before(was.Head.Since) {
		was, err = l.LoadWhole(ctx, c.Service)
	}
	if err != nil {
		return err
	}
	if was.Head.Version != c.Seen {
		return ledger.ErrConflict
	}
	if err := l.writeTags(ctx, c.Tags); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.services[c.Service].after(was, c)
	l.services[c.Service] = of
	l.touch(c.Service, was, of.Snapshot)
	if c.DropRunning != "" {
		l.running[c.Service] = nil
	}
	if c.Running != nil {
		l.running[c.Service] = c.Running
	}
	if c.NewEnvironment != "" {
		l.environments[c.NewEnvironment] = true
	}
	if c.Untag != nil {
		l.pendingUntags[c.Untag.ID] = *c.Untag
	}
	return nil
}

// after returns the service as a change leaves it.
func (s dryService) after(was ledger.Snapshot, c ledger.Change) dryService {
	if c.Fact != nil {
		was.Facts, s.reported = slices.Concat(was.Facts, []tagalong.Fact{*c.Fact}), slices.Concat(s.reported, []tagalong.Fact{*c.Fact})
	}
	facts := slices.DeleteFunc(slices.Clone(was.Facts), func(f tagalong.Fact) bool { return f.Time.Before(c.Head.Since) })
	rows := maps.Clone(s.rows)
	if rows == nil {
		rows = map[timeline.RolloutKey]*ledger.Details{}
	}
	for _, key := range c.DropRollouts {
		rows[key] = nil
	}
	for _, row := range c.Rollouts {
		rows[row.Key()] = &row.Details
	}
	s.Snapshot, s.rows = ledger.Snapshot{Head: c.Head, Facts: facts}, rows
	s.readers = s.Snapshot.Readers(c.Service)
	return s
}

// touch notes the repositories whose tags a service claims or reads, or did.
func (l *dryLedger) touch(s tagalong.Service, was, is ledger.Snapshot) {
	ids := ledger.ClaimedTags(was.Head.Claims, is.Head.Claims)
	for id := range was.Readers(s).With(is.Readers(s)) {
		ids = append(ids, id)
	}
	l.touchAll(s, ids)
}

func (l *dryLedger) touchAll(s tagalong.Service, ids []tagalong.TagID) {
	for _, id := range ids {
		if l.touched[id.Repository] == nil {
			l.touched[id.Repository] = map[tagalong.Service]bool{}
		}
		l.touched[id.Repository][s] = true
	}
}

// Claims implements Wishes.
func (l *dryLedger) Claims(ctx context.Context, r tagalong.Repository) (ledger.RepositoryClaims, error) {
	return l.claims(ctx, r, l.real.Claims)
}

// ClaimStates implements StateReader.
func (l *dryLedger) ClaimStates(ctx context.Context, r tagalong.Repository) (ledger.RepositoryClaims, error) {
	return l.claims(ctx, r, l.records.ClaimStates)
}

func byName(a, b tagalong.Service) int { return strings.Compare(a.String(), b.String()) }

func (l *dryLedger) claims(ctx context.Context, r tagalong.Repository, read func(context.Context, tagalong.Repository) (ledger.RepositoryClaims, error)) (ledger.RepositoryClaims, error) {
	real, err := read(ctx, r)
	if err != nil {
		return ledger.RepositoryClaims{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	all := ledger.RepositoryClaims{Readers: real.Readers.Without(func(s tagalong.Service) bool { return l.touched[r][s] })}
	for _, c := range real.Claims {
		s, _, _ := c.By.Container()
		if _, written := l.services[s]; !written {
			all.Claims = append(all.Claims, c)
		}
	}
	for _, s := range slices.SortedFunc(maps.Keys(l.touched[r]), byName) { // as AddReader takes them best
		of := l.services[s]
		for _, c := range of.Head.Claims {
			if c.Tag.Repository == r && !c.PutOnce {
				all.Claims = append(all.Claims, c)
			}
		}
		for id, by := range of.readers.With(l.unmanaged[s].Readers()) {
			for _, reader := range by {
				if id.Repository == r {
					all.Readers.AddReader(id, reader)
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
func (l *dryLedger) Readers(ctx context.Context, ids []tagalong.TagID, except tagalong.Service) (ledger.Readers, error) {
	all, err := l.real.Readers(ctx, ids, except)
	if err != nil {
		return nil, err
	}
	of := map[tagalong.Repository]ledger.Readers{}
	for _, id := range ids {
		if !l.touches(id.Repository) {
			continue
		}
		if _, asked := of[id.Repository]; !asked {
			claims, err := l.Claims(ctx, id.Repository)
			if err != nil {
				return nil, err
			}
			of[id.Repository] = claims.Readers.Without(func(s tagalong.Service) bool { return s == except }).With(l.keptOf(except))
		}
		delete(all, id)
		for _, reader := range of[id.Repository][id] {
			all.AddReader(id, reader)
		}
	}
	return all, nil
}

// keptOf returns what is kept of a service as an unmanaged one.
func (l *dryLedger) keptOf(s tagalong.Service) ledger.Readers {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unmanaged[s].Readers()
}

func (l *dryLedger) touches(r tagalong.Repository) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.touched[r]) > 0
}

// Tags implements Wishes.
func (l *dryLedger) Tags(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]ledger.Tag, error) {
	real, err := l.unwritten(ctx, ids)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asWritten(real, ids), err
}

// unwritten reads those of the tags that only the real ledger has.
func (l *dryLedger) unwritten(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]ledger.Tag, error) {
	l.mu.Lock()
	ids = slices.DeleteFunc(slices.Clone(ids), func(id tagalong.TagID) bool { _, written := l.tags[id.Repository][id]; return written })
	l.mu.Unlock()
	if len(ids) == 0 {
		return nil, nil
	}
	return l.real.Tags(ctx, ids)
}

func (l *dryLedger) asWritten(real map[tagalong.TagID]ledger.Tag, ids []tagalong.TagID) map[tagalong.TagID]ledger.Tag {
	written := map[tagalong.TagID]*ledger.Tag{}
	for _, id := range ids {
		if tag, changed := l.tags[id.Repository][id]; changed {
			written[id] = tag
		}
	}
	return overlaid(real, written, ids)
}

// tag returns a tag as it is now, and as the real ledger has it.
func (l *dryLedger) tag(ctx context.Context, id tagalong.TagID) (now, real ledger.Tag, err error) {
	tags, err := l.Tags(ctx, []tagalong.TagID{id})
	l.mu.Lock()
	defer l.mu.Unlock()
	real, written := l.was[id]
	if !written {
		real = tags[id]
	}
	return tags[id], real, err
}

// change changes tags if all stand as expected: all of them, or none.
func (l *dryLedger) change(ctx context.Context, ids []tagalong.TagID, change func(map[tagalong.TagID]ledger.Tag) error) error {
	real, err := l.unwritten(ctx, ids)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tags := l.asWritten(real, ids)
	err = change(tags)
	if err != nil && !errors.Is(err, ledger.ErrInDoubt) {
		return err
	}
	for _, id := range ids {
		if l.tags[id.Repository] == nil {
			l.tags[id.Repository] = map[tagalong.TagID]*ledger.Tag{}
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

func (l *dryLedger) writeTags(ctx context.Context, writes []ledger.TagWrite) error {
	var ids []tagalong.TagID
	for _, w := range writes {
		ids = append(ids, w.Wish.Tag)
	}
	return l.change(ctx, ids, func(tags map[tagalong.TagID]ledger.Tag) error {
		var refused []tagalong.TagID
		for _, w := range writes {
			if tag, there := tags[w.Wish.Tag]; !expected(w, tag, there) {
				refused = append(refused, w.Wish.Tag)
			}
		}
		if len(refused) > 0 {
			return &ledger.RefusedError{Tags: refused}
		}
		for _, w := range writes {
			if w.Mode == ledger.Drop || w.Mode == ledger.Remove {
				delete(tags, w.Wish.Tag)
			} else {
				tags[w.Wish.Tag] = rewritten(w, tags[w.Wish.Tag])
			}
		}
		return nil
	})
}

// expected reports whether a tag is as a write expects.
func expected(w ledger.TagWrite, tag ledger.Tag, there bool) bool {
	if w.Mode.InTransaction() && tag.Shared {
		return false
	}
	switch w.Mode {
	case ledger.Replace, ledger.Remove:
		return tag.Version == w.Seen
	case ledger.Advance:
		ours := tag.Wish.At.Equal(w.Wish.At) && tag.Wish.By == w.Wish.By
		return !there || ours || w.Wish.Newer(tag.Wish)
	case ledger.Yield:
		return there && tag.Wish.Newer(w.Wish)
	}
	return tag.Claims == w.Seen
}

// rewritten returns a tag as a write leaves it: what is known of the registry stays known.
func rewritten(w ledger.TagWrite, tag ledger.Tag) ledger.Tag {
	if w.Mode.Sets() {
		tag.ID, tag.Wish, tag.Version = w.Wish.Tag, w.Wish, w.Version
		tag.State, tag.Reason, tag.Since, tag.Returned = ledger.TagPending, "", w.At, 0
	}
	tag.Claims = w.Claims
	return tag
}

// HasOthers implements Wishes: a dry run begins no rollout.
func (l *dryLedger) HasOthers(ctx context.Context, r tagalong.Repository, than tagalong.Service) (bool, error) {
	return l.real.HasOthers(ctx, r, than)
}

// Share implements Wishes.
func (l *dryLedger) Share(ctx context.Context, id tagalong.TagID) (tag ledger.Tag, there bool, err error) {
	err = l.change(ctx, []tagalong.TagID{id}, func(tags map[tagalong.TagID]ledger.Tag) error {
		if tag, there = tags[id]; there {
			tag.Shared = true
			tags[id] = tag
		}
		return nil
	})
	return tag, there, err
}

// WriteTag implements Wishes.
func (l *dryLedger) WriteTag(ctx context.Context, w ledger.TagWrite) error {
	return l.writeTags(ctx, []ledger.TagWrite{w})
}

// Settle implements Wishes.
func (l *dryLedger) Settle(ctx context.Context, id tagalong.TagID, version string, v ledger.Verdict) error {
	return l.change(ctx, []tagalong.TagID{id}, func(tags map[tagalong.TagID]ledger.Tag) error {
		tag, there := tags[id]
		if !there || tag.Version != version {
			return ledger.ErrConflict
		}
		tag.Actual, tag.CheckedAt = v.Actual, v.CheckedAt
		if v.CheckedAt.Before(tag.DoubtUntil) {
			tag.State, tag.Reason = ledger.TagPending, ""
			tags[id] = tag
			return ledger.ErrInDoubt
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
func (l *dryLedger) Doubt(ctx context.Context, id tagalong.TagID, since, until time.Time) error {
	return l.change(ctx, []tagalong.TagID{id}, func(tags map[tagalong.TagID]ledger.Tag) error {
		if tag, there := tags[id]; there && tag.DoubtUntil.Before(until) {
			tag.DoubtUntil, tag.State, tag.Since = until, ledger.TagPending, since
			tags[id] = tag
		}
		return nil
	})
}

// Progress implements ProgressReader.
func (l *dryLedger) Progress(ctx context.Context, services []tagalong.Service) (map[tagalong.Service]ledger.RolloutProgress, error) {
	seen, err := l.real.Progress(ctx, services)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range services {
		if p, written := l.progress[s]; written && err == nil {
			seen[s] = p
		}
	}
	return seen, err
}

// SetProgress implements ProgressKeeper. A sweep looks at each rollout once.
func (l *dryLedger) SetProgress(_ context.Context, p ledger.RolloutProgress) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress[p.Service] = p
	return nil
}

// Unmanaged implements UnmanagedServices.
func (l *dryLedger) Unmanaged(ctx context.Context, s tagalong.Service) (ledger.UnmanagedService, error) {
	l.mu.Lock()
	kept, known := l.unmanaged[s]
	l.mu.Unlock()
	if known {
		return kept, nil
	}
	return l.real.Unmanaged(ctx, s)
}

// AllUnmanaged implements UnmanagedReader. A sweep reads all of them before it writes any.
func (l *dryLedger) AllUnmanaged(ctx context.Context) iter.Seq2[ledger.UnmanagedService, error] {
	return stream.Filter(l.records.AllUnmanaged(ctx), func(u ledger.UnmanagedService) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unmanaged[u.Service] = u
		return true
	})
}

// SetUnmanaged implements UnmanagedServices.
func (l *dryLedger) SetUnmanaged(ctx context.Context, was, is ledger.UnmanagedService) error {
	now, err := l.Unmanaged(ctx, is.Service)
	if err != nil {
		return err
	}
	if now.Version != was.Version {
		return ledger.ErrConflict
	}
	snap, err := l.Load(ctx, is.Service)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, written := l.services[is.Service]; !written { // what it reads as a managed one stays
		l.services[is.Service] = dryService{Snapshot: snap, readers: snap.Readers(is.Service)}
		l.touch(is.Service, snap, snap)
	}
	l.unmanaged[is.Service] = is
	l.touchAll(is.Service, slices.Collect(maps.Keys(now.Readers().With(is.Readers()))))
	return nil
}

// TaskFamily implements TaskFamilies.
func (l *dryLedger) TaskFamily(ctx context.Context, of tagalong.Service) (ledger.TaskFamily, error) {
	l.mu.Lock()
	kept, written := l.families[of]
	l.mu.Unlock()
	if written {
		return kept, nil
	}
	return l.real.TaskFamily(ctx, of)
}

// TaskFamiliesIn implements TaskFamilyReader. A sweep reads those of a scope before it
// writes any.
func (l *dryLedger) TaskFamiliesIn(ctx context.Context, s tagalong.Scope) iter.Seq2[ledger.TaskFamily, error] {
	return l.records.TaskFamiliesIn(ctx, s)
}

// SetTaskFamily implements TaskFamilies.
func (l *dryLedger) SetTaskFamily(_ context.Context, was, is ledger.TaskFamily, _ []ledger.Child) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.families[is.Of] = is
	l.services[is.Of] = dryService{readers: is.Readers()}
	l.touchAll(is.Of, slices.Collect(maps.Keys(was.Readers().With(is.Readers()))))
	return nil
}

// PendingUntags implements Untags.
func (l *dryLedger) PendingUntags(ctx context.Context) iter.Seq2[ledger.PendingUntag, error] {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := maps.Clone(l.pendingUntags)
	all := []ledger.PendingUntag{}
	for _, s := range written {
		if len(s.Tags) > 0 {
			all = append(all, s)
		}
	}
	real := stream.Filter(l.records.PendingUntags(ctx), func(s ledger.PendingUntag) bool { _, changed := written[s.ID]; return !changed })
	return stream.Merge([]iter.Seq2[ledger.PendingUntag, error]{real, stream.FromSlice(all)}, func(ledger.PendingUntag, ledger.PendingUntag) int { return -1 })
}

// SetPendingUntag implements Untags.
func (l *dryLedger) SetPendingUntag(_ context.Context, s ledger.PendingUntag) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pendingUntags[s.ID] = s
	return nil
}

// LockUntag implements Untags. Whether another sweep removes tags just now could only be
// seen by taking it.
func (l *dryLedger) LockUntag(context.Context, string, time.Time, time.Time) error { return nil }

// Cursor implements Sweeps.
func (l *dryLedger) Cursor(ctx context.Context) (string, error) { return l.records.Cursor(ctx) }

// SetCursor implements Sweeps. No pass goes on where a dry run has come to.
func (l *dryLedger) SetCursor(context.Context, string) error { return nil }

// Swept implements SweptReader.
func (l *dryLedger) Swept(ctx context.Context) (ledger.Swept, error) { return l.records.Swept(ctx) }

// SetSwept implements Sweeps. A dry run shows what is missing, and leaves it so.
func (l *dryLedger) SetSwept(context.Context, ledger.Swept) error { return nil }

// Unannounced implements OutboxReader.
func (l *dryLedger) Unannounced(ctx context.Context, before time.Time) iter.Seq2[ledger.FinishedRollout, error] {
	return l.records.Unannounced(ctx, before)
}

// Announced implements Outbox.
func (l *dryLedger) Announced(context.Context, []ledger.FinishedRollout) error { return nil }

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
func (l *dryLedger) Services(ctx context.Context, environment string) ([]tagalong.Service, error) {
	return l.records.Services(ctx, environment)
}

// RunningRecords implements RunningReader.
func (l *dryLedger) RunningRecords(ctx context.Context, environment string, from tagalong.Service, hint int) iter.Seq2[ledger.RunningRecord, error] {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := maps.Clone(l.running)
	var here []ledger.RunningRecord
	for s, m := range written {
		if m != nil && m.Environment == environment && (from == tagalong.Service{} || s.String() >= from.String()) {
			here = append(here, *m)
		}
	}
	compare := func(a, b ledger.RunningRecord) int { return strings.Compare(a.Service.String(), b.Service.String()) }
	slices.SortFunc(here, compare)
	real := stream.Filter(l.records.RunningRecords(ctx, environment, from, hint), func(m ledger.RunningRecord) bool { _, changed := written[m.Service]; return !changed })
	return stream.Merge([]iter.Seq2[ledger.RunningRecord, error]{real, stream.FromSlice(here)}, compare)
}

// EnvironmentTags implements TagReader.
func (l *dryLedger) EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, hint int) iter.Seq2[ledger.Tag, error] {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := map[tagalong.TagID]bool{}
	var here []ledger.Tag
	for _, tags := range l.tags {
		for id, tag := range tags {
			written[id] = true
			if tag != nil && tag.Wish.Environment == environment && tag.State.Settled() == settled && (behind == tagalong.TagID{} || tagalong.ByRepository(id, behind) > 0) {
				here = append(here, *tag)
			}
		}
	}
	compare := func(a, b ledger.Tag) int { return tagalong.ByRepository(a.ID, b.ID) }
	slices.SortFunc(here, compare)
	real := stream.Filter(l.records.EnvironmentTags(ctx, environment, settled, behind, hint), func(t ledger.Tag) bool { return !written[t.ID] })
	return stream.Merge([]iter.Seq2[ledger.Tag, error]{real, stream.FromSlice(here)}, compare)
}
