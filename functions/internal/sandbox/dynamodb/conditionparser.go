package dynamodb

import "slices"

// condition reads OR, AND, NOT and what they join, the loosest first.
func (p *parser) condition() (condition, error) {
	left, err := p.conjunction()
	for err == nil && p.acceptKeyword("OR") {
		p.operators++
		var right condition
		if right, err = p.conjunction(); err == nil {
			left = orCondition{left, right}
		}
	}
	return left, err
}

func (p *parser) conjunction() (condition, error) {
	left, err := p.negation()
	for err == nil && p.acceptKeyword("AND") {
		p.operators++
		var right condition
		if right, err = p.negation(); err == nil {
			left = andCondition{left, right}
		}
	}
	return left, err
}

func (p *parser) negation() (condition, error) {
	if !p.acceptKeyword("NOT") {
		return p.primary()
	}
	p.operators++
	inner, err := p.negation()
	return notCondition{inner}, err
}

// primary reads a parenthesis, a function or a comparison.
func (p *parser) primary() (condition, error) {
	t := p.peek()
	if t.symbol("(") {
		return p.enclosed()
	}
	if t.kind == tokenWord && p.peekAfter().symbol("(") {
		return p.function()
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	return p.comparison(left)
}

// enclosed reads a condition in parentheses. Parentheses around nothing but
// others are redundant, which AWS refuses.
func (p *parser) enclosed() (condition, error) {
	p.at++
	double := p.peek().symbol("(")
	start := p.at
	inner, err := p.condition()
	if err != nil {
		return inner, err
	}
	if double && p.matching(start) == p.at-1 {
		return inner, validationf("The expression has redundant parentheses;")
	}
	return inner, p.expectSymbol(")")
}

// matching is the position of the parenthesis that closes the one at start.
func (p *parser) matching(start int) int {
	depth := 0
	for i := start; i < len(p.tokens); i++ {
		if p.tokens[i].symbol("(") {
			depth++
		}
		if p.tokens[i].symbol(")") {
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// conditionFunctions are the functions of conditions and their numbers of operands.
var conditionFunctions = map[string]int{
	"attribute_exists":     1,
	"attribute_not_exists": 1,
	"begins_with":          2,
}

// function reads name(operand, …).
func (p *parser) function() (condition, error) {
	name := p.next().text
	count, ok := conditionFunctions[name]
	if !ok {
		return nil, validationf("Invalid function name, or one that the sandbox does not know; function: %s", name)
	}
	p.at++ // the parenthesis
	p.operators++
	args, err := p.operands()
	if err != nil {
		return nil, err
	}
	if err := p.expectSymbol(")"); err != nil {
		return nil, err
	}
	if len(args) != count {
		return nil, validationf("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, len(args))
	}
	if name == "begins_with" {
		return prefixCondition{args[0], args[1]}, firstError(checkFirst(name, args[0], args[1]), checkOperands(name, args, kind.textual))
	}
	if _, ok := args[0].(attribute); !ok {
		return nil, validationf("Operator or function requires a document path; operator or function: %s", name)
	}
	return existence{args[0], name == "attribute_exists"}, nil
}

// comparison reads what follows the left operand.
func (p *parser) comparison(left operand) (condition, error) {
	p.operators++
	if p.acceptKeyword("BETWEEN") {
		return p.between(left)
	}
	operator := p.peek()
	if !slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, operator.text) || operator.kind != tokenSymbol {
		return nil, p.unexpected()
	}
	p.at++
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	if err := checkFirst(operator.text, left, right); err != nil {
		return nil, err
	}
	if operator.text != "=" && operator.text != "<>" {
		err = checkOperands(operator.text, []operand{left, right}, kind.ordered)
	}
	return comparison{operator.text, left, right}, err
}

func (p *parser) between(of operand) (condition, error) {
	low, err := p.operand()
	if err != nil {
		return nil, err
	}
	if !p.acceptKeyword("AND") {
		return nil, p.unexpected()
	}
	high, err := p.operand()
	if err != nil {
		return nil, err
	}
	return betweenCondition{of, low, high}, firstError(
		checkFirst("BETWEEN", of, low, high),
		checkOperands("BETWEEN", []operand{of, low, high}, kind.ordered),
		checkBounds(low, high),
	)
}

func checkBounds(low, high operand) error {
	l, ok := low.(literal)
	h, ok2 := high.(literal)
	switch {
	case !ok || !ok2:
		return nil
	case l.value.kind != h.value.kind:
		return validationf("The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand type: %s, upper bound operand type: %s", l.value.kind, h.value.kind)
	case l.value.compare(h.value) > 0:
		return validationf("The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: %v, upper bound operand: %v", string(l.value.append(nil)), string(h.value.append(nil)))
	}
	return nil
}
