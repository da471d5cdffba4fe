package page

import (
	"context"
	"crypto/sha256"
	_ "embed" // for the style and the script
	"encoding/base64"
	"io"
	"sync"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/marshal"
)

// shown is a page that is about to be sent.
type shown struct {
	title string
	// command asks the same on the command line.
	command []string
	// rows are those behind the page; nil: it has none.
	rows func(context.Context) (rows, error)
	// body makes the rest, once the head is out. What it returns beside an error is shown:
	// it says itself what is missing.
	body func(context.Context) (node, error)
}

// rows are what is behind a page, for other programs.
type rows interface {
	write(w io.Writer, format string) error
}

type list[R any] []R

func (l list[R]) write(w io.Writer, format string) error {
	if format == "csv" {
		return marshal.Sheet(w, l)
	}
	return marshal.JSON(w, l)
}

//go:embed page.css
var style string

//go:embed page.js
var script string

// contentSecurityPolicy allows our style and our script, by their hashes, and nothing else.
var contentSecurityPolicy = sync.OnceValue(func() string {
	return "default-src 'none'; style-src '" + hashOf(style) + "'; script-src '" + hashOf(script) + "'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
})

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// icon is a tag, so that nobody asks for /favicon.ico.
const icon = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 3v5l7 7 6-6-7-7H2z' fill='%232563eb'/%3E%3Ccircle cx='4.5' cy='5.5' r='1.3' fill='%23fff'/%3E%3C/svg%3E"

// document is a whole page, whose body is made as it comes to that.
func document(a asked, page shown, body func() node) node {
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.TitleEl(g.Text(page.title+" · Tagalong")),
			h.Link(h.Rel("icon"), h.Href(icon)),
			h.StyleEl(g.Raw(style)),
		),
		h.Body(
			h.A(h.Class("skip"), h.Href("#main"), g.Text("Skip to the content")),
			masthead(a),
			h.Main(h.ID("main"), h.H1(g.Text(page.title)), afterwards(body)),
			footer(a, page),
			h.Script(g.Raw(script)),
		),
	))
}

// afterwards makes a part of the page when all before it has been written.
func afterwards(body func() node) node {
	return g.NodeFunc(func(w io.Writer) error { return body().Render(w) })
}

func masthead(a asked) node {
	return h.Header(
		h.A(h.Class("brand"), h.Href(a.href("")), g.Text("Tagalong")),
		h.Nav(h.Aria("label", "Views"), h.Ul(g.Map(navigation, func(name string) node {
			return h.Li(h.A(h.Href(a.href(name)), g.If(name == a.view, h.Aria("current", "page")), g.Text(views[name].name)))
		}))),
		h.Search(h.Form(h.Action("find"), h.Method("get"),
			h.Label(h.Class("hide"), h.For("q"), g.Text("Find")),
			h.Input(h.ID("q"), h.Type("search"), h.Name("q"), h.Value(a.get("q")), h.Required(), h.MaxLength("1024"), h.AutoComplete("off"), g.Attr("spellcheck", "false"),
				h.Placeholder("Commit, digest, tag, service, CVE")),
			h.Button(h.Type("submit"), g.Text("Find")),
		)),
	)
}

// footer leads to the same answer elsewhere.
func footer(a asked, page shown) node {
	if page.rows == nil && len(page.command) == 0 {
		return h.Footer(h.P(h.A(h.Href("openapi.json"), g.Text("The API"))))
	}
	return h.Footer(h.Aria("label", "The same elsewhere"),
		g.If(page.rows != nil, h.P(g.Text("These rows as "),
			h.A(h.Href(a.with("format", "json")), g.Text("JSON")), g.Text(" or "),
			h.A(h.Href(a.with("format", "csv")), g.Text("CSV")), g.Text(". "),
			h.A(h.Href("openapi.json"), g.Text("The API"))),
		),
		g.If(len(page.command) > 0, h.P(g.Text("On the command line: "), h.Code(g.Text(commandLine(page.command))))),
	)
}

// problem is what there is to say instead of an answer.
func problem(texts []string) node {
	return h.Div(h.Class("note"), h.Role("alert"), g.Map(texts, func(text string) node { return h.P(g.Text(text)) }))
}

// failure is a problem that came up when the page's head was out already.
func failure(title string, texts []string) node {
	return h.Section(h.H2(g.Text(title)), problem(texts))
}

// empty says what was looked at where nothing was found.
func empty(text, watched string) node {
	return h.Div(h.Class("note calm"), h.P(h.Strong(g.Text(text))), g.If(watched != "", h.P(g.Text(watched))))
}
