package questions_test

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// livesOf sums up where a digest ran, for each repository and environment: what runs there
// since when the first of it does, else what rolls out, else what drains, else when the last
// of it ended.
func (o oracle) livesOf(d digest.Digest) []query.FindRow {
	lives := map[string]query.FindRow{}
	order := map[string]int{"running": 0, "rolling_out": 1, "draining": 2, "ended": 3}
	for _, r := range o.where(looked{digest: d}).rows {
		name := r.Registry + "/" + r.Repository + "@" + d.String()
		key := name + " " + r.Environment
		row, known := lives[key]
		phase := string(r.Phase)
		switch {
		case !known || order[phase] < order[row.Phase]:
			row = query.FindRow{Found: tagalong.DigestName, Name: name, Environment: r.Environment, Phase: phase, Since: r.Since, Until: r.Until}
		case order[phase] > order[row.Phase]:
			continue
		case r.Since == nil || row.Since != nil && r.Since.Before(*row.Since):
			row.Since = r.Since // unknown if that of one is
		}
		if row.Until != nil && r.Until.After(*row.Until) {
			row.Until = r.Until
		}
		row.Services = append(row.Services, r.Cluster+"/"+r.Service)
		row.Images = append(row.Images, r.Registry+"/"+r.Repository+"@"+r.Digest.String())
		lives[key] = row
	}
	rows := []query.FindRow{}
	for _, row := range lives {
		row.Services, row.Images = slices.Compact(slices.Sorted(slices.Values(row.Services))), slices.Compact(slices.Sorted(slices.Values(row.Images)))
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b query.FindRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Environment, b.Environment))
	})
	return rows
}

// findsBeginnings asks by the first digits of a digest what it asks by the whole one. Of a
// digest that some container reported, or that is of an index which one did, nobody may say
// that it is not known.
func (i inquiry) findsBeginnings() {
	d := digest.Digest(i.digest())
	beginning := d.Encoded()[:rapid.IntRange(tagalong.LeastShort, len(d.Encoded())).Draw(i.T, "digits")]
	named := i.reported(d)
	image, err := tagalong.ParseImageQuery(beginning)
	if err != nil {
		i.Fatalf("%v", err)
	}
	if named {
		pages(i, "where is "+beginning, i.where(looked{digest: d}), func(p query.Paging) (query.Page[query.WhereRow], error) { return i.Where(i.Context(), image, p) })
	} else if _, err := i.Where(i.Context(), image, query.Paging{}); !errors.As(err, new(*tagalong.UnknownNameError)) {
		i.Fatalf("where is %s, which nobody ran: %v\n%s", beginning, err, i.story)
	}
	page, err := i.Find(i.Context(), query.FindQuery(beginning), query.Paging{})
	if unknown := errors.As(err, new(*tagalong.UnknownNameError)); unknown == named || err != nil && !unknown {
		i.Fatalf("find %s, reported %t: %v\n%s", beginning, named, err, i.story)
	}
	alive := slices.DeleteFunc(slices.Clone(page.Items), func(r query.FindRow) bool { return r.Environment == "" })
	if diff := gocmp.Diff(i.livesOf(d), alive); named && diff != "" {
		i.Fatalf("find %s (-facts say +ledger says):\n%s\n%s", beginning, diff, i.story)
	}
}

// reported reports whether a rollout that the ledger was told of has the digest, or the
// index that was proven to hold it.
func (i inquiry) reported(d digest.Digest) bool {
	return slices.ContainsFunc(i.rollouts, func(r rollout) bool {
		return slices.ContainsFunc(r.containers, func(c made) bool { return c.digest == d || c.index == d || i.knownToHold(c.target(), d) })
	})
}

// findsServices asks for services by their names.
func (i inquiry) findsServices() {
	for s := range maps.Keys(i.facts()) {
		page, err := i.Find(i.Context(), query.FindQuery(s.Cluster+"/"+s.Name), query.Paging{})
		if err != nil || !slices.ContainsFunc(page.Items, func(r query.FindRow) bool {
			return r.Found == tagalong.ServiceName && r.Name == s.String()
		}) {
			i.Fatalf("find %s: %v, %v\n%s", s, page.Items, err, i.story)
		}
	}
}
