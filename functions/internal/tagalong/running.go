package tagalong

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// RunningRow is one running container.
type RunningRow struct {
	Environment    string        `json:"environment"`
	Account        string        `json:"account"`
	Region         string        `json:"region"`
	Cluster        string        `json:"cluster"`
	Service        string        `json:"service"`
	Container      string        `json:"container"`
	Registry       string        `json:"registry"`
	Repository     string        `json:"repository"`
	Digest         digest.Digest `json:"digest"`
	Index          digest.Digest `json:"index"`
	ImageTag       string        `json:"imageTag"`
	Evidence       Evidence      `json:"evidence"`
	Since          *time.Time    `json:"since"`
	Deployment     string        `json:"deployment"`
	TaskDefinition string        `json:"taskDefinition"`
	TagState       TagState      `json:"tagState"`
	RollingOut     string        `json:"rollingOut"`
	Rollback       bool          `json:"rollback"`
	Release        Release       `json:"release"`
}

// RunningQuery asks what runs.
type RunningQuery struct {
	Environment string // "" is all of them
	Services    ServicePattern
	At          time.Time // zero is now
}

// residentAt is a place in the order of running rows.
type residentAt struct {
	Environment string
	Service     Service
	Container   string
}

func (a residentAt) legal() bool {
	return legalTexts(a.Environment) && legalTexts(a.Service.String(), a.Container)
}

func (a residentAt) compare(b residentAt) int {
	return cmp.Or(
		cmp.Compare(a.Environment, b.Environment),
		cmp.Compare(a.Service.String(), b.Service.String()),
		cmp.Compare(a.Container, b.Container),
	)
}

// resident is one container that runs, or ran.
type resident struct {
	Member
	Placed
	past bool
}

func (r resident) at() residentAt {
	return residentAt{r.Environment, r.Service, r.Name}
}

