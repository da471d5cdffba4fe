package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// column is one column of a table: its head, and its text for a row.
type column[R any] struct {
	head string
	cell func(R) string
}

// render prints rows as the user asked: a table of the columns, or every field
// as JSON or CSV. Instead of an empty table it says what there is none of.
func render[R any](out output, rows []R, columns []column[R], nothing string) error {
	switch out.format {
	case "json":
		return renderJSON(out.w, rows)
	case "csv":
		return renderCSV(out.w, rows)
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(out.w, nothing+".")
		return err
	}
	return renderTable(out, rows, columns)
}

// output is where and how to print.
type output struct {
	w      io.Writer
	format string // table, json or csv
	color  bool
}

func renderJSON[R any](w io.Writer, rows []R) error {
	if rows == nil {
		rows = []R{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(rows)
}

func renderTable[R any](out output, rows []R, columns []column[R]) error {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatUpper
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	head := make(table.Row, len(columns))
	for i, c := range columns {
		head[i] = c.head
	}
	t.AppendHeader(head)
	for _, row := range rows {
		cells := make(table.Row, len(columns))
		for i, c := range columns {
			cells[i] = paint(printable(c.cell(row)), out.color)
		}
		t.AppendRow(cells)
	}
	_, err := fmt.Fprintln(out.w, t.Render())
	return err
}

// printable keeps what others wrote, such as a reason, on its line, and off the
// terminal's controls.
func printable(cell string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, cell)
}

// paints are the states that want to be seen.
var paints = map[string]text.Color{
	"confirmed": text.FgGreen, "completed": text.FgGreen,
	"pending": text.FgYellow, "in_progress": text.FgYellow, "unproven": text.FgYellow, "contested": text.FgYellow,
	"blocked": text.FgRed, "missing": text.FgRed, "failed": text.FgRed,
}

func paint(cell string, color bool) string {
	if c, ok := paints[cell]; ok && color {
		// Whether to color was decided from the terminal and NO_COLOR, not by the library.
		return c.EscapeSeq() + cell + text.Reset.EscapeSeq()
	}
	return cell
}

// renderCSV prints every field of the rows, nested ones as release.commit, lists as JSON.
func renderCSV[R any](w io.Writer, rows []R) error {
	c := csv.NewWriter(w)
	if err := c.Write(csvHead(reflect.TypeFor[R](), "")); err != nil {
		return err
	}
	for _, row := range rows {
		cells, err := csvCells(reflect.ValueOf(row))
		if err != nil {
			return err
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func csvHead(t reflect.Type, prefix string) []string {
	var head []string
	for i := range t.NumField() {
		f := t.Field(i)
		name := prefix + f.Tag.Get("json")
		if f.Type.Kind() == reflect.Struct {
			head = append(head, csvHead(f.Type, name+".")...)
			continue
		}
		head = append(head, name)
	}
	return head
}

func csvCells(v reflect.Value) ([]string, error) {
	var cells []string
	for i := range v.NumField() {
		more, err := csvCell(v.Field(i))
		if err != nil {
			return nil, err
		}
		cells = append(cells, more...)
	}
	return cells, nil
}

// csvCell gives the cells of one field: several if it is a struct.
func csvCell(f reflect.Value) ([]string, error) {
	if t, ok := f.Interface().(*time.Time); ok {
		if t == nil {
			return []string{""}, nil
		}
		return []string{t.Format(time.RFC3339Nano)}, nil
	}
	switch f.Kind() {
	case reflect.Struct:
		return csvCells(f)
	case reflect.Slice:
		list, err := json.Marshal(f.Interface())
		return []string{string(list)}, err
	}
	return []string{fmt.Sprint(f.Interface())}, nil
}

// short shortens a digest to what people compare by eye.
func short(d digest.Digest) string {
	if d == "" {
		return "-"
	}
	_, hex, ok := strings.Cut(d.String(), ":")
	if !ok {
		return d.String()
	}
	return hex[:min(12, len(hex))]
}

// age tells how long ago something was, in the two units that matter.
func age(t *time.Time, now time.Time) string {
	if t == nil {
		return "-"
	}
	d := now.Sub(*t)
	switch {
	case d < 0:
		return clock(t)
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm ago", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh ago", int(d.Hours())/24, int(d.Hours())%24)
}

func clock(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func runningColumns(now time.Time) []column[tagalong.RunningRow] {
	return []column[tagalong.RunningRow]{
		{"environment", func(r tagalong.RunningRow) string { return r.Environment }},
		{"service", func(r tagalong.RunningRow) string { return r.Cluster + "/" + r.Service }},
		{"container", func(r tagalong.RunningRow) string { return r.Container }},
		{"image", func(r tagalong.RunningRow) string { return imageName(r.Repository, r.ImageTag) }},
		{"digest", func(r tagalong.RunningRow) string { return short(r.Digest) }},
		{"evidence", func(r tagalong.RunningRow) string { return string(r.Evidence) }},
		{"since", func(r tagalong.RunningRow) string { return age(r.Since, now) }},
		{"tag state", func(r tagalong.RunningRow) string { return string(r.TagState) }},
		{"rolling out", func(r tagalong.RunningRow) string { return orDash(deploymentNumber(r.RollingOut)) }},
	}
}

func imageName(repository, tag string) string {
	if tag == "" {
		return orDash(repository)
	}
	return orDash(repository) + ":" + tag
}

// deploymentNumber drops the prefix that all deployments of ECS share.
func deploymentNumber(id string) string { return strings.TrimPrefix(id, "ecs-svc/") }

func historyColumns() []column[tagalong.HistoryRow] {
	return []column[tagalong.HistoryRow]{
		{"started", func(r tagalong.HistoryRow) string { return clock(r.StartedAt) }},
		{"finished", func(r tagalong.HistoryRow) string { return clock(r.FinishedAt) }},
		{"until", func(r tagalong.HistoryRow) string { return clock(r.Until) }},
		{"environment", func(r tagalong.HistoryRow) string { return r.Environment }},
		{"service", func(r tagalong.HistoryRow) string { return r.Cluster + "/" + r.Service }},
		{"deployment", func(r tagalong.HistoryRow) string { return deploymentNumber(r.Deployment) }},
		{"state", func(r tagalong.HistoryRow) string { return string(r.State) }},
		{"rollback", func(r tagalong.HistoryRow) string { return map[bool]string{true: "yes", false: "-"}[r.Rollback] }},
		{"images", func(r tagalong.HistoryRow) string { return containersText(r.Containers) }},
		{"reason", failure},
	}
}

// failure is why a rollout failed. Of the others ECS only says that they did not.
func failure(r tagalong.HistoryRow) string {
	if r.State != tagalong.StateFailed {
		return "-"
	}
	return orDash(r.Reason)
}

func containersText(containers []tagalong.HistoryContainer) string {
	var texts []string
	for _, c := range containers {
		texts = append(texts, c.Container+"@"+short(c.Digest))
	}
	return orDash(strings.Join(texts, " "))
}

func tagColumns(now time.Time) []column[tagalong.TagRow] {
	return []column[tagalong.TagRow]{
		{"environment", func(r tagalong.TagRow) string { return r.Environment }},
		{"repository", func(r tagalong.TagRow) string { return r.Repository }},
		{"tag", func(r tagalong.TagRow) string { return r.Tag }},
		{"digest", func(r tagalong.TagRow) string { return short(r.Digest) }},
		{"actual", func(r tagalong.TagRow) string { return short(r.Actual) }},
		{"state", func(r tagalong.TagRow) string { return string(r.State) }},
		{"since", func(r tagalong.TagRow) string { return age(r.Since, now) }},
		{"reason", func(r tagalong.TagRow) string { return orDash(r.Reason) }},
	}
}
