package tagalongtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Ledger is a ledger in memory, safe for concurrent use. The zero value is empty.
type Ledger struct {
	// Hook is called before each operation, if it is set; an error that it gives
	// is the operation's, and nothing is read or written.
	Hook func(ctx context.Context, operation string) error
	// MaxItems is how many items a transaction takes, 100 if it is 0.
	MaxItems int

	mu       sync.Mutex
	services map[tagalong.Service]*service
	members  map[memberKey]tagalong.Member
	gone     map[goneKey]tagalong.Gone
	places   map[placeKey]tagalong.Place
	previous map[previousKey]tagalong.PreviousPlace
	tags     map[tagalong.TagID]tagalong.Tag
	children map[tagalong.Child]bool
	names    map[string]bool                      // of environments
	listed   map[tagalong.Service]map[string]bool // the environments it was in
	seen     map[tagalong.Service]time.Time       // since when the directory says it is known
	jobs     map[string]tagalong.Sight
	cursor   string
	stale    map[string]tagalong.Stale
	hold     hold // of the removal of tags
	// unmanaged are the services that no rule matches.
	unmanaged map[tagalong.Service]tagalong.UnmanagedService
	endings   map[endingKey]tagalong.Ending
	releases  map[releaseKey]*release
	// promotions are the newest of each tag.
	promotions map[tagalong.TagID]tagalong.Promoting
	writes     int
}

var (
	_ tagalong.Ledger  = &Ledger{}
	_ tagalong.Records = &Ledger{}
)

// service is what the ledger keeps under one service's key.
type service struct {
	head  tagalong.Head
	facts map[factKey]tagalong.Fact
	rows  map[tagalong.RolloutKey]tagalong.Row
}

type factKey struct {
	at      int64
	name    tagalong.FactName
	subject string
	teller  tagalong.Source
}

type memberKey struct {
	environment string
	service     tagalong.Service
}

type goneKey struct {
	memberKey
	until int64
}

type placeKey struct {
	repository tagalong.Repository
	phase      tagalong.Phase
	since      int64 // only of those that ended
	service    tagalong.Service
	container  string
}

type previousKey struct {
	repository tagalong.Repository
	service    tagalong.Service
	container  string
}

func keyOfPrevious(p tagalong.PreviousPlace) previousKey {
	return previousKey{p.Image, p.Service, p.Container}
}

func keyOfFact(f tagalong.Fact) factKey {
	return factKey{f.Time.UnixMilli(), f.Name, f.Subject(), f.Teller()}
}

func keyOfPlace(p tagalong.Place) placeKey {
	key := placeKey{repository: p.Container.Image, phase: p.Phase, service: p.Service, container: p.Container.Name}
	if p.Phase == tagalong.PhaseEnded {
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
		l.members = map[memberKey]tagalong.Member{}
		l.gone = map[goneKey]tagalong.Gone{}
		l.places = map[placeKey]tagalong.Place{}
		l.previous = map[previousKey]tagalong.PreviousPlace{}
		l.tags = map[tagalong.TagID]tagalong.Tag{}
		l.children = map[tagalong.Child]bool{}
		l.stale = map[string]tagalong.Stale{}
		l.unmanaged = map[tagalong.Service]tagalong.UnmanagedService{}
		l.jobs = map[string]tagalong.Sight{}
		l.releases = map[releaseKey]*release{}
		l.promotions = map[tagalong.TagID]tagalong.Promoting{}
		l.endings = map[endingKey]tagalong.Ending{}
		l.names = map[string]bool{}
		l.listed = map[tagalong.Service]map[string]bool{}
		l.seen = map[tagalong.Service]time.Time{}
	}
	return l.mu.Unlock, nil
}

func (l *Ledger) of(s tagalong.Service) *service {
	if of, ok := l.services[s]; ok {
		return of
	}
	return &service{facts: map[factKey]tagalong.Fact{}, rows: map[tagalong.RolloutKey]tagalong.Row{}}
}

