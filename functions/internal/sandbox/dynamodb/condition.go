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
	default:
		return order >= 0
	}
}

// betweenCondition is of BETWEEN low AND high.
type betweenCondition struct{ of, low, high operand }

func (c betweenCondition) holds(it item) bool {
	return comparison{">=", c.of, c.low}.holds(it) && comparison{"<=", c.of, c.high}.holds(it)
}

// existence is attribute_exists(of) or attribute_not_exists(of).
type existence struct {
	of   operand
	want bool
}

func (c existence) holds(it item) bool {
	_, ok := c.of.eval(it)
	return ok == c.want
}

// prefixCondition is begins_with(of, prefix).
type prefixCondition struct{ of, prefix operand }

func (c prefixCondition) holds(it item) bool {
	v, ok := c.of.eval(it)
	w, ok2 := c.prefix.eval(it)
	return ok && ok2 && beginsWith(v, w)
}

func beginsWith(v, w value) bool {
	return v.kind == w.kind && v.kind.textual() && strings.HasPrefix(v.text, w.text)
}
