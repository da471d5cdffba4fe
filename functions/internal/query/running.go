package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// RunningRow is an image that a container runs. Of standalone tasks it is what runs, and what
// ran last and will run again: then it is idle.
type RunningRow struct {
	Environment    string            `json:"environment"`
	Kind           tagalong.Kind     `json:"kind"`
	Account        string            `json:"account"`
	Region         string            `json:"region"`
	Cluster        string            `json:"cluster"`
	Service        string            `json:"service"` // its own name: of standalone tasks that of their family
	Container      string            `json:"container"`
	Registry       string            `json:"registry"`
	Repository     string            `json:"repository"`
	Digest         digest.Digest     `json:"digest"`
	Index          digest.Digest     `json:"index"`
	ImageTag       string            `json:"imageTag"`
	Evidence       tagalong.Evidence `json:"evidence"`
	Phase          string            `json:"phase"` // running or idle; "" where nobody knows which it was at a time
	Since          *time.Time        `json:"since"`
	LastRan        *time.Time        `json:"lastRan"` // of standalone tasks, as of a placement
	Deployment     string            `json:"deployment"`
	TaskDefinition string            `json:"taskDefinition"`
	TagState       ledger.TagState   `json:"tagState"`
	RollingOut     string            `json:"rollingOut"`
	Rollout        UnderWay          `json:"rollout"`
	Rollback       bool              `json:"rollback"`
	Release        tagalong.Release  `json:"release"`
	// Added is set for a container that ECS added itself: it is in no comparison.
	Added bool `json:"-"`
}

// UnderWay is how far the rollout beside what runs has come, as ECS showed it last: a sweep
// asks only for one that takes long, and so does who hears of a hook.
type UnderWay struct {
	State  ledger.ProgressState `json:"state"`  // "" if nothing rolls out
	Weight *float64             `json:"weight"` // in percent of the production traffic, null where none is shifted
	Stage  string               `json:"stage"`
	Until  *time.Time           `json:"until"` // when the state ends at the latest
}

func underWay(r ledger.RunningRecord, seen ledger.RolloutProgress) UnderWay {
	switch {
	case r.RollingOut == "":
		return UnderWay{}
	case !seen.IsOf(r.RollingOut, r.Since):
		return UnderWay{State: ledger.ProgressRollingOut}
	case seen.Overdue:
		seen.State = ledger.ProgressOverdue
	}
	return UnderWay{seen.State, seen.Weight, seen.Stage, tagalong.TimeOrNil(seen.Until)}
}

// RunningQuery asks what runs.
type RunningQuery struct {
	Environment string // "" is all of them
	Services    tagalong.ServicePattern
	At          time.Time // zero is now
}

// runningCursor is a place in the order of running rows.
type runningCursor struct {
	Environment string
	Service     tagalong.Service
	Container   string
	// Image tells apart what one container of what is no service runs beside one another.
	Image string
	// CompleteSince is that of the whole answer, which its first page has found out.
	CompleteSince time.Time `json:",omitzero"`
}

func (a runningCursor) Valid() bool {
	return tagalong.ValidKeyTexts(a.Environment) && tagalong.ValidKeyTexts(a.Service.String(), a.Container, a.Image)
}

func (a runningCursor) compare(b runningCursor) int {
	return cmp.Or(
		cmp.Compare(a.Environment, b.Environment),
		cmp.Compare(a.Service.String(), b.Service.String()),
		cmp.Compare(a.Container, b.Container),
		cmp.Compare(a.Image, b.Image),
	)
}

// runningContainer is one container that runs, or ran.
type runningContainer struct {
	ledger.RunningRecord
	ledger.Placed
	past bool
}

func (r runningContainer) at() runningCursor {
	at := runningCursor{Environment: r.Environment, Service: r.Service, Container: r.Name}
	if !r.ofService() {
		at.Image = r.Image.String() + "@" + r.Digest.String()
	}
	return at
}

// Running answers what runs in an environment or ran there at a time, in the
// order of environments, services and containers. Of a past time it does not say
// how tags stood, nor what was rolling out. *HorizonError says that nothing is
// known of the time asked for, *UnknownNameError that a name is not; what is not
// known of some services is in Gaps.
func (q Queries) Running(ctx context.Context, query RunningQuery, p Paging) (Page[RunningRow], error) {
	question := "running " + questionOf(query)
	var from runningCursor
	if err := unseal(question, p.Cursor, &from); err != nil {
		return Page[RunningRow]{}, err
	}
	found, gaps, since, err := q.runningPage(ctx, question, query, from, p)
	if err != nil {
		return Page[RunningRow]{}, err
	}
	if len(found.Items) == 0 && len(gaps) > 0 && p.Cursor == "" {
		return Page[RunningRow]{}, horizonOf(query, gaps)
	}
	rows, err := q.runningRows(ctx, found.Items)
	page := Page[RunningRow]{Items: rows, Next: found.Next, Gaps: gaps, CompleteSince: since}
	if err == nil && len(rows) == 0 {
		page.Watched, err = q.nothingRan(ctx, query)
	}
	return page, err
}

