package tagalongtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Ledger is a ledger in memory, safe for concurrent use. The zero value is empty.
type Ledger struct {
	// Hook is called before each operation, if it is set; an error that it returns
	// is the operation's, and nothing is read or written.
	Hook func(ctx context.Context, operation string) error
	// MaxItems is how many items a transaction takes, 100 if it is 0.
	MaxItems int

	mu            sync.Mutex
	services      map[tagalong.Service]*service
	running       map[runningKey]ledger.RunningRecord
	past          map[pastKey]ledger.PastRecord
	placements    map[string]map[placementKey]ledger.Placement              // by the repository's name
	open          map[tagalong.Repository]map[placementKey]ledger.Placement // those of them that have not ended
	previous      map[previousKey]ledger.PreviousRecord
	tags          map[tagalong.TagID]ledger.Tag
	children      map[ledger.Child]bool
	names         map[string]bool // of environments
	known         map[ledger.Name]bool
	swept         ledger.Swept
	repositories  map[tagalong.Repository]bool
	listed        map[tagalong.Service]map[string]bool // the environments it was in
	seen          map[tagalong.Service]time.Time       // since when the directory says it is known
	jobs          map[string]ledger.FirstSeen
	cursor        string
	pendingUntags map[string]ledger.PendingUntag
	hold          hold // of the removal of tags
	// unmanaged are the services that no rule matches.
	unmanaged map[tagalong.Service]ledger.UnmanagedService
	// progress is of rollouts that are under way.
	progress map[tagalong.Service]ledger.RolloutProgress
	families map[tagalong.Service]ledger.TaskFamily
	finished map[finishedKey]ledger.FinishedRollout
	releases map[releaseKey]*release
	// promotions are the newest of each tag.
	promotions map[tagalong.TagID]ledger.Promoting
	scans      map[digest.Digest]ledger.Scan
	findings   map[findingKey]ledger.Finding
	exposures  map[string]ledger.Exposure // by environment and finding
	writes     int
}

var (
	_ ledger.Ledger  = &Ledger{}
	_ ledger.Records = &Ledger{}
)

// service is what the ledger keeps under one service's key.
type service struct {
	head  ledger.Head
	facts map[factKey]tagalong.Fact
	rows  map[timeline.RolloutKey]ledger.Row
}

type factKey struct {
	at      int64
	name    tagalong.FactName
	subject string
	source  tagalong.Source
}

type runningKey struct {
	environment string
	service     tagalong.Service
}

type pastKey struct {
	runningKey
	until int64
}

type placementKey struct {
	repository tagalong.Repository
	phase      ledger.Phase
	since      int64 // only of those that ended or drain
	service    tagalong.Service
	container  string
	deployment string // only of those that are unfinished
}

type previousKey struct {
	repository tagalong.Repository
	service    tagalong.Service
	container  string
}

func keyOfPrevious(p ledger.PreviousRecord) previousKey {
	return previousKey{p.Image, p.Service, p.Container}
}

func keyOfFact(f tagalong.Fact) factKey {
	return factKey{f.Time.UnixMilli(), f.Name, f.Subject(), f.SourceKey()}
}

func keyOfPlacement(p ledger.Placement) placementKey {
	key := placementKey{repository: p.Container.Image, phase: p.Phase, service: p.Service, container: p.Container.Name, deployment: p.At().Deployment}
	if p.Phase == ledger.PhaseEnded || p.Phase == ledger.PhaseDraining {
		key.since = p.Since.UnixMilli()
	}
	return key
}

// Writes counts the writes that went through.
func (l *Ledger) Writes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

