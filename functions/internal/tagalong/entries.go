package tagalong

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ParseEntries reads a setting: one JSON array of entries that have no fields but
// those of T.
func ParseEntries[T any](setting, raw, example string) ([]T, error) {
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.DisallowUnknownFields()
	var entries []T
	if err := decoder.Decode(&entries); err != nil {
		return nil, fmt.Errorf("%s: %w; want an array such as %s", setting, err, example)
	}
	if entries == nil { // what a tool prints for a field that is not there
		return nil, fmt.Errorf("%s: null: want [] for none, or an array such as %s", setting, example)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: text after the array: want one array and nothing else", setting)
	}
	return entries, nil
}
