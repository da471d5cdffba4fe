package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/marshal"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type inUseCommand struct {
	Previous   int    `default:"1" placeholder:"N" help:"The images of so many rollouts of each service that ran others before. Default: 1."`
	Format     string `enum:",lines,ecrm,cyclonedx" default:"" placeholder:"FORMAT" help:"lines: HOST/REPOSITORY@DIGEST, one a line. ecrm: the array of its --scanned-files and external_commands. cyclonedx: CycloneDX 1.6. Default: lines, or rows with -o json, -o csv or --wide."`
	Incomplete bool   `help:"Answer though the ledger does not know everything. Never delete by such a list."`
}

func (inUseCommand) Help() string {
	return `Examples:

  tagalong in-use
  tagalong in-use --previous 3 -o json
  tagalong in-use | xargs -n 1 trivy image
  tagalong in-use --format ecrm > in-use.json && ecrm delete --scanned-files in-use.json
  tagalong in-use --format cyclonedx > operations.cdx.json

It names every image that runs, rolls out or is in use otherwise, and those that a rollback would come back to; of an image of several platforms the index, too.

Such lists are used for deleting. So if the ledger may not know everything, nothing is printed, standard error says why, and the exit status is 1: no sweep has come to its end for two days, an account could not be looked at, a Region is not covered, a service runs that no rule matches, or the digest of something that runs is not known. What nobody watches is named on standard error each time.
`
}

func (c *inUseCommand) Run(s *session) error {
	if c.Previous < 0 || c.Previous > 100 {
		return usagef("--previous %d: want how many images, 0 to 100", c.Previous)
	}
	if c.Format != "" && s.out.format != "table" {
		return usagef("--format %s: want it without -o %s", c.Format, s.out.format)
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, reasons, err := q.InUse(s.ctx, query.InUseQuery{Previous: c.Previous, Incomplete: c.Incomplete}, query.Paging{})
	if incomplete, ok := errors.AsType[*query.IncompleteError](err); ok {
		return fmt.Errorf("%w: --incomplete answers all the same", incomplete)
	}
	if err != nil {
		return err
	}
	for _, reason := range reasons {
		fmt.Fprintf(s.stderr, "tagalong: the list is incomplete: %s\n", reason)
	}
	s.noteWatched(page.Watched)
	return c.print(s, page.Items)
}

func (c *inUseCommand) print(s *session, rows []query.InUseRow) error {
	switch {
	case c.Format == "ecrm":
		return marshal.JSON(s.out.w, references(rows))
	case c.Format == "cyclonedx":
		return writeCycloneDX(s.out.w, rows, s.now())
	case c.Format == "lines" || s.out.format == "table" && !s.out.wide:
		for _, reference := range references(rows) {
			if _, err := fmt.Fprintln(s.out.w, reference); err != nil {
				return err
			}
		}
		return nil
	}
	return render(s.out, rows, inUseColumns(), "No images in use")
}

// references returns each image once, in order.
func references(rows []query.InUseRow) []string {
	all := []string{}
	for _, r := range rows {
		all = append(all, r.Reference())
	}
	slices.Sort(all)
	return slices.Compact(all)
}
