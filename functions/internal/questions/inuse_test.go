package questions_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// inUse names what must not be lost: whatever has not ended, and of each service of it the
// images of so many completed rollouts that had others, and each its own.
func (o oracle) inUse(previous int) (all []string) {
	set := map[string]bool{}
	add := func(phase, environment string, s tagalong.Service, c made) {
		for _, d := range []digest.Digest{c.digest, c.index} {
			if d != "" && c.repository.Name != "" {
				set[fmt.Sprintf("%s@%s %s %s %s %s", c.repository, d, phase, environment, s, c.name)] = true
			}
		}
	}
	open := map[tagalong.Service][]made{}
	for _, i := range o.intervals() {
		if !i.until.IsZero() || i.phase == "ended" {
			continue
		}
		add(string(i.phase), i.environment, i.service, i.made)
		open[i.service] = append(open[i.service], i.made)
	}
	for _, r := range o.rollouts { // what runs may have no image that anybody can name
		if r.shown() && open[r.service] == nil {
			open[r.service] = []made{}
		}
	}
	for s, images := range open {
		var before [][]string
		for _, r := range o.rollouts {
			if r.service != s || r.state != timeline.StateCompleted || r.until.IsZero() {
				continue
			}
			var others []made
			for _, c := range r.containers {
				if c.digest != "" && c.repository.Name != "" && !hasImage(images, c) {
					others = append(others, c)
				}
			}
			set := imagesOf(others)
			if len(set) == 0 || len(before) == previous || slices.ContainsFunc(before, func(b []string) bool { return slices.Equal(b, set) }) {
				continue
			}
			before = append(before, set)
			for _, c := range others {
				add(query.PhasePrevious, r.environment, s, c)
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func hasImage(all []made, c made) bool {
	return slices.ContainsFunc(all, func(o made) bool { return o.repository == c.repository && o.target() == c.target() })
}

func imagesOf(all []made) (texts []string) {
	for _, c := range all {
		texts = append(texts, fmt.Sprint(c.name, c.repository, c.target()))
	}
	slices.Sort(texts)
	return texts
}

// imagesInUse compares them, and asks whether the ledger is said to be incomplete.
func (i inquiry) imagesInUse() {
	previous := rapid.IntRange(0, 3).Draw(i.T, "previous")
	wanted := query.InUseQuery{Previous: previous, Incomplete: true}
	page, reasons, err := i.InUse(i.Context(), wanted, query.Paging{})
	if err != nil {
		i.Fatalf("in use: %v\n%s", err, i.story)
	}
	got := []string{}
	for _, r := range page.Items {
		s := tagalong.Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}
		got = append(got, fmt.Sprintf("%s %s %s %s %s", r.Reference(), r.Phase, r.Environment, s, r.Container))
	}
	slices.Sort(got)
	if diff := cmp.Diff(append([]string{}, i.inUse(previous)...), got); diff != "" {
		i.Fatalf("in use, %d previous (-facts say +ledger says):\n%s\n%s", previous, diff, i.story)
	}
	_, _, err = i.InUse(i.Context(), query.InUseQuery{Previous: previous}, query.Paging{})
	if incomplete := new(query.IncompleteError); !errors.As(err, &incomplete) || !slices.Contains(reasons, "no sweep of everything has come to its end yet") {
		i.Fatalf("in use of a ledger that nobody swept: %v, %v\n%s", err, reasons, i.story)
	}
	unknown := slices.ContainsFunc(i.intervals(), func(v interval) bool { return v.until.IsZero() && v.phase != "ended" && v.digest == "" })
	if said := slices.ContainsFunc(reasons, func(r string) bool { return strings.HasPrefix(r, "the digest of container ") }); unknown && !said {
		i.Fatalf("in use: a digest is not known, and %v\n%s", reasons, i.story)
	}
}
