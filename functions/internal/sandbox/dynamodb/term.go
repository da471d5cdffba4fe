package dynamodb

import "slices"

// term is the right side of SET. Unlike an operand it fails where something
// is absent or of the wrong kind.
type term interface {
	compute(it item) (value, error)
}

// termOf is a path or a value.
type termOf struct{ operand operand }

func (t termOf) compute(it item) (value, error) {
	v, ok := t.operand.eval(it)
	if !ok {
		return value{}, validationf("The provided expression refers to an attribute that does not exist in the item")
	}
	return v, nil
}

// ifNotExists is if_not_exists(path, otherwise).
type ifNotExists struct {
	at        path
	otherwise term
}

func (t ifNotExists) compute(it item) (value, error) {
	if v, ok := t.at.find(it); ok {
		return v, nil
	}
	return t.otherwise.compute(it)
}

// listAppend is list_append(first, second).
type listAppend struct{ first, second term }

func (t listAppend) compute(it item) (value, error) {
	a, b, err := computeBoth(t.first, t.second, kindL, it)
	if err != nil {
		return value{}, err
	}
	return value{kind: kindL, list: slices.Concat(a.list, b.list)}, nil
}

// sum is left + right or left - right.
type sum struct {
	operator    string
	left, right term
}

func (t sum) compute(it item) (value, error) {
	a, b, err := computeBoth(t.left, t.right, kindN, it)
	if err != nil {
		return value{}, err
	}
	addend := b.number
	if t.operator == "-" {
		addend = addend.negate()
	}
	n, err := a.number.add(addend)
	return numberValue(n), err
}

func computeBoth(left, right term, k kind, it item) (a, b value, err error) {
	if a, err = left.compute(it); err != nil {
		return a, b, err
	}
	if b, err = right.compute(it); err != nil {
		return a, b, err
	}
	if a.kind != k || b.kind != k {
		err = validationf("An operand in the update expression has an incorrect data type")
	}
	return a, b, err
}