// Running answers what runs in an environment or ran there at a time, in the
// order of environments, services and containers. Of a past time it does not say
// how tags stood, nor what was rolling out. *HorizonError says that nothing is
// known of the time asked for, *UnknownNameError that a name is not; what is not
// known of some services is in Gaps.
func (q Queries) Running(ctx context.Context, query RunningQuery, p Paging) (Page[RunningRow], error) {
	question := "running " + questionOf(query)
	var from residentAt
	if err := unseal(question, p.Cursor, &from); err != nil {
		return Page[RunningRow]{}, err
	}
	var gaps []Gap
	residents := answer[resident, resident, residentAt]{
		question: question,
		rows:     q.residents(ctx, query, from, p.hint(), &gaps),
		show:     func(r resident) resident { return r },
		at:       resident.at,
	}
	found, err := residents.page(p.Limit)
	if err != nil {
		return Page[RunningRow]{}, err
	}
	if len(found.Items) == 0 && len(gaps) > 0 && p.Cursor == "" {
		return Page[RunningRow]{}, horizonOf(query, gaps)
	}
	rows, err := q.runningRows(ctx, found.Items)
	page := Page[RunningRow]{Items: rows, Next: found.Next, Gaps: gaps}
	if err == nil && len(rows) == 0 {
		page.Watched, err = q.nothingRan(ctx, query)
	}
	return page, err
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

// residents walks over the containers behind a place.
func (q Queries) residents(ctx context.Context, query RunningQuery, behind residentAt, hint int, gaps *[]Gap) iter.Seq2[resident, error] {
	if err := q.kept(query); err != nil {
		return none[resident](err)
	}
	return func(yield func(resident, error) bool) {
		environments, err := q.environments(ctx, query.Environment)
		if err != nil {
			yield(resident{}, err)
			return
		}
		for _, name := range environments {
			if name < behind.Environment {
				continue
			}
			var from Service
			if name == behind.Environment {
				from = behind.Service
			}
			for m, err := range q.members(ctx, name, query, from, hint, gaps) {
				if err != nil {
					yield(resident{}, fmt.Errorf("environment %q: %w", name, err))
					return
				}
				for _, r := range m.residents(!query.At.IsZero()) {
					if r.at().compare(behind) > 0 && !yield(r, nil) {
						return
					}
				}
			}
		}
	}
}

// members gives what runs in an environment, or ran there, from a service on.
func (q Queries) members(ctx context.Context, environment string, query RunningQuery, from Service, hint int, gaps *[]Gap) iter.Seq2[Member, error] {
	if !query.At.IsZero() {
		return q.membersAt(ctx, environment, query, from, hint, gaps)
	}
	return only(q.Records.Members(ctx, environment, from, hint), func(m Member) bool { return query.Services.Match(m.Service) })
}

func (m Member) residents(past bool) []resident {
	var all []resident
	for _, p := range m.Containers {
		all = append(all, resident{m, p, past})
	}
	slices.SortFunc(all, func(a, b resident) int { return strings.Compare(a.Name, b.Name) })
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

// runningRows shows residents, each with how its tags stand now and what its image is
// known by.
func (q Queries) runningRows(ctx context.Context, residents []resident) ([]RunningRow, error) {
	var (
		tags  map[TagID]Tag
		names knownAs
	)
	var rollouts []rolledOut
	for _, r := range residents {
		rollouts = append(rollouts, r.rolledOut())
	}
	err := both(
		func() (err error) {
			if tags, err = q.Records.TagStates(ctx, tagsOf(residents)); err != nil {
				err = fmt.Errorf("tags: %w", err)
			}
			return err
		},
		func() (err error) {
			names, err = q.knownAs(ctx, rollouts)
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	rows := []RunningRow{}
	for _, r := range residents {
		rows = append(rows, r.row(tags, names))
	}
	return rows, nil
}

func tagsOf(residents []resident) []TagID {
	var ids []TagID
	for _, r := range residents {
		if r.past {
			continue
		}
		for _, tag := range slices.Concat(r.Tags, r.Once) {
			ids = append(ids, TagID{Repository: r.Image, Tag: tag})
		}
	}
	slices.SortFunc(ids, TagID.Compare)
	return slices.Compact(ids)
}

func (r resident) row(tags map[TagID]Tag, names knownAs) RunningRow {
	containers := names.name(r.rolledOut())
	shown, _ := Details{Containers: containers}.container(r.Name)
	row := RunningRow{
		Environment:    r.Environment,
		Account:        r.Service.Account,
		Region:         r.Service.Region,
		Cluster:        r.Service.Cluster,
		Service:        r.Service.Name,
		Container:      r.Name,
		Registry:       r.Image.Registry,
		Repository:     r.Image.Name,
		Digest:         r.Digest,
		Index:          r.Index,
		ImageTag:       r.Release.imageTag(shown),
		Evidence:       r.Evidence,
		Since:          known(r.Since),
		Deployment:     r.Deployment,
		TaskDefinition: r.TaskDefinition,
		Rollback:       r.Rollback,
		Release:        r.Release.of(r.Service, containers),
	}
	if !r.past {
		row.TagState, row.RollingOut = r.state(tags), r.RollingOut
	}
	return row
}

// state is the worst state of the container's tags.
func (r resident) state(tags map[TagID]Tag) TagState {
	p := r.Placed
	switch {
	case p.Image.Name == "" && !p.Added:
		return TagUnproven // nobody knows where it comes from
	case p.Foreign:
		return TagForeign
	case !p.Proven():
		return TagUnproven
	}
	state := TagConfirmed
	for _, name := range p.Tags {
		tag, ok := tags[TagID{Repository: p.Image, Tag: name}]
		switch {
		case !ok:
			state = worse(state, TagPending)
		case tag.State == TagInput:
			state = worse(state, TagInput)
		case tag.Wish.Digest != p.Target() && tag.Wish.newer(r.claim(tag.ID)):
			state = worse(state, TagContested)
		case tag.Wish.Digest != p.Target():
			state = worse(state, TagPending) // our claim is still to come, see Rest
		default:
			state = worse(state, tag.State)
		}
	}
	for _, name := range p.Once {
		if tag, ok := tags[TagID{Repository: p.Image, Tag: name}]; ok {
			state = worse(state, tag.State)
		}
	}
	return state
}

// claim is what the container claims of a tag.
func (r resident) claim(tag TagID) Claim {
	return Claim{Tag: tag, At: r.Since, By: Claimant(r.Service, r.Name)}
}
