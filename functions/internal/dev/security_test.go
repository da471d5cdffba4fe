package dev_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// SECURITY.md says what each role may do, and why: as infra/ has it, where each statement
// says why beside its sid.

// grant is a statement of a policy.
type grant struct {
	sid, why   string
	deny       bool
	actions    []string
	on         string // what it is about, in words
	conditions []string
}

var (
	policyDocument = regexp.MustCompile(`(?ms)^data "aws_iam_policy_document" "(\w+)" \{\n(.*?)^\}`)
	sidLine        = regexp.MustCompile(`(?m)^ *sid += "(\w+)"(?: # (.*))?$`)
	actionName     = regexp.MustCompile(`"([a-z0-9-]+:[A-Z]\w+)"`)
	resourceLine   = regexp.MustCompile(`(?m)^ *resources += (.*?)(?: #.*)?$`)
	conditionName  = regexp.MustCompile(`(?m)^ *variable += "(.*)"$`)
	includedPolicy = regexp.MustCompile(`data\.aws_iam_policy_document\.(\w+)(?:\["\w+"\])?\.json`)
)

// resources are what statements are about, in words, by Terraform's own.
var resources = map[string]string{
	`[local.table_arn]`: "the table",
	`[local.table_arn, "${local.table_arn}/index/gsi1"]`:                                  "the table and gsi1",
	`[local.table_arn, "${local.table_arn}/index/gsi1", "${local.table_arn}/index/gsi2"]`: "the table and its indexes",
	`local.repository_arns`:  "repositories that are covered",
	`local.pipeline_arns`:    "pipelines that are covered",
	`local.ecs_arns.service`: "services of clusters that are covered",
	`concat(local.ecs_arns.service, local.ecs_arns.service-revision, local.ecs_arns.task)`: "what is in clusters that are covered",
	`flatten(values(local.ecs_arns))`: "what is in clusters that are covered",
	`[for pair in setproduct(local.places, var.pipelines) : "arn:${var.partition}:codepipeline:${pair[0]}:${pair[1]}"]`: "pipelines that are covered",
	`[for place in local.places : "arn:${local.partition}:codedeploy:${place}:deploymentgroup:*/*"]`:                    "deployment groups of Regions that are covered",
	`[for place in local.places : "arn:${var.partition}:codedeploy:${place}:deploymentgroup:*/*"]`:                      "deployment groups of Regions that are covered",
	`["*"]`: "everything",
	`["arn:${var.settings.partition}:logs:${var.settings.region}:${var.settings.account}:log-group:${local.log_group}:*"]`: "its own log group",
	`["arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}-sweep"]`:                        "the function `sweep`",
	`["arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-undelivered"]`:                              "the queue `NAME-undelivered`",
	`[local.queue_arns[each.key]]`: "its own queue",
	`[var.event_bus_arn]`:          "the bus for forwarded events",
}

// dynamicResources are those of statements that are there under a condition, by what
// Terraform repeats them for.
var dynamicResources = map[string]string{
	`var.untag ? [local.repository_arns] : []`:                              "repositories that are covered",
	`var.lifecycle_check ? [local.repository_arns] : []`:                    "repositories that are covered",
	`var.api_destination_arn == null ? [] : [var.api_destination_arn]`:      "the API destination",
	`var.untag ? ["*"] : []`:                                                "everything",
	`var.functions_watched ? ["*"] : []`:                                    "everything",
	`var.functions_watched ? [local.function_arns] : []`:                    "functions of Regions that are covered",
	`var.findings == "inspector" ? ["*"] : []`:                              "everything",
	`var.findings == "ecr" ? [local.repository_arns] : []`:                  "repositories that are covered",
	`length(local.tagging_roles) == 0 ? [] : [local.tagging_roles]`:         "the members' roles `NAME`",
	`length(local.reading_roles) == 0 ? [] : [local.reading_roles]`:         "the members' roles `NAME-read`",
	`local.own_events_arn == null ? [] : [local.own_events_arn]`:            "the bus of `event_bus`",
	`contains(keys(local.items), "accounts-read") ? [local.table_arn] : []`: "the table",
	`local.asynchronous ? [local.queue_arn] : []`:                           "its own queue of what failed",
	`var.settings.kms_key_arn == null ? [] : [var.settings.kms_key_arn]`:    "the key of `kms_key_arn`",
	`var.kms_key_arn == null ? [] : [var.kms_key_arn]`:                      "the key of `kms_key_arn`",
	`var.settings.tracing ? ["*"] : []`:                                     "everything",
	`var.settings.vpc == null ? [] : ["*"]`:                                 "everything",
}

