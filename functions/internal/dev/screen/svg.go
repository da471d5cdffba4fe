// Package screen draws what a terminal shows as a picture in SVG, for readers of a
// README.
package screen

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Command is a command line and what it printed, with the colors of a terminal.
type Command struct{ Line, Output string }

// The grid, in pixels. A reader's font has another width than ours: each text is told how
// long it is, so that columns stay columns.
const (
	column = 7.8
	row    = 19
	margin = 18
	bar    = 34 // of the window's title
)

// The window brings its own background in both themes: a page may be dark where the
// reader's system is light.
const style = `<style>
  .window { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace; fill: #1f2328 }
  .prompt { fill: #0969da; font-weight: 600 }
  .green { fill: #1a7f37 } .yellow { fill: #7d4e00 } .red { fill: #cf222e }
  .dot { fill: #d0d7de }
  @media (prefers-color-scheme: dark) {
    .window { fill: #0d1117; stroke: #3d444d }
    text { fill: #e6edf3 }
    .prompt { fill: #58a6ff }
    .green { fill: #3fb950 } .yellow { fill: #d29922 } .red { fill: #ff7b72 }
    .dot { fill: #3d444d }
  }
</style>
`

// SVG returns the picture of commands that were entered one after the other.
func SVG(title string, commands []Command) string {
	var lines []string
	width := 0
	for i, c := range commands {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, prompt+c.Line)
		lines = append(lines, strings.Split(strings.TrimRight(c.Output, "\n"), "\n")...)
	}
	for _, line := range lines {
		width = max(width, columns(line))
	}
	var b strings.Builder
	w, h := float64(width)*column+2*margin, bar+len(lines)*row+margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d" role="img" xml:space="preserve">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, "<title>%s</title>\n%s", html.EscapeString(title), style)
	fmt.Fprintf(&b, `<rect class="window" x="0.5" y="0.5" width="%.0f" height="%d" rx="8"/>`+"\n", w-1, h-1)
	for i := range 3 {
		fmt.Fprintf(&b, `<circle class="dot" cx="%d" cy="17" r="5"/>`+"\n", margin+4+16*i)
	}
	for i, line := range lines {
		draw(&b, line, bar+row*i+row*3/4)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

const prompt = "$ "

// piece is a word of a line in one color. Spaces are drawn by leaving them out.
var piece = regexp.MustCompile(`(?:\x1b\[(\d+)m)?([^\x1b\s]+(?: [^\x1b\s]+)*)(?:\x1b\[0m)?`)

var escape = regexp.MustCompile(`\x1b\[\d+m`)

// colors are the classes of the colors that the command paints with.
var colors = map[string]string{"": "", "31": "red", "32": "green", "33": "yellow"}

// draw writes a line piece by piece, each where it stands.
func draw(b *strings.Builder, line string, y int) {
	for _, at := range piece.FindAllStringSubmatchIndex(line, -1) {
		class, text := "", line[at[4]:at[5]]
		if at[2] >= 0 {
			class = colors[line[at[2]:at[3]]]
		}
		if strings.HasPrefix(line, prompt) {
			class = "prompt"
		}
		x := margin + column*float64(columns(line[:at[0]]))
		if class != "" {
			class = fmt.Sprintf(` class=%q`, class)
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d"%s textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n",
			x, y, class, column*float64(columns(text)), html.EscapeString(text))
	}
}

// columns returns how many columns of a terminal a text takes.
func columns(text string) int { return utf8.RuneCountInString(escape.ReplaceAllString(text, "")) }