// runningPage reads a page, and what is not known. The first page of a past time looks at the
// whole answer for that, and hands on to the others from when on all of it is known.
func (q Queries) runningPage(ctx context.Context, question string, query RunningQuery, from runningCursor, p Paging) (found Page[runningContainer], gaps []Gap, since time.Time, err error) {
	first, since := p.Cursor == "", from.CompleteSince
	rows := q.runningContainers(ctx, query, from, p.hint(), &gaps)
	if first && !query.At.IsZero() {
		all, err := stream.Collect(q.runningContainers(ctx, query, from, 0, &gaps))
		if err != nil {
			return found, nil, since, err
		}
		rows, since = stream.FromSlice(all), completeSince(gaps)
	}
	found, err = answer[runningContainer, runningContainer, runningCursor]{
		question: question, rows: rows, show: func(r runningContainer) runningContainer { return r },
		at: func(r runningContainer) runningCursor {
			at := r.at()
			at.CompleteSince = since
			return at
		},
	}.page(p.Limit)
	if !first {
		gaps = nil // the first page has named them
	}
	return found, gaps, since, err
}

// nothingRan is nothing for what runs: of an empty ledger nothing is known of the past.
func (q Queries) nothingRan(ctx context.Context, query RunningQuery) (watched string, err error) {
	d, err := q.directory(ctx)
	if err == nil {
		err = d.check(namesGiven{environments: []string{query.Environment}, pattern: query.Services})
	}
	if err == nil && !query.At.IsZero() && len(d.services) == 0 {
		err = &HorizonError{Environment: query.Environment, At: query.At}
	}
	return q.watched(d), err
}

// runningContainers walks over the containers behind a place.
func (q Queries) runningContainers(ctx context.Context, query RunningQuery, behind runningCursor, hint int, gaps *[]Gap) iter.Seq2[runningContainer, error] {
	if err := (pastReader{q}).kept(query); err != nil {
		return stream.Empty[runningContainer](err)
	}
	return func(yield func(runningContainer, error) bool) {
		environments, err := q.environments(ctx, query.Environment)
		if err != nil {
			yield(runningContainer{}, err)
			return
		}
		for _, name := range environments {
			if name < behind.Environment {
				continue
			}
			var from tagalong.Service
			if name == behind.Environment {
				from = behind.Service
			}
			for m, err := range q.running(ctx, name, query, from, hint, gaps) {
				if err != nil {
					yield(runningContainer{}, fmt.Errorf("environment %q: %w", name, err))
					return
				}
				for _, r := range containersRunning(m, !query.At.IsZero()) {
					if r.at().compare(behind) > 0 && !yield(r, nil) {
						return
					}
				}
			}
		}
	}
}

// running returns what runs in an environment, or ran there, from a service on.
func (q Queries) running(ctx context.Context, environment string, query RunningQuery, from tagalong.Service, hint int, gaps *[]Gap) iter.Seq2[ledger.RunningRecord, error] {
	if !query.At.IsZero() {
		return pastReader{q}.runningAt(ctx, environment, query, from, hint, gaps)
	}
	return q.runningRecords(ctx, environment, query.Services, from, hint)
}

func containersRunning(m ledger.RunningRecord, past bool) []runningContainer {
	var all []runningContainer
	for _, p := range m.Containers {
		all = append(all, runningContainer{m, p, past})
	}
	slices.SortFunc(all, func(a, b runningContainer) int { return a.at().compare(b.at()) })
	return all
}

func (q Queries) environments(ctx context.Context, one string) ([]string, error) {
	if one != "" {
		return []string{one}, nil
	}
	names, err := q.Records.Environments(ctx)
	if err != nil {
		return nil, fmt.Errorf("environments: %w", err)
	}
	return names, nil
}

