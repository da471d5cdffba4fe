package dev_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/batch"
	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/doctor"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/inspector"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The Terraform module says again what the functions say, in another language:
// here both are held together. What Terraform itself is needed for is in
// infra/tests, see .ci/infra.

var update = flag.Bool("update", false, "write the module's inputs and outputs into infra/README.md")

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, path)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestTheModuleKnowsTheTable holds Definition against the file that a run of
// infra/tests/ledger.tftest.hcl holds against the table.
func TestTheModuleKnowsTheTable(t *testing.T) {
	type table struct {
		Keys       []string            `json:"keys"`
		Attributes map[string]string   `json:"attributes"`
		Indexes    map[string][]string `json:"indexes"`
	}
	names := func(keys []types.KeySchemaElement) (names []string) {
		for _, k := range keys {
			names = append(names, *k.AttributeName)
		}
		return names
	}
	definition := dynamo.Definition("tagalong")
	want := table{Keys: names(definition.KeySchema), Attributes: map[string]string{}, Indexes: map[string][]string{}}
	for _, a := range definition.AttributeDefinitions {
		want.Attributes[*a.AttributeName] = string(a.AttributeType)
	}
	for _, i := range definition.GlobalSecondaryIndexes {
		want.Indexes[*i.IndexName] = append(names(i.KeySchema), string(i.Projection.ProjectionType))
	}
	var got table
	decode(t, "infra/tests/table.json", &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("infra/tests/table.json differs (-want +got):\n%s", diff)
	}
}

// TestTheModuleWatchesMetricsThatThereAre holds the metrics that alarms and dashboard
// name, in the file that runs of infra/tests hold them against, against those that the
// functions write: with the table's name, or the function's name.
func TestTheModuleWatchesMetricsThatThereAre(t *testing.T) {
	var watched struct {
		Namespace      string
		Alarms         map[string]string
		FunctionAlarms map[string]string `json:"function_alarms"`
		Dashboard      []string
	}
	decode(t, "infra/tests/metrics.json", &watched)
	if watched.Namespace == "" || len(watched.Alarms) == 0 || len(watched.FunctionAlarms) == 0 || len(watched.Dashboard) == 0 {
		t.Fatalf("infra/tests/metrics.json: %+v", watched)
	}
	written := writtenMetrics(t)
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(watched.Alarms)), watched.Dashboard) {
		if !written[watched.Namespace+" "+name+" Table"] {
			t.Errorf("no function writes %s of namespace %s by the table", name, watched.Namespace)
		}
	}
	for name := range watched.FunctionAlarms {
		if !written[watched.Namespace+" "+name+" FunctionName"] {
			t.Errorf("no function writes %s of namespace %s by its name", name, watched.Namespace)
		}
	}
}

