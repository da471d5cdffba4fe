package events_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/events"
)

// readPayload returns a file of testdata.
func readPayload(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// jsonFiles returns the names of all JSON files of a folder.
func jsonFiles(t testing.TB, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("JSON files in %s: %v, %v", folder, paths, err)
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(path)
	}
	return names
}

// decodeJSON keeps numbers by their text.
func decodeJSON(t testing.TB, raw []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("decoding %.200q: %v", raw, err)
	}
	return v
}

// encodeJSON is json.Marshal for values that cannot fail.
func encodeJSON(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encoding %T: %v", v, err)
	}
	return raw
}

// inUTC writes every time inside a JSON value the same way, so that values can
// be compared whatever offset and fraction their times were written with.
func inUTC(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, element := range v {
			v[key] = inUTC(element)
		}
	case []any:
		for i, element := range v {
			v[i] = inUTC(element)
		}
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)
		}
	}
	return v
}

// problems returns the field errors inside an error, in their order.
func problems(err error) []*events.FieldError {
	if problem, ok := err.(*events.FieldError); ok {
		return []*events.FieldError{problem}
	}
	var list []*events.FieldError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			list = append(list, problems(err)...)
		}
	}
	return list
}

// fields returns the names of the fields that an error complains about.
func fields(err error) []string {
	var names []string
	for _, problem := range problems(err) {
		names = append(names, problem.Field)
	}
	return names
}

// absent is what edit sets a field to in order to take it away.
var absent any = struct{}{}

// edit returns the payload with the value at a path such as detail.eventName or
// resources[0] replaced.
func edit(t testing.TB, raw []byte, path string, value any) []byte {
	t.Helper()
	v := decodeJSON(t, raw)
	set(t, v, strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }), value)
	return encodeJSON(t, v)
}

func set(t testing.TB, v any, path []string, value any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		switch {
		case len(path) > 1:
			set(t, v[path[0]], path[1:], value)
		case value == absent:
			delete(v, path[0])
		default:
			v[path[0]] = value
		}
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i >= len(v) {
			t.Fatalf("path %q does not lead into a list of %d", path, len(v))
		}
		if len(path) > 1 {
			set(t, v[i], path[1:], value)
		} else {
			v[i] = value
		}
	default:
		t.Fatalf("path %q leads into %T", path, v)
	}
}

// keep returns the fields of a JSON object that are listed. A path such as
// containers.name keeps the name of each element of containers.
func keep(v any, paths []string) any {
	switch v := v.(type) {
	case []any:
		kept := []any{}
		for _, element := range v {
			kept = append(kept, keep(element, paths))
		}
		return kept
	case map[string]any:
		kept := map[string]any{}
		for name, element := range v {
			if slices.Contains(paths, name) {
				kept[name] = element
			} else if below := under(name, paths); below != nil {
				kept[name] = keep(element, below)
			}
		}
		return kept
	}
	return v
}

// under returns the rest of the paths that begin with name.
func under(name string, paths []string) []string {
	var below []string
	for _, path := range paths {
		if rest, ok := strings.CutPrefix(path, name+"."); ok {
			below = append(below, rest)
		}
	}
	return below
}
