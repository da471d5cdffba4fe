//go:build infra

package dev_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
)

// What Terraform plans of whole installations, every resource of every module, which
// the assertions of terraform test do not reach. The provider is the real one; of AWS it
// reaches the sandbox's STS. .ci/infra runs these.

// resource is one that is planned.
type resource struct {
	Address, Type string
	Values        map[string]any
}

// text returns an attribute that is a text, "" if it is not there or not known yet.
func (r resource) text(name string) string { s, _ := r.Values[name].(string); return s }

// planned are the resources of a plan.
type planned []resource

func (p planned) of(kind string) (found planned) {
	for _, r := range p {
		if r.Type == kind {
			found = append(found, r)
		}
	}
	return found
}

// module is what terraform show tells of one.
type planModule struct {
	Resources []resource   `json:"resources"`
	Children  []planModule `json:"child_modules"`
}

func (m planModule) all() (all planned) {
	all = append(all, m.Resources...)
	for _, child := range m.Children {
		all = append(all, child.all()...)
	}
	return all
}

// terraform runs a command of it in a folder, and returns what it printed.
func terraform(t *testing.T, folder string, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "terraform", args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+os.DevNull,
		"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_REGION=eu-west-1")
	out, err := command.CombinedOutput()
	return string(out), err
}

// configure writes a configuration into a folder, beside the module as a release has it and
// the provider that asks the sandbox, and initializes it.
func configure(t *testing.T, configuration string) (folder, out string, err error) {
	t.Helper()
	aws := sandbox.New(sandbox.Options{Account: "111122223333", Region: "eu-west-1"})
	url, stop, err := aws.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	folder = t.TempDir()
	unpack(t, filepath.Join(folder, "repository"))
	provider := fmt.Sprintf("provider \"aws\" {\n  endpoints {\n    sts = %q\n  }\n}\n", url)
	if err := os.WriteFile(filepath.Join(folder, "main.tf"), []byte(provider+configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"init", "-input=false", "-no-color"}
	if plugins := os.Getenv("TF_PLUGIN_DIR"); plugins != "" {
		args = append(args, "-plugin-dir="+plugins)
	}
	out, err = terraform(t, folder, args...)
	return folder, out, err
}

// plan returns what Terraform plans for a configuration.
func plan(t *testing.T, configuration string) planned {
	t.Helper()
	folder, out, err := configure(t, configuration)
	if err != nil {
		t.Fatalf("terraform init: %v\n%s", err, out)
	}
	if out, err := terraform(t, folder, "plan", "-input=false", "-no-color", "-out=plan"); err != nil {
		t.Fatalf("terraform plan: %v\n%s", err, out)
	}
	out, err = terraform(t, folder, "show", "-json", "plan")
	if err != nil {
		t.Fatalf("terraform show: %v\n%s", err, out)
	}
	var shown struct {
		Values struct {
			Root planModule `json:"root_module"`
		} `json:"planned_values"`
	}
	if err := json.Unmarshal([]byte(out), &shown); err != nil {
		t.Fatal(err)
	}
	return shown.Values.Root.all()
}

// from returns the path of a file of the repository, as Terraform takes it.
func from(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}

// TestPlanOfARelease is what a stranger does who has Terraform and nothing else: the
// module comes as the release's archive, and a checksum says that it is that one.
func TestPlanOfARelease(t *testing.T) {
	served := t.TempDir()
	archive := filepath.Join(served, "tagalong-module_v1.2.3_amd64.zip")
	dist := t.TempDir()
	if err := os.CopyFS(dist, os.DirFS(from(t, "infra/tests/fixtures"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dist, "build.json"), []byte(`{"version": "v1.2.3", "architecture": "x86_64"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	pack(t, archive, dist)
	server := httptest.NewServer(http.FileServer(http.Dir(served)))
	t.Cleanup(server.Close)
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	source := fmt.Sprintf("module \"tagalong\" {\n  source = \"%s/%s//infra?checksum=sha256:%x\"\n}\n", server.URL, filepath.Base(archive), sha256.Sum256(content))

	installed := plan(t, source)
	if alarms := fmt.Sprintf(" %d alarms ", len(installed.of("aws_cloudwatch_metric_alarm"))); !strings.Contains(read(t, "infra/INSTALL.md"), alarms) {
		t.Errorf("infra/INSTALL.md counts other than%sin its bill", alarms)
	}
	functions := installed.of("aws_lambda_function")
	if len(functions) != 6 {
		t.Fatalf("%d functions are planned", len(functions))
	}
	for _, f := range functions {
		if architectures := fmt.Sprint(f.Values["architectures"]); architectures != "[x86_64]" || f.text("source_code_hash") == "" {
			t.Errorf("%s: processor %s, hash %q, want the archive's own zip for x86_64", f.Address, architectures, f.text("source_code_hash"))
		}
	}

	content[len(content)/2] ^= 1
	if err := os.WriteFile(archive, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, out, err := configure(t, source); err == nil || !strings.Contains(out, "hecksum") {
		t.Errorf("one flipped byte: %v\n%s", err, out)
	}
}

// TestAReleasesModuleHasTheSameBytes packs a copy elsewhere, whose files are younger and
// have other modes.
func TestAReleasesModuleHasTheSameBytes(t *testing.T) {
	fixtures, folder := from(t, "infra/tests/fixtures"), t.TempDir()
	copied := filepath.Join(folder, "zips")
	if err := os.CopyFS(copied, os.DirFS(fixtures)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(copied, "*.zip"))
	if err != nil || files == nil {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one, other := filepath.Join(folder, "one.zip"), filepath.Join(folder, "other.zip")
	pack(t, one, fixtures)
	pack(t, other, copied)
	first, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) == 0 || !bytes.Equal(first, second) {
		t.Errorf("%d and %d bytes, which differ", len(first), len(second))
	}
}

// unpack writes what a release has of the module into a folder, with zips that have next to
// nothing in them.
func unpack(t *testing.T, folder string) {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "module.zip")
	pack(t, archive, from(t, "infra/tests/fixtures"))
	files, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	if err := os.CopyFS(folder, files); err != nil {
		t.Fatal(err)
	}
}

func pack(t *testing.T, archive, dist string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), from(t, ".ci/module"), archive, dist).CombinedOutput(); err != nil {
		t.Fatalf(".ci/module: %v\n%s", err, out)
	}
}

const hardened = `
module "tagalong" {
  source = "./repository/infra"

  accounts = [{ account = "444455556666", role = "arn:aws:iam::444455556666:role/tagalong" }] # so that there is a bus

  permissions_boundary    = "arn:aws:iam::111122223333:policy/boundary"
  role_path               = "/platform/"
  role_name_prefix        = "acme-"
  kms_key_arn             = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  vpc                     = { subnet_ids = ["subnet-0123456789abcdef0"], security_group_ids = ["sg-0123456789abcdef0"] }
  s3                      = { bucket = "acme-signed", prefix = "tagalong/v1.2.3/" }
  code_signing_config_arn = "arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0123456789abcdef0"
  tracing                 = true
  on_demand_limits        = { read = 4000, write = 1000 }
  log_class               = "INFREQUENT_ACCESS"
  alarms                  = false
  dashboard               = false
  history_url             = false
  history_api             = true
  functions               = { imagedefinitions = false }
}

module "member" {
  source        = "./repository/infra/modules/member-account"
  event_bus_arn = module.tagalong.event_bus_arn
  role_arns     = { sweep = "arn:aws:iam::111122223333:role/platform/acme-tagalong-sweep-eu-west-1", history = "arn:aws:iam::111122223333:role/h" }

  permissions_boundary = "arn:aws:iam::444455556666:policy/boundary"
  role_path            = "/platform/"
  role_name_prefix     = "acme-"
  kms_key_arn          = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
}
`

// TestPlanHardened sets every variable that an organization may want, and looks at every
// resource that they concern.
func TestPlanHardened(t *testing.T) {
	all := plan(t, hardened)
	each := func(kind string, least int, wrong func(resource) bool, want string) {
		t.Helper()
		found := all.of(kind)
		if len(found) < least {
			t.Errorf("%d of %s, want at least %d", len(found), kind, least)
		}
		for _, r := range found {
			if wrong(r) {
				t.Errorf("%s: want %s: %v", r.Address, want, r.Values)
			}
		}
	}
	keyed := func(attribute string) func(resource) bool {
		return func(r resource) bool { return !strings.HasPrefix(r.text(attribute), "arn:aws:kms:eu-west-1:") }
	}
	each("aws_iam_role", 5+1+3, func(r resource) bool {
		return !strings.HasSuffix(r.text("permissions_boundary"), ":policy/boundary") || r.text("path") != "/platform/" || !strings.HasPrefix(r.text("name"), "acme-tagalong")
	}, "the boundary, the path and the prefix")
	each("aws_lambda_function", 5, func(r resource) bool {
		return r.text("s3_bucket") != "acme-signed" || !strings.HasPrefix(r.text("s3_key"), "tagalong/v1.2.3/") || r.text("filename") != "" ||
			r.text("code_signing_config_arn") == "" || fmt.Sprint(r.Values["tracing_config"]) != "[map[mode:Active]]" || !strings.Contains(fmt.Sprint(r.Values["vpc_config"]), "subnet-0123456789abcdef0")
	}, "signed code of the bucket, traces and the VPC")
	each("aws_lambda_function", 5, keyed("kms_key_arn"), "the key")
	each("aws_cloudwatch_log_group", 6, keyed("kms_key_id"), "the key")
	each("aws_cloudwatch_log_group", 6, func(r resource) bool { return r.text("log_group_class") != "INFREQUENT_ACCESS" }, "the class")
	each("aws_sqs_queue", 7, keyed("kms_master_key_id"), "the key")
	each("aws_scheduler_schedule", 1, keyed("kms_key_arn"), "the key")
	each("aws_cloudwatch_event_bus", 1, keyed("kms_key_identifier"), "the key")
	each("aws_dynamodb_table", 1, func(r resource) bool {
		limited := "[map[max_read_request_units:4000 max_write_request_units:1000]]"
		return fmt.Sprint(r.Values["on_demand_throughput"]) != limited || strings.Count(fmt.Sprint(r.Values["global_secondary_index"]), "on_demand_throughput:"+limited) != 2
	}, "the limits on the table and both indexes")
	each("aws_apigatewayv2_route", 1, func(r resource) bool { return r.text("authorization_type") != "AWS_IAM" }, "signed requests")
	if urls := len(all.of("aws_lambda_function_url")); urls != 0 {
		t.Errorf("%d function URLs", urls)
	}
	for _, r := range all {
		if strings.Contains(r.Address, "imagedefinitions") || strings.Contains(r.text("name"), "imagedefinitions") {
			t.Errorf("%s is there", r.Address)
		}
	}
}

// TestPlanSideBySide: of two installations in one account and Region nothing has the same
// name, and no alarm looks at what the other writes.
func TestPlanSideBySide(t *testing.T) {
	const installation = "module %q {\n  source = \"./repository/infra\"\n  name = %q\n  history_api = true\n  accounts = [{ account = \"444455556666\", role = \"arn:aws:iam::444455556666:role/tagalong\" }]\n}\n"
	one := func(name string) string {
		return fmt.Sprintf(installation, name, name)
	}
	all := plan(t, one("blue")+one("green"))
	names := map[string]string{}
	claim := func(what, by string) {
		if other, taken := names[what]; taken {
			t.Errorf("%s and %s are both of %s", other, by, what)
		}
		names[what] = by
	}
	for _, r := range all {
		for _, attribute := range []string{"name", "function_name", "alarm_name", "dashboard_name"} {
			unique := r.text(attribute) != "" && !slices.Contains([]string{"aws_apigatewayv2_stage", "aws_dynamodb_table_item"}, r.Type)
			if unique {
				claim(r.Type+" "+r.text(attribute)+" on "+r.text("event_bus_name")+r.text("role"), r.Address)
			}
		}
		if r.Type == "aws_cloudwatch_metric_alarm" {
			claim(fmt.Sprintf("metric %s %s %v", r.text("namespace"), r.text("metric_name"), r.Values["dimensions"]), r.Address)
		}
	}
	if len(names) < 100 {
		t.Errorf("%d names", len(names))
	}
}

const stackSet = `
locals {
  bus   = "arn:aws:events:eu-west-1:999988887777:event-bus/tagalong-forwarded"
  roles = { sweep = "arn:aws:iam::999988887777:role/tagalong-sweep-eu-west-1", history = "arn:aws:iam::999988887777:role/tagalong-history-eu-west-1" }
}

module "member" {
  source           = "./repository/infra/modules/member-account"
  event_bus_arn    = local.bus
  role_arns        = local.roles
  regions          = ["eu-west-1"]
  clusters         = ["prod-*"]
  pipelines        = ["shop-*"]
  role_path        = "/platform/"
  role_name_prefix = "acme-"
  untag            = true

  permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
}

module "stackset" {
  source                  = "./repository/infra/modules/member-stackset"
  organizational_unit_ids = ["ou-ab12-11111111"]
  event_bus_arn           = local.bus
  role_arns               = local.roles
  regions                 = ["eu-west-1"]
  clusters                = ["prod-*"]
  pipelines               = ["shop-*"]
  role_path               = "/platform/"
  role_name_prefix        = "acme-"
  permissions_boundary    = "boundary"
  untag                   = true
}
`

// TestPlanOfAStackSet holds what a StackSet brings into an account against what
// modules/member-account makes there.
func TestPlanOfAStackSet(t *testing.T) {
	all := plan(t, stackSet)
	sets := all.of("aws_cloudformation_stack_set")
	if len(sets) != 1 || len(all.of("aws_cloudformation_stack_instances")) != 1 {
		t.Fatalf("%d StackSets", len(sets))
	}
	if diff := cmp.Diff(madeByModule(t, all), madeByTemplate(t, sets[0].text("template_body"))); diff != "" {
		t.Errorf("what the module makes and what the StackSet brings (-module +template):\n%s", diff)
	}
}

// madeByModule are roles, rules and queues by their names, with the documents that say what
// they let through.
func madeByModule(t *testing.T, all planned) map[string]any {
	t.Helper()
	made := map[string]any{}
	for _, r := range all.of("aws_iam_role") {
		made["role "+r.text("name")] = map[string]any{"path": r.text("path"), "boundary": r.text("permissions_boundary"), "trust": document(t, r.text("assume_role_policy"))}
	}
	for _, r := range all.of("aws_iam_role_policy") {
		made["policy "+r.text("name")] = document(t, r.text("policy"))
	}
	for _, r := range all.of("aws_cloudwatch_event_rule") {
		made["rule "+r.text("name")] = document(t, r.text("event_pattern"))
	}
	for _, r := range all.of("aws_cloudwatch_event_target") {
		made["target of "+r.text("rule")] = r.text("arn") + " " + r.text("target_id")
	}
	for _, r := range all.of("aws_sqs_queue") {
		made["queue "+r.text("name")] = document(t, r.text("policy"))
	}
	if len(made) < 11 {
		t.Fatalf("the module makes %v", made)
	}
	return made
}

func document(t *testing.T, raw string) (parsed any) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &parsed); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return parsed
}

// madeByTemplate are the same of a CloudFormation template, in account 111122223333 and
// Region eu-west-1.
func madeByTemplate(t *testing.T, raw string) map[string]any {
	t.Helper()
	type object = map[string]any
	made, queue := object{}, ""
	resources := substituted(document(t, raw)).(object)["Resources"].(object)
	for _, resource := range resources {
		if p := resource.(object)["Properties"].(object); resource.(object)["Type"] == "AWS::SQS::Queue" {
			queue = p["QueueName"].(string)
		}
	}
	for _, resource := range resources {
		switch p := resource.(object)["Properties"].(object); resource.(object)["Type"] {
		case "AWS::IAM::Role":
			made["role "+p["RoleName"].(string)] = object{"path": p["Path"], "boundary": p["PermissionsBoundary"], "trust": p["AssumeRolePolicyDocument"]}
			for _, policy := range p["Policies"].([]any) {
				made["policy "+policy.(object)["PolicyName"].(string)] = policy.(object)["PolicyDocument"]
			}
		case "AWS::Events::Rule":
			made["rule "+p["Name"].(string)] = p["EventPattern"]
			target := p["Targets"].([]any)[0].(object)
			made["target of "+p["Name"].(string)] = target["Arn"].(string) + " " + target["Id"].(string)
		case "AWS::SQS::QueuePolicy":
			made["queue "+queue] = p["PolicyDocument"]
		}
	}
	return made
}

// substituted fills in CloudFormation's placeholders.
func substituted(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if text, ok := v["Fn::Sub"].(string); ok && len(v) == 1 {
			return strings.NewReplacer("${AWS::AccountId}", "111122223333", "${AWS::Region}", "eu-west-1").Replace(text)
		}
		for key := range v {
			v[key] = substituted(v[key])
		}
	case []any:
		for i := range v {
			v[i] = substituted(v[i])
		}
	}
	return value
}

// TestPlanOfAnOrganization takes 40 accounts in 4 Regions by one call.
func TestPlanOfAnOrganization(t *testing.T) {
	const organization = `
module "organization" {
  source                  = "./repository/infra/examples/organization"
  organization_id         = "o-a1b2c3d4e5"
  organizational_unit_ids = ["ou-ab12-11111111", "ou-ab12-22222222"]
  accounts                = [for i in range(40) : tostring(444455556600 + i)]
  regions                 = ["eu-west-1", "eu-central-1", "us-east-1", "us-west-2"]
}
`
	all := plan(t, organization)
	instances := all.of("aws_cloudformation_stack_instances")
	if len(instances) != 1 || fmt.Sprint(instances[0].Values["regions"]) != "[eu-central-1 eu-west-1 us-east-1 us-west-2]" {
		t.Errorf("the StackSet is brought into %v", instances)
	}
	policies := all.of("aws_cloudwatch_event_bus_policy")
	if len(policies) != 1 || !strings.Contains(policies[0].text("policy"), `"aws:PrincipalOrgID":"o-a1b2c3d4e5"`) || strings.Contains(policies[0].text("policy"), "444455556600") {
		t.Errorf("the bus is open to %v", policies)
	}
	looked := 0
	for _, item := range all.of("aws_dynamodb_table_item") {
		if stored := item.text("item"); strings.Contains(stored, `"S":"@accounts"`) {
			looked += strings.Count(stored, "us-west-2")
		}
	}
	if looked != 40 {
		t.Errorf("the functions look into %d accounts of us-west-2", looked)
	}
}
