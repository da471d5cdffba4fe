package dynamodb

import (
	"slices"
	"strings"
)

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
	if p.peek().symbol("(") {
		return enclosed(p, (*parser).condition)
	}
	t := p.peek()
	if t.kind == tokenWord && p.peekAfter().symbol("(") && t.text != "size" {
		return p.function()
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	return p.comparison(left)
}

// enclosed reads a rule in parentheses. Parentheses around nothing but others
// are redundant, which AWS refuses.
func enclosed[T any](p *parser, rule func(*parser) (T, error)) (T, error) {
	p.at++
	double := p.peek().symbol("(")
	start := p.at
	inner, err := rule(p)
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

func (p *parser) function() (condition, error) {
	name := p.peek().text
	if _, ok := conditionFunctions[name]; !ok {
		return nil, validationf("Invalid function name; function: %s", name)
	}
	args, err := p.call()
	if err != nil {
		return nil, err
	}
	return functionCondition{name, args}, checkFunction(name, args)
}

// checkFunction refuses operands that can never fit.
func checkFunction(name string, args []operand) error {
	_, isPath := args[0].(path)
	if !isPath && strings.HasPrefix(name, "attribute_") && name != "attribute_type" {
		return validationf("Operator or function requires a document path; operator or function: %s", name)
	}
	if err := checkFirst(name, args[0], args[1:]...); err != nil {
		return err
	}
	switch name {
	case "attribute_type":
		return checkTypeName(args[1])
	case "begins_with":
		return checkOperands(name, args, func(k kind) bool { return k == kindS || k == kindB })
	}
	return nil
}

func checkTypeName(o operand) error {
	l, ok := o.(literal)
	if !ok || l.value.kind != kindS {
		return validationf("Incorrect operand type for operator or function; operator or function: attribute_type, operand type: not a string value")
	}
	known := []kind{kindS, kindN, kindB, kindBool, kindNull, kindM, kindL, kindSS, kindNS, kindBS}
	if !slices.Contains(known, kind(l.value.text)) {
		return validationf("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", l.value.text)
	}
	return nil
}

// checkOperands refuses literals of a kind that the operator does not take.
func checkOperands(operator string, operands []operand, takes func(kind) bool) error {
	for _, o := range operands {
		switch o := o.(type) {
		case literal:
			if !takes(o.value.kind) {
				return wrongOperand(operator, o.value.kind)
			}
		case sizeFunc:
			if !takes(kindN) {
				return wrongOperand(operator, kindN)
			}
		}
	}
	return nil
}

// comparison reads what follows the left operand.
func (p *parser) comparison(left operand) (condition, error) {
	p.operators++
	switch {
	case p.acceptKeyword("BETWEEN"):
		return p.between(left)
	case p.acceptKeyword("IN"):
		return p.in(left)
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

func (p *parser) in(of operand) (condition, error) {
	if err := p.expectSymbol("("); err != nil {
		return nil, err
	}
	result := inCondition{of: of}
	for {
		one, err := p.operand()
		if err != nil {
			return nil, err
		}
		result.list = append(result.list, one)
		if !p.acceptSymbol(",") {
			break
		}
	}
	if len(result.list) > 100 {
		return nil, validationf("The IN operator is provided with too many operands; number of operands: %d", len(result.list))
	}
	return result, firstError(p.expectSymbol(")"), checkFirst("IN", of, result.list...))
}
