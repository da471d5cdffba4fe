package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// wrong returns all that is not as it should be, from what the year itself knows.
func (y *year) wrong(ctx context.Context) []string {
	return slices.Concat(y.harm, y.wrongRunning(ctx), y.wrongTags(ctx), y.wrongHistory(ctx), y.wrongWhere(ctx))
}

// runs is what a service runs, and what should be tagged of it.
type runs struct {
	*observedService
	deployment string
}

// running returns what the services run in fact; those of which ECS itself cannot tell
// any more are left out.
func (y *year) running() (all map[tagalong.Service]runs, unreported map[tagalong.Service]bool) {
	all, unreported = map[tagalong.Service]runs{}, map[tagalong.Service]bool{}
	running := y.inventory.Running()
	for _, t := range y.services {
		if id := running[t.service]; id != "" {
			all[t.service] = runs{t, id}
			unreported[t.service] = !y.inventory.Shows(t.service, id)
		}
	}
	return all, unreported
}

// wrongRunning compares the answer to what runs with what runs.
func (y *year) wrongRunning(ctx context.Context) (wrong []string) {
	page, err := query.Queries{Records: y.ledger}.Running(ctx, query.RunningQuery{}, query.Paging{})
	if err != nil {
		return []string{err.Error()}
	}
	left, unreported := y.running()
	for _, row := range page.Items {
		s := tagalong.Service{Account: row.Account, Region: row.Region, Cluster: row.Cluster, Name: row.Service}
		if row.Container != "app" {
			if row.TagState != ledger.TagForeign {
				wrong = append(wrong, fmt.Sprintf("%s's %s is %s", s, row.Container, row.TagState))
			}
			continue
		}
		is, runs := left[s]
		delete(left, s)
		if unreported[s] {
			continue
		}
		tagged := row.Index
		if tagged == "" {
			tagged = row.Digest
		}
		if !runs || row.Deployment != is.deployment || tagged != y.images[is.deployment] {
			wrong = append(wrong, fmt.Sprintf("%s runs %q, the ledger says %s with %s", s, is.deployment, row.Deployment, tagged))
		}
	}
	for s, is := range left {
		if !unreported[s] {
			wrong = append(wrong, fmt.Sprintf("%s runs %s, the ledger says nothing", s, is.deployment))
		}
	}
	return wrong
}

// wrongTags works out from what runs where each tag should be, and asks the registry.
func (y *year) wrongTags(ctx context.Context) (wrong []string) {
	type wish struct {
		digest     digest.Digest
		at         time.Time
		unreported bool
	}
	wishes := map[tagalong.TagID]wish{}
	all, unreported := y.running()
	for s, is := range all {
		environment := y.environment(is.observedService)
		if environment == "dev" && s.Account == otherAccount {
			continue // no rule lets it move tags in our registry
		}
		names := []string{environment}
		if environment == "prod" {
			names = append(names, "prod-"+s.Cluster)
		}
		for _, name := range names {
			id := tagalong.TagID{Repository: is.repository, Tag: name}
			if held := wishes[id]; is.completed.After(held.at) {
				wishes[id] = wish{y.images[is.deployment], is.completed, held.unreported || unreported[s]}
			}
		}
	}
	for id, digest := range y.pushed {
		if held, runs := wishes[id]; runs {
			held.digest = digest // wherever the service was deployed from it last
			wishes[id] = held
		}
	}
	for id, wish := range wishes {
		if sits := y.registry.Tags(id.Repository)[id.Tag]; sits != wish.digest && !wish.unreported {
			wrong = append(wrong, fmt.Sprintf("tag %s sits on %q, should on %s", id, sits, wish.digest))
		}
	}
	page, err := query.Queries{Records: y.ledger, Registry: y.registry}.Tags(ctx, query.TagsQuery{Check: true}, query.Paging{})
	if err != nil {
		return append(wrong, err.Error())
	}
	for _, row := range page.Items {
		id := tagalong.TagID{Repository: tagalong.Repository{Registry: row.Registry, Name: row.Repository}, Tag: row.Tag}
		want, at := ledger.TagConfirmed, row.Digest
		if pushed, read := y.pushed[id]; read {
			want, at = ledger.TagInput, pushed
		}
		if row.State != want || row.Actual != at {
			wrong = append(wrong, fmt.Sprintf("tag %s/%s:%s is %s on %q, wished on %s", row.Registry, row.Repository, row.Tag, row.State, row.Actual, row.Digest))
		}
	}
	return wrong
}

// wrongHistory asks for a row of each rollout that ECS remembers, and for no others.
func (y *year) wrongHistory(ctx context.Context) (wrong []string) {
	for _, t := range y.services {
		var rows []ledger.Row
		for row, err := range y.ledger.Rollouts(ctx, t.service, ledger.Span{}, 0) {
			if err != nil {
				return append(wrong, err.Error())
			}
			rows = append(rows, row)
		}
		for _, missing := range y.inventory.Unrecorded(t.service, rows) {
			wrong = append(wrong, fmt.Sprintf("of %s the history lacks %s", t.service, missing))
		}
		for _, invented := range y.inventory.Invented(t.service, rows) {
			wrong = append(wrong, fmt.Sprintf("of %s %s", t.service, invented))
		}
	}
	return wrong
}

// wrongWhere asks for an interval of each rollout that never completed, as ECS remembers
// it: it may have served. No two rollouts of a service start at once, so that the time
// tells which it is; that a platform's digest is an index's is known once one completed.
func (y *year) wrongWhere(ctx context.Context) (wrong []string) {
	places := map[tagalong.Repository][]query.WhereRow{}
	for _, t := range y.services {
		if places[t.repository] == nil {
			page, err := query.Queries{Records: y.ledger}.Where(ctx, tagalong.ImageQuery{Registry: t.repository.Registry, Repository: t.repository.Name}, query.Paging{})
			if _, unknown := errors.AsType[*tagalong.UnknownNameError](err); err != nil && !unknown { // each event of it may be lost
				return append(wrong, err.Error())
			}
			places[t.repository] = page.Items
		}
		for _, r := range y.inventory.Unfinished(t.service) {
			if !slices.ContainsFunc(places[t.repository], func(p query.WhereRow) bool {
				own := p.Service == t.service.Name && p.Cluster == t.service.Cluster && p.Account == t.service.Account
				longEnough := p.Until == nil || p.Until.After(r.FinishedAt.Add(-time.Second)) // its tasks may have drained
				return own && longEnough && (p.Since == nil || p.Since.Sub(r.StartedAt).Abs() <= time.Second)
			}) {
				wrong = append(wrong, fmt.Sprintf("%s served from %v to %v in %s, and nothing says so", r.Deployment, r.StartedAt, r.FinishedAt, t.service))
			}
		}
	}
	return wrong
}