// begin takes the lock; the caller gives it back by the function it gets.
func (l *Ledger) begin(ctx context.Context, operation string) (func(), error) {
	if l.Hook != nil {
		if err := l.Hook(ctx, operation); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	if l.services == nil {
		l.services = map[tagalong.Service]*service{}
		l.running = map[runningKey]ledger.RunningRecord{}
		l.past = map[pastKey]ledger.PastRecord{}
		l.placements = map[string]map[placementKey]ledger.Placement{}
		l.open = map[tagalong.Repository]map[placementKey]ledger.Placement{}
		l.previous = map[previousKey]ledger.PreviousRecord{}
		l.tags = map[tagalong.TagID]ledger.Tag{}
		l.children = map[ledger.Child]bool{}
		l.pendingUntags = map[string]ledger.PendingUntag{}
		l.unmanaged = map[tagalong.Service]ledger.UnmanagedService{}
		l.progress = map[tagalong.Service]ledger.RolloutProgress{}
		l.families = map[tagalong.Service]ledger.TaskFamily{}
		l.jobs = map[string]ledger.FirstSeen{}
		l.releases = map[releaseKey]*release{}
		l.promotions = map[tagalong.TagID]ledger.Promoting{}
		l.finished = map[finishedKey]ledger.FinishedRollout{}
		l.names = map[string]bool{}
		l.known, l.repositories = map[ledger.Name]bool{}, map[tagalong.Repository]bool{}
		l.listed = map[tagalong.Service]map[string]bool{}
		l.seen = map[tagalong.Service]time.Time{}
		l.scans, l.findings, l.exposures = map[digest.Digest]ledger.Scan{}, map[findingKey]ledger.Finding{}, map[string]ledger.Exposure{}
	}
	return l.mu.Unlock, nil
}

func (l *Ledger) of(s tagalong.Service) *service {
	if of, ok := l.services[s]; ok {
		return of
	}
	return &service{facts: map[factKey]tagalong.Fact{}, rows: map[timeline.RolloutKey]ledger.Row{}}
}

// Load implements ledger.Journal.
func (l *Ledger) Load(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	done, err := l.begin(ctx, "Load")
	if err != nil {
		return ledger.Snapshot{}, err
	}
	defer done()
	of := l.of(s)
	return ledger.Snapshot{Head: cloneHead(of.head), Facts: of.since(of.head.Since)}, nil
}

// LoadState implements ledger.StateReader: nothing lags here.
func (l *Ledger) LoadState(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	return l.Load(ctx, s)
}

// HeadStates implements ledger.StateReader.
func (l *Ledger) HeadStates(ctx context.Context, services []tagalong.Service) (map[tagalong.Service]ledger.Head, error) {
	done, err := l.begin(ctx, "HeadStates")
	if err != nil {
		return nil, err
	}
	defer done()
	heads := map[tagalong.Service]ledger.Head{}
	for _, s := range services {
		if head := l.of(s).head; head.Version != "" {
			heads[s] = cloneHead(head)
		}
	}
	return heads, nil
}

// ClaimStates implements ledger.StateReader.
func (l *Ledger) ClaimStates(ctx context.Context, r tagalong.Repository) (ledger.RepositoryClaims, error) {
	return l.Claims(ctx, r)
}

// LoadWhole implements ledger.Journal.
func (l *Ledger) LoadWhole(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	done, err := l.begin(ctx, "LoadWhole")
	if err != nil {
		return ledger.Snapshot{}, err
	}
	defer done()
	of := l.of(s)
	return ledger.Snapshot{Head: cloneHead(of.head), Facts: of.since(time.Time{}), Whole: true}, nil
}

// since returns the facts from a time on, in the order of their keys.
func (s *service) since(from time.Time) []tagalong.Fact {
	var facts []tagalong.Fact
	for _, f := range s.facts {
		if !f.Time.Before(from) {
			facts = append(facts, f)
		}
	}
	slices.SortFunc(facts, func(a, b tagalong.Fact) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Subject(), b.Subject()), cmp.Compare(a.SourceKey(), b.SourceKey()))
	})
	return facts
}

