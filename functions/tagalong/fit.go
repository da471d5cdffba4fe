package main

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
)

// A table is no wider than the terminal that shows it: what a cell has no room for goes on
// in its next line, so that nothing is cut, and what one can do without is left out. In a
// pipe and in a file tables are as wide as they are.

// What stands between two columns, and where there is too little room for that.
const (
	gap       = 2
	narrowGap = 1
)

// grid is the text of a table, row by row; the first are the heads.
type grid [][]string

// fitted is a grid that a terminal has room for.
type fitted struct {
	grid
	gap  int
	left []string // heads of the columns that were left out
}

// fit breaks the cells of a grid, so that it is no wider than that. Where the words would
// have to be broken, columns stand closer, and then those are left out that one can do
// without.
func (g grid) fit(width int, spare []bool) fitted {
	natural, least := g.widths(longestLine), g.widths(longestPiece)
	f := fitted{grid: g, gap: gap}
	if width <= 0 || total(natural, gap) <= width {
		return f
	}
	if total(least, gap) > width {
		f.gap = narrowGap
	}
	for i := len(spare) - 1; i >= 0 && total(least, f.gap) > width; i-- {
		if spare[i] {
			f.left, f.grid = append(f.left, f.grid[0][i]), f.without(i)
			natural, least = slices.Delete(natural, i, i+1), slices.Delete(least, i, i+1)
		}
	}
	slices.Reverse(f.left)
	f.grid = f.broken(shares(natural, least, f.gap, width))
	return f
}

// widths returns the greatest measure of each column's cells.
func (g grid) widths(measure func(string) int) []int {
	widths := make([]int, len(g[0]))
	for _, row := range g {
		for i, cell := range row {
			widths[i] = max(widths[i], measure(cell))
		}
	}
	return widths
}

// without returns the grid without a column.
func (g grid) without(column int) grid {
	var narrower grid
	for _, row := range g {
		narrower = append(narrower, slices.Delete(slices.Clone(row), column, column+1))
	}
	return narrower
}

// broken returns the grid with each cell in lines of its column's width.
func (g grid) broken(widths []int) grid {
	var narrower grid
	for _, row := range g {
		var cells []string
		for i, cell := range row {
			cells = append(cells, wrapped(cell, widths[i]))
		}
		narrower = append(narrower, cells)
	}
	return narrower
}

// total is how wide columns are together.
func total(widths []int, gap int) int {
	sum := -gap
	for _, w := range widths {
		sum += w + gap
	}
	return sum
}

// shares are the columns' widths in a table that is too wide: the widest give first, as
// long as no word of theirs is broken, and then any.
func shares(natural, least []int, gap, width int) []int {
	widths := slices.Clone(natural)
	for total(widths, gap) > width {
		widest := -1
		for i, w := range widths {
			if w > max(least[i], 1) && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			widest = slices.Index(widths, slices.Max(widths))
		}
		if widths[widest] == 1 {
			break // so narrow is no terminal
		}
		widths[widest]--
	}
	return widths
}

func longestLine(cell string) (longest int) {
	for line := range strings.SplitSeq(cell, "\n") {
		longest = max(longest, text.StringWidth(line))
	}
	return longest
}

func longestPiece(cell string) (longest int) {
	for line := range strings.SplitSeq(cell, "\n") {
		for _, piece := range pieces(line) {
			longest = max(longest, shownWidth(piece))
		}
	}
	return longest
}

// shownWidth leaves out the space after which a line is broken.
func shownWidth(piece string) int { return text.StringWidth(strings.TrimRight(piece, " ")) }

// pieces are the parts of a line between which it may be broken: words, and the parts of
// names of images, services and releases. Times and numbers stay whole.
func pieces(line string) (parts []string) {
	begin := 0
	for i, r := range line {
		end := i + utf8.RuneLen(r)
		next, _ := utf8.DecodeRuneInString(line[end:])
		if end < len(line) && (strings.ContainsRune(" /@,", r) || strings.ContainsRune("-_:;=", r) && !unicode.IsDigit(next)) {
			parts, begin = append(parts, line[begin:end]), end
		}
	}
	return append(parts, line[begin:])
}

// wrapped breaks the lines of a cell, where it can between pieces.
func wrapped(cell string, width int) string {
	var lines []string
	for line := range strings.SplitSeq(cell, "\n") {
		current := ""
		for _, piece := range pieces(line) {
			if current != "" && shownWidth(current+piece) > width {
				lines, current = append(lines, strings.TrimRight(current, " ")), ""
			}
			current += piece
			for shownWidth(current) > width {
				head := text.Trim(current, width)
				if head == "" { // its first character is wider than that
					_, size := utf8.DecodeRuneInString(current)
					head = current[:size]
				}
				lines, current = append(lines, head), strings.TrimPrefix(current, head)
			}
		}
		lines = append(lines, strings.TrimRight(current, " "))
	}
	return strings.Join(lines, "\n")
}
