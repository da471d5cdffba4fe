package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/tagalong-aws/tagalong/functions/internal/marshal"
)

// output is where and how to print.
type output struct {
	w      io.Writer
	format string // table, json or csv
	color  bool
	wide   bool
	width  int       // of the terminal that shows it, 0 if none does
	notes  io.Writer // what is to be said beside a table; nil: nobody hears it
}

// column is one column of a table: its head, and its text for a row.
type column[R any] struct {
	head string
	// typed says that the head is what the user typed, and stays as it is.
	typed bool
	cell  func(R) string
	// cells gives several lines instead of one.
	cells func(R) []string
	// detail columns are in wide tables alone.
	detail bool
	// plain leaves the column out of narrow tables in which every row says this.
	plain string
	// spare columns are left out where a terminal has no room for them.
	spare bool
}

// render prints rows as the user asked: a table of the columns, or every field
// as JSON or CSV. Instead of an empty table it says what there is none of.
func render[R any](out output, rows []R, columns []column[R], nothing string) error {
	switch out.format {
	case "json":
		return marshal.JSON(out.w, rows)
	case "csv":
		return marshal.CSV(out.w, rows)
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(out.w, nothing+".")
		return err
	}
	return renderTable(out, rows, shown(out, rows, columns))
}

// shown returns the columns that the table has: all of them if it is wide, else
// those that say something.
func shown[R any](out output, rows []R, columns []column[R]) []column[R] {
	if out.wide {
		return columns
	}
	var narrow []column[R]
	for _, c := range columns {
		if !c.detail && !c.says(rows, c.plain) {
			narrow = append(narrow, c)
		}
	}
	return narrow
}

// says reports whether every row says the same plain thing.
func (c column[R]) says(rows []R, plain string) bool {
	if plain == "" {
		return false
	}
	for _, row := range rows {
		if c.text(row) != plain {
			return false
		}
	}
	return true
}

// text returns the cell of a row, its lines one below the other.
func (c column[R]) text(row R) string {
	if c.cells == nil {
		return printable(c.cell(row))
	}
	var lines []string
	for _, line := range c.cells(row) {
		lines = append(lines, printable(line))
	}
	return orDash(strings.Join(lines, "\n"))
}

func (c column[R]) title() string {
	if c.typed {
		return printable(c.head)
	}
	return strings.ToUpper(c.head)
}

func renderTable[R any](out output, rows []R, columns []column[R]) error {
	cells := cellsOf(rows, columns).fit(out.width, spares(columns))
	w := out.w
	if out.color {
		w = raw(w)
	}
	if _, err := fmt.Fprintln(w, drawn(cells, out.color)); err != nil {
		return err
	}
	if cells.left != nil && out.notes != nil {
		fmt.Fprintf(out.notes, "tagalong: no room for %s: a wider terminal has it, or -o json\n", strings.Join(cells.left, ", "))
	}
	return nil
}

// cellsOf returns the heads and the cells of rows.
func cellsOf[R any](rows []R, columns []column[R]) grid {
	cells := make(grid, 1+len(rows))
	for _, c := range columns {
		cells[0] = append(cells[0], c.title())
		for i, row := range rows {
			cells[i+1] = append(cells[i+1], c.text(row))
		}
	}
	return cells
}

func spares[R any](columns []column[R]) (spare []bool) {
	for _, c := range columns {
		spare = append(spare, c.spare)
	}
	return spare
}

// drawn sets the cells of columns below each other.
func drawn(f fitted, color bool) string {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", strings.Repeat(" ", f.gap)
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	for i, row := range f.grid {
		cells := make(table.Row, len(row))
		for j, cell := range row {
			cells[j] = paint(cell, color && i > 0)
		}
		if i == 0 {
			t.AppendHeader(cells)
			continue
		}
		t.AppendRow(cells)
	}
	return t.Render()
}

// paints are the states that want to be seen.
var paints = map[string]text.Color{
	"confirmed": text.FgGreen, "completed": text.FgGreen, "running": text.FgGreen,
	"pending": text.FgYellow, "in_progress": text.FgYellow, "rolling_out": text.FgYellow, "draining": text.FgYellow, "unproven": text.FgYellow, "contested": text.FgYellow,
	"blocked": text.FgRed, "missing": text.FgRed, "failed": text.FgRed,
}

// paint colors the lines of a cell.
func paint(cell string, color bool) string {
	if !color {
		return cell
	}
	lines := strings.Split(cell, "\n")
	for i, line := range lines {
		if c, ok := paints[line]; ok {
			// Whether to color was decided from the terminal and NO_COLOR, not by the library.
			lines[i] = c.EscapeSeq() + line + text.Reset.EscapeSeq()
		}
	}
	return strings.Join(lines, "\n")
}

// view is how a table's cells write digests, times and images: short, or whole
// where the table is wide.
type view struct {
	wide bool
	now  time.Time
}

func (s *session) view() view { return view{wide: s.out.wide, now: s.now()} }