// Details implements ledger.Journal.
func (l *Ledger) Details(ctx context.Context, s tagalong.Service, keys []timeline.RolloutKey) (map[timeline.RolloutKey]ledger.Details, error) {
	done, err := l.begin(ctx, "Details")
	if err != nil {
		return nil, err
	}
	defer done()
	found := map[timeline.RolloutKey]ledger.Details{}
	for _, key := range keys {
		if row, ok := l.of(s).rows[key]; ok {
			found[key] = cloneDetails(row.Details)
		}
	}
	return found, nil
}

// Commit implements ledger.Journal. Beside the conditions it refuses what no
// transaction can do: more than 100 items, or one item twice.
func (l *Ledger) Commit(ctx context.Context, c ledger.Change) error {
	done, err := l.begin(ctx, "Commit")
	if err != nil {
		return err
	}
	defer done()
	if err := possible(c, cmp.Or(l.MaxItems, 100)); err != nil {
		return err
	}
	of := l.of(c.Service)
	if of.head.Version != c.Seen {
		return ledger.ErrConflict
	}
	if c.Fact != nil {
		if _, there := of.facts[keyOfFact(*c.Fact)]; there {
			return ledger.ErrConflict
		}
	}
	if refused := l.refused(c.Tags); len(refused) > 0 {
		return &ledger.RefusedError{Tags: refused}
	}
	l.services[c.Service] = of
	l.apply(of, c)
	l.writes++
	return nil
}

// possible tells why a change can be no transaction.
func possible(c ledger.Change, most int) error {
	if n := c.Size(); n > most {
		return fmt.Errorf("transaction of %d items: the store takes %d", n, most)
	}
	if c.Head.Version == "" || c.Head.Version == c.Seen {
		return fmt.Errorf("head version %q after %q: want a new one", c.Head.Version, c.Seen)
	}
	items := map[any]bool{}
	for _, key := range keys(c) {
		if items[key] {
			return fmt.Errorf("transaction names item %T%+v twice", key, key)
		}
		items[key] = true
	}
	return nil
}

// keys names every item of a change but the head, the fact and the directory.
func keys(c ledger.Change) []any {
	var all []any
	for _, row := range c.Rollouts {
		all = append(all, keyOfRow(row))
	}
	for _, key := range c.DropRollouts {
		all = append(all, key)
	}
	for _, p := range slices.Concat(c.Placements, c.DropPlacements) {
		all = append(all, keyOfPlacement(p))
	}
	for _, p := range slices.Concat(c.Previous, c.DropPrevious) {
		all = append(all, keyOfPrevious(p))
	}
	for _, tag := range c.Tags {
		all = append(all, tag.Wish.Tag)
	}
	for _, e := range c.Finished {
		all = append(all, keyOfFinished(e))
	}
	if c.Running != nil {
		all = append(all, runningKey{c.Running.Environment, c.Service})
	}
	if c.DropRunning != "" {
		all = append(all, runningKey{c.DropRunning, c.Service})
	}
	return all
}

func keyOfRow(r ledger.Row) timeline.RolloutKey {
	return timeline.RolloutKey{Sort: r.SortTime(), Deployment: r.Deployment}
}

// refused returns the tags that do not stand as the writes expect.
func (l *Ledger) refused(writes []ledger.TagWrite) (refused []tagalong.TagID) {
	for _, w := range writes {
		if !stands(w, l.tags) {
			refused = append(refused, w.Wish.Tag)
		}
	}
	return refused
}

func stands(w ledger.TagWrite, tags map[tagalong.TagID]ledger.Tag) bool {
	tag, there := tags[w.Wish.Tag]
	if w.Mode.InTransaction() && tag.Shared {
		return false
	}
	switch w.Mode {
	case ledger.Skip:
		return true
	case ledger.Replace, ledger.Remove:
		return tag.Version == w.Seen
	case ledger.Advance:
		ours := tag.Wish.At.Equal(w.Wish.At) && tag.Wish.By == w.Wish.By
		return !there || ours || newer(w.Wish, tag.Wish)
	case ledger.Yield:
		return there && newer(tag.Wish, w.Wish)
	default:
		return tag.Claims == w.Seen
	}
}

