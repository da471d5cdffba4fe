package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What the questions read: each method is one Query over exactly the rows that
// it gives. They need not be the newest to the millisecond, so none of them is
// strongly consistent, which halves what they cost.

// decoded makes of each item, which is stored as an I, a T.
func decoded[I, T any](items iter.Seq2[item, error], read func(I) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i, err := range items {
			var t T
			if err == nil {
				t, err = decode(i, read)
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

func decode[I, T any](i item, read func(I) (T, error)) (t T, err error) {
	var stored I
	if err = attributevalue.UnmarshalMap(i, &stored); err == nil {
		t, err = read(stored)
	}
	if err != nil {
		err = fmt.Errorf("item %s %s: %w", textOf(i, "pk"), textOf(i, "sk"), err)
	}
	return t, err
}

func page(hint int) int32 { return int32(min(max(hint, 0), maxPage)) }

// lastTime is the last that the table's form of times has room for.
var lastTime = time.Date(9999, time.December, 31, 23, 59, 59, 999e6, time.UTC)

// ceil gives the first millisecond that is not before a time: the table's times
// have milliseconds.
func ceil(t time.Time) time.Time {
	up := t.Truncate(time.Millisecond)
	if up.Before(t) {
		up = up.Add(time.Millisecond)
	}
	if up.After(lastTime) {
		return lastTime
	}
	return up
}

// Environments reads the directory.
func (l *Ledger) Environments(ctx context.Context) ([]string, error) {
	return l.listed(ctx, "E#")
}

// Services reads the directory.
func (l *Ledger) Services(ctx context.Context, environment string) ([]tagalong.Service, error) {
	names, err := l.listed(ctx, listOf(environment))
	if err != nil {
		return nil, err
	}
	services := make([]tagalong.Service, len(names))
	for i, name := range names {
		if services[i], err = tagalong.ParseService(name); err != nil {
			return nil, fmt.Errorf("directory: %w", err)
		}
	}
	return services, nil
}

// Seen reads the directory.
func (l *Ledger) Seen(ctx context.Context) ([]tagalong.SeenService, error) {
	var seen []tagalong.SeenService
	kind := listOf("")
	q := query{pk: directory, from: kind, to: kind + afterAll, eventual: true}
	for one, err := range decoded(l.query(ctx, q), directoryItem.service) {
		if err != nil {
			return nil, err
		}
		seen = append(seen, one)
	}
	return seen, nil
}

func (i directoryItem) service() (tagalong.SeenService, error) {
	s, err := tagalong.ParseService(strings.TrimPrefix(i.SK, listOf("")))
	return tagalong.SeenService{Service: s, CompleteSince: parseTime(i.CompleteSince)}, err
}

func (l *Ledger) listed(ctx context.Context, kind string) ([]string, error) {
	var names []string
	for i, err := range l.query(ctx, query{pk: directory, from: kind, to: kind + afterAll, eventual: true}) {
		if err != nil {
			return nil, err
		}
		names = append(names, strings.TrimPrefix(textOf(i, "sk"), kind))
	}
	return names, nil
}

// Members reads what runs in an environment.
func (l *Ledger) Members(ctx context.Context, environment string, from tagalong.Service, hint int) iter.Seq2[tagalong.Member, error] {
	q := query{pk: environmentPK(environment), from: prefixNow, to: prefixNow + afterAll, eventual: true, limit: page(hint)}
	if from != (tagalong.Service{}) {
		q.from = prefixNow + from.String()
	}
	return decoded(l.query(ctx, q), func(i memberItem) (tagalong.Member, error) { return i.member(environment) })
}

// Departed reads what left an environment later: its keys begin with that time.
func (l *Ledger) Departed(ctx context.Context, environment string, after time.Time) iter.Seq2[tagalong.Gone, error] {
	from := ceil(after.Add(time.Nanosecond))
	q := query{pk: environmentPK(environment), from: prefixGone + formatTime(from), to: prefixGone + afterAll, eventual: true}
	return decoded(l.query(ctx, q), func(i memberItem) (tagalong.Gone, error) { return i.gone(environment) })
}

// Population counts in DynamoDB, so that the rows need not travel.
func (l *Ledger) Population(ctx context.Context, environment string) (int, error) {
	in := l.input(query{pk: environmentPK(environment), from: prefixNow, to: prefixNow + afterAll, eventual: true})
	in.Select = types.SelectCount
	count := 0
	for pages := dynamodb.NewQueryPaginator(l.client, in); pages.HasMorePages(); {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return 0, fmt.Errorf("counting: %w", translate(err, l.table))
		}
		count += int(out.Count)
	}
	return count, nil
}

// Rollouts reads a service's history backward.
func (l *Ledger) Rollouts(ctx context.Context, s tagalong.Service, span tagalong.Span, hint int) iter.Seq2[tagalong.Row, error] {
	q := query{pk: servicePK(s), backward: true, eventual: true, limit: page(hint)}
	return l.rows(ctx, q, prefixRow, span, lastBehind(s, span.Behind))
}

// lastBehind gives the last sort key that a row of a service has behind a place,
// which may be another service's: then of the rows at that time all are behind
// it, or none.
func lastBehind(s tagalong.Service, at tagalong.RowAt) string {
	switch cmp.Compare(s.String(), at.Service.String()) {
	case -1:
		return prefixRow + formatTime(at.Sort) + afterAll
	case +1:
		return justBefore(prefixRow + formatTime(at.Sort))
	}
	return justBefore(rowKey(s, tagalong.RolloutKey{Sort: at.Sort, Deployment: at.Deployment}).SK)
}

// EnvironmentRollouts reads an environment's history backward.
func (l *Ledger) EnvironmentRollouts(ctx context.Context, environment string, span tagalong.Span, hint int) iter.Seq2[tagalong.Row, error] {
	pk, behind := historyIndex(environment, span.Behind)
	return l.rows(ctx, query{index: "gsi1", pk: pk, backward: true, limit: page(hint)}, "", span, justBefore(behind))
}

// rows bounds a Query over rollouts: their sort keys are a prefix, the time and
// more. last is the last one behind the span's place, if it has one.
func (l *Ledger) rows(ctx context.Context, q query, prefix string, span tagalong.Span, last string) iter.Seq2[tagalong.Row, error] {
	q.from, q.to = prefix+cmp.Or(formatTime(ceil(span.Since)), beforeAll), prefix+afterAll
	if !span.Until.IsZero() {
		q.to = prefix + formatTime(ceil(span.Until)) // a row's key goes on behind the time, so those at Until are outside
	}
	if span.Behind != (tagalong.RowAt{}) {
		q.to = min(q.to, last)
	}
	return decoded(l.query(ctx, q), rowItem.row)
}

// OpenPlaces reads what rolls out and what runs: they lie side by side.
func (l *Ledger) OpenPlaces(ctx context.Context, repository string) iter.Seq2[tagalong.Place, error] {
	q := query{pk: repositoryPK(tagalong.Repository{Name: repository}), from: prefixNext, to: prefixNow + afterAll, eventual: true}
	return decoded(l.query(ctx, q), placeItem.place)
}

// EndedPlaces reads what ran of a repository, backward.
func (l *Ledger) EndedPlaces(ctx context.Context, repository string, behind tagalong.PlaceAt, hint int) iter.Seq2[tagalong.Place, error] {
	q := query{
		pk: repositoryPK(tagalong.Repository{Name: repository}), from: prefixWas, to: prefixWas + afterAll,
		backward: true, eventual: true, limit: page(hint),
	}
	if behind != (tagalong.PlaceAt{}) {
		// What stands behind a place that has not ended, and began with it, is compared by its phase last.
		q.to = justBefore(wasKey(behind))
		if behind.Phase > tagalong.PhaseEnded {
			q.to = wasKey(behind)
		}
	}
	return decoded(l.query(ctx, q), placeItem.place)
}

// DigestPlaces reads the places of a digest, backward.
func (l *Ledger) DigestPlaces(ctx context.Context, d digest.Digest, behind tagalong.PlaceAt, hint int) iter.Seq2[tagalong.Place, error] {
	pk, sk := placeIndex(d, behind)
	q := query{index: "gsi2", pk: pk, from: beforeAll, to: afterAll, backward: true, limit: page(hint)}
	if behind != (tagalong.PlaceAt{}) {
		q.to = justBefore(sk)
	}
	return decoded(l.query(ctx, q), placeItem.place)
}

// Successor reads the two items that may be it: it has ended too, or it runs.
func (l *Ledger) Successor(ctx context.Context, p tagalong.Place) (next tagalong.Place, ok bool, err error) {
	ended, running := p, p
	ended.Since, ended.Phase = p.Until, tagalong.PhaseEnded
	running.Phase = tagalong.PhaseRunning
	err = l.getEventually(ctx, slices.Values([]key{placeKey(ended), placeKey(running)}), func(_ key, i item) error {
		place, err := decode(i, placeItem.place)
		if err == nil && place.Succeeds(p) {
			next, ok = place, true
		}
		return err
	})
	return next, ok, err
}

// Indexes reads the indexes that hold a platform's image.
func (l *Ledger) Indexes(ctx context.Context, d digest.Digest) ([]tagalong.Child, error) {
	var children []tagalong.Child
	q := query{pk: digestPK(d), from: beforeAll, to: afterAll, eventual: true}
	for child, err := range decoded(l.query(ctx, q), childItem.child) {
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	return children, nil
}

// EnvironmentTags reads the tags of an environment on one side of the index.
func (l *Ledger) EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, hint int) iter.Seq2[tagalong.Tag, error] {
	state := tagalong.TagPending
	if settled {
		state = tagalong.TagConfirmed
	}
	pk, sk := tagIndex(environment, state, behind)
	side, _, _ := strings.Cut(sk, "#")
	q := query{index: "gsi1", pk: pk, from: side + "#", to: side + "#" + afterAll, limit: page(hint)}
	if behind != (tagalong.TagID{}) {
		q.from = justBehind(sk)
	}
	return decoded(l.query(ctx, q), func(i tagItem) (tagalong.Tag, error) { return i.tag(), nil })
}

// TagStates reads tags by their keys.
func (l *Ledger) TagStates(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]tagalong.Tag, error) {
	return l.tags(ctx, ids, l.getEventually)
}