// Load implements tagalong.Journal.
func (l *Ledger) Load(ctx context.Context, s tagalong.Service) (tagalong.Snapshot, error) {
	done, err := l.begin(ctx, "Load")
	if err != nil {
		return tagalong.Snapshot{}, err
	}
	defer done()
	of := l.of(s)
	return tagalong.Snapshot{Head: cloneHead(of.head), Facts: of.since(of.head.Since)}, nil
}

// LoadWhole implements tagalong.Journal.
func (l *Ledger) LoadWhole(ctx context.Context, s tagalong.Service) (tagalong.Snapshot, error) {
	done, err := l.begin(ctx, "LoadWhole")
	if err != nil {
		return tagalong.Snapshot{}, err
	}
	defer done()
	of := l.of(s)
	return tagalong.Snapshot{Head: cloneHead(of.head), Facts: of.since(time.Time{}), Whole: true}, nil
}

// since gives the facts from a time on, in the order of their keys.
func (s *service) since(from time.Time) []tagalong.Fact {
	var facts []tagalong.Fact
	for _, f := range s.facts {
		if !f.Time.Before(from) {
			facts = append(facts, f)
		}
	}
	slices.SortFunc(facts, func(a, b tagalong.Fact) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Subject(), b.Subject()), cmp.Compare(a.Teller(), b.Teller()))
	})
	return facts
}

// Details implements tagalong.Journal.
func (l *Ledger) Details(ctx context.Context, s tagalong.Service, keys []tagalong.RolloutKey) (map[tagalong.RolloutKey]tagalong.Details, error) {
	done, err := l.begin(ctx, "Details")
	if err != nil {
		return nil, err
	}
	defer done()
	found := map[tagalong.RolloutKey]tagalong.Details{}
	for _, key := range keys {
		if row, ok := l.of(s).rows[key]; ok {
			found[key] = cloneDetails(row.Details)
		}
	}
	return found, nil
}

// Commit implements tagalong.Journal. Beside the conditions it refuses what no
// transaction can do: more than 100 items, or one item twice.
func (l *Ledger) Commit(ctx context.Context, c tagalong.Change) error {
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
		return tagalong.ErrConflict
	}
	if c.Fact != nil {
		if _, there := of.facts[keyOfFact(*c.Fact)]; there {
			return tagalong.ErrConflict
		}
	}
	if refused := l.refused(c.Tags); len(refused) > 0 {
		return &tagalong.RefusedError{Tags: refused}
	}
	l.services[c.Service] = of
	l.apply(of, c)
	l.writes++
	return nil
}

