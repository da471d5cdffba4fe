package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// PointInTime is an environment, now or at a time.
type PointInTime struct {
	Environment string
	At          time.Time // zero is now
}

// ParsePointInTime reads NAME or NAME@TIME; when reads the time.
func ParsePointInTime(s string, when func(string) (time.Time, error)) (m PointInTime, err error) {
	name, at, timed := strings.Cut(s, "@")
	if m.Environment, err = ParseEnvironment(name); err != nil {
		return PointInTime{}, err
	}
	if timed {
		m.At, err = when(at)
	}
	return m, err
}

// DiffRow is a container of a service that does not run the same on both sides:
// the digests there, in order. None means that it is not there, "" that one of
// them is not known.
type DiffRow struct {
	Kind      tagalong.Kind   `json:"kind"`
	Service   string          `json:"service"`
	Container string          `json:"container"`
	From      []digest.Digest `json:"from"`
	To        []digest.Digest `json:"to"`
}

// diffCursor is a place in the order of differences.
type diffCursor struct {
	Kind               tagalong.Kind
	Service, Container string
}

func (a diffCursor) Valid() bool {
	return tagalong.ValidKeyTexts(string(a.Kind), a.Service, a.Container)
}

func (a diffCursor) compare(b diffCursor) int {
	return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Container, b.Container))
}

// Diff answers what runs in one moment and not, or otherwise, in the other. What
// is compared are services of one name and their containers, as sets of digests,
// in whatever clusters, regions and accounts; platforms of one index are no
// difference. What is not known differs from everything; what ECS adds itself is left
// out. *UnknownNameError says that an environment is not known.
func (q Queries) Diff(ctx context.Context, from, to PointInTime, p Paging) (Page[DiffRow], error) {
	question := "diff " + questionOf([]PointInTime{from, to})
	var behind diffCursor
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[DiffRow]{}, err
	}
	var sides [2]map[diffCursor][]runningContainer
	var gaps [2][]Gap
	var errs [2]error
	parallel.ForEach(2, parallel.Limit, func(i int) { sides[i], gaps[i], errs[i] = q.side(ctx, []PointInTime{from, to}[i]) })
	if err := cmp.Or(errs[0], errs[1]); err != nil {
		return Page[DiffRow]{}, err
	}
	page, err := answer[DiffRow, DiffRow, diffCursor]{
		question: question,
		rows:     stream.FromSlice(slices.DeleteFunc(differences(sides[0], sides[1]), func(r DiffRow) bool { return r.at().compare(behind) <= 0 })),
		show:     func(r DiffRow) DiffRow { return r },
		at:       DiffRow.at,
	}.page(p.Limit)
	page.Gaps = slices.Concat(gaps[0], gaps[1])
	page.CompleteSince = completeSince(page.Gaps)
	if err == nil && (len(page.Items) == 0 || len(sides[0]) == 0 || len(sides[1]) == 0) {
		watched, err := q.nothing(ctx, namesGiven{environments: []string{from.Environment, to.Environment}})
		if err != nil {
			return Page[DiffRow]{}, err
		}
		if len(page.Items) == 0 {
			page.Watched = watched
		}
	}
	return page, err
}

func (r DiffRow) at() diffCursor { return diffCursor{r.Kind, r.Service, r.Container} }

// side returns what runs in a moment, by service and container name.
func (q Queries) side(ctx context.Context, m PointInTime) (map[diffCursor][]runningContainer, []Gap, error) {
	side := map[diffCursor][]runningContainer{}
	var gaps []Gap
	query, empty := RunningQuery{Environment: m.Environment, At: m.At}, true
	for r, err := range q.runningContainers(ctx, query, runningCursor{}, 0, &gaps) {
		if err != nil {
			return nil, nil, err
		}
		empty = false
		if at := (diffCursor{r.Service.Kind(), r.Service.OwnName(), r.Name}); !r.Added {
			side[at] = append(side[at], r)
		}
	}
	if empty && len(gaps) > 0 {
		return nil, nil, horizonOf(query, gaps)
	}
	return side, gaps, nil
}

func differences(from, to map[diffCursor][]runningContainer) []DiffRow {
	places := slices.Concat(slices.Collect(maps.Keys(from)), slices.Collect(maps.Keys(to)))
	slices.SortFunc(places, diffCursor.compare)
	var rows []DiffRow
	for _, at := range slices.Compact(places) {
		row := DiffRow{at.Kind, at.Service, at.Container, digests(from[at], reported), digests(to[at], reported)}
		if !alike(row.From, row.To) && !alike(digests(from[at], tagalong.Container.Target), digests(to[at], tagalong.Container.Target)) {
			rows = append(rows, row)
		}
	}
	return rows
}

func alike(a, b []digest.Digest) bool { return slices.Equal(a, b) && !slices.Contains(a, "") }

func reported(c tagalong.Container) digest.Digest { return c.Digest }

// digests returns a set of digests, in order.
func digests(running []runningContainer, of func(tagalong.Container) digest.Digest) []digest.Digest {
	set := []digest.Digest{}
	for _, r := range running {
		set = append(set, of(r.Container))
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// ParseEnvironment reads an environment's name.
func ParseEnvironment(s string) (string, error) {
	if !tagalong.LegalEnvironment(s) {
		return "", fmt.Errorf("environment %q: want 1 to 255 letters, digits, dots, underscores or hyphens", s)
	}
	return s, nil
}