// policies are the policy documents of a folder of infra/, each with what it says itself
// and the documents that it takes in.
type policies map[string]struct {
	grants []grant
	from   []string
}

func policiesOf(t *testing.T, folder string) policies {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*.tf"))
	if err != nil || files == nil {
		t.Fatalf("%s: %v, %v", folder, files, err)
	}
	found := policies{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range policyDocument.FindAllStringSubmatch(string(raw), -1) {
			one := found[document[1]]
			for _, included := range includedPolicy.FindAllStringSubmatch(document[2], -1) {
				one.from = append(one.from, included[1])
			}
			// A trust, or a resource's own policy, is no role's.
			if !strings.Contains(document[2], "principals {") {
				one.grants = grantsOf(t, string(raw), document[2])
			}
			found[document[1]] = one
		}
	}
	return found
}

// grantsOf reads the statements of a document, each of which begins with its sid.
func grantsOf(t *testing.T, file, document string) (grants []grant) {
	t.Helper()
	begins := sidLine.FindAllStringSubmatchIndex(document, -1)
	for i, at := range begins {
		end, before := len(document), 0
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		if i > 0 {
			before = begins[i-1][1]
		}
		text := document[at[0]:end]
		g := grant{sid: document[at[2]:at[3]], deny: strings.Contains(text, `"Deny"`)}
		if at[4] >= 0 {
			g.why = document[at[4]:at[5]]
		}
		allowed, _, _ := strings.Cut(text, " resources ")
		for _, action := range actionName.FindAllStringSubmatch(withLists(file, allowed), -1) {
			g.actions = append(g.actions, action[1])
		}
		for _, condition := range conditionName.FindAllStringSubmatch(text, -1) {
			g.conditions = append(g.conditions, condition[1])
		}
		g.on = about(document[before:at[0]], text)
		if g.why == "" || g.actions == nil || g.on == "" {
			t.Errorf("statement %s has the reason %q beside its sid, %d actions, and is about %q, of resources that SECURITY.md may have no words for", g.sid, g.why, len(g.actions), g.on)
		}
		grants = append(grants, g)
	}
	return grants
}

// withLists writes a list of actions that has a name into the statement that names it.
func withLists(file, statement string) string {
	name := regexp.MustCompile(`actions += local\.(\w+)`).FindStringSubmatch(statement)
	if name == nil {
		return statement
	}
	return regexp.MustCompile(`(?s) ` + name[1] + ` = \[.*?\]`).FindString(file)
}

// about says in words what a statement is about; before it is what stands before its sid.
func about(before, statement string) string {
	resource := resourceLine.FindStringSubmatch(statement)
	if resource == nil {
		return ""
	}
	if resource[1] != "statement.value" && resource[1] != "[statement.value]" {
		return resources[resource[1]]
	}
	_, each, _ := strings.Cut(before[max(0, strings.LastIndex(before, "dynamic ")):], "for_each = ")
	each, _, _ = strings.Cut(each, "\n")
	return dynamicResources[each]
}

// of are the statements of a document, with those of the documents that it takes in.
func (p policies) of(name string) (all []grant) {
	for _, from := range p[name].from {
		all = append(all, p.of(from)...)
	}
	return append(all, p[name].grants...)
}

// role is one that the module makes, with what it may do.
type role struct {
	name   string
	grants []grant
}

// roles are those of the installation, then those of a member account.
func roles(t *testing.T) (main, member []role) {
	t.Helper()
	own, function := policiesOf(t, "infra"), policiesOf(t, "infra/modules/function")
	for name, called := range functionsOf(t) {
		grants := append(own.of(name), function.of("this")...)
		if !called {
			grants = slices.DeleteFunc(grants, func(g grant) bool { return g.sid == "KeepWhatFailed" })
		}
		main = append(main, role{"`" + name + "`", grants})
	}
	slices.SortFunc(main, func(a, b role) int { return strings.Compare(a.name, b.name) })
	main = append(main, role{"the schedule", own.of("schedule")}, role{"`NAME-notify`", own.of("notify")})
	policies := policiesOf(t, "infra/modules/member-policies")
	member = []role{
		{"`NAME`", policies.of("tag")},
		{"`NAME-read`", policies.of("read")},
		{"`NAME-forward`", policiesOf(t, "infra/modules/member-account").of("forward")},
	}
	return main, member
}