// possible tells why a change can be no transaction.
func possible(c tagalong.Change, most int) error {
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
func keys(c tagalong.Change) []any {
	var all []any
	for _, row := range c.Rollouts {
		all = append(all, keyOfRow(row))
	}
	for _, key := range c.DropRollouts {
		all = append(all, key)
	}
	for _, p := range slices.Concat(c.Places, c.DropPlaces) {
		all = append(all, keyOfPlace(p))
	}
	for _, p := range slices.Concat(c.Previous, c.DropPrevious) {
		all = append(all, keyOfPrevious(p))
	}
	for _, tag := range c.Tags {
		all = append(all, tag.Wish.Tag)
	}
	for _, e := range c.Endings {
		all = append(all, keyOfEnding(e))
	}
	if c.Member != nil {
		all = append(all, memberKey{c.Member.Environment, c.Service})
	}
	if c.DropMember != "" {
		all = append(all, memberKey{c.DropMember, c.Service})
	}
	return all
}

func keyOfRow(r tagalong.Row) tagalong.RolloutKey {
	return tagalong.RolloutKey{Sort: r.SortTime(), Deployment: r.Deployment}
}

// refused gives the tags that do not stand as the writes expect.
func (l *Ledger) refused(writes []tagalong.TagWrite) (refused []tagalong.TagID) {
	for _, w := range writes {
		if !stands(w, l.tags) {
			refused = append(refused, w.Wish.Tag)
		}
	}
	return refused
}

func stands(w tagalong.TagWrite, tags map[tagalong.TagID]tagalong.Tag) bool {
	tag, there := tags[w.Wish.Tag]
	switch w.Mode {
	case tagalong.Advance:
		ours := tag.Wish.At.Equal(w.Wish.At) && tag.Wish.By == w.Wish.By
		return !there || ours || newer(w.Wish, tag.Wish)
	case tagalong.Yield:
		return there && newer(tag.Wish, w.Wish)
	default:
		return tag.Claims == w.Seen
	}
}

// newer orders claims: by time, and at equal times the claimant that sorts first is the newer.
func newer(a, b tagalong.Claim) bool {
	return a.At.After(b.At) || a.At.Equal(b.At) && a.By < b.By
}

func (l *Ledger) apply(of *service, c tagalong.Change) {
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
	if c.DropMember != "" {
		delete(l.members, memberKey{c.DropMember, c.Service})
	}
	if c.Member != nil {
		l.members[memberKey{c.Member.Environment, c.Service}] = cloneMember(*c.Member)
	}
	for _, gone := range c.DropGone {
		delete(l.gone, goneKey{memberKey{gone.Environment, c.Service}, gone.Until.UnixMilli()})
	}
	for _, gone := range c.Gone {
		gone.Member = cloneMember(gone.Member)
		l.gone[goneKey{memberKey{gone.Environment, c.Service}, gone.Until.UnixMilli()}] = gone
	}
	for _, p := range c.DropPlaces {
		delete(l.places, keyOfPlace(p))
	}
	for _, p := range c.Places {
		l.places[keyOfPlace(p)] = clonePlace(p)
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
	if c.Stale != nil {
		l.stale[c.Stale.ID] = cloneStale(*c.Stale)
	}
	for _, e := range c.Endings {
		l.endings[keyOfEnding(e)] = cloneEnding(e)
	}
	if c.NewService {
		l.seen[c.Service] = c.Head.CompleteSince
		if l.listed[c.Service] == nil {
			l.listed[c.Service] = map[string]bool{}
		}
	}
	if c.NewEnvironment != "" {
		l.names[c.NewEnvironment] = true
		if l.listed[c.Service] == nil {
			l.listed[c.Service] = map[string]bool{}
		}
		l.listed[c.Service][c.NewEnvironment] = true
	}
}

// applyTag keeps what is known of ECR, above all a doubt: that an unanswered put
// may still arrive does not end with a new wish.
func (l *Ledger) applyTag(w tagalong.TagWrite) {
	tag := l.tags[w.Wish.Tag]
	switch w.Mode {
	case tagalong.Drop:
		delete(l.tags, w.Wish.Tag)
		return
	case tagalong.Advance, tagalong.Renew:
		tag.ID, tag.Wish, tag.Version = w.Wish.Tag, w.Wish, w.Version
		tag.State, tag.Reason, tag.Since, tag.Returned = tagalong.TagPending, "", w.At, 0
	}
	tag.Claims = w.Claims
	l.tags[w.Wish.Tag] = tag
}

// Claims implements tagalong.Wishes.
func (l *Ledger) Claims(ctx context.Context, r tagalong.Repository) (tagalong.RepositoryClaims, error) {
	done, err := l.begin(ctx, "Claims")
	if err != nil {
		return tagalong.RepositoryClaims{}, err
	}
	defer done()
	all := tagalong.RepositoryClaims{Tags: map[tagalong.TagID]tagalong.Tag{}, Readers: tagalong.Readers{}}
	for _, p := range l.places {
		if p.Container.Image == r {
			all.Readers.Add(p)
		}
		if p.Container.Image == r && p.Phase == tagalong.PhaseRunning {
			all.Claims = append(all.Claims, claimsOf(p)...)
		}
	}
	for s, i := range l.inputs() {
		if i.Tag.Repository == r {
			all.Readers.AddInput(s, i)
		}
	}
	for key, p := range l.previous {
		if key.repository == r {
			all.Claims = append(all.Claims, p.Claims()...)
		}
	}
	for id, promotion := range l.promotions {
		if id.Repository == r {
			all.Claims = append(all.Claims, promotion.Claim)
		}
	}
	for id, tag := range l.tags {
		if id.Repository == r {
			all.Tags[id] = tag
		}
	}
	slices.SortFunc(all.Claims, compareClaims)
	return all, nil
}

// Readers implements tagalong.Wishes.
func (l *Ledger) Readers(ctx context.Context, ids []tagalong.TagID, except tagalong.Service) (tagalong.Readers, error) {
	done, err := l.begin(ctx, "Readers")
	if err != nil {
		return nil, err
	}
	defer done()
	all := tagalong.Readers{}
	for _, p := range l.places {
		if id, reads := p.Reads(); reads && slices.Contains(ids, id) && p.Service != except {
			all.Add(p)
		}
	}
	for s, i := range l.inputs() {
		if s != except && slices.Contains(ids, i.Tag) {
			all.AddInput(s, i)
		}
	}
	return all, nil
}

func claimsOf(p tagalong.Place) []tagalong.Claim {
	var claims []tagalong.Claim
	for _, tag := range p.Tags {
		claims = append(claims, tagalong.Claim{
			Tag:         tagalong.TagID{Repository: p.Container.Image, Tag: tag},
			Digest:      p.Container.Target(),
			At:          p.Since,
			By:          tagalong.Claimant(p.Service, p.Container.Name),
			Environment: p.Environment,
		})
	}
	return claims
}

func compareClaims(a, b tagalong.Claim) int {
	return cmp.Or(compareTags(a.Tag, b.Tag), a.At.Compare(b.At), cmp.Compare(a.By, b.By))
}

func compareTags(a, b tagalong.TagID) int {
	return cmp.Or(cmp.Compare(a.Registry, b.Registry), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tag, b.Tag))
}

// Tags implements tagalong.Wishes.
func (l *Ledger) Tags(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]tagalong.Tag, error) {
	return l.tagsOf(ctx, "Tags", ids)
}