// newer orders claims: by time, and at equal times the claimant that sorts first is the newer.
func newer(a, b ledger.Claim) bool {
	return a.At.After(b.At) || a.At.Equal(b.At) && a.By < b.By
}

func (l *Ledger) apply(of *service, c ledger.Change) {
	of.head = cloneHead(c.Head)
	if c.Fact != nil {
		of.facts[keyOfFact(*c.Fact)] = *c.Fact
	}
	for _, key := range c.DropRollouts {
		delete(of.rows, key)
	}
	for _, row := range c.Rollouts {
		row.Details = cloneDetails(row.Details)
		of.rows[keyOfRow(row)] = row
	}
	if c.DropRunning != "" {
		delete(l.running, runningKey{c.DropRunning, c.Service})
	}
	if c.Running != nil {
		l.running[runningKey{c.Running.Environment, c.Service}] = cloneRunning(*c.Running)
	}
	for _, gone := range c.DropPast {
		delete(l.past, pastKey{runningKey{gone.Environment, c.Service}, gone.Until.UnixMilli()})
	}
	for _, gone := range c.Past {
		gone.RunningRecord = cloneRunning(gone.RunningRecord)
		l.past[pastKey{runningKey{gone.Environment, c.Service}, gone.Until.UnixMilli()}] = gone
	}
	for _, p := range c.DropPlacements {
		l.dropPlacement(p)
	}
	for _, p := range c.Placements {
		l.setPlacement(clonePlacement(p))
	}
	for _, p := range c.DropPrevious {
		delete(l.previous, keyOfPrevious(p))
	}
	for _, p := range c.Previous {
		p.Tags = slices.Clone(p.Tags)
		l.previous[keyOfPrevious(p)] = p
	}
	for _, w := range c.Tags {
		l.applyTag(w)
	}
	if c.Untag != nil {
		l.pendingUntags[c.Untag.ID] = clonePendingUntag(*c.Untag)
	}
	for _, e := range c.Finished {
		l.finished[keyOfFinished(e)] = cloneFinished(e)
	}
	if c.NewService {
		l.seen[c.Service] = c.Head.CompleteSince
		if l.listed[c.Service] == nil {
			l.listed[c.Service] = map[string]bool{}
		}
	}
	l.nameAll(c.Names)
	l.adopt(c.Children)
	for _, r := range c.Repositories {
		l.repositories[r] = true
	}
	if c.NewEnvironment != "" {
		l.names[c.NewEnvironment] = true
		if l.listed[c.Service] == nil {
			l.listed[c.Service] = map[string]bool{}
		}
		l.listed[c.Service][c.NewEnvironment] = true
	}
}

func (l *Ledger) setPlacement(p ledger.Placement) {
	l.dropPlacement(p)
	key, name := keyOfPlacement(p), p.Container.Image.Name
	if l.placements[name] == nil {
		l.placements[name] = map[placementKey]ledger.Placement{}
	}
	l.placements[name][key] = p
	if p.Phase == ledger.PhaseEnded {
		return
	}
	if l.open[p.Container.Image] == nil {
		l.open[p.Container.Image] = map[placementKey]ledger.Placement{}
	}
	l.open[p.Container.Image][key] = p
}

func (l *Ledger) dropPlacement(p ledger.Placement) {
	key := keyOfPlacement(p)
	delete(l.placements[p.Container.Image.Name], key)
	delete(l.open[p.Container.Image], key)
}

// applyTag keeps what is known of ECR, above all a doubt: that an unanswered put
// may still arrive does not end with a new wish.
func (l *Ledger) applyTag(w ledger.TagWrite) {
	tag := l.tags[w.Wish.Tag]
	switch w.Mode {
	case ledger.Skip:
		return
	case ledger.Drop, ledger.Remove:
		delete(l.tags, w.Wish.Tag)
		return
	case ledger.Advance, ledger.Renew, ledger.Replace:
		tag.ID, tag.Wish, tag.Version = w.Wish.Tag, w.Wish, w.Version
		tag.State, tag.Reason, tag.Since, tag.Returned = ledger.TagPending, "", w.At, 0
	}
	tag.Claims = w.Claims
	l.tags[w.Wish.Tag] = tag
}

