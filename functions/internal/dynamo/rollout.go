package dynamo

import (
	"cmp"
	"context"
	"iter"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

const prefixRollout = "R#"

func rolloutKey(s tagalong.Service, k timeline.RolloutKey) key {
	return key{servicePK(s), prefixRollout + formatTime(k.Sort) + "#" + k.Deployment}
}

// historyIndex returns the keys under which a rollout is found by its environment.
func historyIndex(environment string, at ledger.RolloutCursor) (pk, sk string) {
	return "E#" + environment, strings.Join([]string{formatTime(at.Sort), at.Service.String(), at.Deployment}, "#")
}

// releaseIndex returns the keys under which a rollout is found by its release.
func releaseIndex(pipeline, execution string, at ledger.RolloutCursor) (pk, sk string) {
	_, sk = historyIndex("", at)
	return releasePK(pipeline, execution), sk
}

// rolloutItem is a rollout as the history shows it:
//
//	{
//	  "containers": [
//	    {
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "evidence": "revision",
//	      "imageTag": "build-42",
//	      "name": "checkout-api",
//	      "read": true,
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api"
//	    }
//	  ],
//	  "deployment": "ecs-svc/7330915268420174663",
//	  "environment": "prod",
//	  "finishSource": "event",
//	  "finishedAt": "2026-03-04T09:18:02.915Z",
//	  "gsi1pk": "E#prod",
//	  "gsi1sk": "2026-03-04T09:15:02.318Z#111122223333/us-east-1/prod-cluster/checkout-api#ecs-svc/7330915268420174663",
//	  "pk": "SVC#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "reason": "ECS deployment ecs-svc/7330915268420174663 completed.",
//	  "sk": "R#2026-03-04T09:15:02.318Z#ecs-svc/7330915268420174663",
//	  "startSource": "event",
//	  "startedAt": "2026-03-04T09:15:02.318Z",
//	  "state": "completed",
//	  "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2"
//	}
type rolloutItem struct {
	key
	indexed
	courseItem
	detailsItem
	Expires int64 `dynamodbav:"expires,omitempty"` // epoch seconds, the table's TTL
}

func toRollout(r ledger.Row) rolloutItem {
	i := rolloutItem{
		key:         rolloutKey(r.Service, timeline.RolloutKey{Sort: r.SortTime(), Deployment: r.Deployment}),
		courseItem:  toCourse(r.Rollout),
		detailsItem: toDetails(r.Details),
		Expires:     epoch(r.Expires),
	}
	i.GSI1PK, i.GSI1SK = historyIndex(r.Environment, r.At())
	if r.Release.Pipeline != "" {
		i.GSI2PK, i.GSI2SK = releaseIndex(r.Release.Pipeline, r.Release.Execution, r.At())
	}
	return i
}

func (i rolloutItem) row() (ledger.Row, error) {
	s, err := tagalong.ParseService(strings.TrimPrefix(i.PK, "SVC#"))
	return ledger.Row{Service: s, Rollout: i.rollout(), Details: i.details(), Expires: fromEpoch(i.Expires)}, err
}

// detailsItem is what is known of a rollout beside its course, in heads and the outbox, too.
type detailsItem struct {
	Environment    string          `dynamodbav:"environment,omitempty"`
	TaskDefinition string          `dynamodbav:"taskDefinition,omitempty"`
	Containers     []containerItem `dynamodbav:"containers,omitempty"`
	Moves          []moveItem      `dynamodbav:"moves,omitempty"`
}

func toDetails(d ledger.Details) detailsItem {
	return detailsItem{
		Environment:    d.Environment,
		TaskDefinition: d.TaskDefinition,
		Containers:     all(d.Containers, toContainer),
		Moves:          all(d.Moves, toMove),
	}
}

func (i detailsItem) details() ledger.Details {
	return ledger.Details{
		Environment:    i.Environment,
		TaskDefinition: i.TaskDefinition,
		Containers:     all(i.Containers, containerItem.container),
		Moves:          all(i.Moves, moveItem.move),
	}
}

// moveItem says when a running service came into another environment.
type moveItem struct {
	Environment string `dynamodbav:"environment"`
	At          string `dynamodbav:"at"`
}

func toMove(m ledger.Move) moveItem { return moveItem{m.Environment, formatTime(m.At)} }

func (i moveItem) move() ledger.Move {
	return ledger.Move{Environment: i.Environment, At: parseTime(i.At)}
}

// putRollout and dropRollout need no condition: the head guards a service's rollouts.
func putRollout(r ledger.Row) write { return put(toRollout(r)) }

func dropRollout(s tagalong.Service, k timeline.RolloutKey) write { return remove(rolloutKey(s, k)) }

// Details reads rollouts by their keys.
func (l *Ledger) Details(ctx context.Context, s tagalong.Service, keys []timeline.RolloutKey) (map[timeline.RolloutKey]ledger.Details, error) {
	wanted := map[string]timeline.RolloutKey{}
	for _, k := range keys {
		wanted[rolloutKey(s, k).SK] = k
	}
	found := l.get(ctx, all(keys, func(k timeline.RolloutKey) key { return rolloutKey(s, k) })...)
	details := map[timeline.RolloutKey]ledger.Details{}
	for row, err := range decoded(found, asStored[rolloutItem]) {
		if err != nil {
			return nil, err
		}
		details[wanted[row.SK]] = row.details()
	}
	return details, nil
}

// Rollouts reads a service's history backward.
func (l *Ledger) Rollouts(ctx context.Context, s tagalong.Service, span ledger.Span, hint int) iter.Seq2[ledger.Row, error] {
	q := query{pk: servicePK(s), backward: true, eventual: true, limit: page(hint)}
	return l.rollouts(ctx, q, prefixRollout, span, lastBehind(s, span.Behind))
}

// lastBehind returns the last sort key that a rollout of a service has behind a cursor,
// which may be another service's: then of the rollouts at that time all are behind
// it, or none.
func lastBehind(s tagalong.Service, at ledger.RolloutCursor) string {
	switch cmp.Compare(s.String(), at.Service.String()) {
	case -1:
		return prefixRollout + formatTime(at.Sort) + afterAll
	case +1:
		return justBefore(prefixRollout + formatTime(at.Sort))
	}
	return justBefore(rolloutKey(s, timeline.RolloutKey{Sort: at.Sort, Deployment: at.Deployment}).SK)
}

// EnvironmentRollouts reads an environment's history backward.
func (l *Ledger) EnvironmentRollouts(ctx context.Context, environment string, span ledger.Span, hint int) iter.Seq2[ledger.Row, error] {
	pk, behind := historyIndex(environment, span.Behind)
	return l.rollouts(ctx, query{index: "gsi1", pk: pk, backward: true, limit: page(hint)}, "", span, justBefore(behind))
}

// ReleaseRollouts reads the rollouts of an execution backward.
func (l *Ledger) ReleaseRollouts(ctx context.Context, pipeline, execution string, span ledger.Span, hint int) iter.Seq2[ledger.Row, error] {
	pk, behind := releaseIndex(pipeline, execution, span.Behind)
	return l.rollouts(ctx, query{index: "gsi2", pk: pk, backward: true, limit: page(hint)}, "", span, justBefore(behind))
}

// rollouts bounds a Query over rollouts: their sort keys are a prefix, the time and
// more. last is the last one behind the span's cursor, if it has one.
func (l *Ledger) rollouts(ctx context.Context, q query, prefix string, span ledger.Span, last string) iter.Seq2[ledger.Row, error] {
	q.from, q.to = prefix+cmp.Or(formatTime(ceil(span.Since)), beforeAll), prefix+afterAll
	if !span.Until.IsZero() {
		q.to = prefix + formatTime(ceil(span.Until)) // a sort key goes on behind the time, so those at Until are outside
	}
	if span.Behind != (ledger.RolloutCursor{}) {
		q.to = min(q.to, last)
	}
	return decoded(l.query(ctx, q), rolloutItem.row)
}