// TestTheDoctorReadsWhatTheModuleWrites reads the item that a run of
// infra/tests/ledger.tftest.hcl holds against the same file.
func TestTheDoctorReadsWhatTheModuleWrites(t *testing.T) {
	installation, err := doctor.ParseInstallation(read(t, "infra/tests/installation.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(installation.Rules) != 3 || installation.Rules[0] != (doctor.Rule{Name: "tagalong-deployment", Bus: "default"}) ||
		len(installation.Queues) != 2 || len(installation.DeadLetters) != 5 {
		t.Errorf("%+v", installation)
	}
	var raw map[string]any
	decode(t, "infra/tests/installation.json", &raw)
	if keys := slices.Sorted(maps.Keys(raw)); !slices.Equal(keys, []string{"deadLetters", "queues", "rules", "version"}) {
		t.Errorf("keys %v", keys)
	}
}

// writtenMetrics are the namespace, the name and the dimensions of each.
func writtenMetrics(t *testing.T) map[string]bool {
	t.Helper()
	var out bytes.Buffer
	boot.WriteMetrics(&out, time.Now(), "tagalong", reactor.Outcome{Environment: "prod", Lag: time.Second, Unannounced: 1}, nil)
	boot.WriteSweep(&out, time.Now(), "tagalong", "sweep", sweep.Report{Drift: []sweep.Drift{{}}}, nil)
	written := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		var l struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name string }
				}
			} `json:"_aws"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		for _, directive := range l.AWS.CloudWatchMetrics {
			for _, metric := range directive.Metrics {
				for _, names := range directive.Dimensions {
					written[strings.Join(append([]string{directive.Namespace, metric.Name}, names...), " ")] = true
				}
			}
		}
	}
	return written
}

// TestAQueueHandsOverWhatABatchTakes holds the mapping of queues to functions against
// the package that takes what it hands over.
func TestAQueueHandsOverWhatABatchTakes(t *testing.T) {
	queues := read(t, "infra/queues.tf")
	for _, want := range []string{fmt.Sprintf("batch_size = %d", batch.Size), `function_response_types = ["ReportBatchItemFailures"]`} {
		form := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(want), " = ", " += "))
		if found := len(form.FindAllString(queues, -1)); found != 1 {
			t.Errorf("infra/queues.tf has %s %d times, want once", want, found)
		}
	}
}

// verdicts of a row: good; bad here and there; hidden and wide, which only the
// module refuses; start, which a function refuses when it knows its own account.
type row struct {
	Case       string          `json:"case"`
	Verdict    string          `json:"verdict"`
	Names      string          `json:"names"`
	Rules      json.RawMessage `json:"rules"`
	Accounts   json.RawMessage `json:"accounts"`
	Promotions json.RawMessage `json:"promotions"`
}

// TestTheModuleRefusesTheSameRules holds the functions against the tables that
// infra/tests/rules.tftest.hcl holds the module against.
func TestTheModuleRefusesTheSameRules(t *testing.T) {
	for _, table := range []struct {
		path  string
		parse func(row) error
	}{
		{"infra/tests/rules/environments.json", func(r row) error { _, err := tagalong.ParseRules(string(r.Rules)); return err }},
		{"infra/tests/rules/promotions.json", func(r row) error { _, err := tagalong.ParsePromotionRules(string(r.Promotions)); return err }},
		{"infra/tests/rules/accounts.json", func(r row) error { _, err := boot.ParseAccounts(string(r.Accounts)); return err }},
	} {
		var rows []row
		decode(t, table.path, &rows)
		for _, r := range rows {
			t.Run(r.Case, func(t *testing.T) {
				err := table.parse(r)
				if bad := r.Verdict == "bad"; bad != (err != nil) {
					t.Errorf("%s: the functions say %v", r.Verdict, err)
				}
				if r.Verdict != "good" && r.Names == "" {
					t.Error("no word that the module's sentence must have")
				}
			})
		}
	}
}

func TestTheModuleSetsEveryVariable(t *testing.T) {
	named := func(path, pattern string) (names []string) {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, path), -1) {
			names = append(names, match[1])
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	want := named("functions/internal/boot/config.go", `"(TAGALONG_\w+)"`)
	if diff := cmp.Diff(want, named("infra/settings.tf", `(?m)^ +(TAGALONG_\w+) +=`)); diff != "" {
		t.Errorf("variables of boot/config.go and of infra/settings.tf (-want +got):\n%s", diff)
	}
}

// TestTheModuleHasEveryFunction looks at the folders, and at the files that
// wire them.
func TestTheModuleHasEveryFunction(t *testing.T) {
	mains, err := filepath.Glob(filepath.Join(root, "functions/*/main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		if name == "tagalong" { // the command
			continue
		}
		if source, err := os.ReadFile(filepath.Join(root, "infra", name+".tf")); err != nil || !strings.Contains(string(source), `module "`+name+`"`) {
			t.Errorf("function %s is not in infra/%s.tf: %v", name, name, err)
		}
	}
}

// TestEveryFunctionOpensConnectionsWhileItStarts: inside of its start a function
// has a full processor, see boot.Prewarm.
func TestEveryFunctionOpensConnectionsWhileItStarts(t *testing.T) {
	mains, err := filepath.Glob(filepath.Join(root, "functions/*/main.go"))
	if err != nil || mains == nil {
		t.Fatalf("mains %v, %v", mains, err)
	}
	opens := regexp.MustCompile(`(?s)boot\.Start\(.*\.Open\(cfg\)\.\.\.\)`)
	for _, main := range mains {
		source, err := os.ReadFile(main)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "boot.Start(") && !opens.Match(source) {
			t.Errorf("%s: boot.Start without what opens connections", main)
		}
	}
}

// modules are those that people call.
var modules = []string{"infra", "infra/modules/member-account", "infra/modules/member-stackset", "infra/modules/codepipeline-actions"}

// ownAccountOnly are actions that no function takes in another account.
var ownAccountOnly = []string{"codepipeline:GetJobDetails", "codepipeline:PutJobSuccessResult", "codepipeline:PutJobFailureResult"}

// TestAMemberLetsTheFunctionsDoTheSame holds the role of a member account against
// the functions' own: both look into ECS, ECR, CodePipeline and CodeDeploy.
func TestAMemberLetsTheFunctionsDoTheSame(t *testing.T) {
	actions := func(pattern string) (actions []string) {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || files == nil {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			actions = append(actions, regexp.MustCompile(`(?:(?:ecs|ecr|codepipeline|codedeploy|inspector2):[A-Z]|lambda:(?:Get|List))\w+`).FindAllString(string(raw), -1)...)
		}
		slices.Sort(actions)
		return slices.Compact(actions)
	}
	want := slices.DeleteFunc(actions("infra/*.tf"), func(action string) bool { return slices.Contains(ownAccountOnly, action) })
	if diff := cmp.Diff(want, actions("infra/modules/member-policies/main.tf")); diff != "" {
		t.Errorf("actions of the functions and of a member's role (-functions +member):\n%s", diff)
	}
}

// TestInspectorIsAskedWhatItMayBeAsked holds what the sandbox's Inspector answers, and so the
// adapter asks, against what the sweep may ask.
func TestInspectorIsAskedWhatItMayBeAsked(t *testing.T) {
	asked := slices.Sorted(maps.Values(inspector.Paths))
	allowed := regexp.MustCompile(`inspector2:([A-Z]\w+)`).FindAllStringSubmatch(read(t, "infra/permissions.tf"), -1)
	var may []string
	for _, action := range allowed {
		may = append(may, action[1])
	}
	slices.Sort(may)
	if diff := cmp.Diff(asked, may); diff != "" {
		t.Errorf("asked of Inspector, and allowed (-asked +allowed):\n%s", diff)
	}
}

// block is a variable or an output of a formatted file.
type block struct{ name, description, initial string }

var (
	blockForm       = regexp.MustCompile(`(?ms)^(variable|output) "(\w+)" \{\n(.*?)^\}`)
	descriptionForm = regexp.MustCompile(`(?m)^  description = "((?:[^"\\]|\\.)*)"$`)
	defaultForm     = regexp.MustCompile(`(?m)^  default +(?:= )(.*)$`)
	typeForm        = regexp.MustCompile(`(?m)^  type +=`)
)