// runningRows shows running containers, each with how its tags stand now and what its image is
// known by.
func (q Queries) runningRows(ctx context.Context, running []runningContainer) ([]RunningRow, error) {
	var (
		tags     map[tagalong.TagID]ledger.Tag
		names    knownAs
		progress map[tagalong.Service]ledger.RolloutProgress
	)
	var rollouts []rolledOut
	for _, r := range running {
		rollouts = append(rollouts, rolledOutOf(r.RunningRecord))
	}
	err := parallel.All(
		func() (err error) {
			if tags, err = q.Records.TagStates(ctx, tagsOf(running)); err != nil {
				err = fmt.Errorf("tags: %w", err)
			}
			return err
		},
		func() (err error) {
			names, err = q.knownAs(ctx, rollouts)
			return err
		},
		func() (err error) {
			progress, err = q.progress(ctx, running)
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	rows := []RunningRow{}
	for _, r := range running {
		rows = append(rows, r.row(tags, names, progress[r.Service]))
	}
	return rows, nil
}

// progress reads how far the rollouts beside what runs have come, if there are any.
func (q Queries) progress(ctx context.Context, running []runningContainer) (map[tagalong.Service]ledger.RolloutProgress, error) {
	var services []tagalong.Service
	for _, r := range running {
		if !r.past && r.RollingOut != "" && !slices.Contains(services, r.Service) {
			services = append(services, r.Service)
		}
	}
	if len(services) == 0 {
		return nil, nil
	}
	progress, err := q.Records.Progress(ctx, services)
	if err != nil {
		return nil, fmt.Errorf("progress of rollouts: %w", err)
	}
	return progress, nil
}

func tagsOf(running []runningContainer) []tagalong.TagID {
	var ids []tagalong.TagID
	for _, r := range running {
		if r.past {
			continue
		}
		for _, tag := range slices.Concat(r.Tags, r.PutOnce) {
			ids = append(ids, tagalong.TagID{Repository: r.Image, Tag: tag})
		}
	}
	slices.SortFunc(ids, tagalong.TagID.Compare)
	return slices.Compact(ids)
}

func (r runningContainer) row(tags map[tagalong.TagID]ledger.Tag, names knownAs, seen ledger.RolloutProgress) RunningRow {
	containers := names.name(rolledOutOf(r.RunningRecord))
	shown, _ := ledger.Details{Containers: containers}.Container(r.Name)
	row := RunningRow{
		Environment:    r.Environment,
		Kind:           r.Service.Kind(),
		Account:        r.Service.Account,
		Region:         r.Service.Region,
		Cluster:        r.Service.Cluster,
		Service:        r.Service.OwnName(),
		Container:      r.Name,
		Registry:       r.Image.Registry,
		Repository:     r.Image.Name,
		Digest:         r.Digest,
		Index:          r.Index,
		ImageTag:       r.Release.ImageTag(shown),
		Evidence:       r.Evidence,
		Phase:          r.phase(),
		Since:          tagalong.TimeOrNil(r.since()),
		LastRan:        tagalong.TimeOrNil(r.LastRan),
		Deployment:     r.Deployment,
		TaskDefinition: r.TaskDefinition,
		Rollback:       r.Rollback,
		Release:        r.Release.Of(r.Service, containers),
		Added:          r.Added,
	}
	if !r.past {
		row.TagState, row.RollingOut, row.Rollout = r.state(tags), r.RollingOut, underWay(r.RunningRecord, seen)
	}
	return row
}

func (r runningContainer) ofService() bool { return r.Service.Kind() == tagalong.KindService }

// since is when the rollout completed or, of what is no service, when the image first ran.
func (r runningContainer) since() time.Time {
	if r.Placed.Since.IsZero() {
		return r.RunningRecord.Since
	}
	return r.Placed.Since
}

// phase tells what runs from what ran last. Whether a family ran at a time nobody wrote down.
func (r runningContainer) phase() string {
	switch {
	case r.past && !r.ofService():
		return ""
	case r.Idle:
		return string(ledger.PhaseIdle)
	}
	return string(ledger.PhaseRunning)
}

// state is the worst state of the container's tags; "" of what claims none, being no service.
func (r runningContainer) state(tags map[tagalong.TagID]ledger.Tag) ledger.TagState {
	p := r.Placed
	switch {
	case !r.ofService() && len(p.Tags)+len(p.PutOnce) == 0:
		return ""
	case p.Image.Name == "" && !p.Added:
		return ledger.TagUnproven // nobody knows where it comes from
	case p.Foreign:
		return ledger.TagForeign
	case !p.Proven():
		return ledger.TagUnproven
	}
	state := ledger.TagConfirmed
	for _, name := range p.Tags {
		tag, ok := tags[tagalong.TagID{Repository: p.Image, Tag: name}]
		switch {
		case !ok:
			state = ledger.WorseState(state, ledger.TagPending)
		case tag.State == ledger.TagInput:
			state = ledger.WorseState(state, ledger.TagInput)
		case tag.Wish.Digest != p.Target() && (tag.Shared || tag.Wish.Newer(r.claim(tag.ID))): // a shared one may name an older claim of its digest
			state = ledger.WorseState(state, ledger.TagContested)
		case tag.Wish.Digest != p.Target():
			state = ledger.WorseState(state, ledger.TagPending) // our claim is still to come, see Rest
		default:
			state = ledger.WorseState(state, tag.State)
		}
	}
	for _, name := range p.PutOnce {
		if tag, ok := tags[tagalong.TagID{Repository: p.Image, Tag: name}]; ok {
			state = ledger.WorseState(state, tag.State)
		}
	}
	return state
}

// claim is what the container claims of a tag.
func (r runningContainer) claim(tag tagalong.TagID) ledger.Claim {
	return ledger.Claim{Tag: tag, At: r.RunningRecord.Since, By: ledger.ContainerClaimant(r.Service, r.Name)}
}
