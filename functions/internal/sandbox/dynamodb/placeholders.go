package dynamodb

import (
	"slices"
	"strings"
)

// placeholders are the names and values that a request's expressions refer to.
// They remember which were used: AWS refuses a request with unused ones.
type placeholders struct {
	names      map[string]string
	values     item
	usedNames  map[string]bool
	usedValues map[string]bool
}

const (
	maxExpression = 4096            // bytes of an expression
	maxOperators  = 300             // operators and functions of an expression
	maxValues     = 2 * 1024 * 1024 // bytes of all names and values
)

// newPlaceholders checks ExpressionAttributeNames and -Values; both may be nil.
func newPlaceholders(names map[string]string, values item) (*placeholders, error) {
	if names != nil && len(names) == 0 {
		return nil, validationf("ExpressionAttributeNames must not be empty")
	}
	if values != nil && len(values) == 0 {
		return nil, validationf("ExpressionAttributeValues must not be empty")
	}
	total := values.size()
	for key, name := range names {
		total += len(key) + len(name)
		if !isPlaceholder(key, '#') {
			return nil, validationf("ExpressionAttributeNames contains invalid key: Syntax error; key: %q", key)
		}
		if name == "" {
			return nil, validationf("ExpressionAttributeNames contains invalid value: Attribute name must not be empty; key: %s", key)
		}
		if len(name) > 65535 {
			return nil, validationf("Member must have length less than or equal to 65535, Member must have length greater than or equal to 0")
		}
	}
	for key := range values {
		if !isPlaceholder(key, ':') {
			return nil, validationf("ExpressionAttributeValues contains invalid key: Syntax error; key: %q", key)
		}
	}
	if total > maxValues {
		return nil, validationf("ExpressionAttributeNames and ExpressionAttributeValues exceed the maximum allowed size")
	}
	return &placeholders{names: names, values: values, usedNames: map[string]bool{}, usedValues: map[string]bool{}}, nil
}

func isPlaceholder(key string, prefix byte) bool {
	return len(key) > 1 && key[0] == prefix && span(key[1:], isNamePart) == len(key)-1
}

func (p *placeholders) name(key string) (string, error) {
	name, ok := p.names[key]
	if !ok {
		return "", validationf("An expression attribute name used in the document path is not defined; attribute name: %s", key)
	}
	p.usedNames[key] = true
	return name, nil
}

func (p *placeholders) value(key string) (value, error) {
	v, ok := p.values[key]
	if !ok {
		return value{}, validationf("An expression attribute value used in expression is not defined; attribute value: %s", key)
	}
	p.usedValues[key] = true
	return v, nil
}

// checkUsed refuses what no expression referred to.
func (p *placeholders) checkUsed(expressions int) error {
	if expressions == 0 && p.names != nil {
		return validationf("ExpressionAttributeNames can only be specified when using expressions")
	}
	if expressions == 0 && p.values != nil {
		return validationf("ExpressionAttributeValues can only be specified when using expressions")
	}
	if keys := unused(p.names, p.usedNames); keys != "" {
		return validationf("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", keys)
	}
	if keys := unused(p.values, p.usedValues); keys != "" {
		return validationf("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", keys)
	}
	return nil
}

func unused[V any](given map[string]V, used map[string]bool) string {
	var keys []string
	for key := range given {
		if !used[key] {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}
