//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
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
	Sid      string
	Effect   string
	Action   oneOrMore
	Resource oneOrMore
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
func (w *world) leastPrivilege(t *testing.T) {
	all := w.privileges(t)
	t.Run("every call of a function is allowed by its policy", func(t *testing.T) {
		w.judge(t, all, func(a authorization) []authorization { return []authorization{a} }, "Allowed")
	})
	t.Run("every action that a policy grants was used", func(t *testing.T) {
		for _, p := range all {
			if unused := p.unused(); len(unused) > 0 {
				t.Errorf("%s may %s and never did", p.function, strings.Join(unused, ", "))
			}
		}
	})
	t.Run("no statement is for everything where AWS lets it be for less", func(t *testing.T) { w.narrow(t, all) })
	t.Run("what is just outside is denied", func(t *testing.T) { w.judge(t, all, outside, "ImplicitlyDenied") })
}

func (p privileges) unused() (actions []string) {
	used := map[string]bool{}
	for _, a := range p.used {
		used[a.Action] = true
	}
	for _, s := range p.granted {
		for _, action := range s.Action {
			if !used[action] {
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
	for _, function := range slices.Sorted(maps.Keys(w.out.Tagalong.Value.FunctionARNs)) {
		p := w.policyOf(t, function)
		all = append(all, p)
		byKey[accessKey(w.out.Tagalong.Value.FunctionARNs[function], p.role)] = &all[len(all)-1]
	}
	for _, c := range w.all() {
		p := byKey[c.key]
		if p == nil {
			continue // of the command, or with a job's own credentials
		}
		asked, err := w.authorizations(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range asked {
			p.used[a.text()] = a
		}
	}
	return all
}

// accessKey is the key that MiniStack gives to a function for its role.
func accessKey(function, role string) string {
	sum := sha256.Sum256([]byte(function + ":" + role))
	return "ASIA" + strings.ToUpper(hex.EncodeToString(sum[:])[:16])
}

func (w *world) policyOf(t *testing.T, function string) privileges {
	t.Helper()
	p := privileges{function: function, role: w.out.Tagalong.Value.RoleARNs[function], used: map[string]authorization{}}
	name := path.Base(p.role)
	policies, err := w.iam.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil || len(policies.PolicyNames) != 1 {
		t.Fatalf("policies of role %s: %v, %v, want one", name, policies, err)
	}
	policy, err := w.iam.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &name, PolicyName: &policies.PolicyNames[0]})
	check(t, err)
	document, err := url.QueryUnescape(*policy.PolicyDocument)
	check(t, err)
	p.document = json.RawMessage(document)
	var parsed struct{ Statement []statement }
	check(t, json.Unmarshal(p.document, &parsed))
	p.granted = parsed.Statement
	for _, a := range w.byLambda(function) {
		p.used[a.text()] = a
	}
	return p
}

// byLambda is what Lambda itself does in the role's name, which no call of the
// function shows: it writes the logs, and puts what failed into the queue.
func (w *world) byLambda(function string) (all []authorization) {
	here := place{account: w.Home().Account, region: region}
	name := last(strings.ReplaceAll(w.out.Tagalong.Value.FunctionARNs[function], ":", "/"))
	stream := here.arn("logs", "log-group:/aws/lambda/"+name+":log-stream:2026/03/04/[$LATEST]0123456789abcdef")
	all = slices.Concat(ask("logs:CreateLogStream", stream), ask("logs:PutLogEvents", stream))
	if queue, ok := w.out.Tagalong.Value.DeadLetterQueueURLs[function]; ok {
		all = append(all, ask("sqs:SendMessage", here.arn("sqs", last(queue)))...)
	}
	return all
}

// verdict is a request to be judged, and what it should come to.
type verdict struct {
	function string
	Policy   json.RawMessage `json:"policy"`
	// Principal is the role's session.
	Principal string `json:"principal"`
	authorization
}

// judge lets the simulator decide about requests that are made from those that
// were used.
func (w *world) judge(t *testing.T, all []privileges, from func(authorization) []authorization, want string) {
	t.Helper()
	var requests []verdict
	for _, p := range all {
		for _, key := range slices.Sorted(maps.Keys(p.used)) {
			for _, a := range from(p.used[key]) {
				principal := fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", w.Home().Account, path.Base(p.role), p.function)
				requests = append(requests, verdict{p.function, p.document, principal, a})
			}
		}
	}
	if len(requests) == 0 {
		t.Fatal("no requests to judge")
	}
	answer := simulate(t, requests, nil)
	for i, result := range answer.Results {
		if result != want {
			t.Errorf("%s: %s: %s, want %s", requests[i].function, requests[i].text(), result, want)
		}
	}
	t.Logf("%d requests judged", len(requests))
}

// narrow looks for statements about every resource whose actions AWS could limit.
func (w *world) narrow(t *testing.T, all []privileges) {
	var actions []string
	for _, p := range all {
		for _, s := range p.granted {
			actions = append(actions, s.Action...)
		}
	}
	types := simulate(t, []verdict{}, actions).ResourceTypes
	for _, p := range all {
		for _, s := range p.granted {
			for _, action := range s.Action {
				if strings.Contains(action, "*") || slices.Contains(s.Resource, "*") && len(types[action]) > 0 {
					t.Errorf("%s: statement %s: %s on %v: AWS lets it be limited to %v", p.function, s.Sid, action, s.Resource, types[action])
				}
			}
		}
	}
}

type simulation struct {
	Results       []string            `json:"results"`
	ResourceTypes map[string][]string `json:"resourceTypes"`
}

func simulate(t *testing.T, requests []verdict, actions []string) (answer simulation) {
	t.Helper()
	input, err := json.Marshal(map[string]any{"requests": requests, "actions": append([]string{}, actions...)})
	check(t, err)
	command := exec.CommandContext(t.Context(), root+"/.ci/iam-simulate")
	command.Stdin, command.Stderr = bytes.NewReader(input), os.Stderr
	output, err := command.Output()
	check(t, err)
	check(t, json.Unmarshal(output, &answer))
	return answer
}

// outside gives requests that differ from one that is used by a little, and that
// no policy may allow: another account's, another name's, another key's.
func outside(a authorization) (all []authorization) {
	change := func(resource string, context map[string][]string) {
		all = append(all, authorization{Action: a.Action, Resource: resource, Context: context})
	}
	if keys := a.Context["dynamodb:LeadingKeys"]; keys != nil && writes(a.Action) {
		change(a.Resource, map[string][]string{"dynamodb:LeadingKeys": append(slices.Clone(keys), "@rules")})
	}
	if cluster := a.Context["ecs:cluster"]; a.Action == "ecs:ListTasks" {
		change(a.Resource, map[string][]string{"ecs:cluster": {strings.Replace(cluster[0], "cluster/", "cluster/other-", 1)}})
	}
	if a.Resource == "*" {
		return all // AWS offers nothing smaller, as another check says
	}
	parts := strings.SplitN(a.Resource, ":", 6)
	change(strings.Replace(a.Resource, parts[4], "999988887777", 1), a.Context)
	change(strings.Replace(a.Resource, parts[3], "ap-south-2", 1), a.Context)
	// The cluster of a list of tasks is in the context; CodeDeploy's groups are not
	// narrowed by name.
	if a.Action != "ecs:ListTasks" && parts[2] != "codedeploy" {
		change(strings.TrimSuffix(a.Resource, parts[5])+elsewhere(parts[5]), a.Context)
	}
	return all
}

func writes(action string) bool {
	return slices.Contains([]string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}, action)
}

// elsewhere changes the first name in the path of a resource: TYPE/NAME…,
// TYPE:NAME… or NAME.
func elsewhere(resource string) string {
	at := strings.IndexAny(resource, "/:") + 1
	return resource[:at] + "other-" + resource[at:]
}
