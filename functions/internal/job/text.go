package job

import (
	"reflect"
	"strings"
	"unicode/utf8"
)

// typeNames are JSON's names of what is wanted.
var typeNames = map[reflect.Kind]string{
	reflect.String: "a string",
	reflect.Struct: "an object",
	reflect.Map:    "an object",
	reflect.Slice:  "an array",
}

// cut gives as much of a text as fits that many bytes, whole runes, and marks it.
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
