package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// InUseRow is an image that must not be lost, and what uses it. Of an image whose index
// was proven there are two rows: one of the digest that runs, and one of the index.
type InUseRow struct {
	Registry    string        `json:"registry"`
	Repository  string        `json:"repository"`
	Digest      digest.Digest `json:"digest"`
	Phase       string        `json:"phase"` // of a placement, or previous
	Environment string        `json:"environment"`
	Kind        tagalong.Kind `json:"kind"`
	Account     string        `json:"account"`
	Region      string        `json:"region"`
	Cluster     string        `json:"cluster"`
	Service     string        `json:"service"` // of standalone tasks their family, of a function its name
	Container   string        `json:"container"`
}

// PhasePrevious is what a rollback of something that runs would come back to.
const PhasePrevious = "previous"

// Reference returns HOST/REPOSITORY@DIGEST.
func (r InUseRow) Reference() string {
	return r.Registry + "/" + r.Repository + "@" + r.Digest.String()
}

// InUseQuery asks for the images in use.
type InUseQuery struct {
	Previous   int  // so many rollouts of each service that ran other images before
	Incomplete bool // answer though the ledger does not know everything
}

// IncompleteError says why the ledger may not know of every image in use. Such a list
// must not be taken for what may be deleted.
type IncompleteError struct{ reasons []string }

func (e *IncompleteError) Error() string {
	return "the ledger is incomplete: " + strings.Join(e.reasons, "; ")
}

// maxBefore is how many rollouts are looked through for the images that ran before.
const maxBefore = 100

// inUseCursor is a place in the order of images in use.
type inUseCursor struct{ Image, User string }

func (a inUseCursor) Valid() bool { return tagalong.ValidKeyTexts(a.Image, a.User) }

func (a inUseCursor) compare(b inUseCursor) int {
	return cmp.Or(strings.Compare(a.Image, b.Image), strings.Compare(a.User, b.User))
}

func (r InUseRow) at() inUseCursor {
	return inUseCursor{r.Reference(), strings.Join([]string{r.Phase, r.Environment, string(r.Kind), r.Account, r.Region, r.Cluster, r.Service, r.Container}, "/")}
}

// InUse answers which images are in use: all that has a place that has not ended, of
// whatever phase, and what ran before. *IncompleteError says that some may be missing;
// if that does not matter, they come with the reasons.
func (q Queries) InUse(ctx context.Context, query InUseQuery, p Paging) (Page[InUseRow], []string, error) {
	question := "in use " + questionOf(query)
	var behind inUseCursor
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[InUseRow]{}, nil, err
	}
	used, err := q.used(ctx)
	if err != nil {
		return Page[InUseRow]{}, nil, err
	}
	reasons, err := q.mayLack(ctx, used)
	if err == nil && len(reasons) > 0 && !query.Incomplete {
		err = &IncompleteError{reasons}
	}
	if err != nil {
		return Page[InUseRow]{}, nil, err
	}
	before, err := q.before(ctx, used, query.Previous)
	if err != nil {
		return Page[InUseRow]{}, nil, err
	}
	rows := slices.Concat(used.rows(), before)
	slices.SortFunc(rows, func(a, b InUseRow) int { return a.at().compare(b.at()) })
	page, err := pageOf(question, slices.Compact(rows), InUseRow.at, inUseCursor.compare, behind, p.Limit)
	if err == nil { // what is not watched runs images that are not listed
		page.Watched, err = q.nothing(ctx, namesGiven{})
	}
	return page, reasons, err
}

// used are the places that have not ended.
type used []ledger.Placement

