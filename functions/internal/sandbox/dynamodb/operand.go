package dynamodb

// operand is what a comparison or an update computes with. Absent attributes
// give ok = false.
type operand interface {
	eval(it item) (v value, ok bool)
}

// literal is a value of ExpressionAttributeValues.
type literal struct{ value value }

func (l literal) eval(item) (value, bool) { return l.value, true }

func (p path) eval(it item) (value, bool) { return p.find(it) }

// sizeFunc is size(path).
type sizeFunc struct{ of operand }

func (f sizeFunc) eval(it item) (value, bool) {
	v, ok := f.of.eval(it)
	if !ok {
		return value{}, false
	}
	n := 0
	switch v.kind {
	case kindS, kindB:
		n = len(v.text)
	case kindM:
		n = len(v.fields)
	case kindL, kindSS, kindNS, kindBS:
		n = len(v.list)
	default:
		return value{}, false
	}
	return numberValue(integer(n)), true
}

// sameOperand reports whether both operands are the same path.
func sameOperand(a, b operand) bool {
	p, ok := a.(path)
	q, ok2 := b.(path)
	return ok && ok2 && len(p) == len(q) && p.overlaps(q)
}

// checkFirst refuses an operator between a path and itself.
func checkFirst(operator string, first operand, rest ...operand) error {
	for _, o := range rest {
		if sameOperand(first, o) {
			return validationf("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %v", operator, first)
		}
	}
	return nil
}

// conditionFunctions are the names that may stand before a parenthesis in a
// condition.
var conditionFunctions = map[string]int{ // number of operands
	"attribute_exists":     1,
	"attribute_not_exists": 1,
	"attribute_type":       2,
	"begins_with":          2,
	"contains":             2,
	"size":                 1,
}

// operand reads a path, a value or size(...).
func (p *parser) operand() (operand, error) {
	t := p.peek()
	if t.kind == tokenValue {
		p.at++
		v, err := p.holders.value(t.text)
		return literal{v}, err
	}
	if t.kind != tokenWord || !p.peekAfter().symbol("(") {
		return p.path()
	}
	if t.text != "size" {
		if _, ok := conditionFunctions[t.text]; ok {
			return nil, validationf("The function is not allowed to be used this way in an expression; function: %s", t.text)
		}
		return nil, validationf("Invalid function name; function: %s", t.text)
	}
	args, err := p.call()
	if err != nil {
		return nil, err
	}
	return newSize(args)
}

func newSize(args []operand) (operand, error) {
	if _, ok := args[0].(sizeFunc); ok {
		return nil, wrongOperand("size", kindN)
	}
	if l, ok := args[0].(literal); ok {
		if _, ok := (sizeFunc{l}).eval(nil); !ok {
			return nil, wrongOperand("size", l.value.kind)
		}
	}
	return sizeFunc{args[0]}, nil
}

func wrongOperand(operator string, k kind) error {
	return validationf("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", operator, k)
}

// call reads name(operand, …) of a known function and checks their number.
func (p *parser) call() ([]operand, error) {
	name := p.next().text
	p.operators++
	if err := p.expectSymbol("("); err != nil {
		return nil, err
	}
	var args []operand
	for {
		arg, err := p.operand()
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
	if len(args) != conditionFunctions[name] {
		return nil, validationf("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, len(args))
	}
	return args, nil
}
