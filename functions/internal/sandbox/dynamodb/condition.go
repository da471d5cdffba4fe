package dynamodb

import "strings"

// condition is a parsed ConditionExpression, FilterExpression or part of it.
type condition interface {
	holds(it item) bool
}

type andCondition struct{ left, right condition }

func (c andCondition) holds(it item) bool { return c.left.holds(it) && c.right.holds(it) }

type orCondition struct{ left, right condition }

func (c orCondition) holds(it item) bool { return c.left.holds(it) || c.right.holds(it) }

type notCondition struct{ inner condition }

func (c notCondition) holds(it item) bool { return !c.inner.holds(it) }

// comparison is left operator right.
type comparison struct {
	operator    string
	left, right operand
}

func (c comparison) holds(it item) bool {
	a, okA := c.left.eval(it)
	b, okB := c.right.eval(it)
	if c.operator == "<>" {
		return !okA || !okB || !a.equal(b)
	}
	if !okA || !okB {
		return false
	}
	if c.operator == "=" {
		return a.equal(b)
	}
	if a.kind != b.kind || !a.kind.ordered() {
		return false
	}
	return compares(c.operator, a.compare(b))
}

// compares reports whether an order (negative, zero, positive) satisfies an operator.
func compares(operator string, order int) bool {
	switch operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	default:
		return order == 0
	}
}

// betweenCondition is of BETWEEN low AND high.
type betweenCondition struct{ of, low, high operand }

func (c betweenCondition) holds(it item) bool {
	return comparison{">=", c.of, c.low}.holds(it) && comparison{"<=", c.of, c.high}.holds(it)
}

// inCondition is of IN (list).
type inCondition struct {
	of   operand
	list []operand
}

func (c inCondition) holds(it item) bool {
	for _, one := range c.list {
		if (comparison{"=", c.of, one}).holds(it) {
			return true
		}
	}
	return false
}

// functionCondition is a function that is true or false.
type functionCondition struct {
	name string
	args []operand
}

func (c functionCondition) holds(it item) bool {
	v, ok := c.args[0].eval(it)
	switch {
	case c.name == "attribute_exists":
		return ok
	case c.name == "attribute_not_exists":
		return !ok
	case !ok:
		return false
	}
	w, ok := c.args[1].eval(it)
	if !ok {
		return false
	}
	switch c.name {
	case "attribute_type":
		return string(v.kind) == w.text
	case "begins_with":
		return beginsWith(v, w)
	default:
		return containsValue(v, w)
	}
}

func beginsWith(v, w value) bool {
	return v.kind == w.kind && (v.kind == kindS || v.kind == kindB) &&
		len(v.text) >= len(w.text) && v.text[:len(w.text)] == w.text
}

// containsValue is the function contains: a part of a text, an element of a
// set or list.
func containsValue(v, w value) bool {
	switch v.kind {
	case kindS, kindB:
		return v.kind == w.kind && strings.Contains(v.text, w.text)
	case kindL, kindSS, kindNS, kindBS:
		return v.has(w)
	default:
		return false
	}
}