// TagStates implements tagalong.Tagged.
func (l *Ledger) TagStates(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]tagalong.Tag, error) {
	return l.tagsOf(ctx, "TagStates", ids)
}

func (l *Ledger) tagsOf(ctx context.Context, operation string, ids []tagalong.TagID) (map[tagalong.TagID]tagalong.Tag, error) {
	done, err := l.begin(ctx, operation)
	if err != nil {
		return nil, err
	}
	defer done()
	found := map[tagalong.TagID]tagalong.Tag{}
	for _, id := range ids {
		if tag, ok := l.tags[id]; ok {
			found[id] = tag
		}
	}
	return found, nil
}

// Settle implements tagalong.Wishes. A put is in doubt as long as the verdict's
// CheckedAt is before the tag's DoubtUntil.
func (l *Ledger) Settle(ctx context.Context, id tagalong.TagID, version string, v tagalong.Verdict) error {
	done, err := l.begin(ctx, "Settle")
	if err != nil {
		return err
	}
	defer done()
	tag, ok := l.tags[id]
	if !ok || tag.Version != version {
		return tagalong.ErrConflict
	}
	l.writes++
	doubtful := v.CheckedAt.Before(tag.DoubtUntil)
	if doubtful {
		v.State, v.Since, v.Reason, v.Done = tagalong.TagPending, tag.Since, "", false
	}
	tag.State, tag.Since, tag.Reason, tag.Actual, tag.CheckedAt = v.State, v.Since, v.Reason, v.Actual, v.CheckedAt
	if v.Returned > 0 && !doubtful {
		tag.Returned = v.Returned
	}
	l.tags[id] = tag
	if v.Done {
		delete(l.tags, id)
	}
	for _, child := range v.Children {
		l.children[child] = true
	}
	if doubtful {
		return tagalong.ErrInDoubt
	}
	return nil
}

