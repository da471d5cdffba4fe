// Package jobtest gives the tests of the actions what they share: what their READMEs
// tell people to copy, and what ECR may refuse.
package jobtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The two snippets of a README, as far as the invoke actions go: in CloudFormation the
// UserParameters are JSON, in Terraform an object of which CodePipeline gets the JSON.
var (
	inCloudFormation = regexp.MustCompile(`(?s)FunctionName: tagalong-(\w+)\n\s+UserParameters: (?:'|>-\n\s+)(\{.*?"\})`)
	inTerraform      = regexp.MustCompile(`(?s)FunctionName = "tagalong-(\w+)"\n\s+UserParameters = jsonencode\(\{\n(.*?)\n\s+\}\)`)
	member           = regexp.MustCompile(`(?m)^\s+(\w+)\s+= (".*")$`)
)

// Recipes returns the UserParameters that both snippets of an action's README have, which
// must be the same.
func Recipes(t *testing.T, action string) []string {
	t.Helper()
	readme, err := os.ReadFile("../../" + action + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	written := parametersOf(t, inCloudFormation, string(readme), action)
	hcl := parametersOf(t, inTerraform, string(readme), action)
	members := member.FindAllStringSubmatch(hcl, -1)
	if lines := strings.Count(hcl, "\n") + 1; len(members) != lines {
		t.Fatalf("%d of %d lines are members:\n%s", len(members), lines, hcl)
	}
	var texts []string
	for _, m := range members {
		texts = append(texts, fmt.Sprintf("%q: %s", m[1], m[2]))
	}
	recipes := []string{written, "{" + strings.Join(texts, ", ") + "}"}
	if first, second := decode(t, recipes[0]), decode(t, recipes[1]); !maps.Equal(first, second) {
		t.Errorf("the snippets differ: %v and %v", first, second)
	}
	return recipes
}

func parametersOf(t *testing.T, form *regexp.Regexp, readme, action string) string {
	t.Helper()
	var found []string
	for _, m := range form.FindAllStringSubmatch(readme, -1) {
		if m[1] == action {
			found = append(found, m[2])
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d recipes of %s in the README by %s", len(found), action, form)
	}
	return found[0]
}

func decode(t *testing.T, recipe string) (parameters map[string]string) {
	t.Helper()
	if err := json.Unmarshal([]byte(recipe), &parameters); err != nil {
		t.Fatalf("%s: %v", recipe, err)
	}
	return parameters
}
