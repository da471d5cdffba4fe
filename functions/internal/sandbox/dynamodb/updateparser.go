package dynamodb

import (
	"slices"
	"strings"
)

// action is one change of an UpdateExpression.
type action struct {
	verb string // SET, REMOVE, ADD or DELETE
	at   path
	with term // nil for REMOVE
}

// update is a parsed UpdateExpression, actions in the order written.
type update []action

// update reads clauses, each verb at most once.
func (p *parser) update() (update, error) {
	var result update
	seen := map[string]bool{}
	for p.peek().kind != tokenEnd {
		t := p.peek()
		verb := strings.ToUpper(t.text)
		if t.kind != tokenWord || !slices.Contains([]string{"SET", "REMOVE", "ADD", "DELETE"}, verb) {
			return nil, p.unexpected()
		}
		if seen[verb] {
			return nil, validationf("The %q section can only be used once in an update expression;", verb)
		}
		seen[verb] = true
		p.at++
		actions, err := p.clause(verb)
		if err != nil {
			return nil, err
		}
		result = append(result, actions...)
	}
	paths := make([]path, len(result))
	for i, a := range result {
		paths[i] = a.at
	}
	return result, checkPaths(paths)
}

// clause reads the actions of one verb.
func (p *parser) clause(verb string) ([]action, error) {
	var actions []action
	for {
		at, err := p.path()
		if err != nil {
			return nil, err
		}
		a := action{verb: verb, at: at}
		p.operators++
		switch verb {
		case "SET":
			if err = p.expectSymbol("="); err == nil {
				a.with, err = p.setValue()
			}
		case "ADD", "DELETE":
			a.with, err = p.setOperand(verb)
		}
		if err != nil {
			return nil, err
		}
		actions = append(actions, a)
		if !p.acceptSymbol(",") {
			return actions, nil
		}
	}
}

// setOperand reads the value of ADD or DELETE and checks its kind.
func (p *parser) setOperand(verb string) (term, error) {
	t := p.peek()
	if t.kind != tokenValue {
		return nil, p.unexpected()
	}
	p.at++
	v, err := p.holders.value(t.text)
	if err != nil {
		return nil, err
	}
	if v.kind.element() == "" && (verb == "DELETE" || v.kind != kindN) {
		return nil, validationf("Incorrect operand type for operator or function; operator: %s, operand type: %s", verb, v.kind)
	}
	return termOf{literal{v}}, nil
}

// setValue reads operand, operand + operand or operand - operand.
func (p *parser) setValue() (term, error) {
	left, err := p.setTerm()
	if err != nil {
		return nil, err
	}
	operator := p.peek()
	if !operator.symbol("+") && !operator.symbol("-") {
		return left, nil
	}
	p.at++
	p.operators++
	right, err := p.setTerm()
	if err != nil {
		return nil, err
	}
	for _, side := range []term{left, right} {
		if err := checkTerm(side, operator.text, kindN); err != nil {
			return nil, err
		}
	}
	return sum{operator.text, left, right}, nil
}

// setTerm reads a path, a value, a parenthesis or a function.
func (p *parser) setTerm() (term, error) {
	t := p.peek()
	if t.symbol("(") {
		return enclosed(p, (*parser).setValue)
	}
	if t.kind == tokenWord && p.peekAfter().symbol("(") {
		return p.setFunction()
	}
	o, err := p.operand()
	if err != nil {
		return nil, err
	}
	return termOf{o}, nil
}

// setFunction reads if_not_exists(path, term) or list_append(term, term).
func (p *parser) setFunction() (term, error) {
	name := p.peek().text
	if name != "if_not_exists" && name != "list_append" {
		if _, ok := conditionFunctions[name]; ok {
			return nil, validationf("The function is not allowed in an update expression; function: %s", name)
		}
		return nil, validationf("Invalid function name; function: %s", name)
	}
	p.at += 2 // name and parenthesis
	p.operators++
	var args []term
	for {
		arg, err := p.setTerm()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if !p.acceptSymbol(",") {
			break
		}
	}
	if err := p.expectSymbol(")"); err != nil {
		return nil, err
	}
	if len(args) != 2 {
		return nil, validationf("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, len(args))
	}
	if name == "list_append" {
		return newListAppend(args[0], args[1])
	}
	return newIfNotExists(args[0], args[1])
}

func newIfNotExists(at, otherwise term) (term, error) {
	if t, ok := at.(termOf); ok {
		if p, ok := t.operand.(path); ok {
			return ifNotExists{p, otherwise}, firstError(checkNested(otherwise), checkDistinctTerm(p, otherwise))
		}
	}
	return nil, validationf("Operator or function requires a document path; operator or function: if_not_exists")
}

func newListAppend(first, second term) (term, error) {
	for _, side := range []term{first, second} {
		if err := firstError(checkNested(side), checkTerm(side, "list_append", kindL)); err != nil {
			return nil, err
		}
	}
	return listAppend{first, second}, nil
}

// checkNested refuses list_append as an argument of a function.
func checkNested(t term) error {
	if _, ok := t.(listAppend); ok {
		return validationf("The function is not allowed to be used this way in an expression; function: list_append")
	}
	return nil
}

func checkDistinctTerm(at path, otherwise term) error {
	if t, ok := otherwise.(termOf); ok {
		return checkFirst("if_not_exists", at, t.operand)
	}
	return nil
}

// checkTerm refuses a literal of another kind than the operator takes.
func checkTerm(t term, operator string, k kind) error {
	if o, ok := t.(termOf); ok {
		if l, ok := o.operand.(literal); ok && l.value.kind != k {
			return wrongOperand(operator, l.value.kind)
		}
	}
	return nil
}