// Claims implements ledger.Wishes.
func (l *Ledger) Claims(ctx context.Context, r tagalong.Repository) (ledger.RepositoryClaims, error) {
	done, err := l.begin(ctx, "Claims")
	if err != nil {
		return ledger.RepositoryClaims{}, err
	}
	defer done()
	all := ledger.RepositoryClaims{Tags: map[tagalong.TagID]ledger.Tag{}, Readers: ledger.Readers{}}
	for _, p := range l.open[r] {
		all.Readers.Add(p)
	}
	for s, i := range l.inputs() {
		if i.Tag.Repository == r {
			all.Readers.AddInput(s, i)
		}
	}
	for id, tag := range l.tags {
		if id.Repository == r {
			all.Tags[id] = tag
		}
	}
	all.Claims = l.claimsOn(r)
	return all, nil
}

// claimsOn returns the claims on a repository's tags, in order.
func (l *Ledger) claimsOn(r tagalong.Repository) (all []ledger.Claim) {
	for _, p := range l.open[r] {
		if p.Phase == ledger.PhaseRunning {
			all = append(all, claimsOf(p)...)
		}
	}
	for key, p := range l.previous {
		if key.repository == r {
			all = append(all, p.Claims()...)
		}
	}
	for id, promotion := range l.promotions {
		if id.Repository == r {
			all = append(all, promotion.Claim)
		}
	}
	slices.SortFunc(all, compareClaims)
	return all
}

// Readers implements ledger.Wishes.
func (l *Ledger) Readers(ctx context.Context, ids []tagalong.TagID, except tagalong.Service) (ledger.Readers, error) {
	done, err := l.begin(ctx, "Readers")
	if err != nil {
		return nil, err
	}
	defer done()
	all := ledger.Readers{}
	for _, wanted := range ids {
		for _, p := range l.open[wanted.Repository] {
			if id, reads := p.Reads(); reads && id == wanted && p.Service != except {
				all.Add(p)
			}
		}
	}
	for s, i := range l.inputs() {
		if slices.Contains(ids, i.Tag) {
			all.AddInput(s, i)
		}
	}
	return all, nil
}

func claimsOf(p ledger.Placement) []ledger.Claim {
	var claims []ledger.Claim
	for _, tag := range p.Tags {
		claims = append(claims, ledger.Claim{
			Tag:         tagalong.TagID{Repository: p.Container.Image, Tag: tag},
			Digest:      p.Container.Target(),
			At:          p.Since,
			By:          ledger.ContainerClaimant(p.Service, p.Container.Name),
			Environment: p.Environment,
		})
	}
	return claims
}

func compareClaims(a, b ledger.Claim) int {
	return cmp.Or(compareTags(a.Tag, b.Tag), a.At.Compare(b.At), cmp.Compare(a.By, b.By))
}

func compareTags(a, b tagalong.TagID) int {
	return cmp.Or(cmp.Compare(a.Registry, b.Registry), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tag, b.Tag))
}

// Tags implements ledger.Wishes.
func (l *Ledger) Tags(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]ledger.Tag, error) {
	return l.tagsOf(ctx, "Tags", ids)
}

// TagStates implements ledger.TagReader.
func (l *Ledger) TagStates(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]ledger.Tag, error) {
	return l.tagsOf(ctx, "TagStates", ids)
}

func (l *Ledger) tagsOf(ctx context.Context, operation string, ids []tagalong.TagID) (map[tagalong.TagID]ledger.Tag, error) {
	done, err := l.begin(ctx, operation)
	if err != nil {
		return nil, err
	}
	defer done()
	found := map[tagalong.TagID]ledger.Tag{}
	for _, id := range ids {
		if tag, ok := l.tags[id]; ok {
			found[id] = tag
		}
	}
	return found, nil
}

