package boot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// Setting is a value that stands in a variable itself or, as @NAME, in an item
// of the table: Lambda allows 4 KB of environment in all.
type Setting[T any] struct {
	variable string
	set      bool
	value    T
	item     string // NAME, "" if the value stands in the variable
	text     string // what is in the item, "" if it is yet to be read
	parse    func(string) (T, error)
}

var itemName = pattern.Run{Min: 1, Max: 255, Of: pattern.Letters + pattern.Digits + "._/-"}

func setting[T any](r *reader, name string, parse func(string) (T, error)) Setting[T] {
	s := Setting[T]{variable: name, parse: parse}
	text, ok := r.get(name, "JSON, or @NAME of an item of the table")
	if s.set = ok; !ok {
		return s
	}
	if item, is := strings.CutPrefix(text, "@"); is {
		if !itemName.MatchString(item) {
			r.problem(name, text, "@ and the name of an item of the table: 1 to 255 letters, digits, dots, underscores, slashes or hyphens")
		}
		s.item = item
		return s
	}
	value, err := parse(text)
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("%s: %w", name, err))
	}
	s.value = value
	return s
}

// ReadItem returns the text of an item of the table.
type ReadItem = func(ctx context.Context, name string) (string, error)

// Resolve returns the value.
func (s *Setting[T]) Resolve(ctx context.Context, read ReadItem) (T, error) {
	if s.item == "" {
		return s.value, nil
	}
	text := s.text
	if text == "" {
		var err error
		if text, err = read(ctx, s.item); err != nil {
			return s.value, fmt.Errorf("%s, item @%s: %w", s.variable, s.item, err)
		}
	}
	value, err := s.parse(text)
	if err != nil {
		return s.value, fmt.Errorf("%s, item @%s: %w", s.variable, s.item, err)
	}
	return value, nil
}

// Stored is a setting that the table always has, too, whatever the functions get by
// variable, so that a person's command and the functions mean the same. infra/ writes
// it, and so does "tagalong ledger create".
type Stored interface {
	// Variable is its environment variable.
	Variable() string
	// Item is the name of its item in the table, without the @.
	Item() string
	// Set reports whether the variable is set.
	Set() bool
	// TakeFrom makes the text of its item the setting.
	TakeFrom(text string)
	// Document returns the value as it is to be stored, JSON.
	Document(ctx context.Context, read ReadItem) (string, error)
	// Compare returns the entries of the value that the text of its item does not have, and
	// those that this has beside: values are compared, not how they are written. Where
	// all are the same in another order, that is all of them.
	Compare(ctx context.Context, read ReadItem, text string) (here, there []string, err error)
}

// Variable implements Stored.
func (s *Setting[T]) Variable() string { return s.variable }

// Item implements Stored.
func (s *Setting[T]) Item() string {
	return strings.ToLower(strings.TrimPrefix(s.variable, "TAGALONG_"))
}

// Set implements Stored.
func (s *Setting[T]) Set() bool { return s.set }

// TakeFrom implements Stored.
func (s *Setting[T]) TakeFrom(text string) { s.item, s.text = s.Item(), text }

// Document implements Stored.
func (s *Setting[T]) Document(ctx context.Context, read ReadItem) (string, error) {
	entries, err := s.entries(ctx, read)
	return "[" + strings.Join(entries, ",") + "]", err
}

// Compare implements Stored.
func (s *Setting[T]) Compare(ctx context.Context, read ReadItem, text string) (here, there []string, err error) {
	if here, err = s.entries(ctx, read); err != nil {
		return nil, nil, err
	}
	other := *s
	other.TakeFrom(text)
	if there, err = other.entries(ctx, read); err != nil || slices.Equal(here, there) {
		return nil, nil, err
	}
	onlyHere, onlyThere := without(here, there), without(there, here)
	if len(onlyHere)+len(onlyThere) == 0 {
		return here, there, nil
	}
	return onlyHere, onlyThere, nil
}

// entries returns the entries of the value, each in the one way in which it is written.
func (s *Setting[T]) entries(ctx context.Context, read ReadItem) (texts []string, err error) {
	value, err := s.Resolve(ctx, read)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var entries []json.RawMessage // every setting is an array
	if err := json.Unmarshal(document, &entries); err != nil {
		return nil, err
	}
	for _, entry := range entries {
		texts = append(texts, string(entry))
	}
	return texts, nil
}

func without(all, others []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(entry string) bool { return slices.Contains(others, entry) })
}
