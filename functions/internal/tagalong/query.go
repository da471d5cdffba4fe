package tagalong

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// Queries answers the questions that people and tools ask of the ledger.
type Queries struct {
	Records  Records
	Registry Registry // for what ECR says now
}

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
	Release        Release       `json:"release"`
}

// HistoryRow is one rollout.
type HistoryRow struct {
	Environment    string             `json:"environment"`
	Account        string             `json:"account"`
	Region         string             `json:"region"`
	Cluster        string             `json:"cluster"`
	Service        string             `json:"service"`
	Deployment     string             `json:"deployment"`
	TaskDefinition string             `json:"taskDefinition"`
	State          State              `json:"state"`
	StartedAt      *time.Time         `json:"startedAt"`
	FinishedAt     *time.Time         `json:"finishedAt"`
	Until          *time.Time         `json:"until"`
	Rollback       bool               `json:"rollback"`
	Reason         string             `json:"reason"`
	Containers     []HistoryContainer `json:"containers"`
	Release        Release            `json:"release"`
}

// HistoryContainer is a container of a HistoryRow.
type HistoryContainer struct {
	Container  string        `json:"container"`
	Registry   string        `json:"registry"`
	Repository string        `json:"repository"`
	Digest     digest.Digest `json:"digest"`
	Index      digest.Digest `json:"index"`
	ImageTag   string        `json:"imageTag"`
	Evidence   Evidence      `json:"evidence"`
}

// TagRow is one tag: its wish, and where ECR has it.
type TagRow struct {
	Environment string        `json:"environment"`
	Registry    string        `json:"registry"`
	Repository  string        `json:"repository"`
	Tag         string        `json:"tag"`
	Digest      digest.Digest `json:"digest"`
	Actual      digest.Digest `json:"actual"`
	State       TagState      `json:"state"`
	Reason      string        `json:"reason"`
	Since       *time.Time    `json:"since"`
}

// Release says which CodePipeline execution put a rollout in place. Its texts
// are empty where no pipeline is known.
type Release struct {
	Pipeline  string `json:"pipeline"`
	Execution string `json:"execution"`
	Stage     string `json:"stage"`
	Commit    string `json:"commit"`
}

// ServicePattern selects services by CLUSTER/NAME or NAME, both with globs. The
// zero pattern selects all.
type ServicePattern struct{ cluster, name string }

// ParseServicePattern reads CLUSTER/NAME or NAME.
func ParseServicePattern(s string) (ServicePattern, error) {
	p := ServicePattern{name: s}
	if cluster, name, ok := strings.Cut(s, "/"); ok {
		p = ServicePattern{cluster: cluster, name: name}
	}
	_, errCluster := path.Match(p.cluster, "")
	_, errName := path.Match(p.name, "")
	if errCluster != nil || errName != nil || p.name == "" || len(s) > 512 || strings.Contains(p.name, "/") || strings.HasPrefix(s, "/") {
		return ServicePattern{}, fmt.Errorf("service %q: want CLUSTER/NAME or NAME, globs allowed, such as prod-*/checkout-api", s)
	}
	return p, nil
}

// Match tells whether the pattern selects a service.
func (p ServicePattern) Match(s Service) bool {
	matches := func(glob, name string) bool {
		ok, _ := path.Match(glob, name)
		return ok || glob == ""
	}
	return matches(p.cluster, s.Cluster) && matches(p.name, s.Name)
}

