package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// FindRow is something that was found, and its life in one environment: since when it
// runs there or from when to when it did. What has no life anywhere has one row without
// an environment.
type FindRow struct {
	Found       tagalong.NameKind `json:"found"`
	Name        string            `json:"name"`
	Environment string            `json:"environment"`
	Phase       string            `json:"phase"` // as of a placement; "" if it has no life anywhere
	Since       *time.Time        `json:"since"`
	Until       *time.Time        `json:"until"`
	Services    []string          `json:"services"` // CLUSTER/NAME of those in that phase
	Images      []string          `json:"images"`   // REPOSITORY@DIGEST, of those services
}

// FindQuery is a text that something is called by, or begins with.
type FindQuery string

// maxFind is longer than any name that the ledger holds.
const maxFind = 1024

// ParseFindQuery reads what is looked for.
func ParseFindQuery(s string) (FindQuery, error) {
	text := strings.TrimSpace(s)
	if n := len(text); n < ledger.LeastBeginning || n > maxFind || !tagalong.ValidKeyTexts(text) {
		return "", fmt.Errorf("text %.100q: want %d to %d printable characters: a commit, digest or execution, or %d characters of its beginning, a tag, pipeline, service or repository", s, ledger.LeastBeginning, maxFind, tagalong.LeastShort)
	}
	return FindQuery(text), nil
}

// thing is something that was found.
type thing struct {
	kind     tagalong.NameKind
	name     string
	images   []tagalong.ImageQuery
	releases []ReleaseQuery
	service  tagalong.Service
}

// maxThings is how many things one looks through; more are a text that is too short.
const maxThings = 50

// findCursor is a place in the order of what was found.
type findCursor struct {
	Found       tagalong.NameKind
	Name        string
	Environment string
}

func (a findCursor) Valid() bool {
	return tagalong.ValidKeyTexts(string(a.Found), a.Name, a.Environment)
}

func (a findCursor) compare(b findCursor) int {
	return cmp.Or(cmp.Compare(a.Found, b.Found), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Environment, b.Environment))
}

func (r FindRow) at() findCursor { return findCursor{r.Found, r.Name, r.Environment} }

// Find answers what a text is the name of, or a commit, a digest and an execution the
// beginning of, and where that runs and ran. *UnknownNameError says that nothing is called
// so, *AmbiguousNameError that too much is. A whole digest that never ran is an answer.
func (q Queries) Find(ctx context.Context, text FindQuery, p Paging) (Page[FindRow], error) {
	question := "find " + questionOf(text)
	var behind findCursor
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[FindRow]{}, err
	}
	d, err := q.directory(ctx)
	if err != nil {
		return Page[FindRow]{}, err
	}
	rows, err := finder{q}.findings(ctx, string(text), d)
	if err != nil {
		return Page[FindRow]{}, err
	}
	page, err := pageOf(question, rows, FindRow.at, findCursor.compare, behind, p.Limit)
	runsOrRan := func(r FindRow) bool { return r.Phase != "" }
	if err == nil && !slices.ContainsFunc(page.Items, runsOrRan) {
		page.Watched = q.watched(d) // names are kept for longer than what ran
	}
	return page, err
}

// finder says what goes by a name, and where it runs.
type finder struct{ Queries }

// findings returns what was found, in order.
func (q finder) findings(ctx context.Context, text string, d directory) ([]FindRow, error) {
	things, err := q.things(ctx, text, d)
	if err != nil {
		return nil, err
	}
	found, errs := make([][]FindRow, len(things)), make([]error, len(things))
	parallel.ForEach(len(things), parallel.Limit, func(i int) { found[i], errs[i] = q.lives(ctx, things[i]) })
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", things[i].kind, things[i].name, err)
		}
	}
	return slices.Concat(found...), nil
}

// things returns all that a text may stand for, in the order in which people mean it.
func (q finder) things(ctx context.Context, text string, d directory) ([]thing, error) {
	named, err := q.named(ctx, text)
	if err == nil {
		named, err = q.copies(ctx, named)
	}
	if err != nil {
		return nil, err
	}
	repositories, err := q.Records.Repositories(ctx)
	if err != nil {
		return nil, fmt.Errorf("repositories: %w", err)
	}
	all := slices.Concat(servicesCalled(text, d), repositoriesCalled(text, repositories), named)
	if len(all) > 0 {
		return all, nil
	}
	pinned, isImage, err := q.pinned(ctx, text)
	if err != nil || isImage {
		return pinned, err
	}
	known := slices.Concat(d.environments, seenTexts(d.services, func(s ledger.SeenService) string { return s.OwnName() }), tagalong.Strings(repositories, func(r tagalong.Repository) string { return r.Name }))
	return nil, &tagalong.UnknownNameError{Kind: tagalong.AnyName, Name: text, Nearest: tagalong.Nearest(text, known), Watched: q.watched(d)}
}

