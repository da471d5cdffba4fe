package page

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// showTags is the desired tags, and how each stands.
func showTags(ctx context.Context, q query.Queries, a asked) (shown, error) {
	known, err := environmentsOf(ctx, q)
	if err != nil {
		return shown{}, err
	}
	if _, err := a.environments(known); err != nil {
		return shown{}, err
	}
	find := func(ctx context.Context) (query.Page[query.TagRow], error) { return a.someTags(ctx, q) }
	return shown{
		title:   "Tags",
		command: []string{"tagalong", "tags"},
		rows: func(ctx context.Context) (rows, error) {
			page, err := find(ctx)
			return list[query.TagRow](page.Items), err
		},
		body: func(ctx context.Context) (node, error) {
			page, err := find(ctx)
			if err != nil {
				return nil, err
			}
			return a.tags(known, page), nil
		},
	}, nil
}

// someTags reads a page of those that the filters let through. It goes on until it is full,
// but looks through no more than mostTags: behind those there may be more.
func (a asked) someTags(ctx context.Context, q query.Queries) (some query.Page[query.TagRow], err error) {
	cursor, wanted := a.get("cursor"), query.TagsQuery{}
	if all := a.values["env"]; len(all) == 1 {
		wanted.Environment = all[0]
	}
	for looked := 0; len(some.Items) < perPage && looked < mostTags; looked += perPage {
		page, err := q.Tags(ctx, wanted, query.Paging{Limit: perPage, Cursor: cursor})
		if err != nil {
			return some, err
		}
		some.Items = append(some.Items, slices.DeleteFunc(page.Items, a.leavesOutTag)...)
		some.Next, some.Watched = page.Next, page.Watched
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return some, nil
}

func (a asked) leavesOutTag(t query.TagRow) bool {
	env, state, image := a.values["env"], a.get("state"), a.get("image")
	return len(env) > 0 && !slices.Contains(env, t.Environment) || state != "" && string(t.State) != state ||
		image != "" && !strings.Contains(t.Repository+":"+t.Tag+"@"+t.Digest.String()+" "+t.Actual.String(), image)
}

func (a asked) tags(known []string, page query.Page[query.TagRow]) node {
	return g.Group{
		h.P(h.Class("lead"), g.Text("The tag of an environment sits on the digest that is deployed there. Here is each, and where the ledger last saw it in ECR.")),
		h.Form(h.Class("filters"), h.Action("tags"), h.Method("get"), h.Role("search"), h.Aria("label", "Filters"),
			field("Environment", choice("env", a.get("env"), named(known))),
			field("Image", h.Input(h.Type("text"), h.Name("image"), h.Value(a.get("image")), h.Placeholder("part of its name"))),
			field("State", choice("state", a.get("state"), []option{{"confirmed", "confirmed"}, {"pending", "pending"}, {"blocked", "blocked"}, {"missing", "missing"}, {"input", "input"}})),
			h.Button(h.Type("submit"), g.Text("Show")),
		),
		a.tagTable(page.Items, noneOf(page.Next), page.Watched),
		a.more(page.Next),
	}
}

// noneOf says that no tag is like this, among those that were looked at.
func noneOf(next string) string {
	if next != "" {
		return fmt.Sprintf("None of the %d tags that were looked through is like this. There are more.", mostTags)
	}
	return "No tag is like this."
}

func (a asked) tagTable(all []query.TagRow, nothing, watched string) node {
	if len(all) == 0 {
		return empty(nothing, watched)
	}
	return scrolled("Tags", h.Table(h.Class("rows"),
		h.Caption(h.Class("hide"), g.Text("Tags")),
		h.THead(h.Tr(head("Tag"), head("Environment"), head("State"), head("Should be on"), head("Is on"), head("Since (UTC)"), head("What to do"))),
		h.TBody(g.Map(all, func(t query.TagRow) node {
			return h.Tr(
				h.Th(h.Scope("row"), breakable(t.Repository), g.Text(":"+t.Tag), h.Br(), h.Span(h.Class("dim"), g.Text(t.Registry))),
				h.Td(g.Text(cmp.Or(t.Environment, "none: a promotion"))),
				h.Td(badge(string(t.State))),
				h.Td(a.digestLink(t, t.Digest.String())),
				h.Td(g.If(t.Actual == "", g.Text("nothing")), g.If(t.Actual != "", a.digestLink(t, t.Actual.String())), g.If(t.Actual != "" && t.Actual != t.Digest, h.Span(h.Class("s warn"), g.Text(" another one")))),
				h.Td(clock(t.Since)),
				h.Td(h.Class("why"), g.Text(advice(t))),
			)
		})),
	))
}

func (a asked) digestLink(t query.TagRow, digest string) node {
	return h.A(h.Class("mono"), h.Href(a.href("image", "image", imageName(t.Registry, t.Repository, digest))), g.Text(clip(strings.TrimPrefix(digest, "sha256:"), 13)))
}

// advice is what to do about a tag.
func advice(t query.TagRow) string {
	todo := map[ledger.TagState]string{
		ledger.TagConfirmed: "Nothing.",
		ledger.TagPending:   "Nothing yet: it is being put, and the next sweep tries again.",
		ledger.TagBlocked:   "Let the repository's tags be moved, or give the environment's rule another tag, such as one with {time}.",
		ledger.TagMissing:   "Push the image again, or deploy another one: ECR has it no more, and a new task could not start.",
		ledger.TagMoved:     "Find out who moved it: CloudTrail has the PutImage. The next sweep puts it back.",
		ledger.TagInput:     "Nothing: deployments read it, so it is left alone. Give the rule another tag to have one that follows.",
	}[t.State]
	return strings.TrimSpace(cmp.Or(todo, "See the reason.") + " " + sentence(t.Reason))
}

func sentence(reason string) string {
	if reason == "" {
		return ""
	}
	return strings.ToUpper(reason[:1]) + reason[1:] + "."
}

// overdueAfter is when a rollout should long have ended.
const overdueAfter = time.Hour

// showDrift is what is not as it should be: tags that are elsewhere in ECR now, and
// rollouts that do not end.
func showDrift(ctx context.Context, q query.Queries, a asked) (shown, error) {
	known, err := environmentsOf(ctx, q)
	if err != nil {
		return shown{}, err
	}
	return shown{
		title:   "Drift",
		command: []string{"tagalong", "tags", "--check"},
		rows: func(ctx context.Context) (rows, error) {
			found, err := drifted(ctx, q, a.get("cursor"))
			return list[query.TagRow](found.tags), err
		},
		body: func(ctx context.Context) (node, error) {
			var (
				found  drift
				late   []ledger.HistoryRow
				unread error // of some repositories: the other rows are there
			)
			err := parallel.All(
				func() (err error) {
					found, err = drifted(ctx, q, a.get("cursor"))
					if found.known() {
						unread, err = err, nil
					}
					return err
				},
				func() (err error) {
					if a.get("cursor") != "" {
						return nil // the first page has them
					}
					late, err = overdue(ctx, q, known, a.now)
					return err
				},
			)
			if err != nil {
				return nil, err
			}
			found.late = late
			return a.drift(found, unread), unread
		},
	}, nil
}

// drift is what is not as it should be.
type drift struct {
	tags       []query.TagRow
	compared   int      // of all tags, those that ECR was asked for
	uncompared []string // the tags that it was not asked for, or did not answer for
	next       string   // of the tags behind those
	late       []ledger.HistoryRow
}

// comparedAtOnce is how many tags a page compares: each of their repositories is a call of
// ECR, which allows twenty a second.
const comparedAtOnce = 500

// known reports whether the ledger's tags were read.
func (d drift) known() bool { return d.compared+len(d.uncompared) > 0 }

// drifted compares a page of the tags with ECR. Its error beside tags is of repositories that could
// not be read.
func drifted(ctx context.Context, q query.Queries, cursor string) (d drift, err error) {
	page, err := q.Tags(ctx, query.TagsQuery{Check: true}, query.Paging{Limit: comparedAtOnce, Cursor: cursor})
	d.next = page.Next
	for _, t := range page.Items {
		if t.Compared {
			d.compared++
		} else {
			d.uncompared = append(d.uncompared, t.Repository+":"+t.Tag)
		}
		if !t.State.Settled() || t.Actual != t.Digest && t.State != ledger.TagInput {
			d.tags = append(d.tags, t)
		}
	}
	return d, err
}

func overdue(ctx context.Context, q query.Queries, environments []string, now time.Time) (late []ledger.HistoryRow, err error) {
	found := make([][]ledger.HistoryRow, len(environments))
	err = parallel.Try(ctx, len(environments), parallel.Limit, func(ctx context.Context, i int) error {
		page, err := q.History(ctx, query.HistoryQuery{Environment: environments[i]}, query.Paging{Limit: lately})
		found[i] = slices.DeleteFunc(page.Items, func(r ledger.HistoryRow) bool {
			return r.State != timeline.StateInProgress || now.Sub(startOf(r)) < overdueAfter
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return unexplained(ctx, q, slices.Concat(found...), now)
}

func rolledOutBy(r ledger.HistoryRow) tagalong.Service {
	return tagalong.Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}
}

// unexplained leaves out the rollouts that take long for a reason: as ECS showed them last
// they baked, or a hook held them, or their traffic was being shifted.
func unexplained(ctx context.Context, q query.Queries, late []ledger.HistoryRow, now time.Time) ([]ledger.HistoryRow, error) {
	if len(late) == 0 {
		return nil, nil
	}
	var services []tagalong.Service
	for _, r := range late {
		services = append(services, rolledOutBy(r))
	}
	progress, err := q.Records.Progress(ctx, services)
	return slices.DeleteFunc(late, func(r ledger.HistoryRow) bool {
		seen := progress[rolledOutBy(r)]
		return seen.IsOf(r.Deployment, startOf(r)) && seen.Explains(now, overdueAfter)
	}), err
}

func (a asked) drift(d drift, unread error) node {
	nothing := "No tag is elsewhere."
	if d.next != "" || a.get("cursor") != "" {
		nothing = "Of the tags of this page none is elsewhere."
	}
	if d.compared == 0 && d.known() {
		nothing = "No tag was compared with ECR."
	}
	return g.Group{
		h.P(h.Class("lead"), g.Text("What is not as the ledger says: tags as ECR has them now, and rollouts that should long have ended. What runs is compared with ECS by the sweep: "), h.Code(g.Text("tagalong sweep --dry-run")), g.Text(" prints that.")),
		g.If(unread != nil, problem([]string{"Not all repositories could be read in ECR: tags of those are shown as the ledger last saw them. The log says why."})),
		g.If(len(d.uncompared) > 0, h.P(h.Class("note"), g.Textf("%s not compared: of repositories that lie outside of what Tagalong was given, or that could not be read: %s.", counted(len(d.uncompared), "tag was", "tags were"), listed(d.uncompared)))),
		h.H2(g.Text("Tags")),
		a.tagTable(d.tags, nothing, counted(d.compared, "tag was", "tags were")+" compared with ECR."),
		g.If(d.next != "", h.P(h.Class("note"), g.Textf("There are more tags: this page has compared %d of them with ECR, the next one goes on.", d.compared))),
		a.more(d.next),
		g.If(a.get("cursor") == "", a.lateRollouts(d)),
	}
}

func (a asked) lateRollouts(d drift) node {
	return g.Group{
		h.H2(g.Text("Rollouts that do not end")),
		g.If(len(d.late) == 0, empty("None.", "Looked at the last rollouts of each environment, for those that began more than an hour ago.")),
		g.If(len(d.late) > 0, g.Group{h.P(g.Text("Look at their services in ECS: tasks may not start, or an alarm may wait. The sweep asks again every hour.")), a.rollouts(d.late)}),
	}
}
