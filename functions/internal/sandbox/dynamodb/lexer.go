package dynamodb

import "strings"

// tokenKind tells what a token of an expression is.
type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a bare name, a keyword or a function
	tokenName             // #placeholder of a name
	tokenValue            // :placeholder of a value
	tokenSymbol           // punctuation or operator
)

type token struct {
	kind tokenKind
	text string
	at   int // offset in the expression
}

// keyword reports whether the token is the keyword, in any case.
func (t token) keyword(word string) bool {
	return t.kind == tokenWord && strings.EqualFold(t.text, word)
}

func (t token) symbol(text string) bool {
	return t.kind == tokenSymbol && t.text == text
}

// symbols are the operators and punctuation, longer ones first.
var symbols = []string{"<>", "<=", ">=", "=", "<", ">", "(", ")", ","}

// lex splits an expression into tokens, the last of which is tokenEnd.
func lex(text string) ([]token, error) {
	var tokens []token
	for at := 0; ; {
		at += len(text[at:]) - len(strings.TrimLeft(text[at:], " \t\r\n"))
		if at == len(text) {
			return append(tokens, token{kind: tokenEnd, text: "<EOF>", at: at}), nil
		}
		t, ok := lexOne(text[at:])
		if !ok {
			return nil, unknownCharacter(text, at)
		}
		t.at = at
		tokens = append(tokens, t)
		at += len(t.text)
	}
}

func lexOne(text string) (token, bool) {
	c := text[0]
	switch {
	case c == '#' || c == ':':
		n := 1 + span(text[1:], isNamePart)
		kind := tokenName
		if c == ':' {
			kind = tokenValue
		}
		return token{kind: kind, text: text[:n]}, n > 1
	case isLetter(c):
		return token{kind: tokenWord, text: text[:span(text, isNamePart)]}, true
	}
	for _, symbol := range symbols {
		if strings.HasPrefix(text, symbol) {
			return token{kind: tokenSymbol, text: symbol}, true
		}
	}
	return token{}, false
}

func span(text string, is func(byte) bool) int {
	n := 0
	for n < len(text) && is(text[n]) {
		n++
	}
	return n
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNamePart(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

// unknownCharacter refuses a character that starts no token.
func unknownCharacter(text string, at int) error {
	if strings.ContainsRune(".[+-", rune(text[at])) {
		return validationf("%q: document paths and sums are not known to the sandbox", text)
	}
	return validationf("Syntax error; token: %q, near: %q", text[at:at+1], text[max(0, at-1):min(len(text), at+2)])
}
