package dynamodb

import (
	"fmt"
	"slices"
	"strings"
)

// step is one part of a document path: a name of a map or an index of a list.
type step struct {
	name    string
	index   int
	isIndex bool
}

// path is a document path; its first step is a name.
type path []step

func (p path) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, s := range p {
		if i > 0 {
			b.WriteString(", ")
		}
		if s.isIndex {
			fmt.Fprintf(&b, "[%d]", s.index)
		} else {
			b.WriteString(s.name)
		}
	}
	b.WriteByte(']')
	return b.String()
}

// root is the attribute that the path starts at.
func (p path) root() string { return p[0].name }

// find is the value at the path.
func (p path) find(it item) (value, bool) {
	v := value{kind: kindM, fields: it}
	for _, s := range p {
		next, ok := s.of(v)
		if !ok {
			return value{}, false
		}
		v = next
	}
	return v, true
}

// of is the value one step below v.
func (s step) of(v value) (value, bool) {
	if s.isIndex {
		if v.kind != kindL || s.index >= len(v.list) {
			return value{}, false
		}
		return v.list[s.index], true
	}
	if v.kind != kindM {
		return value{}, false
	}
	next, ok := v.fields[s.name]
	return next, ok
}

// overlaps reports whether one path is the other or leads to it.
func (p path) overlaps(q path) bool {
	n := min(len(p), len(q))
	return slices.Equal(p[:n], q[:n])
}

// conflicts reports whether the paths need different types at one place.
func (p path) conflicts(q path) bool {
	for i := range min(len(p), len(q)) {
		if p[i] != q[i] {
			return p[i].isIndex != q[i].isIndex
		}
	}
	return false
}

// checkPaths refuses paths of one expression that touch one another.
func checkPaths(paths []path) error {
	for i, p := range paths {
		for _, q := range paths[:i] {
			if q.overlaps(p) {
				return validationf("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %v, path two: %v", q, p)
			}
			if q.conflicts(p) {
				return validationf("Two document paths conflict with each other; must remove or rewrite one of these paths; path one: %v, path two: %v", q, p)
			}
		}
	}
	return nil
}

// project is the part of an item that the paths name. List elements are
// joined to shorter lists, in order.
func project(it item, paths []path) item {
	out := item{}
	for name, v := range it {
		var below []path
		whole := false
		for _, p := range paths {
			if p.root() == name {
				below = append(below, p[1:])
				whole = whole || len(p) == 1
			}
		}
		if whole {
			out[name] = v
		} else if part, ok := projectValue(v, below); ok {
			out[name] = part
		}
	}
	return out
}

// projectValue is the part of v below the paths, none of which is empty
// unless it is all of v; ok is false if there is nothing.
func projectValue(v value, paths []path) (part value, ok bool) {
	part = value{kind: v.kind}
	switch {
	case len(paths) == 0:
		return part, false
	case len(paths[0]) == 0:
		return v, true
	case v.kind == kindM:
		part.fields = item{}
		for name, field := range v.fields {
			if sub, ok := projectValue(field, pathsBelow(paths, step{name: name})); ok {
				part.fields[name] = sub
			}
		}
		return part, len(part.fields) > 0
	case v.kind == kindL:
		for i, element := range v.list {
			if sub, ok := projectValue(element, pathsBelow(paths, step{index: i, isIndex: true})); ok {
				part.list = append(part.list, sub)
			}
		}
		return part, len(part.list) > 0
	default:
		return part, false
	}
}

func pathsBelow(paths []path, s step) []path {
	var below []path
	for _, p := range paths {
		if p[0] == s {
			below = append(below, p[1:])
		}
	}
	return below
}
