package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"time"
)

// renderCSV prints every field of the rows that JSON has, nested ones as release.commit, lists as JSON.
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
		if hidden(f) {
			continue
		}
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
		if hidden(v.Type().Field(i)) {
			continue
		}
		more, err := csvCell(v.Field(i))
		if err != nil {
			return nil, err
		}
		cells = append(cells, more...)
	}
	return cells, nil
}

// hidden reports whether JSON leaves the field out.
func hidden(f reflect.StructField) bool { return f.Tag.Get("json") == "-" }

// csvCell returns the cells of one field: several if it is a struct.
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
