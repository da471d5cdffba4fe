// Package marshal writes the rows of answers for other programs.
package marshal

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// JSON prints one array.
func JSON[R any](w io.Writer, rows []R) error {
	if rows == nil {
		rows = []R{}
	}
	return Object(w, rows)
}

// Object prints a value as JSON for people and for scripts alike.
func Object(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// CSV prints every field of the rows that JSON has, nested ones as release.commit, lists as JSON; what is null is empty.
func CSV[R any](w io.Writer, rows []R) error {
	return write(w, rows, func(text string) string { return text })
}

// Sheet is CSV for people who open it in a spreadsheet. A cell that a spreadsheet would run
// as a formula has an apostrophe before it: commits and reasons are what others wrote.
func Sheet[R any](w io.Writer, rows []R) error {
	return write(w, rows, func(text string) string {
		if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
			return "'" + text
		}
		return text
	})
}

func write[R any](w io.Writer, rows []R, shown func(string) string) error {
	c := csv.NewWriter(w)
	if err := c.Write(head(reflect.TypeFor[R](), "")); err != nil {
		return err
	}
	for _, row := range rows {
		texts, err := cells(reflect.ValueOf(row))
		if err != nil {
			return err
		}
		for i, text := range texts {
			texts[i] = shown(text)
		}
		if err := c.Write(texts); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func head(t reflect.Type, prefix string) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		if hidden(f) {
			continue
		}
		if f.Anonymous {
			names = append(names, head(f.Type, prefix)...)
			continue
		}
		name := prefix + f.Tag.Get("json")
		if f.Type.Kind() == reflect.Struct {
			names = append(names, head(f.Type, name+".")...)
			continue
		}
		names = append(names, name)
	}
	return names
}

func cells(v reflect.Value) ([]string, error) {
	var texts []string
	for i := range v.NumField() {
		if hidden(v.Type().Field(i)) {
			continue
		}
		more, err := cell(v.Field(i))
		if err != nil {
			return nil, err
		}
		texts = append(texts, more...)
	}
	return texts, nil
}

// hidden reports whether JSON leaves the field out.
func hidden(f reflect.StructField) bool { return f.Tag.Get("json") == "-" }

// cell returns the cells of one field: several if it is a struct.
func cell(f reflect.Value) ([]string, error) {
	if t, ok := f.Interface().(*time.Time); ok {
		if t == nil {
			return []string{""}, nil
		}
		return []string{t.Format(time.RFC3339Nano)}, nil
	}
	switch f.Kind() {
	case reflect.Pointer:
		if f.IsNil() {
			return []string{""}, nil
		}
		return cell(f.Elem())
	case reflect.Struct:
		return cells(f)
	case reflect.Slice:
		list, err := json.Marshal(f.Interface())
		return []string{string(list)}, err
	}
	return []string{fmt.Sprint(f.Interface())}, nil
}
