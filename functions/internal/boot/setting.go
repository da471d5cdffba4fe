package boot

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// Setting is a value that stands in a variable itself or, as @NAME, in an item
// of the table: Lambda allows 4 KB of environment in all.
type Setting[T any] struct {
	variable string
	value    T
	item     string // NAME, "" if the value stands in the variable
	parse    func(string) (T, error)
}

var itemName = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,255}$`)

func setting[T any](r *reader, name string, parse func(string) (T, error)) Setting[T] {
	s := Setting[T]{variable: name, parse: parse}
	text, ok := r.get(name, "JSON, or @NAME of an item of the table")
	if !ok {
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

// Resolve gives the value. read gives the text of an item of the table.
func (s Setting[T]) Resolve(ctx context.Context, read func(ctx context.Context, name string) (string, error)) (T, error) {
	if s.item == "" {
		return s.value, nil
	}
	text, err := read(ctx, s.item)
	if err != nil {
		return s.value, fmt.Errorf("%s, item @%s: %w", s.variable, s.item, err)
	}
	value, err := s.parse(text)
	if err != nil {
		return s.value, fmt.Errorf("%s, item @%s: %w", s.variable, s.item, err)
	}
	return value, nil
}