// pinned returns what a text means that names an image by a digest, whole or not: it may
// be one that never ran.
func (q finder) pinned(ctx context.Context, text string) (all []thing, isImage bool, err error) {
	image, err := tagalong.ParseImageQuery(text)
	if err != nil || image.Digest == "" && (image.Beginning == "" || !strings.Contains(text, "@")) {
		return nil, false, nil
	}
	if image, err = resolver(q).resolved(ctx, image); err != nil {
		return nil, true, err
	}
	ran, err := q.ran(ctx, image)
	if err != nil || !ran {
		return nil, true, err
	}
	return []thing{{kind: tagalong.DigestName, name: image.String(), images: []tagalong.ImageQuery{image}}}, true, nil
}

// ran reports whether an image runs or ran.
func (q finder) ran(ctx context.Context, image tagalong.ImageQuery) (bool, error) {
	pieces, err := q.pieces(ctx, image, 1)
	if err != nil {
		return false, err
	}
	for p, err := range pieces(ledger.PlacementCursor{}) {
		if err != nil || p.meant {
			return err == nil, err
		}
	}
	return false, nil
}

func servicesCalled(text string, d directory) (all []thing) {
	for _, s := range d.names() {
		if shown := s.Shown(); slices.Contains([]string{s.OwnName(), shortService(s), shown}, text) {
			all = append(all, thing{kind: s.Kind().Name(), name: shown, service: s})
		}
	}
	return all
}

func repositoriesCalled(text string, known []tagalong.Repository) (all []thing) {
	for _, r := range known {
		if text == r.Name || text == r.String() {
			all = append(all, thing{kind: tagalong.RepositoryName, name: r.String(), images: []tagalong.ImageQuery{{Registry: r.Registry, Repository: r.Name}}})
		}
	}
	return all
}

// named returns what the ledger knows by a name of that text, or by one that begins so.
func (q finder) named(ctx context.Context, text string) (all []thing, err error) {
	sought := soughtBy(text)
	if sought.name == "" {
		return nil, nil
	}
	at := map[string]int{}
	for n, err := range q.namesFor(ctx, sought.name) {
		if err != nil {
			return nil, fmt.Errorf("names that begin with %q: %w", sought.name, err)
		}
		if !sought.means(n) {
			continue
		}
		one := thingOf(n)
		i, known := at[string(one.kind)+one.name]
		if !known {
			if i = len(all); i == maxThings {
				return nil, &tagalong.AmbiguousNameError{Kind: tagalong.AnyName, Name: text, Matches: namesOf(all)}
			}
			all, at[string(one.kind)+one.name] = append(all, thing{kind: one.kind, name: one.name}), i
		}
		all[i].images, all[i].releases = append(all[i].images, one.images...), append(all[i].releases, one.releases...)
	}
	return all, nil
}

// sought is a name, and what stands before it: the pipeline of an execution, or the
// repository of a tag.
type sought struct {
	name     string
	pipeline string
	tagged   tagalong.ImageQuery
}

func soughtBy(text string) sought {
	if image, err := tagalong.ParseImageQuery(text); err == nil && image.Tag != "" {
		return sought{name: image.Tag, tagged: image}
	}
	if pipeline, execution, isRelease := strings.Cut(text, "/"); isRelease {
		return sought{name: execution, pipeline: pipeline}
	}
	return sought{name: tagalong.AfterAlgorithm(text)}
}

// means reports whether a name is one of those that are sought. Digits are in any case.
func (s sought) means(n ledger.Name) bool {
	switch {
	case s.tagged.Tag != "":
		return n.Kind == tagalong.TagName && n.Text == s.name && s.tagged.In(n.Repository)
	case s.pipeline != "":
		return n.Kind == tagalong.ExecutionName && n.Pipeline == s.pipeline && tagalong.Stands(strings.ToLower(s.name), n.Text, n.Kind)
	}
	return tagalong.Stands(s.name, n.Text, n.Kind) || n.Kind.Shortens() && tagalong.Stands(strings.ToLower(s.name), n.Text, n.Kind)
}