// Adopt implements tagalong.Wishes.
func (l *Ledger) Adopt(ctx context.Context, children []tagalong.Child) error {
	done, err := l.begin(ctx, "Adopt")
	if err != nil {
		return err
	}
	defer done()
	for _, child := range children {
		l.children[child] = true
	}
	l.writes++
	return nil
}

// Rewish implements tagalong.Wishes.
func (l *Ledger) Rewish(ctx context.Context, w tagalong.TagWrite) error {
	done, err := l.begin(ctx, "Rewish")
	if err != nil {
		return err
	}
	defer done()
	if !stands(w, l.tags) {
		return &tagalong.RefusedError{Tags: []tagalong.TagID{w.Wish.Tag}}
	}
	l.applyTag(w)
	l.writes++
	return nil
}

// Cursor implements tagalong.Sweeps.
func (l *Ledger) Cursor(ctx context.Context) (string, error) {
	done, err := l.begin(ctx, "Cursor")
	if err != nil {
		return "", err
	}
	defer done()
	return l.cursor, nil
}

// SetCursor implements tagalong.Sweeps.
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

// Doubt implements tagalong.Wishes. A tag without an item is in no doubt: nobody wishes it.
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
	tag.DoubtUntil, tag.State, tag.Since = until, tagalong.TagPending, since
	l.tags[id] = tag
	l.writes++
	return nil
}

// Children gives the children that were recorded, sorted by digest and index.
func (l *Ledger) Children() []tagalong.Child {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Keys(l.children), compareChildren)
}

func compareChildren(a, b tagalong.Child) int {
	return cmp.Or(cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Index, b.Index),
		cmp.Compare(a.Repository.String(), b.Repository.String()), cmp.Compare(a.Platform, b.Platform))
}

// Places gives all places, open and closed, sorted by repository, container and time.
func (l *Ledger) Places() []tagalong.Place {
	l.mu.Lock()
	defer l.mu.Unlock()
	var places []tagalong.Place
	for _, p := range l.places {
		places = append(places, clonePlace(p))
	}
	slices.SortFunc(places, func(a, b tagalong.Place) int {
		return cmp.Or(cmp.Compare(a.Container.Image.String(), b.Container.Image.String()),
			cmp.Compare(tagalong.Claimant(a.Service, a.Container.Name), tagalong.Claimant(b.Service, b.Container.Name)),
			a.Since.Compare(b.Since), cmp.Compare(a.Phase, b.Phase))
	})
	return places
}

func cloneHead(h tagalong.Head) tagalong.Head {
	h.Base.Rollouts = slices.Clone(h.Base.Rollouts)
	h.Base.Completed = slices.Clone(h.Base.Completed)
	h.Base.Builds = slices.Clone(h.Base.Builds)
	h.Base.Actions = slices.Clone(h.Base.Actions)
	h.Claims = slices.Clone(h.Claims)
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

func cloneRest(r tagalong.Rest) tagalong.Rest {
	r.Rollouts, r.DropRollouts = slices.Clone(r.Rollouts), slices.Clone(r.DropRollouts)
	r.Gone, r.DropGone = slices.Clone(r.Gone), slices.Clone(r.DropGone)
	r.Places, r.DropPlaces = slices.Clone(r.Places), slices.Clone(r.DropPlaces)
	r.Previous, r.DropPrevious = slices.Clone(r.Previous), slices.Clone(r.DropPrevious)
	r.Endings, r.Tags = slices.Clone(r.Endings), slices.Clone(r.Tags)
	return r
}

func cloneDetails(d tagalong.Details) tagalong.Details {
	d.Containers = slices.Clone(d.Containers)
	d.Moves = slices.Clone(d.Moves)
	return d
}

func cloneMember(m tagalong.Member) tagalong.Member {
	m.Containers = slices.Clone(m.Containers)
	for i := range m.Containers {
		m.Containers[i].Tags = slices.Clone(m.Containers[i].Tags)
		m.Containers[i].Once = slices.Clone(m.Containers[i].Once)
	}
	return m
}

func clonePlace(p tagalong.Place) tagalong.Place {
	p.Tags = slices.Clone(p.Tags)
	return p
}
