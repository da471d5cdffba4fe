package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// object is one JSON object inside an event. It reads its fields one by one,
// by their exact names, and notes every problem under the field's path. What
// could not be read comes back as the zero value: whoever reads goes on, and
// the problems decide at the end whether there is an event.
type object struct {
	path   string                     // "" for the event itself
	fields map[string]json.RawMessage // nil if this is no object, which is noted already
	found  *problems
}

// openEvent reads the outermost object of an event.
func openEvent(raw []byte) object {
	o := object{found: &problems{}}
	err := json.Unmarshal(raw, &o.fields)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		o.found.add(&FieldError{
			Field: "event",
			Value: string(raw[:min(len(raw), 2*maxValue)]),
			Want:  fmt.Sprintf("JSON (%v, at byte %d)", syntax, syntax.Offset),
		})
	} else if o.fields == nil {
		o.found.add(wrongType("event", json.RawMessage(raw), "an object"))
	}
	return o
}

// at returns the path of a field of o.
func (o object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// raw returns the JSON of a field, or false if it is absent or null.
func (o object) raw(name string) (json.RawMessage, bool) {
	raw, ok := o.fields[name]
	return raw, ok && typeOf(raw) != "null"
}

// missing notes that a field is not there. Of something that is no object
// every field is missing: that is one problem, and it is noted already.
func (o object) missing(name, want string) {
	if o.fields != nil {
		o.found.add(&FieldError{Field: o.at(name), Want: want, Missing: true})
	}
}

// wrong notes that a field holds a value that cannot be.
func (o object) wrong(name, value, want string) {
	o.found.add(&FieldError{Field: o.at(name), Value: value, Want: want})
}

// wrongType is the problem of a field whose JSON is of another type than want.
func wrongType(field string, raw json.RawMessage, want string) *FieldError {
	return &FieldError{
		Field: field,
		Value: string(raw[:min(len(raw), 2*maxValue)]),
		Want:  want + " instead of " + article(typeOf(raw)),
	}
}

// child opens the object in a field that must be there.
func (o object) child(name string) object {
	raw, ok := o.raw(name)
	if !ok {
		o.missing(name, "an object")
		return object{path: o.at(name), found: o.found}
	}
	return o.open(o.at(name), raw)
}

// mayChild opens the object in a field that may be absent, or gives false.
func (o object) mayChild(name string) (object, bool) {
	if _, ok := o.raw(name); !ok {
		return object{}, false
	}
	return o.child(name), true
}

// children opens the objects of a list that may be absent.
func (o object) children(name string) []object {
	var list []object
	for i, raw := range o.list(name) {
		list = append(list, o.open(fmt.Sprintf("%s[%d]", o.at(name), i), raw))
	}
	return list
}

func (o object) open(path string, raw json.RawMessage) object {
	child := object{path: path, found: o.found}
	if json.Unmarshal(raw, &child.fields) != nil || child.fields == nil {
		o.found.add(wrongType(path, raw, "an object"))
	}
	return child
}

// list returns the elements of a list that may be absent.
func (o object) list(name string) []json.RawMessage {
	raw, ok := o.raw(name)
	if !ok {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		o.found.add(wrongType(o.at(name), raw, "a list"))
	}
	return list
}

// lines returns the strings of a list that may be absent: nil if it is, and an
// empty list if it is empty.
func (o object) lines(name string) []string {
	list := o.list(name)
	if list == nil {
		return nil
	}
	lines := make([]string, len(list))
	for i, raw := range list {
		lines[i] = decode(o, fmt.Sprintf("%s[%d]", name, i), raw, line)
	}
	return lines
}

// first reads the first string of a list that must have one.
func first[T any](o object, name string, f form[T]) T {
	list := o.list(name)
	if len(list) == 0 {
		if !o.found.about(o.at(name)) {
			o.missing(name+"[0]", f.want)
		}
		return *new(T)
	}
	return decode(o, name+"[0]", list[0], f)
}

// integer reads a whole number from 0 that must be there.
func (o object) integer(name string) int64 {
	const want = "a whole number from 0 to 9223372036854775807"
	raw, ok := o.raw(name)
	if !ok {
		o.missing(name, want)
		return 0
	}
	if typeOf(raw) != "number" {
		o.found.add(wrongType(o.at(name), raw, want))
		return 0
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 0 {
		o.wrong(name, string(raw), want)
		return 0
	}
	return n
}

// must reads a string that must be there.
func must[T any](o object, name string, f form[T]) T {
	raw, ok := o.raw(name)
	if !ok {
		o.missing(name, f.want)
		return *new(T)
	}
	return decode(o, name, raw, f)
}

// may reads a string that may be absent.
func may[T any](o object, name string, f form[T]) T {
	if _, ok := o.raw(name); !ok {
		return *new(T)
	}
	return must(o, name, f)
}

func decode[T any](o object, name string, raw json.RawMessage, f form[T]) T {
	var s string
	if json.Unmarshal(raw, &s) != nil || typeOf(raw) != "string" {
		o.found.add(wrongType(o.at(name), raw, f.want+", as a string"))
		return *new(T)
	}
	v, ok := f.parse(s)
	if !ok {
		o.wrong(name, s, f.want)
	}
	return v
}

// typeOf names the JSON type of a value that is known to be JSON.
func typeOf(raw json.RawMessage) string {
	switch raw = bytes.TrimSpace(raw); raw[0] {
	case '{':
		return "object"
	case '[':
		return "list"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	default:
		return "number"
	}
}

func article(jsonType string) string {
	switch jsonType {
	case "null":
		return jsonType
	case "object":
		return "an " + jsonType
	}
	return "a " + jsonType
}