// digits are what commits, digests and executions are written in, and enough of them to
// stand for one.
var digits = pattern.Run{Min: tagalong.LeastShort, Max: maxFind, Of: pattern.LowerHex + "-"}

// namesFor returns the names that a text is and, if it may be the beginning of some, those
// that begin so. Of tags there may be any number that begin alike.
func (q finder) namesFor(ctx context.Context, text string) iter.Seq2[ledger.Name, error] {
	lower := strings.ToLower(text)
	switch {
	case !digits.MatchString(lower):
		return q.Records.NamesOf(ctx, text, maxThings)
	case lower == text:
		return q.Records.Names(ctx, text, maxThings)
	}
	return stream.Merge([]iter.Seq2[ledger.Name, error]{q.Records.NamesOf(ctx, text, maxThings), q.Records.Names(ctx, lower, maxThings)}, ledger.Name.Compare)
}

func namesOf(things []thing) (names []string) {
	for _, t := range things {
		names = append(names, string(t.kind)+" "+t.name)
	}
	return names
}

func thingOf(n ledger.Name) thing {
	t := thing{kind: n.Kind, name: n.Text}
	if n.Digest != "" {
		t.images = []tagalong.ImageQuery{{Registry: n.Registry, Repository: n.Repository.Name, Digest: n.Digest}}
	}
	if n.Pipeline != "" {
		t.releases = []ReleaseQuery{{Pipeline: n.Pipeline, Execution: n.Execution}}
	}
	switch n.Kind {
	case tagalong.DigestName:
		t.name = t.images[0].String()
	case tagalong.TagName:
		t.name = tagalong.TagID{Repository: n.Repository, Tag: n.Text}.String()
	case tagalong.ExecutionName:
		t.name = n.Pipeline + "/" + n.Execution
	}
	return t
}

// spell is a time in which something ran in a service, or rolls out there.
type spell struct {
	environment string
	phase       ledger.Phase
	since       time.Time
	until       time.Time
	service     tagalong.Service
	images      []string
}

// lives returns a thing's rows: one an environment, by name.
func (q finder) lives(ctx context.Context, t thing) ([]FindRow, error) {
	spells, err := q.spells(ctx, t)
	if err != nil {
		return nil, err
	}
	environments := map[string][]spell{}
	for _, s := range spells {
		environments[s.environment] = append(environments[s.environment], s)
	}
	rows := []FindRow{}
	for _, name := range slices.Sorted(maps.Keys(environments)) {
		rows = append(rows, life(t, environments[name]))
	}
	if len(rows) == 0 {
		rows = append(rows, FindRow{Found: t.kind, Name: t.name, Services: []string{}, Images: []string{}})
	}
	return rows, nil
}

// life sums up what happened in an environment: what goes on there, and since when the
// first of it does; else when the last of it ended.
func life(t thing, spells []spell) FindRow {
	foremost := slices.MinFunc(spells, func(a, b spell) int { return cmp.Compare(a.rank(), b.rank()) })
	row := FindRow{Found: t.kind, Name: t.name, Environment: foremost.environment, Phase: string(foremost.phase)}
	since, until := foremost.since, foremost.until
	for _, s := range spells {
		if s.phase != foremost.phase {
			continue
		}
		if s.since.Before(since) {
			since = s.since
		}
		if s.until.After(until) {
			until = s.until
		}
		row.Services, row.Images = append(row.Services, shortService(s.service)), append(row.Images, s.images...)
	}
	row.Since, row.Until = tagalong.TimeOrNil(since), tagalong.TimeOrNil(until)
	row.Services, row.Images = distinct(row.Services), distinct(row.Images)
	return row
}

// rank orders what runs before all else that goes on, and that before what has ended.
func (s spell) rank() int {
	switch {
	case s.phase == ledger.PhaseRunning:
		return 0
	case s.phase == ledger.PhaseRollingOut:
		return 1
	case s.until.IsZero():
		return 2
	}
	return 3
}

func shortService(s tagalong.Service) string { return s.Cluster + "/" + s.OwnName() }