// Settle implements ledger.Wishes. A put is in doubt as long as the verdict's
// CheckedAt is before the tag's DoubtUntil.
func (l *Ledger) Settle(ctx context.Context, id tagalong.TagID, version string, v ledger.Verdict) error {
	done, err := l.begin(ctx, "Settle")
	if err != nil {
		return err
	}
	defer done()
	tag, ok := l.tags[id]
	if !ok || tag.Version != version {
		return ledger.ErrConflict
	}
	l.writes++
	doubtful := v.CheckedAt.Before(tag.DoubtUntil)
	if doubtful {
		v.State, v.Since, v.Reason, v.Done = ledger.TagPending, tag.Since, "", false
	}
	tag.State, tag.Since, tag.Reason, tag.Actual, tag.CheckedAt = v.State, v.Since, v.Reason, v.Actual, v.CheckedAt
	if v.Returned > 0 && !doubtful {
		tag.Returned = v.Returned
	}
	l.tags[id] = tag
	if v.Done {
		delete(l.tags, id)
	}
	l.adopt(v.Children)
	if doubtful {
		return ledger.ErrInDoubt
	}
	return nil
}

func (l *Ledger) adopt(children []ledger.Child) {
	for _, child := range children {
		l.children[child] = true
	}
	l.nameAll(ledger.NamesOfChildren(children))
}

// HasOthers implements ledger.Wishes.
func (l *Ledger) HasOthers(ctx context.Context, r tagalong.Repository, than tagalong.Service) (bool, error) {
	done, err := l.begin(ctx, "HasOthers")
	if err != nil {
		return false, err
	}
	defer done()
	for _, p := range l.open[r] {
		if p.Service != than {
			return true, nil
		}
	}
	return false, nil
}

// Share implements ledger.Wishes.
func (l *Ledger) Share(ctx context.Context, id tagalong.TagID) (tag ledger.Tag, there bool, err error) {
	done, err := l.begin(ctx, "Share")
	if err != nil {
		return ledger.Tag{}, false, err
	}
	defer done()
	if tag, there = l.tags[id]; there {
		tag.Shared = true
		l.tags[id] = tag
		l.writes++
	}
	return tag, there, nil
}

// WriteTag implements ledger.Wishes.
func (l *Ledger) WriteTag(ctx context.Context, w ledger.TagWrite) error {
	done, err := l.begin(ctx, "WriteTag")
	if err != nil {
		return err
	}
	defer done()
	if !stands(w, l.tags) {
		return &ledger.RefusedError{Tags: []tagalong.TagID{w.Wish.Tag}}
	}
	l.applyTag(w)
	l.writes++
	return nil
}

// Cursor implements ledger.Sweeps.
func (l *Ledger) Cursor(ctx context.Context) (string, error) {
	done, err := l.begin(ctx, "Cursor")
	if err != nil {
		return "", err
	}
	defer done()
	return l.cursor, nil
}

// Unname makes it a ledger of before there were names: what runs is not found by any.
func (l *Ledger) Unname() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known, l.repositories, l.swept.Named = map[ledger.Name]bool{}, map[tagalong.Repository]bool{}, false
	for _, of := range l.services {
		of.head.Named = false
	}
}

// Swept implements ledger.SweptReader.
func (l *Ledger) Swept(ctx context.Context) (ledger.Swept, error) {
	done, err := l.begin(ctx, "Swept")
	if err != nil {
		return ledger.Swept{}, err
	}
	defer done()
	return l.swept, nil
}

// SetSwept implements ledger.Sweeps.
func (l *Ledger) SetSwept(ctx context.Context, s ledger.Swept) error {
	done, err := l.begin(ctx, "SetSwept")
	if err != nil {
		return err
	}
	defer done()
	l.swept = s
	l.writes++
	return nil
}

// SetCursor implements ledger.Sweeps.
func (l *Ledger) SetCursor(ctx context.Context, cursor string) error {
	done, err := l.begin(ctx, "SetCursor")
	if err != nil {
		return err
	}
	defer done()
	l.cursor = cursor
	l.writes++
	return nil
}