func blocks(t *testing.T, path, kind string) (found []block) {
	t.Helper()
	for _, match := range blockForm.FindAllStringSubmatch(read(t, path), -1) {
		if match[1] != kind {
			continue
		}
		b := block{name: match[2]}
		if d := descriptionForm.FindStringSubmatch(match[3]); d != nil {
			b.description = d[1]
		} else {
			t.Errorf("%s: %s %q has no description", path, kind, b.name)
		}
		if kind == "variable" && !typeForm.MatchString(match[3]) {
			t.Errorf("%s: variable %q has no type", path, b.name)
		}
		if d := defaultForm.FindStringSubmatch(match[3]); d != nil {
			b.initial = d[1]
		}
		found = append(found, b)
	}
	if found == nil {
		t.Fatalf("%s has no %s", path, kind)
	}
	return found
}

var (
	validationForm = regexp.MustCompile(`(?ms)^  validation \{\n.*?error_message = "(.*?)"\n  \}`)
	expectedForm   = regexp.MustCompile(`(?s)expect_failures = \[(.*?)\]`)
)

// TestEveryValidationSaysWhatIsRightAndIsTested: the sentence of each validation
// names what is wanted, and for each a run of terraform test expects its failure.
func TestEveryValidationSaysWhatIsRightAndIsTested(t *testing.T) {
	for _, folder := range modules {
		var expected string
		files, err := filepath.Glob(filepath.Join(root, folder, "tests/*.tftest.hcl"))
		if err != nil || files == nil {
			t.Fatalf("%s: tests %v, %v", folder, files, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range expectedForm.FindAllStringSubmatch(string(raw), -1) {
				expected += match[1] + ","
			}
		}
		for _, match := range blockForm.FindAllStringSubmatch(read(t, folder+"/variables.tf"), -1) {
			validations := validationForm.FindAllStringSubmatch(match[3], -1)
			if want := strings.Count(match[3], "\n  validation {"); len(validations) != want {
				t.Errorf("%s: variable %q: %d of %d validations have a sentence", folder, match[2], len(validations), want)
			}
			for _, v := range validations {
				if !strings.HasPrefix(v[1], match[2]) || !strings.Contains(v[1], ": want ") {
					t.Errorf("%s: variable %q: %q does not begin with it and say what is wanted", folder, match[2], v[1])
				}
			}
			if runs := len(regexp.MustCompile(`var\.`+match[2]+`\b`).FindAllString(expected, -1)); runs < len(validations) {
				t.Errorf("%s: variable %q: %d validations, %d runs that expect its failure", folder, match[2], len(validations), runs)
			}
		}
	}
}

// interfaceOf describes inputs and outputs of a module as tables.
func interfaceOf(t *testing.T, folder string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| input | default | meaning |\n|---|---|---|\n")
	for _, v := range blocks(t, folder+"/variables.tf", "variable") {
		initial := "required"
		if v.initial != "" {
			initial = "`" + v.initial + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.name, initial, v.description)
	}
	b.WriteString("\n| output | meaning |\n|---|---|\n")
	for _, o := range blocks(t, folder+"/outputs.tf", "output") {
		fmt.Fprintf(&b, "| `%s` | %s |\n", o.name, o.description)
	}
	return b.String()
}

func TestTheModulesReadmeHasItsInputsAndOutputs(t *testing.T) {
	readme := read(t, "infra/README.md")
	wanted := readme
	for _, folder := range modules {
		begin, end := "<!-- "+folder+":begin -->\n", "<!-- "+folder+":end -->"
		head, rest, found := strings.Cut(wanted, begin)
		_, tail, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("infra/README.md has no place for %s", folder)
		}
		wanted = head + begin + interfaceOf(t, folder) + end + tail
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, "infra/README.md"), []byte(wanted), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(wanted, readme); diff != "" {
		t.Errorf("infra/README.md differs (go test ./functions/internal/dev -update writes it):\n%s", diff)
	}
}

