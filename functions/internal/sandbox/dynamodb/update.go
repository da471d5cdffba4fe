package dynamodb

import (
	"cmp"
	"maps"
	"slices"
)

// apply gives the item that the update makes of base, which is the old item or,
// where there is none, its key. Every right side sees the old item; neither is
// changed.
func (u update) apply(old, base item) (item, error) {
	changes := make([]change, 0, len(u))
	for _, a := range u {
		c, err := a.change(old)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	slices.SortStableFunc(changes, changeOrder)
	result := value{kind: kindM, fields: base}
	for _, c := range changes {
		next, err := c.apply(result, c.at)
		if err != nil {
			return nil, err
		}
		result = next
	}
	return result.fields, nil
}

// removesOnly reports whether the update has nothing but REMOVE and DELETE.
// Such an update makes no item where there is none, unlike one without
// expression.
func (u update) removesOnly() bool {
	return len(u) > 0 && !slices.ContainsFunc(u, func(a action) bool { return a.verb == "SET" || a.verb == "ADD" })
}

// change is an action with its value computed. A nil value removes.
type change struct {
	at   path
	with *value
}

// changeOrder puts writes first, lower indexes before higher (what lies behind
// a list's end is appended in this order), then removals, higher indexes first
// (so that a removal moves no index that is still to be removed).
func changeOrder(a, b change) int {
	if (a.with == nil) != (b.with == nil) {
		if a.with != nil {
			return -1
		}
		return 1
	}
	order := slices.CompareFunc(a.at, b.at, func(s, t step) int { return cmp.Compare(s.index, t.index) })
	if a.with == nil {
		return -order
	}
	return order
}

// change computes what the action writes at its path.
func (a action) change(old item) (change, error) {
	if a.verb == "REMOVE" {
		return change{at: a.at}, nil
	}
	v, err := a.with.compute(old)
	if err != nil {
		return change{}, err
	}
	present, ok := a.at.find(old)
	switch {
	case a.verb == "SET" || a.verb == "ADD" && !ok:
		return change{a.at, &v}, nil
	case !ok: // DELETE of elements of a set that is not there
		return change{at: a.at}, nil
	case a.verb == "ADD" && v.kind == kindN && present.kind == kindN:
		n, err := present.number.add(v.number)
		v = numberValue(n)
		return change{a.at, &v}, err
	case v.kind != present.kind || v.kind.element() == "":
		return change{}, validationf("An operand in the update expression has an incorrect data type")
	case a.verb == "ADD":
		v = present.union(v)
		return change{a.at, &v}, nil
	}
	if v, ok = present.difference(v); !ok {
		return change{at: a.at}, nil
	}
	return change{a.at, &v}, nil
}

// apply makes the change in a copy of v, below the path.
func (c change) apply(v value, below path) (value, error) {
	if len(below) == 0 {
		return *c.with, nil
	}
	s := below[0]
	if s.isIndex != (v.kind == kindL) || !s.isIndex && v.kind != kindM {
		return v, invalidPath()
	}
	child, ok := s.of(v)
	if len(below) > 1 && !ok {
		return v, invalidPath()
	}
	if len(below) == 1 && c.with == nil {
		return s.removeFrom(v), nil
	}
	child, err := c.apply(child, below[1:])
	if err != nil {
		return v, err
	}
	return s.setIn(v, child), nil
}

func invalidPath() error {
	return validationf("The document path provided in the update expression is invalid for update")
}

// setIn is v with the child put one step below it; behind a list's end it is appended.
func (s step) setIn(v, child value) value {
	if !s.isIndex {
		fields := maps.Clone(v.fields)
		if fields == nil {
			fields = item{}
		}
		fields[s.name] = child
		return value{kind: kindM, fields: fields}
	}
	list := slices.Clone(v.list)
	if s.index >= len(list) {
		list = append(list, child)
	} else {
		list[s.index] = child
	}
	return value{kind: kindL, list: list}
}

func (s step) removeFrom(v value) value {
	if !s.isIndex {
		fields := maps.Clone(v.fields)
		delete(fields, s.name)
		return value{kind: kindM, fields: fields}
	}
	if s.index >= len(v.list) {
		return v
	}
	return value{kind: kindL, list: slices.Delete(slices.Clone(v.list), s.index, s.index+1)}
}
