package events

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// FieldError is one thing that is wrong with an event: a field that is missing,
// has the wrong type or holds a value that cannot be.
//
// [Parse] joins the errors of all fields of an event. errors.As finds the first.
type FieldError struct {
	// Field is the path of the field, such as detail.deploymentId or
	// resources[0]. A whole event that cannot be read is "event".
	Field string

	// Value is what the field holds: the text of a string, otherwise its
	// JSON. Of a long value only the first 80 bytes are kept.
	Value string

	// Want says what would be right.
	Want string

	// Missing says that the field is absent or null; Value is then empty.
	Missing bool
}

// Error returns the field, its value and what would be right.
func (e *FieldError) Error() string {
	if e.Missing {
		return fmt.Sprintf("%s missing: want %s", e.Field, e.Want)
	}
	return fmt.Sprintf("%s %q: want %s", e.Field, e.Value, e.Want)
}

const (
	maxValue    = 80 // bytes of a wrong value that an error repeats
	maxProblems = 20 // problems that are listed of one event; the others are counted
)

// problems gathers what is wrong with one event.
type problems struct {
	list []*FieldError
	more int
}

// add notes a problem, unless one about the same field is noted already: the
// first look at a field knows best what is wrong with it.
func (p *problems) add(e *FieldError) {
	switch {
	case p.about(e.Field):
	case len(p.list) == maxProblems:
		p.more++
	default:
		e.Value = clip(e.Value, maxValue)
		p.list = append(p.list, e)
	}
}

// about reports whether a problem of that field is noted.
func (p *problems) about(field string) bool {
	for _, e := range p.list {
		if e.Field == field {
			return true
		}
	}
	return false
}

// err joins the problems; it is nil without any.
func (p *problems) err() error {
	errs := make([]error, 0, len(p.list)+1)
	for _, e := range p.list {
		errs = append(errs, e)
	}
	if p.more > 0 {
		errs = append(errs, fmt.Errorf("%d further problems", p.more))
	}
	return errors.Join(errs...)
}

// clip cuts s to at most limit bytes, between two characters.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