func (q finder) spells(ctx context.Context, t thing) (all []spell, err error) {
	for some, err := range stream.MapParallel(ctx, stream.FromSlice(t.images), 0, q.spellsOfImage) { // of a tag, every image that had it
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	releases := t.releases
	if t.kind == tagalong.PipelineName {
		if releases, err = q.newestReleases(ctx, t.name); err != nil {
			return nil, err
		}
	}
	for _, r := range releases {
		rows, err := stream.Collect(q.Records.ReleaseRollouts(ctx, r.Pipeline, r.Execution, ledger.Span{}, 0))
		if err != nil {
			return nil, err
		}
		all = append(all, spellsOf(t.built(rows))...)
	}
	if t.service != (tagalong.Service{}) && t.kind != tagalong.ServiceName {
		places, err := q.Records.PlacementsOf(ctx, t.service)
		return append(all, spellsOfPlacements(places)...), err
	}
	if t.service != (tagalong.Service{}) {
		rows, err := q.untilCompleted(ctx, t.service)
		return append(all, spellsOf(rows)...), err
	}
	return all, nil
}

// spellsOfPlacements returns the times in which the images of what is no service ran: of a
// family of tasks those in place and, where all has ended, those that ran last.
func spellsOfPlacements(places []ledger.Placement) (all []spell) {
	for _, p := range places {
		all = append(all, spell{environment: p.Environment, phase: p.Phase, since: p.Since, until: p.Until, service: p.Service, images: []string{imageName(p.Container)}})
	}
	return all
}

// built leaves to a commit what is of it: its execution may have come back to the image of
// another one, and brings sidecars along. All else is what the rollouts are.
func (t thing) built(rows []ledger.Row) (own []ledger.Row) {
	if t.kind != tagalong.CommitName {
		return rows
	}
	for _, r := range rows {
		release := r.Released()
		if release.Of(r.Service, r.Containers).Commit != t.name {
			continue
		}
		if len(t.images) > 0 {
			r.Containers = slices.DeleteFunc(slices.Clone(r.Containers), func(c tagalong.Container) bool { return !t.has(c) })
		}
		own = append(own, r)
	}
	return own
}

func (t thing) has(c tagalong.Container) bool {
	return slices.ContainsFunc(t.images, func(i tagalong.ImageQuery) bool { return i.In(c.Image) && i.Digest == c.Target() })
}

func (q finder) spellsOfImage(ctx context.Context, image tagalong.ImageQuery) (all []spell, err error) {
	pieces, err := q.pieces(ctx, image, 0)
	if err != nil {
		return nil, err
	}
	for i, err := range q.intervals(ctx, pieces(ledger.PlacementCursor{}), 0) {
		if err != nil {
			return nil, err
		}
		one := spell{environment: i.Environment, phase: i.Phase, until: i.Until, service: i.Service, images: []string{imageName(i.Container)}}
		if since := i.row().Since; since != nil { // one that nobody saw begin stands where it ended
			one.since = *since
		}
		all = append(all, one)
	}
	return all, nil
}

// untilCompleted returns a service's newest rollouts, up to the one that completed last.
func (q finder) untilCompleted(ctx context.Context, s tagalong.Service) (rows []ledger.Row, err error) {
	for r, err := range q.Records.Rollouts(ctx, s, ledger.Span{}, atOnce) {
		if err != nil {
			return nil, err
		}
		if rows = append(rows, r); r.State == timeline.StateCompleted {
			break
		}
	}
	return rows, nil
}

// spellsOf returns the times of rollouts. Those that failed or were overtaken may have
// served, too, and of what is over tasks may go on.
func spellsOf(rows []ledger.Row) (all []spell) {
	for _, r := range rows {
		s := spell{environment: r.Environment, phase: phaseOf(r), since: r.StartedAt, service: r.Service}
		if r.State == timeline.StateCompleted {
			s.since = r.FinishedAt
		}
		switch s.phase {
		case ledger.PhaseRunning:
			s.environment = r.LastEnvironment()
		case ledger.PhaseEnded:
			s.until = tagalong.Later(r.LeftAt(), r.DrainedAt)
		}
		for _, c := range r.Containers {
			s.images = append(s.images, imageName(c))
		}
		all = append(all, s)
	}
	return all
}

// phaseOf returns the phase of what a rollout put in place.
func phaseOf(r ledger.Row) ledger.Phase {
	switch {
	case r.State == timeline.StateInProgress:
		return ledger.PhaseRollingOut
	case r.State == timeline.StateCompleted && r.Until.IsZero():
		return ledger.PhaseRunning
	case r.Draining:
		return ledger.PhaseDraining
	}
	return ledger.PhaseEnded
}

func imageName(c tagalong.Container) string {
	return tagalong.ImageQuery{Registry: c.Image.Registry, Repository: c.Image.Name, Digest: c.Digest}.String()
}