// functionsOf returns the module's functions, and of each whether it is called
// asynchronously, so that Lambda keeps what failed: neither by a queue, nor by somebody
// who waits.
func functionsOf(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "infra", "*.tf"))
	if err != nil || files == nil {
		t.Fatalf("%v, %v", files, err)
	}
	called := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, module := range regexp.MustCompile(`(?ms)^module "(\w+)" \{\n  source += "./modules/function"\n(.*?)^\}`).FindAllStringSubmatch(string(raw), -1) {
			called[module[1]] = !strings.Contains(module[2], "local.function_of_queue") && !strings.Contains(module[2], "retries = null")
		}
	}
	return called
}

// table lists the statements of roles, each once, with the roles that have it.
func table(roles []role) string {
	type row struct {
		grant
		roles []string
	}
	var rows []*row
	for _, r := range roles {
		for _, g := range r.grants {
			i := slices.IndexFunc(rows, func(other *row) bool { return cmp.Equal(other.grant, g, cmp.AllowUnexported(grant{})) })
			if i < 0 {
				i, rows = len(rows), append(rows, &row{grant: g})
			}
			rows[i].roles = append(rows[i].roles, r.name)
		}
	}
	out := "| statement | allows | on | why | roles |\n|---|---|---|---|---|\n"
	for _, r := range rows {
		on := r.on
		if r.conditions != nil {
			on += ", by the condition `" + strings.Join(r.conditions, "`, `") + "`"
		}
		allows := "`" + strings.Join(r.actions, "`, `") + "`"
		if r.deny {
			allows = "*denies* " + allows
		}
		out += fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", r.sid, allows, on, r.why, strings.Join(r.roles, ", "))
	}
	return out
}

// boundary is a policy that allows all that roles need, and nothing else.
func boundary(t *testing.T, roles []role) string {
	t.Helper()
	actions := map[string]bool{}
	for _, r := range roles {
		for _, g := range r.grants {
			for _, action := range g.actions {
				actions[action] = true
			}
		}
	}
	policy := map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Effect": "Allow", "Action": slices.Sorted(maps.Keys(actions)), "Resource": "*"},
	}}
	text, err := json.MarshalIndent(policy, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return "```json\n" + string(text) + "\n```\n"
}

// TestSecuritySaysWhatEachRoleMay keeps the tables of SECURITY.md and the boundary.
func TestSecuritySaysWhatEachRoleMay(t *testing.T) {
	main, member := roles(t)
	const path = ".github/SECURITY.md"
	paper := read(t, path)
	wanted := paper
	for place, text := range map[string]string{
		"roles":    table(main),
		"members":  table(member),
		"boundary": boundary(t, slices.Concat(main, member)),
	} {
		begin, end := "<!-- "+place+":begin -->\n", "<!-- "+place+":end -->"
		head, rest, found := strings.Cut(wanted, begin)
		_, tail, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("%s has no place for %s", path, place)
		}
		wanted = head + begin + text + end + tail
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, path), []byte(wanted), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(wanted, paper); diff != "" {
		t.Errorf("%s differs (make papers writes it):\n%s", path, diff)
	}
}

// TestSecuritySaysTheWorstOfEachRole: of none it is left out what somebody can do who has it.
func TestSecuritySaysTheWorstOfEachRole(t *testing.T) {
	main, member := roles(t)
	if len(main) < 7 {
		t.Fatalf("%d roles", len(main))
	}
	_, section, _ := strings.Cut(read(t, ".github/SECURITY.md"), "\n## What a stolen role can do\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, r := range slices.Concat(main, member) {
		if !regexp.MustCompile(`(?m)^\|[^|]*` + regexp.QuoteMeta(r.name) + `[^|]*\|[^|]{40,}\|$`).MatchString(section) {
			t.Errorf("SECURITY.md does not say what can be done with the role %s", r.name)
		}
	}
}
