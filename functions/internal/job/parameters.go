package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Schema says which UserParameters an action takes.
type Schema struct {
	Texts   []string // names of strings
	Objects []string // names of objects of strings
	Example string   // as the README shows it, for the messages
}

// Parameters are UserParameters. An empty string is as good as none.
type Parameters struct {
	texts   map[string]string
	objects map[string]map[string]string
}

// Text returns a string, "" if it is missing.
func (p Parameters) Text(name string) string { return p.texts[name] }

// Object returns an object of strings, empty if it is missing.
func (p Parameters) Object(name string) map[string]string { return p.objects[name] }

// Parameters reads the job's UserParameters: one JSON object. It reports all
// problems at once, each with the parameter, the value and what would be right.
func (j Job) Parameters(s Schema) (Parameters, error) {
	p := Parameters{map[string]string{}, map[string]map[string]string{}}
	if strings.TrimSpace(j.UserParameters) == "" {
		return p, Misconfigured("UserParameters missing: want JSON such as %s", s.Example)
	}
	members, err := membersOf(j.UserParameters)
	if err != nil {
		return p, Misconfigured("UserParameters %q: %v; want one JSON object such as %s. "+
			"A quote inside a variable's value breaks the JSON, as does one that is not escaped", cut(j.UserParameters, 200), err, s.Example)
	}
	var r reader
	for _, m := range members {
		at := "UserParameters." + m.name
		switch {
		case m.repeated:
			r.problem("%s: given twice", at)
		case slices.Contains(s.Texts, m.name):
			p.texts[m.name] = r.resolved(at, m.value)
		case slices.Contains(s.Objects, m.name):
			p.objects[m.name] = r.object(at, m.value)
		default:
			r.problem("UserParameters.%s: not known; want some of %s", cut(m.name, 100), strings.Join(slices.Concat(s.Texts, s.Objects), ", "))
		}
	}
	return p, Problems(r.problems)
}

// resolved reads a string in which no variable is left.
func (r *reader) resolved(at string, raw json.RawMessage) string {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil || raw[0] != '"' {
		r.problem("%s is %s: want a string", at, cut(string(raw), 100))
		return ""
	}
	if strings.Contains(text, "#{") {
		r.problem("%s %q: the variable has no value; is its namespace that of an action which ran before?", at, cut(text, 100))
		return ""
	}
	return text
}

func (r *reader) object(at string, raw json.RawMessage) map[string]string {
	members, err := membersOf(string(raw))
	if err != nil {
		r.problem("%s is %s: want an object of strings", at, cut(string(raw), 100))
		return nil
	}
	values := map[string]string{}
	for _, m := range members {
		if m.repeated {
			r.problem("%s.%s: given twice", at, m.name)
			continue
		}
		values[m.name] = r.resolved(at+"."+cut(m.name, 100), m.value)
	}
	return values
}

// member is a member of a JSON object.
type member struct {
	name     string
	value    json.RawMessage
	repeated bool
}

// membersOf reads a JSON object and nothing after it, in order.
func membersOf(text string) (members []member, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	opening, err := decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("no legal JSON: %w", err)
	}
	if opening != json.Delim('{') {
		return nil, errors.New("no JSON object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("no legal JSON: %w", err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("no legal JSON: %w", err)
		}
		m := member{name: name.(string), value: value} // the decoder takes nothing else for a name
		m.repeated = slices.ContainsFunc(members, func(o member) bool { return o.name == m.name })
		members = append(members, m)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, fmt.Errorf("no legal JSON: %w", err)
	}
	if decoder.InputOffset() != int64(len(strings.TrimRight(text, " \t\r\n"))) {
		return nil, errors.New("text after the JSON object")
	}
	return members, nil
}
