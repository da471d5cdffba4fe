package tagalongtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// Dump returns what the ledger says, an item a line, sorted: for comparing end
// states that were reached in different ways. Left out is what depends on the
// way: versions, the times at which the ledger itself wrote or read something,
// and the head's window.
func (l *Ledger) Dump() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	add := func(kind, key string, item any) {
		text, err := json.Marshal(item)
		if err != nil {
			panic(fmt.Sprintf("dumping %s %s: %v", kind, key, err))
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", kind, key, text))
	}
	for s, of := range l.services {
		add("head", s.String(), visibleHead(of.head))
		if !of.head.Rest.None() {
			add("rest", s.String(), of.head.Rest)
		}
		for key, fact := range of.facts {
			fact.RecordedAt = time.Time{}
			add("fact", fmt.Sprintf("%s %s", s, stamp(time.UnixMilli(key.at))), fact)
		}
		for key, row := range of.rows {
			add("rollout", fmt.Sprintf("%s %s %s", s, stamp(key.Sort), key.Deployment), row)
		}
	}
	for key, running := range l.running {
		add("member", key.environment+" "+key.service.String(), running)
	}
	for key, gone := range l.past {
		add("gone", key.environment+" "+key.service.String(), gone)
	}
	for _, named := range l.placements {
		for key, placement := range named {
			add("placement", fmt.Sprintf("%s %s#%s", key.repository, key.service, key.container), placement)
		}
	}
	for s, of := range l.unmanaged {
		of.Version = ""
		add("unmanaged", s.String(), of)
	}
	for of, family := range l.families {
		family.Version = ""
		add("family", of.String(), family)
	}
	for key, previous := range l.previous {
		add("previous", fmt.Sprintf("%s %s#%s", key.repository, key.service, key.container), previous)
	}
	for id, tag := range l.tags {
		if best, ok := ledger.NewestClaim(l.claimsOn(id.Repository), id); ok && tag.Shared && best.Stands(tag.Wish) && !tag.Wish.Newer(best) {
			tag.Wish = best // a further claim of the same digest leaves the wish as old as it is
		}
		tag.Version, tag.Claims, tag.Shared = "", "", false
		tag.Since, tag.CheckedAt, tag.DoubtUntil = time.Time{}, time.Time{}, time.Time{}
		add("tag", id.String(), tag)
	}
	for id, promotion := range l.promotions {
		add("promotion", id.String(), promotion)
	}
	for key, release := range l.releases {
		add("release", key.pipeline+"/"+key.execution, release.ReleaseRecord)
	}
	for child := range l.children {
		add("child", child.Digest.String(), child)
	}
	for s, environments := range l.listed {
		add("service", s.String(), slices.Sorted(maps.Keys(environments)))
	}
	for key, finished := range l.finished {
		finished.RecordedAt = time.Time{}
		add("ending", fmt.Sprintf("%s %s", key.service, key.Deployment), finished)
	}
	for name := range l.names {
		add("environment", name, name)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// visibleHead keeps of a head what must not depend on the order of events.
func visibleHead(h ledger.Head) ledger.Head {
	claims := slices.Clone(h.Claims)
	slices.SortFunc(claims, compareClaims)
	return ledger.Head{
		Environment:   h.Environment,
		Running:       h.Running,
		Claims:        claims,
		Previous:      h.Previous,
		Continues:     h.Continues,
		CompleteSince: h.CompleteSince,
	}
}
