package dynamodb

// keyRange is a parsed KeyConditionExpression: the partition and, in it, the
// sort keys wanted.
type keyRange struct {
	partition value
	sort      *sortRange
}

// sortRange restricts a sort key. Operator is a comparison, BETWEEN or begins_with.
type sortRange struct {
	operator  string
	low, high value
}

// keyTerm is one condition on one key attribute.
type keyTerm struct {
	name     string
	operator string
	values   []value
}

// resolve assigns the terms of a key condition to the keys of a table or index.
func resolveKeys(terms []keyTerm, keys keySchema) (keyRange, error) {
	var result keyRange
	seen := map[string]bool{}
	for _, term := range terms {
		if seen[term.name] {
			return result, validationf("Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key")
		}
		seen[term.name] = true
		for _, v := range term.values {
			if err := keys.checkTerm(term, v); err != nil {
				return result, err
			}
		}
		switch {
		case term.name == keys.partition.name && term.operator == "=":
			result.partition = term.values[0]
		case term.name == keys.partition.name:
			return result, validationf("Query key condition not supported")
		case keys.sort != nil && term.name == keys.sort.name:
			result.sort = newSortRange(term)
		}
	}
	if !seen[keys.partition.name] {
		return result, validationf("Query condition missed key schema element: %s", keys.partition.name)
	}
	if len(terms) == 2 && result.sort == nil {
		if keys.sort == nil {
			return result, validationf("Query key condition not supported")
		}
		return result, validationf("Query condition missed key schema element: %s", keys.sort.name)
	}
	return result, nil
}

func newSortRange(term keyTerm) *sortRange {
	r := &sortRange{operator: term.operator, low: term.values[0]}
	if term.operator == "BETWEEN" {
		r.high = term.values[1]
	}
	return r
}

// before reports whether a sort key lies before the range, after whether it
// lies behind it; one in the range is neither.
func (r *sortRange) before(v value) bool {
	if r == nil {
		return false
	}
	switch r.operator {
	case "<", "<=":
		return false
	case ">":
		return v.compare(r.low) <= 0
	default: // =, >=, BETWEEN, begins_with
		return v.compare(r.low) < 0
	}
}

func (r *sortRange) after(v value) bool {
	if r == nil {
		return false
	}
	switch r.operator {
	case ">", ">=":
		return false
	case "<":
		return v.compare(r.low) >= 0
	case "BETWEEN":
		return v.compare(r.high) > 0
	case "begins_with":
		return v.compare(r.low) > 0 && !beginsWith(v, r.low)
	default: // =, <=
		return v.compare(r.low) > 0
	}
}

// keyCondition reads a KeyConditionExpression: conditions joined by AND, each
// of one key attribute and values.
func (p *parser) keyCondition() ([]keyTerm, error) {
	c, err := p.condition()
	if err != nil {
		return nil, err
	}
	terms, err := keyTerms(c)
	if err == nil && len(terms) > 2 {
		err = validationf("Conditions can be of length 1 or 2 only")
	}
	return terms, err
}

func keyTerms(c condition) ([]keyTerm, error) {
	switch c := c.(type) {
	case andCondition:
		left, err := keyTerms(c.left)
		if err != nil {
			return nil, err
		}
		right, err := keyTerms(c.right)
		return append(left, right...), err
	case comparison:
		if c.operator == "<>" {
			return nil, invalidKeyOperator(c.operator)
		}
		if _, ok := c.left.(literal); ok {
			return keyTermOf(mirrored[c.operator], c.right, c.left)
		}
		return keyTermOf(c.operator, c.left, c.right)
	case betweenCondition:
		return keyTermOf("BETWEEN", c.of, c.low, c.high)
	case prefixCondition:
		return keyTermOf("begins_with", c.of, c.prefix)
	case orCondition:
		return nil, invalidKeyOperator("OR")
	case notCondition:
		return nil, invalidKeyOperator("NOT")
	default:
		return nil, invalidKeyOperator("attribute_exists or attribute_not_exists")
	}
}

// mirrored are the operators with their sides exchanged.
var mirrored = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func invalidKeyOperator(name string) error {
	return validationf("Invalid operator used in KeyConditionExpression: %s", name)
}

func keyTermOf(operator string, of operand, with ...operand) ([]keyTerm, error) {
	name, ok := of.(attribute)
	if !ok {
		return nil, validationf("Invalid condition in KeyConditionExpression: %s operator must have the key attribute as its first operand", operator)
	}
	term := keyTerm{name: string(name), operator: operator}
	for _, o := range with {
		l, ok := o.(literal)
		if !ok {
			return nil, validationf("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
		}
		term.values = append(term.values, l.value)
	}
	return []keyTerm{term}, nil
}