// TestTheModulesReadmeSaysWhatIsTested finds each sentence of the README in the
// name of a run of terraform test, and the other way round.
func TestTheModulesReadmeSaysWhatIsTested(t *testing.T) {
	_, section, found := strings.Cut(read(t, "infra/README.md"), "\n## What holds\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("infra/README.md does not say what holds")
	}
	var sentences []string
	other := regexp.MustCompile(`[^a-z0-9]+`)
	for _, match := range regexp.MustCompile(`(?m)^- (.*)\.$`).FindAllStringSubmatch(section, -1) {
		plain := strings.NewReplacer("'", "", "`", "").Replace(strings.ToLower(match[1]))
		sentences = append(sentences, strings.Trim(other.ReplaceAllString(plain, "_"), "_"))
	}
	var runs []string
	for _, pattern := range []string{"infra/tests/*.tftest.hcl", "infra/modules/*/tests/*.tftest.hcl"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || files == nil {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range regexp.MustCompile(`(?m)^run "(\w+)"`).FindAllStringSubmatch(string(raw), -1) {
				runs = append(runs, match[1])
			}
		}
	}
	slices.Sort(sentences)
	slices.Sort(runs)
	if diff := cmp.Diff(runs, sentences); diff != "" {
		t.Errorf("runs of terraform test and sentences of infra/README.md (-runs +sentences):\n%s", diff)
	}
}
