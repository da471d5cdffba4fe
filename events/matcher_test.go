package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// matcher decides as EventBridge would whether a pattern selects an event. It
// knows the operators that patterns of deployments may need, and refuses a
// pattern with any other rather than passing over it:
//
//	exact values, prefix, suffix (both also ignoring case), equals-ignore-case,
//	wildcard, numeric, exists, anything-but a value, values, a prefix or a wildcard, and $or
//
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
type matcher func(value any) bool

// condition decides on one leaf of an event, a string, number, boolean or null.
type condition func(leaf any) bool

// newMatcher reads a pattern.
func newMatcher(pattern []byte) (matcher, error) {
	root, err := decodeOne(pattern)
	if err != nil {
		return nil, err
	}
	object, ok := root.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("pattern is a %T instead of an object", root)
	}
	return objectMatcher("", object)
}

// matches decides on the JSON of an event.
func (m matcher) matches(event []byte) (bool, error) {
	value, err := decodeOne(event)
	return err == nil && m(value), err
}

// decodeOne reads exactly one JSON value and keeps numbers by their text.
func decodeOne(raw []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return value, nil
}

// objectMatcher matches objects of which every listed field matches.
func objectMatcher(path string, pattern map[string]any) (matcher, error) {
	if len(pattern) == 0 {
		return nil, fmt.Errorf("%s{} names no field", path)
	}
	fields := map[string]matcher{}
	for name, value := range pattern {
		var err error
		below := path + name + "."
		switch value := value.(type) {
		case map[string]any:
			fields[name], err = objectMatcher(below, value)
		case []any:
			if name == "$or" {
				fields[name], err = orMatcher(path, value)
			} else {
				fields[name], err = leafMatcher(below, value)
			}
		default:
			err = fmt.Errorf("%s is a %T instead of a list or an object", below, value)
		}
		if err != nil {
			return nil, err
		}
	}
	return func(value any) bool {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			return matchAll(fields, value)
		}
		// One object of a list has to match as a whole.
		return slices.ContainsFunc(list, func(element any) bool { return matchAll(fields, element) })
	}, nil
}

// orMatcher matches objects that one of the patterns matches, beside whatever else
// there is of them.
func orMatcher(path string, alternatives []any) (matcher, error) {
	var matchers []matcher
	for _, alternative := range alternatives {
		object, ok := alternative.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s$or has a %T instead of an object", path, alternative)
		}
		m, err := objectMatcher(path, object)
		if err != nil {
			return nil, err
		}
		matchers = append(matchers, m)
	}
	if len(matchers) < 2 {
		return nil, fmt.Errorf("%s$or has %d alternatives: want two or more", path, len(matchers))
	}
	return func(value any) bool { return slices.ContainsFunc(matchers, func(m matcher) bool { return m(value) }) }, nil
}

// missing stands for a field that is not there, as against one that is null.
type missing struct{}

// matchAll matches every field; of what is no object all fields are missing.
func matchAll(fields map[string]matcher, value any) bool {
	object, _ := value.(map[string]any)
	for name, match := range fields {
		field, ok := object[name]
		switch {
		case name == "$or":
			field = value
		case !ok:
			field = missing{}
		}
		if !match(field) {
			return false
		}
	}
	return true
}

