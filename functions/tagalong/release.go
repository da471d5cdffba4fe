package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tagalong-aws/tagalong/functions/internal/marshal"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type releaseCommand struct {
	Release string `arg:"" name:"release" help:"PIPELINE/EXECUTION or EXECUTION: the id of an execution or its first 7 characters, and the name of its pipeline."`
}

func (releaseCommand) Help() string {
	return `Examples:

  tagalong release checkout-release/3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38
  tagalong release 3f0c8a5 --wide
  tagalong release "$PIPELINE/$EXECUTION" -o json | jq -r '.items[].containers[].digest' | sort -u

The id is in CodePipeline's console, in tagalong releases and in the JSON of all rollouts. A table says first what the execution was: its sources and trigger, what became of its stages, and the tags that its jobs put on images. JSON is what the same question has over HTTP: .release says what it was, .items are its rollouts. CSV has the rollouts alone.
`
}

func (c *releaseCommand) Run(s *session) error {
	wanted, err := query.ParseReleaseQuery(c.Release)
	if err != nil {
		return usageError{err}
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.Release(s.ctx, wanted, query.Paging{})
	if err != nil {
		return err
	}
	s.noteWatched(page.Watched)
	if s.out.format == "json" {
		return marshal.Object(s.stdout, page)
	}
	if s.out.format == "table" {
		if err := renderTable(s.out, s.view().release(page.Release), traitColumns(c.Release)); err != nil {
			return err
		}
		fmt.Fprintln(s.stdout)
	}
	return render(s.out, page.Items, shippedColumns(s.view()), "No rollouts of this release")
}

// trait is one thing that is known of a release, in lines.
type trait struct {
	name  string
	lines []string
}

// release says what an execution was.
func (v view) release(r query.ReleaseFacts) []trait {
	traits := []trait{
		{"source", v.revisions(r.Revisions)},
		{"trigger", []string{strings.Trim(r.Trigger+", "+r.TriggeredBy, ", ")}},
		{"stages", v.stages(r.Stages)},
	}
	if r.Rollback {
		traits = append(traits, trait{"rollback", []string{"to the sources of " + orDash(r.RollbackOf)}})
	}
	if len(r.Promotions) > 0 {
		traits = append(traits, trait{"promoted", v.promotions(r.Promotions)})
	}
	if v.wide {
		traits = append([]trait{{"account", []string{orDash(r.Account)}}, {"region", []string{orDash(r.Region)}}}, traits...)
	}
	return traits
}

func (v view) revisions(revisions []query.ReleaseRevision) []string {
	var rows [][]string
	for _, r := range revisions {
		summary, _, _ := strings.Cut(r.Summary, "\n")
		row := []string{r.Name, v.revision(r.ID), summary}
		if v.wide {
			row = append(row, r.URL)
		}
		rows = append(rows, row)
	}
	return aligned(rows)
}

func (v view) stages(stages []query.ReleaseStage) []string {
	var rows [][]string
	for _, s := range stages {
		again := ""
		if s.Attempt > 1 {
			again = fmt.Sprintf("attempt %d", s.Attempt)
		}
		rows = append(rows, []string{s.Stage, s.State, v.time(s.At), again})
	}
	return aligned(rows)
}

func (v view) promotions(promotions []query.ReleasePromotion) []string {
	var rows [][]string
	for _, p := range promotions {
		rows = append(rows, []string{v.image(p.Registry, p.Repository, p.Tag), v.digest(p.Digest), v.time(p.At), "in stage " + orDash(p.Stage)})
	}
	return aligned(rows)
}

// aligned makes a line of each row, with the cells of a column below each other.
func aligned(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var texts []string
	for _, row := range rows {
		text := ""
		for i, cell := range row {
			text += fmt.Sprintf("%-*s  ", widths[i], cell)
		}
		texts = append(texts, strings.TrimRight(text, " "))
	}
	return texts
}
