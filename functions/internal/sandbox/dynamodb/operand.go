package dynamodb

// operand is what an expression compares or stores. Absent attributes give
// ok = false.
type operand interface {
	eval(it item) (v value, ok bool)
}

// literal is a value of ExpressionAttributeValues.
type literal struct{ value value }

func (l literal) eval(item) (value, bool) { return l.value, true }

// attribute is an attribute of the item, by its name.
type attribute string

func (a attribute) eval(it item) (value, bool) {
	v, ok := it[string(a)]
	return v, ok
}

// checkFirst refuses an operator between an attribute and itself.
func checkFirst(operator string, first operand, rest ...operand) error {
	a, ok := first.(attribute)
	for _, o := range rest {
		if b, same := o.(attribute); ok && same && a == b {
			return validationf("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: [%s]", operator, a)
		}
	}
	return nil
}

// checkOperands refuses literals of a kind that the operator does not take.
func checkOperands(operator string, operands []operand, takes func(kind) bool) error {
	for _, o := range operands {
		if l, ok := o.(literal); ok && !takes(l.value.kind) {
			return validationf("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", operator, l.value.kind)
		}
	}
	return nil
}

// operand reads an attribute's name or a value.
func (p *parser) operand() (operand, error) {
	t := p.peek()
	if t.kind == tokenValue {
		p.at++
		v, err := p.holders.value(t.text)
		return literal{v}, err
	}
	if t.kind == tokenWord && p.peekAfter().symbol("(") {
		return nil, validationf("The function is not allowed to be used this way in an expression, or not known to the sandbox; function: %s", t.text)
	}
	return p.attribute()
}

// operands reads operands with commas between.
func (p *parser) operands() ([]operand, error) {
	var list []operand
	for {
		one, err := p.operand()
		if err != nil {
			return nil, err
		}
		list = append(list, one)
		if !p.acceptSymbol(",") {
			return list, nil
		}
	}
}
