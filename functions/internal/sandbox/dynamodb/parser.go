package dynamodb

import (
	"errors"
	"strconv"
	"strings"
)

// parser reads one expression. Methods return an *apiError without the name of
// the parameter; parse adds it.
type parser struct {
	text      string
	tokens    []token
	at        int
	holders   *placeholders
	operators int
	roots     []string // attributes named so far
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
		var problem *apiError
		if errors.As(err, &problem) {
			return zero, validationf("Invalid %s: %s", parameter, problem.message)
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

// path reads a document path: name, then .name and [index].
func (p *parser) path() (path, error) {
	name, err := p.pathName()
	if err != nil {
		return nil, err
	}
	result := path{{name: name}}
	p.roots = append(p.roots, name)
	for {
		switch {
		case p.acceptSymbol("."):
			if name, err = p.pathName(); err != nil {
				return nil, err
			}
			result = append(result, step{name: name})
		case p.acceptSymbol("["):
			index, err := p.pathIndex()
			if err != nil {
				return nil, err
			}
			result = append(result, step{index: index, isIndex: true})
		default:
			if len(result) > 32 {
				return nil, validationf("The document path has too many nesting elements; nesting elements: %d", len(result))
			}
			return result, nil
		}
	}
}

func (p *parser) pathName() (string, error) {
	switch t := p.peek(); t.kind {
	case tokenName:
		p.at++
		return p.holders.name(t.text)
	case tokenWord:
		if isReserved(t.text) {
			return "", validationf("Attribute name is a reserved keyword; reserved keyword: %s", t.text)
		}
		p.at++
		return t.text, nil
	default:
		return "", p.unexpected()
	}
}

func (p *parser) pathIndex() (int, error) {
	t := p.peek()
	if t.kind != tokenNumber {
		return 0, p.unexpected()
	}
	index, err := strconv.Atoi(t.text)
	if err != nil || index > 1<<30 {
		return 0, validationf("List index is not within the allowable range; index: [%s]", t.text)
	}
	p.at++
	return index, p.expectSymbol("]")
}

// projection reads paths with commas between.
func (p *parser) projection() ([]path, error) {
	var paths []path
	for {
		one, err := p.path()
		if err != nil {
			return nil, err
		}
		paths = append(paths, one)
		if !p.acceptSymbol(",") {
			return paths, checkPaths(paths)
		}
	}
}