// leafMatcher matches where any leaf meets any of the alternatives.
func leafMatcher(path string, alternatives []any) (matcher, error) {
	if len(alternatives) == 0 {
		return nil, fmt.Errorf("%s is an empty list, which matches nothing", path)
	}
	var conditions []condition
	orAbsent := false
	for _, alternative := range alternatives {
		if object, ok := alternative.(map[string]any); ok && object["exists"] == false && len(object) == 1 {
			orAbsent = true
			continue
		}
		c, err := newCondition(path, alternative)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	return func(value any) bool {
		leaves := leavesOf(value)
		if len(leaves) == 0 {
			return orAbsent
		}
		return slices.ContainsFunc(conditions, func(c condition) bool { return slices.ContainsFunc(leaves, c) })
	}, nil
}

// leavesOf returns what an event has at the place of a leaf: nothing if the field
// is missing or an object, several values if it is a list.
func leavesOf(value any) []any {
	switch value := value.(type) {
	case missing, map[string]any:
		return nil
	case []any:
		var leaves []any
		for _, element := range value {
			leaves = append(leaves, leavesOf(element)...)
		}
		return leaves
	}
	return []any{value}
}

// operators makes the condition of each operator from its argument.
var operators = map[string]func(argument any) (condition, error){
	"prefix": prefix,
	"suffix": affix(strings.HasSuffix, func(s string, n int) string { return s[len(s)-n:] }),
	"equals-ignore-case": onString(func(argument string) condition {
		return text(func(s string) bool { return strings.EqualFold(s, argument) })
	}),
	"anything-but": anythingBut,
	"numeric":      numeric,
	"wildcard":     wildcard,
	"exists": func(argument any) (condition, error) {
		if argument != true { // false is dealt with where leaves may be absent
			return nil, errors.New("neither true nor false")
		}
		return func(any) bool { return true }, nil
	},
}

var prefix = affix(strings.HasPrefix, func(s string, n int) string { return s[:n] })

func newCondition(path string, alternative any) (condition, error) {
	switch alternative := alternative.(type) {
	case []any:
		return nil, fmt.Errorf("%s holds a list in a list", path)
	case map[string]any:
		if len(alternative) != 1 {
			return nil, fmt.Errorf("%s holds %d operators in one object", path, len(alternative))
		}
		for name, argument := range alternative {
			operator, ok := operators[name]
			if !ok {
				return nil, fmt.Errorf("%s%s is an operator that this matcher does not know", path, name)
			}
			c, err := operator(argument)
			if err != nil {
				return nil, fmt.Errorf("%s%s %v: %w", path, name, argument, err)
			}
			return c, nil
		}
	}
	return func(leaf any) bool { return leaf == alternative }, nil // numbers are equal if their texts are
}

// text is a condition that only strings can meet.
func text(ok func(string) bool) condition {
	return func(leaf any) bool {
		s, isString := leaf.(string)
		return isString && ok(s)
	}
}

func onString(operator func(string) condition) func(any) (condition, error) {
	return func(argument any) (condition, error) {
		s, ok := argument.(string)
		if !ok {
			return nil, errors.New("no string")
		}
		return operator(s), nil
	}
}

// affix is prefix or suffix: of a string, or ignoring case. end cuts the bytes
// from a string that are compared.
func affix(has func(s, affix string) bool, end func(s string, n int) string) func(any) (condition, error) {
	return func(argument any) (condition, error) {
		if object, ok := argument.(map[string]any); ok && len(object) == 1 {
			if s, ok := object["equals-ignore-case"].(string); ok {
				return text(func(leaf string) bool {
					return len(leaf) >= len(s) && strings.EqualFold(end(leaf, len(s)), s)
				}), nil
			}
		}
		return onString(func(s string) condition {
			return text(func(leaf string) bool { return has(leaf, s) })
		})(argument)
	}
}

// anythingBut is met by every leaf but those of its argument.
func anythingBut(argument any) (condition, error) {
	var refused []any
	switch argument := argument.(type) {
	case map[string]any:
		return anythingButText(argument)
	case []any:
		refused = argument
	default:
		refused = []any{argument}
	}
	strs, numbers := 0, 0
	for _, value := range refused {
		switch value.(type) {
		case string:
			strs++
		case json.Number:
			numbers++
		}
	}
	if len(refused) == 0 || strs != len(refused) && numbers != len(refused) {
		return nil, errors.New("neither strings nor numbers")
	}
	return func(leaf any) bool { return !slices.Contains(refused, leaf) }, nil
}

// anythingButText is met by every leaf but the texts with a prefix, or of a wildcard.
func anythingButText(argument map[string]any) (condition, error) {
	operator := prefix
	text, ok := argument["prefix"]
	if !ok {
		operator = wildcard
		text, ok = argument["wildcard"]
	}
	if !ok || len(argument) != 1 {
		return nil, errors.New("neither prefix nor wildcard")
	}
	refused, err := operator(text)
	if err != nil {
		return nil, err
	}
	return func(leaf any) bool { return !refused(leaf) }, nil
}

var comparisons = map[string]func(n, limit float64) bool{
	"=":  func(n, limit float64) bool { return n == limit },
	"<":  func(n, limit float64) bool { return n < limit },
	"<=": func(n, limit float64) bool { return n <= limit },
	">":  func(n, limit float64) bool { return n > limit },
	">=": func(n, limit float64) bool { return n >= limit },
}

// numeric compares by value, where an exact match compares texts.
func numeric(argument any) (condition, error) {
	terms, ok := argument.([]any)
	if !ok || len(terms) != 2 && len(terms) != 4 {
		return nil, errors.New("no one or two comparisons")
	}
	var tests []func(float64) bool
	for pair := range slices.Chunk(terms, 2) {
		limit, ok := number(pair[1])
		if !ok {
			return nil, errors.New("no number from -5e9 to 5e9")
		}
		comparison, _ := pair[0].(string)
		compare, ok := comparisons[comparison]
		if !ok {
			return nil, errors.New("no comparison")
		}
		tests = append(tests, func(n float64) bool { return compare(n, limit) })
	}
	return func(leaf any) bool {
		n, ok := number(leaf)
		return ok && !slices.ContainsFunc(tests, func(test func(float64) bool) bool { return !test(n) })
	}, nil
}

// number returns a JSON number within the limits of EventBridge.
func number(value any) (float64, bool) {
	text, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(text.String(), 64)
	return n, err == nil && n >= -5e9 && n <= 5e9
}

// wildcard matches strings where * stands for any characters, even none. A
// backslash takes the meaning from a * or a backslash.
func wildcard(argument any) (condition, error) {
	s, ok := argument.(string)
	if !ok {
		return nil, errors.New("no string")
	}
	if strings.Contains(strings.NewReplacer(`\\`, "", `\*`, "").Replace(s), "**") {
		return nil, errors.New("consecutive wildcards")
	}
	parts := []string{""}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '*':
			parts = append(parts, "")
			continue
		case s[i] == '\\' && (i+1 == len(s) || s[i+1] != '*' && s[i+1] != '\\'):
			return nil, errors.New("a backslash before neither * nor backslash")
		case s[i] == '\\':
			i++
		}
		parts[len(parts)-1] += s[i : i+1]
	}
	return text(func(leaf string) bool { return matchParts(leaf, parts) }), nil
}

// matchParts reports whether s is the parts with anything between them.
func matchParts(s string, parts []string) bool {
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, parts[last])
}