// Running answers what runs in an environment, or with "" in all of them, in the
// order of environments, services and containers.
func (q Queries) Running(ctx context.Context, environment string, services ServicePattern) ([]RunningRow, error) {
	environments, err := q.environments(ctx, environment)
	if err != nil {
		return nil, err
	}
	rows := []RunningRow{}
	for _, name := range environments {
		members, err := q.Records.Members(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("environment %q: %w", name, err)
		}
		members = slices.DeleteFunc(members, func(m Member) bool { return !services.Match(m.Service) })
		tags, err := q.Records.Tags(ctx, tagsOf(members))
		if err != nil {
			return nil, fmt.Errorf("tags of environment %q: %w", name, err)
		}
		for _, m := range members {
			rows = append(rows, m.rows(tags)...)
		}
	}
	return rows, nil
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

func tagsOf(members []Member) []TagID {
	var ids []TagID
	for _, m := range members {
		for _, p := range m.Containers {
			for _, tag := range slices.Concat(p.Tags, p.Once) {
				ids = append(ids, TagID{Repository: p.Image, Tag: tag})
			}
		}
	}
	slices.SortFunc(ids, TagID.Compare)
	return slices.Compact(ids)
}

func (m Member) rows(tags map[TagID]Tag) []RunningRow {
	rows := make([]RunningRow, 0, len(m.Containers))
	for _, p := range m.Containers {
		rows = append(rows, RunningRow{
			Environment:    m.Environment,
			Account:        m.Service.Account,
			Region:         m.Service.Region,
			Cluster:        m.Service.Cluster,
			Service:        m.Service.Name,
			Container:      p.Name,
			Registry:       p.Image.Registry,
			Repository:     p.Image.Name,
			Digest:         p.Digest,
			Index:          p.Index,
			ImageTag:       p.ImageTag,
			Evidence:       p.Evidence,
			Since:          known(m.Since),
			Deployment:     m.Deployment,
			TaskDefinition: m.TaskDefinition,
			TagState:       p.state(tags),
			RollingOut:     m.RollingOut,
		})
	}
	return rows
}

// state is the worst state of the container's tags.
func (p Placed) state(tags map[TagID]Tag) TagState {
	switch {
	case p.Image.Name == "" && !p.Added:
		return TagUnproven // nobody knows where it comes from
	case !p.Taggable():
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
		case tag.Wish.Digest != p.Target():
			state = worse(state, TagContested)
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

// HistoryQuery selects rollouts that started in [Since, Until); zero times are
// no bounds. Limit 0 is all.
type HistoryQuery struct {
	Services ServicePattern
	Since    time.Time
	Until    time.Time
	Limit    int
}

// History answers with the rollouts of the services that match, newest first.
func (q Queries) History(ctx context.Context, h HistoryQuery) ([]HistoryRow, error) {
	services, err := q.Records.Services(ctx)
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	var rollouts []Row
	for _, s := range services {
		if !h.Services.Match(s) {
			continue
		}
		rows, err := q.Records.Rollouts(ctx, s, h.Since, h.Until, h.Limit)
		if err != nil {
			return nil, fmt.Errorf("rollouts of %s: %w", s, err)
		}
		rollouts = append(rollouts, rows...)
	}
	slices.SortStableFunc(rollouts, func(a, b Row) int {
		return cmp.Or(b.SortTime().Compare(a.SortTime()), cmp.Compare(b.Service.String(), a.Service.String()), cmp.Compare(b.Deployment, a.Deployment))
	})
	if h.Limit > 0 && len(rollouts) > h.Limit {
		rollouts = rollouts[:h.Limit]
	}
	rows := make([]HistoryRow, 0, len(rollouts))
	for _, r := range rollouts {
		rows = append(rows, r.history())
	}
	return rows, nil
}

func (r Row) history() HistoryRow {
	row := HistoryRow{
		Environment:    r.Environment,
		Account:        r.Service.Account,
		Region:         r.Service.Region,
		Cluster:        r.Service.Cluster,
		Service:        r.Service.Name,
		Deployment:     r.Deployment,
		TaskDefinition: r.TaskDefinition,
		State:          r.State,
		StartedAt:      known(r.StartedAt),
		FinishedAt:     known(r.FinishedAt),
		Until:          known(r.Until),
		Rollback:       r.Rollback,
		Reason:         r.Reason,
		Containers:     make([]HistoryContainer, 0, len(r.Containers)),
	}
	for _, c := range r.Containers {
		row.Containers = append(row.Containers, HistoryContainer{
			Container: c.Name, Registry: c.Image.Registry, Repository: c.Image.Name,
			Digest: c.Digest, Index: c.Index, ImageTag: c.ImageTag, Evidence: c.Evidence,
		})
	}
	return row
}

// known gives a time as rows show it: an unknown one is null.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Tags answers with the wished tags of all environments, with pending only those
// that are not confirmed. With check, Actual is where ECR has each tag now; a
// repository that cannot be read is in the error, its rows stay as they are.
func (q Queries) Tags(ctx context.Context, pending, check bool) ([]TagRow, error) {
	environments, err := q.environments(ctx, "")
	if err != nil {
		return nil, err
	}
	rows := []TagRow{}
	for _, name := range environments {
		tags, err := q.Records.EnvironmentTags(ctx, name, pending)
		if err != nil {
			return nil, fmt.Errorf("tags of environment %q: %w", name, err)
		}
		for _, t := range tags {
			rows = append(rows, TagRow{
				Environment: t.Wish.Environment,
				Registry:    t.ID.Registry,
				Repository:  t.ID.Name,
				Tag:         t.ID.Tag,
				Digest:      t.Wish.Digest,
				Actual:      t.Actual,
				State:       t.State,
				Reason:      t.Reason,
				Since:       known(t.Since),
			})
		}
	}
	if check {
		err = q.check(ctx, rows)
	}
	return rows, err
}

// check asks ECR for each row's tag, a repository at a time.
func (q Queries) check(ctx context.Context, rows []TagRow) error {
	wanted := map[Repository]*want{}
	for _, row := range rows {
		wantOf(wanted, row.repositoryOf()).add("", row.Tag)
	}
	readings := readAll(ctx, q.Registry, time.Time{}, wanted)
	var problems []error
	for _, repository := range slices.SortedFunc(maps.Keys(readings), Repository.compare) {
		if read := readings[repository]; read.err != nil {
			problems = append(problems, fmt.Errorf("repository %s: %w", repository, read.err))
		}
	}
	for i := range rows {
		if read := readings[rows[i].repositoryOf()]; read.err == nil {
			rows[i].Actual = read.images.Tags[rows[i].Tag]
		}
	}
	return errors.Join(problems...)
}

func (r TagRow) repositoryOf() Repository {
	return Repository{Registry: r.Registry, Name: r.Repository}
}