// used reads the open places of every repository, and what is recorded as running: a
// rollout that completes in between is in one of them.
func (q Queries) used(ctx context.Context) (all used, err error) {
	var running []ledger.RunningRecord
	environments, err := q.environments(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, name := range environments {
		some, err := stream.Collect(q.Records.RunningRecords(ctx, name, tagalong.Service{}, 0))
		if err != nil {
			return nil, fmt.Errorf("environment %q: %w", name, err)
		}
		running = append(running, some...)
	}
	repositories, err := q.Records.Repositories(ctx)
	if err != nil {
		return nil, fmt.Errorf("repositories: %w", err)
	}
	var names []string
	for _, r := range repositories {
		names = append(names, r.Name)
	}
	for _, m := range running {
		for _, c := range m.Containers {
			phase := ledger.PhaseRunning
			if c.Idle {
				phase = ledger.PhaseIdle
			}
			all = append(all, ledger.Placement{Phase: phase, Service: m.Service, Environment: m.Environment, Container: c.Container})
			names = append(names, c.Image.Name)
		}
	}
	names = slices.DeleteFunc(distinct(names), func(name string) bool { return name == "" })
	open := stream.MapParallel(ctx, stream.FromSlice(names), 0, func(ctx context.Context, name string) ([]ledger.Placement, error) {
		return stream.Collect(q.Records.OpenPlacements(ctx, name))
	})
	for places, err := range open {
		if err != nil {
			return nil, err
		}
		all = append(all, places...)
	}
	return all, nil
}

func (u used) rows() (rows []InUseRow) {
	for _, p := range u {
		rows = append(rows, inUseRows(p.Container, string(p.Phase), p.Environment, p.Service)...)
	}
	return rows
}

// inUseRows are those of the reported digest and of the index that holds it.
func inUseRows(c tagalong.Container, phase, environment string, s tagalong.Service) (rows []InUseRow) {
	for _, d := range []digest.Digest{c.Digest, c.Index} {
		if d == "" || c.Image.Name == "" {
			continue
		}
		rows = append(rows, InUseRow{
			Registry: c.Image.Registry, Repository: c.Image.Name, Digest: d, Phase: phase, Environment: environment,
			Kind: s.Kind(), Account: s.Account, Region: s.Region, Cluster: s.Cluster, Service: s.OwnName(), Container: c.Name,
		})
	}
	return rows
}

// mayLack returns why images in use may be missing, those of services that belong to no
// environment, too.
func (q Queries) mayLack(ctx context.Context, u used) ([]string, error) {
	gaps, err := q.gapsOf(ctx, u)
	if err != nil {
		return nil, err
	}
	unmanaged, err := q.unmanaged(ctx)
	return slices.Concat(gaps, unmanaged), err
}

// gapsOf returns why images that environments use may be missing.
func (q Queries) gapsOf(ctx context.Context, u used) (reasons []string, err error) {
	swept, err := q.Records.Swept(ctx)
	if err != nil {
		return nil, fmt.Errorf("what was swept: %w", err)
	}
	switch {
	case swept.Begun.IsZero():
		reasons = append(reasons, "no sweep of everything has come to its end yet")
	case swept.Stale(q.now()):
		reasons = append(reasons, "no sweep of everything has come to its end since that of "+tagalong.FormatTime(swept.Begun))
	case !swept.Named:
		reasons = append(reasons, "the ledger is older than its names of images, and no sweep has given them to all that runs yet")
	}
	if !swept.Begun.IsZero() && !swept.Tasks {
		reasons = append(reasons, "no sweep has looked at standalone tasks yet")
	}
	for _, name := range swept.Closed {
		reasons = append(reasons, name+" could not be looked at")
	}
	scopes, err := q.scopes(ctx)
	if err != nil {
		return nil, err
	}
	for _, scope := range scopes {
		if !swept.Begun.IsZero() && !slices.Contains(swept.Scopes, scope) {
			reasons = append(reasons, scope.String()+" has not been swept yet")
		}
	}
	for _, p := range u {
		scope := tagalong.Scope{Account: p.Service.Account, Region: p.Service.Region}
		if !swept.Begun.IsZero() && !slices.Contains(swept.Scopes, scope) && !slices.Contains(scopes, scope) {
			reasons = append(reasons, scope.String()+" is not covered, and "+shortService(p.Service)+" runs there")
		}
		if c := p.Container; c.Digest == "" && !(c.Added && c.Image.Name == "") {
			reasons = append(reasons, fmt.Sprintf("the digest of container %s of %s is not known", c.Name, p.Service))
		}
	}
	return distinct(reasons), nil
}

// unmanaged returns which services run images that nobody records, one reason or none.
func (q Queries) unmanaged(ctx context.Context) (reasons []string, err error) {
	var names []string
	for u, err := range q.Records.AllUnmanaged(ctx) {
		if err != nil {
			return nil, fmt.Errorf("services that no rule matches: %w", err)
		}
		names = append(names, u.Service.String())
	}
	if len(names) == 0 {
		return nil, nil
	}
	return []string{"what runs in services that no rule matches is not known: " + inWords(distinct(names), few)}, nil
}

// scopes returns where services are looked for; none if nobody said.
func (q Queries) scopes(ctx context.Context) ([]tagalong.Scope, error) {
	if q.Scopes == nil {
		return nil, nil
	}
	return q.Scopes(ctx)
}

// before returns what ran before in the services of which something is in use.
func (q Queries) before(ctx context.Context, u used, count int) (rows []InUseRow, err error) {
	if count == 0 {
		return nil, nil
	}
	inUse := map[tagalong.Service][]tagalong.Container{}
	var services []tagalong.Service
	for _, p := range u {
		if inUse[p.Service] == nil {
			services = append(services, p.Service)
		}
		inUse[p.Service] = append(inUse[p.Service], p.Container)
	}
	found, errs := make([][]InUseRow, len(services)), make([]error, len(services))
	parallel.ForEach(len(services), parallel.Limit, func(i int) {
		rollouts := q.Records.Rollouts(ctx, services[i], ledger.Span{}, atOnce+count)
		found[i], errs[i] = ranBefore(rollouts, inUse[services[i]], count)
	})
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("rollouts of %s: %w", services[i], err)
		}
	}
	return slices.Concat(found...), nil
}

// ranBefore returns the images of so many rollouts, the newest that came into force with
// others than are in use and than each other: what a rollback would come back to.
func ranBefore(rollouts iter.Seq2[ledger.Row, error], inUse []tagalong.Container, count int) (rows []InUseRow, err error) {
	seen, looked := map[string]bool{}, 0
	for r, err := range rollouts {
		if err != nil {
			return nil, err
		}
		if looked++; looked > maxBefore || len(seen) == count {
			break
		}
		if r.State != timeline.StateCompleted || r.Until.IsZero() {
			continue
		}
		var images []string
		var own []InUseRow
		for _, c := range r.Containers {
			if c.Digest == "" || c.Image.Name == "" || slices.ContainsFunc(inUse, c.Same) {
				continue
			}
			images = append(images, c.Name+"="+c.Image.String()+"@"+c.Target().String())
			own = append(own, inUseRows(c, PhasePrevious, r.Environment, r.Service)...)
		}
		if set := strings.Join(distinct(images), " "); set != "" && !seen[set] {
			seen[set] = true
			rows = append(rows, own...)
		}
	}
	return rows, nil
}
