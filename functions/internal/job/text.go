package job

import (
	"strings"
	"unicode/utf8"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// How go-multierror lists errors, which may be lists again: a heading, a line for
// each, and an empty line.
var (
	listHead = pattern.New(`\d+ errors? occurred:\n\t\* `)
	listNext = pattern.New(`\n+\t\* `)
	listEnd  = pattern.New(`\n{2,}`)
)

// said returns an error's text in one line: the console shows it as that.
func said(err error) string {
	text := listHead.ReplaceAllString(err.Error(), "")
	return listEnd.ReplaceAllString(listNext.ReplaceAllString(text, "; "), "")
}

// cut returns as much of a text as fits that many bytes, whole runes, and marks it.
func cut(text string, size int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= size {
		return text
	}
	const mark = "…"
	end := size - len(mark)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}
