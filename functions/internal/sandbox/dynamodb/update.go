package dynamodb

import (
	"maps"
	"slices"
	"strings"
)

// action is one change of an UpdateExpression: an attribute to set, or to remove.
type action struct {
	name string
	with operand // nil to remove it
}

// update is a parsed UpdateExpression, actions in the order written.
type update []action

// names are the attributes that the update changes.
func (u update) names() []string {
	names := make([]string, len(u))
	for i, a := range u {
		names[i] = a.name
	}
	return names
}

// removesOnly reports whether the update has nothing but REMOVE. Such an update
// makes no item where there is none, unlike one without expression.
func (u update) removesOnly() bool {
	return len(u) > 0 && !slices.ContainsFunc(u, func(a action) bool { return a.with != nil })
}

// apply returns the item that the update makes of old, which is the key alone
// where there was no item. Every right side sees old, which is not changed.
func (u update) apply(old item) (item, error) {
	next := maps.Clone(old)
	for _, a := range u {
		if a.with == nil {
			delete(next, a.name)
			continue
		}
		v, ok := a.with.eval(old)
		if !ok {
			return nil, validationf("The provided expression refers to an attribute that does not exist in the item")
		}
		next[a.name] = v
	}
	return next, nil
}

// update reads clauses, each verb at most once.
func (p *parser) update() (update, error) {
	var result update
	seen := map[string]bool{}
	for p.peek().kind != tokenEnd {
		verb, err := p.verb()
		if err != nil {
			return nil, err
		}
		if seen[verb] {
			return nil, validationf("The %q section can only be used once in an update expression;", verb)
		}
		seen[verb] = true
		actions, err := p.clause(verb)
		if err != nil {
			return nil, err
		}
		result = append(result, actions...)
	}
	return result, checkNames(result.names())
}

func (p *parser) verb() (string, error) {
	t := p.peek()
	verb := strings.ToUpper(t.text)
	switch {
	case t.kind != tokenWord:
		return "", p.unexpected()
	case verb == "ADD" || verb == "DELETE":
		return "", validationf("The %q section is not known to the sandbox", verb)
	case verb != "SET" && verb != "REMOVE":
		return "", p.unexpected()
	}
	p.at++
	return verb, nil
}

// clause reads the actions of one verb.
func (p *parser) clause(verb string) ([]action, error) {
	var actions []action
	for {
		a, err := p.action(verb)
		if err != nil {
			return nil, err
		}
		actions = append(actions, a)
		if !p.acceptSymbol(",") {
			return actions, nil
		}
	}
}

func (p *parser) action(verb string) (action, error) {
	p.operators++
	name, err := p.attribute()
	if err != nil || verb == "REMOVE" {
		return action{name: string(name)}, err
	}
	if err := p.expectSymbol("="); err != nil {
		return action{}, err
	}
	with, err := p.operand()
	return action{string(name), with}, err
}
