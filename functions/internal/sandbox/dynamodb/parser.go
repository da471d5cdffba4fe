package dynamodb

import (
	"errors"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// parser reads one expression. Methods return a *wire.Error without the name of
// the parameter; parse adds it.
type parser struct {
	text      string
	tokens    []token
	at        int
	holders   *placeholders
	operators int
	named     []string // attributes so far
}

// parse reads a whole expression with the rule given and names the parameter
// in errors. A nil text gives the zero value.
func parse[T any](parameter string, text *string, holders *placeholders, rule func(*parser) (T, error)) (T, error) {
	var zero T
	if text == nil {
		return zero, nil
	}
	result, err := parseAll(*text, holders, rule)
	if err != nil {
		if problem, ok := errors.AsType[*wire.Error](err); ok {
			return zero, validationf("Invalid %s: %s", parameter, problem.Message)
		}
		return zero, err
	}
	return result, nil
}

func parseAll[T any](text string, holders *placeholders, rule func(*parser) (T, error)) (T, error) {
	var zero T
	if strings.TrimSpace(text) == "" {
		return zero, validationf("The expression can not be empty;")
	}
	if len(text) > maxExpression {
		return zero, validationf("Expression size has exceeded the maximum allowed size; expression size: %d", len(text))
	}
	tokens, err := lex(text)
	if err != nil {
		return zero, err
	}
	p := &parser{text: text, tokens: tokens, holders: holders}
	result, err := rule(p)
	if err != nil {
		return zero, err
	}
	if p.peek().kind != tokenEnd {
		return zero, p.unexpected()
	}
	if p.operators > maxOperators {
		return zero, validationf("The expression contains too many operators; operator count: %d", p.operators)
	}
	return result, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

// peekAfter is the token after the next.
func (p *parser) peekAfter() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// acceptSymbol takes the next token if it is the symbol.
func (p *parser) acceptSymbol(text string) bool {
	if p.peek().symbol(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) acceptKeyword(word string) bool {
	if p.peek().keyword(word) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expectSymbol(text string) error {
	if !p.acceptSymbol(text) {
		return p.unexpected()
	}
	return nil
}

// unexpected names the next token and its neighbours.
func (p *parser) unexpected() error {
	t, after := p.peek(), p.peekAfter()
	from, to := t.at, after.at
	if p.at > 0 {
		from = p.tokens[p.at-1].at
	}
	if after.kind != tokenEnd {
		to += len(after.text)
	}
	return validationf("Syntax error; token: %q, near: %q", t.text, strings.TrimSpace(p.text[from:to]))
}

// attribute reads the name of an attribute.
func (p *parser) attribute() (attribute, error) {
	t := p.peek()
	name := t.text
	switch {
	case t.kind == tokenName:
		var err error
		if name, err = p.holders.name(t.text); err != nil {
			return "", err
		}
	case t.kind != tokenWord:
		return "", p.unexpected()
	case isReserved(name):
		return "", validationf("Attribute name is a reserved keyword; reserved keyword: %s", name)
	}
	p.at++
	p.named = append(p.named, name)
	return attribute(name), nil
}

// projection reads names with commas between.
func (p *parser) projection() ([]string, error) {
	var names []string
	for {
		one, err := p.attribute()
		if err != nil {
			return nil, err
		}
		names = append(names, string(one))
		if !p.acceptSymbol(",") {
			return names, checkNames(names)
		}
	}
}

// checkNames refuses an attribute that an expression names twice.
func checkNames(names []string) error {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return validationf("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", name, name)
		}
	}
	return nil
}
