//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// privileges are what a function may do, and what it did.
type privileges struct {
	function string
	role     string
	document json.RawMessage // the policy as the role has it
	granted  []statement
	used     map[string]authorization // by their texts
}

// statement is one of a policy.
type statement struct {
	Sid       string
	Effect    string
	Action    oneOrMore
	Resource  oneOrMore
	Condition map[string]map[string]oneOrMore // by operator and key
}

func (s statement) conditionOn(key string) bool {
	for _, keys := range s.Condition {
		if keys[key] != nil {
			return true
		}
	}
	return false
}

// oneOrMore is a text or a list of texts, which to IAM is the same.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *oneOrMore) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]string)(l))
	}
	*l = make(oneOrMore, 1)
	return json.Unmarshal(data, &(*l)[0])
}

// leastPrivilege holds every function's policy against what the function did,
// in both directions.
func (w *world) leastPrivilege(t *testing.T, s *suite) {
	all := w.privileges(t)
	t.Run("every call of a function is allowed by its policy", func(t *testing.T) {
		w.simulate(t, all, itself, "Allowed")
	})
	t.Run("every action that a policy grants was used", func(t *testing.T) { allUsed(t, all) })
	t.Run("no statement is for everything where AWS lets it be for less", func(t *testing.T) { w.narrow(t, all) })
	t.Run("what is just outside is denied", func(t *testing.T) { w.simulate(t, all, outside, "ImplicitlyDenied") })
	t.Run("every call in the functions' own tests is allowed, too", func(t *testing.T) { w.simulateSuite(t, s, all) })
}

func allUsed(t *testing.T, all []privileges) {
	for _, p := range all {
		if unused := p.unused(); len(unused) > 0 {
			t.Errorf("%s may %s and never did", p.function, strings.Join(unused, ", "))
		}
	}
}

func itself(a authorization) []authorization { return []authorization{a} }

func (p privileges) unused() (actions []string) {
	used := map[string]bool{}
	for _, a := range p.used {
		used[a.Action] = true
	}
	for _, s := range p.granted {
		for _, action := range s.Action {
			if !used[action] && action != "sts:AssumeRole" { // which their own tests do, as simulateSuite sees
				actions = append(actions, action)
			}
		}
	}
	return actions
}

// privileges reads the functions' policies and sorts the recorded calls.
func (w *world) privileges(t *testing.T) (all []privileges) {
	t.Helper()
	byKey := map[string]*privileges{}
	for _, function := range w.functions() {
		p := w.policyOf(t, function)
		all = append(all, p)
		byKey[accessKey(w.out.Tagalong.Value.FunctionARNs[function], p.role)] = &all[len(all)-1]
	}
	for _, c := range w.recorder.Kept() {
		if p := byKey[c.Key]; p != nil { // else of the command, or with a job's own credentials
			p.use(w.asked(t, c), "a story here")
		}
	}
	return all
}

// asked is what IAM is asked for a call of our account.
func (w *world) asked(t *testing.T, c sandboxtest.Call) []authorization {
	t.Helper()
	asked, err := authorizations(w.Home().Account, c)
	check(t, err)
	return asked
}

// use adds what IAM is asked for a call that was made by a test.
func (p privileges) use(asked []authorization, by string) {
	for _, a := range asked {
		a.by = by
		p.used[a.text()] = a
	}
}

// accessKey is the key that MiniStack gives to a function for its role.
func accessKey(function, role string) string {
	sum := sha256.Sum256([]byte(function + ":" + role))
	return "ASIA" + strings.ToUpper(hex.EncodeToString(sum[:])[:16])
}

func newPrivileges(t *testing.T, function, role, document string) privileges {
	t.Helper()
	var parsed struct{ Statement []statement }
	check(t, json.Unmarshal([]byte(document), &parsed))
	return privileges{function, role, json.RawMessage(document), parsed.Statement, map[string]authorization{}}
}

// functions are the names of those that the module has, sorted.
func (w *world) functions() []string {
	return slices.Sorted(maps.Keys(w.out.Tagalong.Value.FunctionARNs))
}

func (w *world) policyOf(t *testing.T, function string) privileges {
	t.Helper()
	p := newPrivileges(t, function, w.out.Tagalong.Value.RoleARNs[function], w.rolePolicy(t, function).document)
	for _, a := range w.byLambda(function) {
		p.used[a.text()] = a
	}
	return p
}

// byLambda is what Lambda itself does in the role's name, which no call of the
// function shows: it writes the logs, takes messages from the function's queue, and
// puts what failed into another.
func (w *world) byLambda(function string) (all []authorization) {
	here := place{account: w.Home().Account, region: region}
	name := last(strings.ReplaceAll(w.out.Tagalong.Value.FunctionARNs[function], ":", "/"))
	stream := here.arn("logs", "log-group:/aws/lambda/"+name+":log-stream:2026/03/04/[$LATEST]0123456789abcdef")
	all = slices.Concat(ask("logs:CreateLogStream", stream), ask("logs:PutLogEvents", stream))
	if queue, ok := w.out.Tagalong.Value.QueueARNs[function]; ok {
		for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
			all = append(all, ask(action, queue)...)
		}
	}
	if queue, ok := w.out.Tagalong.Value.DeadLetterQueueURLs[function]; ok {
		all = append(all, ask("sqs:SendMessage", here.arn("sqs", last(queue)))...)
	}
	return all
}
