package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"pgregory.net/rapid"
)

// What commands print on terminals of any width fits, and has all that a pipe gets.
func TestTablesFitTheTerminal(t *testing.T) {
	sandboxed(t, "told")
	for _, line := range []string{
		"running", "running prod", "running --wide", "history", "history --wide", "where appmesh/aws-appmesh-envoy", "find 8c06be4", "releases",
		"release checkout-release/d1ce6a96-aafe-41c5-b0ac-6c396a9989a3", "diff staging prod", "tags", "in-use --incomplete --wide", "environments",
	} {
		whole, _ := printedAt(t, line, 0)
		for _, width := range []int{80, 81, 90, 100, 120, 160, 200, 250} {
			shown, left := printedAt(t, line, width)
			for row := range strings.Lines(shown) {
				if w := text.StringWidth(strings.TrimRight(row, "\n")); w > width {
					t.Fatalf("tagalong %s on %d columns has a line of %d:\n%s", line, width, w, shown)
				}
			}
			if strings.Contains(shown, "…") || left == "" && letters(shown) != letters(whole) {
				t.Fatalf("tagalong %s on %d columns lacks something of\n%s\nin\n%s", line, width, whole, shown)
			}
		}
		if strings.Contains(whole, "…") {
			t.Errorf("tagalong %s in a pipe is cut:\n%s", line, whole)
		}
	}
}

// printedAt returns what a command prints on a terminal of a width, and what it says that it
// has left out.
func printedAt(t *testing.T, line string, width int) (table, left string) {
	t.Helper()
	var c cli
	var stdout, stderr bytes.Buffer
	w := world{strings.NewReader(""), &stdout, &stderr, os.Getenv, func() time.Time { return testNow }}
	command, err := c.parser(w, func(int) {}).Parse(strings.Fields(line))
	if err != nil {
		t.Fatal(err)
	}
	s := c.session(t.Context(), w)
	s.out.width = width
	if err := command.Run(s); err != nil && s.finish(err) != exitDifferences {
		t.Fatal(err)
	}
	if at := strings.Index(stderr.String(), "no room for"); at >= 0 {
		left = stderr.String()[at:]
	}
	return stdout.String(), left
}

// letters are the characters of a text, in their number: where a line is broken is not told.
func letters(text string) (count [256]int) {
	for _, b := range []byte(text) {
		if b != ' ' && b != '\n' {
			count[b]++
		}
	}
	return count
}

// Whatever is in the cells, a broken grid is as wide as it may be, and each column reads as
// it did.
func TestABrokenGridReadsAsItDid(t *testing.T) {
	cell := rapid.StringOfN(rapid.RuneFrom([]rune("ab1 /-:@,.\n生é")), 0, 30, -1)
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 5).Draw(t, "columns")
		g := make(grid, rapid.IntRange(1, 4).Draw(t, "rows"))
		for i := range g {
			g[i] = rapid.SliceOfN(cell, columns, columns).Draw(t, "row")
		}
		width := rapid.IntRange(20, 60).Draw(t, "width")
		f := g.fit(width, make([]bool, columns))
		if got := total(f.widths(longestLine), f.gap); got > width || f.left != nil {
			t.Fatalf("%q is %d wide, want at most %d; left out %q", f.grid, got, width, f.left)
		}
		for i, row := range g {
			for j, cell := range row {
				if joined(f.grid[i][j]) != joined(cell) {
					t.Fatalf("%q became %q", cell, f.grid[i][j])
				}
			}
		}
	})
}

func joined(cell string) string { return strings.NewReplacer(" ", "", "\n", "").Replace(cell) }

// Columns that one can do without go before words are broken, the last one first.
func TestColumnsThatAreLeftOut(t *testing.T) {
	g := grid{{"SERVICE", "COMMIT", "ROLLBACK"}, {"checkout-api", "d5491e7", "yes"}}
	for width, want := range map[int]string{40: "", 28: "", 26: "", 25: "ROLLBACK", 17: "ROLLBACK", 16: "COMMIT ROLLBACK", 10: "COMMIT ROLLBACK"} {
		if f := g.fit(width, []bool{false, true, true}); strings.Join(f.left, " ") != want {
			t.Errorf("%d columns: left out %q, want %q", width, f.left, want)
		}
	}
}
