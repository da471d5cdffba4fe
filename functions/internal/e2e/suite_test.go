//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// The world of the functions' own tests: these are in the main_test.go of each
// and in functions/internal/boot/wiring.
const (
	suiteRegion = "us-east-1"
	suiteTable  = "ledger"
	suiteMember = "444455556666"
	suiteGone   = "123456789012" // where no role can be assumed
	suiteBus    = "releases"
)

// suite is the module as it would be in the world of these tests.
type suite struct {
	*terraform
	policies map[string]string // JSON, by function
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	accounts := []string{listed(suiteMember, "tagalong"), listed(suiteGone, "gone")}
	for i := range 20 { // more than fit a variable, so that they lie in the table
		accounts = append(accounts, listed(fmt.Sprint(700000000000+i), "tagalong"))
	}
	s := &suite{newTerraform(t, "infra", rootVariables(suiteRegion),
		"name="+suiteTable, "dist=tests/fixtures", "untag=true", "lifecycle_check=true", "event_bus="+suiteBus, `repositories=["*", "arn:aws:ecr:*:`+suiteMember+`:repository/*"]`,
		"accounts=["+strings.Join(accounts, ", ")+"]"), map[string]string{}}
	s.init(t)
	return s
}

// listed is an account as the module is told of it.
func listed(account, role string) string {
	return fmt.Sprintf(`{account="%s", role="arn:aws:iam::%[1]s:role/%s"}`, account, role)
}

// plan reads the policies from a plan, which has them whole before anything is
// made.
func (s *suite) plan(t *testing.T) {
	if out, status := s.run(t, "plan", "-out=plan"); status != 0 {
		t.Fatalf("terraform plan: exit status %d\n%s", status, out)
	}
	var plan struct {
		ResourceChanges []struct {
			Address string
			Change  struct{ After struct{ Policy string } }
		} `json:"resource_changes"`
	}
	out, err := s.command(t, "show", "-json", "plan").Output()
	check(t, err)
	check(t, json.Unmarshal(out, &plan))
	for _, resource := range plan.ResourceChanges {
		module, rest, _ := strings.Cut(strings.TrimPrefix(resource.Address, "module."), ".")
		function := strings.TrimSuffix(module, "[0]") // of a function that may be left out
		if rest == "aws_iam_role_policy.this" {
			s.policies[function] = resource.Change.After.Policy
		}
	}
}

// simulateSuite holds the calls that the functions' own tests recorded against these
// policies. With the stories here they use every action that the module grants
// where nothing is narrowed and a member account is listed.
func (w *world) simulateSuite(t *testing.T, s *suite, stories []privileges) {
	all := w.suitePrivileges(t, s)
	w.simulate(t, all, itself, "Allowed")
	for i, p := range all {
		maps.Copy(p.used, stories[i].used)
	}
	allUsed(t, all)
}

// suitePrivileges are in the order of the functions' names, as the stories' are.
func (w *world) suitePrivileges(t *testing.T, s *suite) (all []privileges) {
	t.Helper()
	folder := os.Getenv(sandboxtest.EnvCalls)
	tests, err := sandboxtest.ReadCalls(folder)
	check(t, err)
	for _, function := range w.functions() {
		p := newPrivileges(t, function, "tagalong-"+function, s.policies[function])
		for _, test := range tests {
			for _, call := range test.Calls {
				if call.Function() == function {
					p.use(w.asAtHome(w.asked(t, call)), test.Test)
				}
			}
		}
		if len(p.used) == 0 {
			t.Errorf("%s: no calls in %s=%q: its tests want sandboxtest.KeyOf(%[1]q) as access key id", function, sandboxtest.EnvCalls, folder)
		}
		all = append(all, p)
	}
	return all
}

var (
	tableForm = regexp.MustCompile(`:table/[^/]+`)
	busForm   = regexp.MustCompile(`^arn:aws:events:.*`)
)

// asAtHome takes every table for the ledger and every bus for the one: tests that
// configure another table, which is not there, show what becomes of that, and others
// a bus elsewhere; the policy would name it.
func (w *world) asAtHome(asked []authorization) []authorization {
	bus := place{w.Home().Account, suiteRegion}.arn("events", "event-bus/"+suiteBus)
	for i, a := range asked {
		asked[i].Resource = busForm.ReplaceAllString(tableForm.ReplaceAllString(a.Resource, ":table/"+suiteTable), bus)
	}
	return asked
}
