package page

import (
	"context"
	"slices"

	"github.com/opencontainers/go-digest"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// showImage is where an image runs and ran.
func showImage(ctx context.Context, q query.Queries, a asked) (shown, error) {
	text := a.get("image")
	if text == "" {
		return shown{}, badf("image missing: want a digest (sha256:…), REPOSITORY@DIGEST, REPOSITORY:TAG or REPOSITORY")
	}
	image, err := tagalong.ParseImageQuery(text)
	if err != nil {
		return shown{}, badRequest{err}
	}
	page, err := q.Where(ctx, image, query.Paging{Limit: perPage, Cursor: a.get("cursor")})
	if err != nil {
		return shown{}, err
	}
	return shown{
		title:   "Image " + titleOf(image),
		command: []string{"tagalong", "where", text},
		rows:    func(context.Context) (rows, error) { return list[query.WhereRow](page.Items), nil },
		body:    func(ctx context.Context) (node, error) { return a.image(ctx, q, image, page) },
	}, nil
}

// titleOf names an image as shortly as one can.
func titleOf(i tagalong.ImageQuery) string {
	switch {
	case i.Digest != "" && i.Repository != "":
		return i.Repository + " " + short(i.Digest)
	case i.Digest != "":
		return short(i.Digest)
	case i.Tag != "":
		return i.Repository + ":" + i.Tag
	}
	return i.Repository
}

func (a asked) image(ctx context.Context, q query.Queries, image tagalong.ImageQuery, page query.Page[query.WhereRow]) (node, error) {
	if len(page.Items) == 0 {
		return empty("It does not run, and never ran.", page.Watched), nil
	}
	about, err := aboutImage(ctx, q, page.Items, image.Digest == "" && image.Tag == "")
	if err != nil {
		return nil, err
	}
	a.sources = q.Sources(ctx, containersOf(about.rollouts))
	return g.Group{
		a.imageFacts(image, page.Items, about),
		about.note(),
		newChart(imageLanes(page.Items, image.Digest == "" && image.Tag == ""), a.moment()).show("Where it ran when"),
		h.H2(g.Text("Where it runs and ran")),
		a.intervals(page.Items),
		a.more(page.Next),
		h.H2(g.Text("Findings")),
		about.showFindings(a),
	}, nil
}

// What is looked through for the tags on an image and for what released it: so many tags
// at a time and in all, and so many rollouts of each of so many services.
const (
	tagsAtOnce   = 1000
	mostTags     = 10_000
	mostServices = 10
	mostRollouts = 50
)

// imageAnswer is what is known of an image beside where it runs and ran.
type imageAnswer struct {
	tags     []query.TagRow      // those that sit on it
	rollouts []ledger.HistoryRow // those that brought it, of the first services
	// Whether there are more tags and services than those that were looked at.
	moreTags, moreServices bool
	scanned                int // images of which these are the findings
	findings               []query.ImageFinding
	ofAll                  bool // whether they are of a whole repository: of what is in use of it
}

// scannedIn returns the digests whose findings are shown: of a whole repository those that
// are in use, since it may have had hundreds.
func scannedIn(places []query.WhereRow, all bool) []digest.Digest {
	digests := distinct(places, func(w query.WhereRow) digest.Digest {
		if all && w.Phase == ledger.PhaseEnded {
			return ""
		}
		return w.Digest
	})
	return slices.DeleteFunc(digests, func(d digest.Digest) bool { return d == "" })
}

func (about *imageAnswer) readFindings(ctx context.Context, q query.Queries, images []digest.Digest) (err error) {
	about.scanned = len(images)
	about.findings, err = q.FindingsIn(ctx, images)
	return err
}

func (about imageAnswer) showFindings(a asked) node {
	if about.scanned == 0 {
		return h.P(h.Class("note calm"), g.Text("No image on this page is in use: of one that was, see its own page."))
	}
	return g.Group{g.If(about.ofAll, h.P(h.Class("lead"), g.Text("Of the images on this page that are in use."))), a.findings(about.findings)}
}

func aboutImage(ctx context.Context, q query.Queries, places []query.WhereRow, all bool) (about imageAnswer, err error) {
	about.ofAll = all
	err = parallel.All(
		func() error { return about.readFindings(ctx, q, scannedIn(places, all)) },
		func() (err error) {
			about.tags, about.moreTags, err = tagsOn(ctx, q, places)
			return err
		},
		func() (err error) {
			services := servicesOfPlaces(places)
			about.moreServices = len(services) > mostServices
			about.rollouts, err = rolloutsOf(ctx, q, services[:min(mostServices, len(services))], places)
			return err
		},
	)
	return about, err
}

// tagsOn reads which tags sit on the digests of rows, and whether there are more tags
// than it looked at.
func tagsOn(ctx context.Context, q query.Queries, places []query.WhereRow) (tags []query.TagRow, more bool, err error) {
	cursor := ""
	for looked := 0; looked < mostTags; looked += tagsAtOnce {
		page, err := q.Tags(ctx, query.TagsQuery{}, query.Paging{Limit: tagsAtOnce, Cursor: cursor})
		if err != nil {
			return nil, false, err
		}
		tags = append(tags, slices.DeleteFunc(page.Items, func(t query.TagRow) bool { return !sitsOn(t, places) })...)
		if cursor = page.Next; cursor == "" {
			return tags, false, nil
		}
	}
	return tags, true, nil
}

func sitsOn(t query.TagRow, places []query.WhereRow) bool {
	return slices.ContainsFunc(places, func(w query.WhereRow) bool {
		return w.Repository == t.Repository && w.Registry == t.Registry && t.Actual != "" && (t.Actual == w.Digest || t.Actual == w.Index)
	})
}

func servicesOfPlaces(places []query.WhereRow) (order []tagalong.Service) {
	for _, w := range places {
		if w.Kind != tagalong.KindService {
			continue // standalone tasks have no rollouts
		}
		s := tagalong.Service{Account: w.Account, Region: w.Region, Cluster: w.Cluster, Name: w.Service}
		if !slices.Contains(order, s) {
			order = append(order, s)
		}
	}
	return order
}

// rolloutsOf reads the rollouts of services that put an image in place.
func rolloutsOf(ctx context.Context, q query.Queries, services []tagalong.Service, places []query.WhereRow) ([]ledger.HistoryRow, error) {
	found := make([][]ledger.HistoryRow, len(services))
	err := parallel.Try(ctx, len(services), parallel.Limit, func(ctx context.Context, i int) error {
		page, err := q.History(ctx, query.HistoryQuery{Service: services[i]}, query.Paging{Limit: mostRollouts})
		for at, r := range page.Items {
			if (r.Release.Commit != "" || r.Release.Execution != "") && brings(r, page.Items[at+1:], places) {
				found[i] = append(found[i], r)
			}
		}
		return err
	})
	return slices.Concat(found...), err
}

// brings reports whether a rollout brings one of the images: in the container of the
// service's own name, or in one that had another image in the rollout before it, the first
// of those given. A sidecar that stays is not brought by each release.
func brings(r ledger.HistoryRow, before []ledger.HistoryRow, places []query.WhereRow) bool {
	return slices.ContainsFunc(r.Containers, func(c ledger.HistoryContainer) bool {
		meant := slices.ContainsFunc(places, func(w query.WhereRow) bool { return w.Digest == c.Digest && w.Repository == c.Repository })
		return meant && (c.Container == r.Service || len(before) == 0 || !has(before[0], c))
	})
}

// has reports whether a rollout has a container with the same image.
func has(r ledger.HistoryRow, c ledger.HistoryContainer) bool {
	return slices.ContainsFunc(r.Containers, func(other ledger.HistoryContainer) bool {
		return other.Container == c.Container && other.Digest == c.Digest
	})
}

// note says what was not looked at.
func (about imageAnswer) note() node {
	return g.Group{
		g.If(about.moreTags, h.P(h.Class("dim"), g.Textf("The ledger has more tags: only the first %d were looked through for those on this image.", mostTags))),
		g.If(about.moreServices, h.P(h.Class("dim"), g.Textf("Releases were looked for in the rollouts of the first %d services alone.", mostServices))),
	}
}

func (a asked) imageFacts(image tagalong.ImageQuery, places []query.WhereRow, about imageAnswer) node {
	digests := distinct(places, func(w query.WhereRow) string { return w.Digest.String() })
	indexes := slices.DeleteFunc(distinct(places, func(w query.WhereRow) string { return w.Index.String() }), func(d string) bool { return d == "" })
	var tagNames []string
	for _, t := range about.tags {
		tagNames = append(tagNames, t.Repository+":"+t.Tag)
	}
	slices.Sort(tagNames)
	facts := []fact{
		{"Repository", texts(distinct(places, func(w query.WhereRow) string { return imageName(w.Registry, w.Repository, "") }))},
	}
	if image.Digest != "" || image.Tag != "" {
		facts = append(facts, fact{"Digest as it ran", codes(digests)}, fact{"Index that holds it", codes(indexes)})
	}
	facts = append(facts,
		fact{"Tags of Tagalong on it now", texts(slices.Compact(tagNames))},
		fact{"Released by", a.releasesOf(about.rollouts)},
	)
	return definitions(facts)
}

func (a asked) releasesOf(rollouts []ledger.HistoryRow) []node {
	seen := map[tagalong.Release]bool{}
	var all []node
	for _, r := range rollouts {
		one := tagalong.Release{Pipeline: r.Release.Pipeline, Execution: r.Release.Execution, Commit: r.Release.Commit}
		if !seen[one] {
			seen[one] = true
			all = append(all, a.releaseOf(one, a.sourceOf(r)))
		}
	}
	return all
}

// fact is something that is known of what a page is about.
type fact struct {
	name   string
	values []node
}

func texts(all []string) (nodes []node) {
	for _, t := range all {
		nodes = append(nodes, g.Text(t))
	}
	return nodes
}

func codes(all []string) (nodes []node) {
	for _, t := range all {
		nodes = append(nodes, h.Code(g.Text(t)))
	}
	return nodes
}

// definitions shows facts; those of which nothing is known are left out.
func definitions(facts []fact) node {
	return h.Dl(g.Map(facts, func(f fact) node {
		if len(f.values) == 0 {
			return nil
		}
		return h.Div(h.Dt(g.Text(f.name)), g.Map(f.values, func(v node) node { return h.Dd(v) }))
	}))
}

// imageLanes are one line for each environment; of a whole repository, whose images may
// run beside each other, one for each service.
func imageLanes(places []query.WhereRow, all bool) []lane {
	lanes, colors := map[string]*lane{}, palette{}
	for _, w := range slices.Backward(places) {
		name := w.Environment
		if all {
			name += " · " + w.Cluster + "/" + w.Service + " · " + w.Container
		}
		if lanes[name] == nil {
			lanes[name] = &lane{name: name}
		}
		if w.Since == nil {
			continue
		}
		class, words := colors.class(target(w.Index, w.Digest)), version("", w.Digest)
		if string(w.Phase) == "rolling_out" {
			class, words = "go", "rolling out "+words
		}
		lanes[name].bars = append(lanes[name].bars, bar{*w.Since, timeOr(w.Until), class, words})
	}
	var sorted []lane
	for _, name := range sortedKeys(lanes) {
		sorted = append(sorted, *lanes[name])
	}
	return sorted
}

func sortedKeys[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// user is what runs an image: standalone tasks have no page of their own.
func (a asked) user(w query.WhereRow) node {
	if w.Kind != tagalong.KindService {
		return g.Group{breakable(w.Service), g.Text(" "), badge(string(w.Kind))}
	}
	return h.A(h.Href(a.href("service", "service", w.Cluster+"/"+w.Service, "env", w.Environment)), breakable(w.Service))
}

func (a asked) intervals(all []query.WhereRow) node {
	return scrolled("Where it runs and ran", h.Table(h.Class("rows"),
		h.Caption(h.Class("hide"), g.Text("Where it runs and ran, newest first")),
		h.THead(h.Tr(head("Environment"), head("Service"), head("Container"), head("Phase"), head("Since (UTC)"), head("Until (UTC)"), head("Digest"), head("Known by"))),
		h.TBody(g.Map(all, func(w query.WhereRow) node {
			return h.Tr(
				h.Th(h.Scope("row"), g.Text(w.Environment)),
				h.Td(a.user(w), placed(w.Cluster, w.Region, w.Account)),
				h.Td(breakable(w.Container)),
				h.Td(badge(string(w.Phase))),
				h.Td(clock(w.Since)),
				h.Td(g.If(w.Until == nil, g.Text("–")), g.If(w.Until != nil, clock(w.Until))),
				h.Td(h.A(h.Class("mono"), h.Href(a.href("image", "image", imageName(w.Registry, w.Repository, w.Digest.String()))), g.Text(version("", w.Digest)))),
				h.Td(evidence(w.Evidence)),
			)
		})),
	))
}
