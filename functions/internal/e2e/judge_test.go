//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// verdict is a request to be judged, and what it should come to.
type verdict struct {
	function string
	Policy   json.RawMessage `json:"policy"`
	// Principal is the role's session.
	Principal string `json:"principal"`
	authorization
}

// simulate lets the simulator decide about requests that are made from those that
// were used.
func (w *world) simulate(t *testing.T, all []privileges, from func(authorization) []authorization, want string) {
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
			t.Error(requests[i].sentence(result, want))
		}
	}
	t.Logf("%d requests judged", len(requests))
}

func (v verdict) sentence(result, want string) string {
	if want == "Allowed" {
		return fmt.Sprintf("%s calls %s, and no statement of its policy allows it: %s (%s)", v.function, v.text(), result, v.by)
	}
	return fmt.Sprintf("%s may %s, which is outside of what it needs: %s, want %s", v.function, v.text(), result, want)
}

// byCondition are actions that AWS could limit to resources, but not for calls such
// as ours, and the key of the condition that limits them instead.
var byCondition = map[string]string{
	"ecs:ListTasks": "ecs:cluster", // its resource is a container instance: a call that names a service is asked about *
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
				key, ok := byCondition[action]
				limited := len(types[action]) == 0 || ok && s.conditionOn(key)
				if strings.Contains(action, "*") || slices.Contains(s.Resource, "*") && !limited {
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

// outside returns requests that differ from one that is used by a little, and that
// no policy may allow: another account's, another name's, another key's.
func outside(a authorization) (all []authorization) {
	change := func(resource string, context map[string][]string) {
		all = append(all, authorization{Action: a.Action, Resource: resource, Context: context})
	}
	if keys := a.Context["dynamodb:LeadingKeys"]; keys != nil && writes(a.Action) {
		change(a.Resource, map[string][]string{"dynamodb:LeadingKeys": append(slices.Clone(keys), "@rules")})
	}
	if a.Action == "events:PutEvents" {
		change(a.Resource, map[string][]string{"events:source": append(slices.Clone(a.Context["events:source"]), "shop")})
	}
	if a.Action == "ecs:ListTasks" || a.Action == "ecs:ListServices" {
		cluster := a.Context["ecs:cluster"][0]
		parts := strings.Split(cluster, ":")
		for old, other := range map[string]string{"cluster/": "cluster/other-", parts[3]: "ap-south-2", parts[4]: "999988887777"} {
			change(a.Resource, map[string][]string{"ecs:cluster": {strings.Replace(cluster, old, other, 1)}})
		}
	}
	if a.Resource == "*" {
		return all // AWS offers nothing smaller, as another check says
	}
	parts := strings.SplitN(a.Resource, ":", 6)
	change(strings.Replace(a.Resource, parts[4], "999988887777", 1), a.Context)
	if parts[3] != "" { // IAM is of no Region
		change(strings.Replace(a.Resource, parts[3], "ap-south-2", 1), a.Context)
	}
	// CodeDeploy's groups are not narrowed by name.
	if parts[2] != "codedeploy" {
		change(strings.TrimSuffix(a.Resource, parts[5])+elsewhere(parts[5]), a.Context)
	}
	return all
}

func writes(action string) bool {
	return slices.Contains([]string{"dynamodb:PutItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}, action)
}

// elsewhere changes the first name in the path of a resource: TYPE/NAME…,
// TYPE:NAME… or NAME.
func elsewhere(resource string) string {
	at := strings.IndexAny(resource, "/:") + 1
	return resource[:at] + "other-" + resource[at:]
}