// Doubt implements ledger.Wishes. A tag without an item is in no doubt: nobody claims it.
func (l *Ledger) Doubt(ctx context.Context, id tagalong.TagID, since, until time.Time) error {
	done, err := l.begin(ctx, "Doubt")
	if err != nil {
		return err
	}
	defer done()
	tag, ok := l.tags[id]
	if !ok || !tag.DoubtUntil.Before(until) {
		return nil
	}
	tag.DoubtUntil, tag.State, tag.Since = until, ledger.TagPending, since
	l.tags[id] = tag
	l.writes++
	return nil
}

// Children returns the children that were recorded, sorted by digest and index.
func (l *Ledger) Children() []ledger.Child {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Keys(l.children), compareChildren)
}

func compareChildren(a, b ledger.Child) int {
	return cmp.Or(cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Index, b.Index),
		cmp.Compare(a.Repository.String(), b.Repository.String()), cmp.Compare(a.Platform, b.Platform))
}

// Placements returns all placements, open and closed, sorted by repository, container and time.
func (l *Ledger) Placements() []ledger.Placement {
	l.mu.Lock()
	defer l.mu.Unlock()
	var places []ledger.Placement
	for _, named := range l.placements {
		for _, p := range named {
			places = append(places, clonePlacement(p))
		}
	}
	slices.SortFunc(places, func(a, b ledger.Placement) int {
		return cmp.Or(cmp.Compare(a.Container.Image.String(), b.Container.Image.String()),
			cmp.Compare(ledger.ContainerClaimant(a.Service, a.Container.Name), ledger.ContainerClaimant(b.Service, b.Container.Name)),
			a.Since.Compare(b.Since), cmp.Compare(a.Phase, b.Phase))
	})
	return places
}

func cloneHead(h ledger.Head) ledger.Head {
	h.Base.Rollouts = slices.Clone(h.Base.Rollouts)
	h.Base.Completed = slices.Clone(h.Base.Completed)
	h.Base.Builds = slices.Clone(h.Base.Builds)
	h.Base.Actions = slices.Clone(h.Base.Actions)
	h.Claims = slices.Clone(h.Claims)
	h.Shared, h.Alone = slices.Clone(h.Shared), slices.Clone(h.Alone)
	h.Previous = slices.Clone(h.Previous)
	h.Continues = slices.Clone(h.Continues)
	h.Released = slices.Clone(h.Released)
	h.Rest = cloneRest(h.Rest)
	h.Live = maps.Clone(h.Live)
	for deployment, details := range h.Live {
		h.Live[deployment] = cloneDetails(details)
	}
	return h
}

func cloneRest(r ledger.Rest) ledger.Rest {
	r.Rollouts, r.DropRollouts = slices.Clone(r.Rollouts), slices.Clone(r.DropRollouts)
	r.Past, r.DropPast = slices.Clone(r.Past), slices.Clone(r.DropPast)
	r.Placements, r.DropPlacements = slices.Clone(r.Placements), slices.Clone(r.DropPlacements)
	r.Previous, r.DropPrevious = slices.Clone(r.Previous), slices.Clone(r.DropPrevious)
	r.Finished, r.Tags = slices.Clone(r.Finished), slices.Clone(r.Tags)
	return r
}

func cloneDetails(d ledger.Details) ledger.Details {
	d.Containers = slices.Clone(d.Containers)
	d.Moves = slices.Clone(d.Moves)
	return d
}

func cloneRunning(m ledger.RunningRecord) ledger.RunningRecord {
	m.Containers = slices.Clone(m.Containers)
	for i := range m.Containers {
		m.Containers[i].Tags = slices.Clone(m.Containers[i].Tags)
		m.Containers[i].PutOnce = slices.Clone(m.Containers[i].PutOnce)
	}
	return m
}

func clonePlacement(p ledger.Placement) ledger.Placement {
	p.Tags = slices.Clone(p.Tags)
	return p
}
