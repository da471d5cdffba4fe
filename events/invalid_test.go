package events_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
)

// Payloads with every field that their types know, but for what excludes one
// another.
const (
	deploymentFile = "ecs-deployment-completed.json"
	actionFile     = "ecs-service-action-deployment-failed.json"
	taskFile       = "ecs-task-state-change-stopped.json"
	standaloneFile = "ecs-task-standalone-running.json"
	instanceFile   = "ecs-container-instance-state-change.json"

	stageFile          = "codepipeline-stage-succeeded-after-retry.json"
	pipelineActionFile = "codepipeline-action-failed-ecs-deploy.json"
	sourceActionFile   = "codepipeline-action-succeeded-ecr-source.json"
	codeDeployFile     = "codedeploy-deployment-success.json"
)

func TestParseMalformed(t *testing.T) {
	junk := strings.Repeat("junk ", 60_000)
	valid := string(readPayload(t, deploymentFile))
	tests := []struct {
		name, raw, want string
	}{
		{"nothing", "", `event "": want JSON (unexpected end of JSON input, at byte 0)`},
		{"blanks", " \n", `event " \n": want JSON (unexpected end of JSON input, at byte 2)`},
		{"truncated", `{"source": "aws.ecs", "det`, `event "{\"source\": \"aws.ecs\", \"det": want JSON (unexpected end of JSON input, at byte 26)`},
		{"trailing", `{} {}`, `event "{} {}": want JSON (invalid character '{' after top-level value, at byte 4)`},
		{"junk", junk, `event "` + junk[:80] + `": want JSON (invalid character 'j' looking for beginning of value, at byte 1)`},
		{"deep", strings.Repeat("[", 20_000), `event "` + strings.Repeat("[", 80) + `": want JSON (invalid character '[' exceeded max depth, at byte 10001)`},
		{"byte order mark", "\ufeff{}", `event "\ufeff{}": want JSON (invalid character 'ï' looking for beginning of value, at byte 1)`},
		{"null", `null`, `event "null": want an object instead of null`},
		{"list", ` [1, 2]`, `event " [1, 2]": want an object instead of a list`},
		{"string", `"aws.ecs"`, `event "\"aws.ecs\"": want an object instead of a string`},
		{"number", `-1`, `event "-1": want an object instead of a number`},
		{"boolean", `true`, `event "true": want an object instead of a boolean`},
		{"too large", `"` + strings.Repeat("x", events.MaxSize-1) + `"`, `event "1048577 bytes": want at most 1048576 bytes`},
		{
			"no kind", `{}`,
			"detail-type missing: want the type of an EventBridge event, such as ECS Deployment State Change\n" +
				"source missing: want the sender of an EventBridge event, such as aws.ecs",
		},
		{"no detail", string(edit(t, []byte(valid), "detail", absent)), `detail missing: want an object`},
		{"no resources", string(edit(t, []byte(valid), "resources", absent)), `resources[0] missing: want arn:PARTITION:ecs:REGION:ACCOUNT:service/CLUSTER/NAME or …:service/NAME, names of 1 to 255 of a-z, A-Z, 0-9, _ and -`},
		{"empty resources", string(edit(t, []byte(valid), "resources", []any{})), `resources[0] missing: want arn:PARTITION:ecs:REGION:ACCOUNT:service/CLUSTER/NAME or …:service/NAME, names of 1 to 255 of a-z, A-Z, 0-9, _ and -`},
		{"number for an id", string(edit(t, []byte(valid), "detail.deploymentId", 7)), `detail.deploymentId "7": want ecs-svc/ and 1 to 20 decimal digits, as a string instead of a number`},
		{"wrong id", string(edit(t, []byte(valid), "detail.deploymentId", "d-8QZK4T2LF")), `detail.deploymentId "d-8QZK4T2LF": want ecs-svc/ and 1 to 20 decimal digits`},
		{"other account", string(edit(t, []byte(valid), "account", "444455556666")), `account "444455556666": want 111122223333 as in resources[0]`},
		{"other Region", string(edit(t, []byte(valid), "region", "eu-west-1")), `region "eu-west-1": want us-east-1 as in resources[0]`},
		{
			"other cluster", string(edit(t, []byte(valid), "detail.clusterArn", strings.Replace(prodCluster, "prod", "test", 1))),
			`detail.clusterArn "arn:aws:ecs:us-east-1:111122223333:cluster/test-cluster": want ` + prodCluster + ` as in resources[0]`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			event, err := events.Parse([]byte(test.raw))
			if err == nil {
				t.Fatalf("Parse gave %T without an error", event)
			}
			if event != nil {
				t.Errorf("Parse gave %T beside an error", event)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if _, ok := errors.AsType[*events.FieldError](err); !ok {
				t.Errorf("error is a %T without a *FieldError", err)
			}
		})
	}
}

// A whole event of the largest size is still read.
func TestParseLargest(t *testing.T) {
	raw := edit(t, readPayload(t, deploymentFile), "detail.padding", "")
	raw = edit(t, raw, "detail.padding", strings.Repeat("x", events.MaxSize-len(raw)))
	if len(raw) != events.MaxSize {
		t.Fatalf("event of %d bytes", len(raw))
	}
	if _, err := events.Parse(raw); err != nil {
		t.Error(err)
	}
}

// envelopeFields are those of every event.
var envelopeFields = strings.Fields("version id detail-type source account time region resources resources[0] detail")

func TestParseWrongTypes(t *testing.T) {
	integers := []string{"detail.version", "detail.pipeline-execution-attempt"}
	either := []string{"detail.type.version"} // a string or an integer
	objects := strings.Fields(`detail detail.containers[0] detail.type detail.execution-result
		detail.input-artifacts[0] detail.input-artifacts[0].s3location detail.output-artifacts[0]`)
	lists := []string{"resources", "detail.containers", "detail.input-artifacts", "detail.output-artifacts"}
	values := map[string]any{"number": 4, "fraction": 4.5, "string": "\x00", "boolean": true, "list": []any{1}, "object": map[string]any{"x": 1}}

	for file, paths := range map[string]string{
		deploymentFile: "eventType eventName clusterArn deploymentId updatedAt reason",
		actionFile:     "eventType eventName clusterArn createdAt reason",
		taskFile: `clusterArn taskArn taskDefinitionArn group startedBy lastStatus desiredStatus version
			startedAt stoppedAt updatedAt stopCode stoppedReason containers containers[0] containers[0].name
			containers[0].image containers[0].imageDigest containers[0].lastStatus`,
		instanceFile: "clusterArn containerInstanceArn status version",
		stageFile: `pipeline execution-id start-time stage state version pipeline-execution-attempt
			stage-last-retry-attempt-time`,
		pipelineActionFile: `pipeline execution-id start-time stage state version pipeline-execution-attempt
			action action-execution-id region type type.owner type.provider type.category type.version
			execution-result execution-result.external-execution-url execution-result.external-execution-summary
			execution-result.external-execution-id execution-result.error-code
			input-artifacts input-artifacts[0] input-artifacts[0].name input-artifacts[0].s3location
			input-artifacts[0].s3location.bucket input-artifacts[0].s3location.key`,
		sourceActionFile: "output-artifacts output-artifacts[0] output-artifacts[0].name",
		codeDeployFile:   "instanceGroupId region application deploymentId state deploymentGroup",
	} {
		all := slices.Clone(envelopeFields)
		for _, path := range strings.Fields(paths) {
			all = append(all, "detail."+path)
		}
		for _, path := range all {
			for kind, value := range values {
				switch {
				case kind == "number" && slices.Contains(slices.Concat(integers, either), path),
					kind == "object" && slices.Contains(objects, path),
					kind == "list" && slices.Contains(lists, path),
					kind == "string" && !slices.Contains(slices.Concat(integers, objects, lists), path):
					continue // the right type
				}
				_, err := events.Parse(edit(t, readPayload(t, file), path, value))
				wantProblem(t, file+" with a "+kind+" at "+path, err, path)
			}
		}
	}
}

func TestParseMissingFields(t *testing.T) {
	tests := map[string]string{
		deploymentFile: "source detail-type account region detail detail.eventName detail.deploymentId detail.updatedAt",
		actionFile:     "account region detail detail.eventName detail.createdAt",
		taskFile:       "account region detail detail.clusterArn detail.taskArn detail.taskDefinitionArn detail.lastStatus detail.version detail.containers[0].name",
		instanceFile:   "account region detail detail.clusterArn detail.containerInstanceArn detail.status detail.version",
		stageFile:      "account region time detail detail.pipeline detail.execution-id detail.stage detail.state",
		pipelineActionFile: `account region time detail detail.pipeline detail.execution-id detail.stage detail.state detail.action
			detail.type detail.type.owner detail.type.provider detail.type.category detail.input-artifacts[0].name`,
		codeDeployFile: "account region time detail detail.application detail.deploymentId detail.state detail.deploymentGroup",
	}
	for file, paths := range tests {
		for _, path := range strings.Fields(paths) {
			for name, value := range map[string]any{"no": absent, "null as": nil} {
				_, err := events.Parse(edit(t, readPayload(t, file), path, value))
				what := file + " with " + name + " " + path
				if wantProblem(t, what, err, path); err != nil && !problems(err)[0].Missing {
					t.Errorf("%s: error %v does not say that it is missing", what, err)
				}
			}
		}
	}
}

func TestParseOptionalFields(t *testing.T) {
	tests := map[string]string{
		deploymentFile: "version id time detail.eventType detail.clusterArn detail.reason",
		actionFile:     "version id time detail.eventType detail.clusterArn detail.reason",
		taskFile: `version id time resources detail.group detail.startedBy detail.desiredStatus detail.startedAt detail.stoppedAt
			detail.updatedAt detail.stopCode detail.stoppedReason detail.containers detail.containers[0].image
			detail.containers[0].imageDigest detail.containers[0].lastStatus`,
		instanceFile: "version id time resources",
		stageFile: `version id resources detail.start-time detail.version detail.pipeline-execution-attempt
			detail.stage-last-retry-attempt-time`,
		pipelineActionFile: `version id resources detail.start-time detail.version detail.pipeline-execution-attempt
			detail.action-execution-id detail.region detail.type.version detail.execution-result
			detail.execution-result.external-execution-url detail.execution-result.external-execution-summary
			detail.execution-result.external-execution-id detail.execution-result.error-code
			detail.input-artifacts detail.input-artifacts[0].s3location
			detail.input-artifacts[0].s3location.bucket detail.input-artifacts[0].s3location.key`,
		codeDeployFile: "version id resources detail.region detail.instanceGroupId",
	}
	for file, paths := range tests {
		for _, path := range strings.Fields(paths) {
			for name, value := range map[string]any{"no": absent, "null as": nil} {
				event, err := events.Parse(edit(t, readPayload(t, file), path, value))
				if err != nil {
					t.Errorf("%s with %s %s: %v", file, name, path, err)
					continue
				}
				again, err := events.Parse(encodeJSON(t, event))
				if diff := cmp.Diff(answers(event, nil), answers(again, err)); diff != "" {
					t.Errorf("%s with %s %s encoded:\n%s", file, name, path, diff)
				}
			}
		}
	}
}

func TestParseWrongValues(t *testing.T) {
	long := strings.Repeat("a", 256)
	injections := []string{
		"../", "..", ".", " ", "a b", "a*", "a?", "*", "a\x00b", "a\nb", "a\u202eb", "é", "a/b/c", "", "/", "a:b", "a#b", "a%2fb", long,
	}
	var services, tasks, clusters []any
	for _, name := range injections {
		services = append(services, "arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/"+name)
		clusters = append(clusters, "arn:aws:ecs:us-east-1:111122223333:cluster/"+name)
		tasks = append(tasks, "arn:aws:ecs:us-east-1:111122223333:task/prod-cluster/"+name)
		if name != "/" && name != "" {
			services = append(services, "arn:aws:ecs:us-east-1:111122223333:service/"+name+"/checkout-api")
		}
	}
	times := []any{
		"", "yesterday", "2026-03-04", "2026-03-04T09:18:41", "2026-03-04 09:18:41Z", "2026-03-04T9:18:41Z", "2026-03-04T09:18:41,077Z",
		"2026-02-30T09:18:41Z", "2026-03-04T24:18:41Z", "2026-03-04T09:18:41+24:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00",
	}
	var pipelines []any
	for _, name := range injections {
		if name != ".." && name != "." && name != "" { // AWS allows dots alone
			pipelines = append(pipelines, name)
		}
	}
	pipelines = append(pipelines, "", strings.Repeat("a", 101))
	counts := []any{
		-1, json.Number("3.5"), json.Number("-3.0"), json.Number("1e-1"), json.Number("9223372036854775808"), json.Number("1e19"), json.Number("1e99"),
		json.Number("1e999999999"), json.Number("3." + strings.Repeat("0", 40)),
		"", "x", "v3", "03", "+3", "-3", " 3", "3 ", "3.", ".3", "3.5", "0x3", "3_0", "1/2", "３", "Inf", "NaN", "9223372036854775808", "3\n",
	}
	terms := []any{"", "a b", "a/b", "é", "STARTED\n", strings.Repeat("A", 129)}
	tests := []struct {
		file, path string
		values     []any
	}{
		{stageFile, "account", []any{"", "1111", "*"}},
		{stageFile, "region", []any{"", "us-east", "*"}},
		{stageFile, "time", times},
		{stageFile, "resources[0]", []any{
			"", "checkout-release", "arn:aws:codepipeline:us-east-1:111122223333:", "arn:aws:codepipeline:us-east-1:111122223333:pipeline:",
			"arn:aws:codepipeline:us-east-1:111122223333:checkout-release/DeployProd", "arn:aws:codepipeline:us-east-1::checkout-release",
			"arn:aws:ecs:us-east-1:111122223333:checkout-release", "arn:aws:codepipeline:us-east-1:111122223333:*",
		}},
		{stageFile, "detail.pipeline", pipelines},
		{stageFile, "detail.stage", pipelines},
		{stageFile, "detail.execution-id", []any{
			"", "..", "*", strings.ToUpper(prodExecution), prodExecution + "0", prodExecution[1:], "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f3g",
			"3f0c8a5206d1e-4b97-a2c4-90b7e15d6f38", strings.ReplaceAll(prodExecution, "-", ""), strings.Repeat("-", 36),
		}},
		{stageFile, "detail.state", terms},
		{stageFile, "detail.start-time", times},
		{stageFile, "detail.stage-last-retry-attempt-time", times},
		{stageFile, "detail.version", counts},
		{stageFile, "detail.pipeline-execution-attempt", counts},
		{pipelineActionFile, "detail.action", pipelines},
		{pipelineActionFile, "detail.action-execution-id", []any{"", "../x", "a_b", strings.Repeat("a", 65)}},
		{pipelineActionFile, "detail.region", []any{"", "mars", "*"}},
		{pipelineActionFile, "detail.type.owner", terms},
		{pipelineActionFile, "detail.type.provider", terms},
		{pipelineActionFile, "detail.type.category", terms},
		{pipelineActionFile, "detail.type.version", append(terms, -1, json.Number("1.5"), json.Number("1e99"))},
		{pipelineActionFile, "detail.input-artifacts[0].name", []any{"a\nb", strings.Repeat("x", 2049)}},
		{codeDeployFile, "account", []any{"", "1111", "*"}},
		{codeDeployFile, "region", []any{"", "us-east", "*"}},
		{codeDeployFile, "time", times},
		{codeDeployFile, "detail.application", []any{"", "a b", "a/b", "a:b", "*", "é", strings.Repeat("a", 101)}},
		{codeDeployFile, "detail.deploymentGroup", []any{"", "a b", "a/b", "a:b", "*", "é", strings.Repeat("a", 101)}},
		{codeDeployFile, "detail.deploymentId", []any{"", "d-", "8QZK4T2LF", "d-8qzk", "D-8QZK", "d-8QZ/", "d-..", "d-*", "ecs-svc/1", "d-" + strings.Repeat("A", 33)}},
		{codeDeployFile, "detail.state", terms},
		{codeDeployFile, "detail.region", []any{"", "mars", "*"}},
		{codeDeployFile, "detail.instanceGroupId", []any{"a\nb"}},
		{deploymentFile, "source", []any{"", "aws\necs", long + strings.Repeat(long, 8)}},
		{deploymentFile, "detail-type", []any{"", "ECS\tDeployment"}},
		{deploymentFile, "id", []any{"\x1b[2J", strings.Repeat("x", 3000)}},
		{deploymentFile, "time", times},
		{deploymentFile, "account", []any{"", "1111", "1111222233334", "11112222333x", "१११११२२२२३३३", "*"}},
		{deploymentFile, "region", []any{"", "us-east", "us-east-1a", "us--1", "US-EAST-1", "u-east-1", "us-east-١", "*", "us-east-1/..", "us-" + strings.Repeat("east-", 9) + "1"}},
		{deploymentFile, "resources[0]", services},
		{deploymentFile, "detail.clusterArn", clusters},
		{deploymentFile, "detail.eventName", []any{"", "SERVICE\nDEPLOYMENT"}},
		{deploymentFile, "detail.eventType", []any{"", "info", "IN FO"}},
		{deploymentFile, "detail.updatedAt", times},
		{deploymentFile, "detail.deploymentId", []any{
			"", "ecs-svc/", "ecs-svc/123456789012345678901", "ecs-svc/-1", "ecs-svc/1.0", "ecs-svc/1e3", "ecs-svc/0x1f", "ecs-svc/１２", "ECS-SVC/1",
			"ecs-svc/1/2", "ecs-svc/../1", "ecs-svc/1 ", " ecs-svc/1", "ecs-svc//1", "ecs-svc/*", "svc/1", "7330915268420174663", "ecs-svc/1\n",
		}},
		{actionFile, "detail.eventName", []any{"", "steady", "A B"}},
		{actionFile, "detail.createdAt", times},
		{taskFile, "detail.taskArn", tasks},
		{taskFile, "detail.version", []any{-1, json.Number("1e2"), json.Number("4.0"), json.Number("9223372036854775808")}},
		{taskFile, "detail.taskDefinitionArn", []any{
			"checkout-api:42", "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api", "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:x",
			"arn:aws:ecs:us-east-1:111122223333:task-definition/a/b:1", "arn:aws:ecs:us-east-1:111122223333:task-definition/:1",
		}},
		{taskFile, "detail.containers[0].name", []any{"", "a b", "../a", long}},
		{taskFile, "detail.containers[0].image", []any{"", "a b", "a\n", "ä", strings.Repeat("x", 513)}},
		{taskFile, "detail.containers[0].imageDigest", []any{
			"", goodDigest[7:], "sha256:", "md5:" + goodDigest[7:], strings.ToUpper(goodDigest), goodDigest + "0", goodDigest[:70], "sha512" + goodDigest[6:], "sha256:" + strings.Repeat("g", 64),
		}},
		{taskFile, "detail.stopCode", []any{"", "a b"}},
		{taskFile, "detail.lastStatus", []any{"", "running", strings.Repeat("A", 129)}},
	}
	for _, test := range tests {
		for _, value := range test.values {
			_, err := events.Parse(edit(t, readPayload(t, test.file), test.path, value))
			wantProblem(t, fmt.Sprintf("%s with %.60q as %s", test.file, value, test.path), err, test.path)
		}
	}
}

// wantProblem checks that an error is about one field and no other.
func wantProblem(t *testing.T, what string, err error, field string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	if got := fields(err); len(got) != 1 || got[0] != field {
		t.Errorf("%s: error about %q: %.300v", what, got, err)
	}
	if text := err.Error(); !strings.HasPrefix(text, field+" ") || len(text) > 600 || !utf8.ValidString(text) || strings.ContainsAny(text, "\n\x00\x1b\u202e") {
		t.Errorf("%s: error text %.700q", what, text)
	}
	if value := problems(err)[0].Value; len(value) > 80 {
		t.Errorf("%s: error repeats %d bytes of the value", what, len(value))
	}
}

// Every place where a service's ARN may contradict the rest of the event.
func TestParseContradictions(t *testing.T) {
	short := "arn:aws:ecs:us-east-1:111122223333:service/checkout-api"
	tests := []struct {
		file, service, cluster string
		want                   []string
	}{
		{deploymentFile, checkoutAPI, prodCluster, nil},
		{deploymentFile, short, prodCluster, nil},
		{deploymentFile, short, strings.Replace(prodCluster, "prod", "test", 1), nil},
		{deploymentFile, checkoutAPI, strings.Replace(prodCluster, "us-east-1", "us-east-2", 1), []string{"detail.clusterArn"}},
		{deploymentFile, checkoutAPI, strings.Replace(prodCluster, "1111", "4444", 1), []string{"detail.clusterArn"}},
		{deploymentFile, short, strings.Replace(prodCluster, "1111", "4444", 1), []string{"detail.clusterArn"}},
		{deploymentFile, short, strings.Replace(prodCluster, "aws", "aws-cn", 1), []string{"detail.clusterArn"}},
		{deploymentFile, strings.Replace(checkoutAPI, "1111", "4444", 1), prodCluster, []string{"account", "detail.clusterArn"}},
		{deploymentFile, strings.Replace(checkoutAPI, "us-east-1", "us-west-1", 1), prodCluster, []string{"region", "detail.clusterArn"}},
		{actionFile, strings.Replace(checkoutAPI, "prod", "test", 1), prodCluster, []string{"detail.clusterArn"}},
	}
	for _, test := range tests {
		raw := edit(t, readPayload(t, test.file), "resources[0]", test.service)
		_, err := events.Parse(edit(t, raw, "detail.clusterArn", test.cluster))
		if diff := cmp.Diff(test.want, fields(err)); diff != "" {
			t.Errorf("service %s, cluster %s: fields of %v:\n%s", test.service, test.cluster, err, diff)
		}
	}

	task := edit(t, readPayload(t, taskFile), "detail.taskArn", strings.NewReplacer("1111", "4444", "us-east", "us-west", "prod", "test").Replace(checkoutTsk))
	_, err := events.Parse(task)
	if diff := cmp.Diff([]string{"account", "region", "detail.clusterArn"}, fields(err)); diff != "" {
		t.Errorf("task of another place: fields of %v:\n%s", err, diff)
	}
}

// What the fields of a stage and of a deployment of CodeDeploy say twice.
func TestParsePipelineContradictions(t *testing.T) {
	app := "arn:aws:codedeploy:us-east-1:111122223333:application:AppECS-prod-cluster-checkout-api"
	group := "arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:AppECS-prod-cluster-checkout-api/DgpECS-prod-cluster-checkout-api"
	tests := []struct {
		file, resource string
		want           []string
	}{
		{stageFile, "arn:aws:codepipeline:us-east-1:111122223333:checkout-release", nil},
		{stageFile, "arn:aws:codepipeline:us-east-1:111122223333:pipeline:checkout-release", nil},
		{stageFile, "arn:aws:codepipeline:us-east-1:444455556666:checkout-release", []string{"account"}},
		{stageFile, "arn:aws:codepipeline:us-west-2:111122223333:checkout-release", []string{"region"}},
		{stageFile, "arn:aws:codepipeline:us-east-1:111122223333:billing-release", []string{"detail.pipeline"}},
		{pipelineActionFile, "arn:aws:codepipeline:us-west-2:444455556666:billing-release", []string{"account", "region", "detail.pipeline"}},
		{codeDeployFile, group, nil},
		{codeDeployFile, "arn:aws:ecs:us-west-2:444455556666:service/checkout-api", nil}, // whatever AWS adds
		{codeDeployFile, "arn:aws:codedeploy:us-west-2:444455556666:instance:x", nil},
		{codeDeployFile, "checkout-api", nil},
		{codeDeployFile, strings.Replace(app, "1111", "4444", 1), []string{"account"}},
		{codeDeployFile, strings.Replace(app, "us-east-1", "us-west-2", 1), []string{"region"}},
		{codeDeployFile, strings.Replace(app, "checkout", "billing", 1), []string{"detail.application"}},
		{codeDeployFile, strings.Replace(group, "AppECS", "App", 1), []string{"detail.application"}},
		{codeDeployFile, strings.Replace(group, "DgpECS", "Dgp", 1), []string{"detail.deploymentGroup"}},
	}
	for _, test := range tests {
		_, err := events.Parse(edit(t, readPayload(t, test.file), "resources[0]", test.resource))
		if diff := cmp.Diff(test.want, fields(err)); diff != "" {
			t.Errorf("%s about %s: fields of %v:\n%s", test.file, test.resource, err, diff)
		}
	}

	_, err := events.Parse(edit(t, readPayload(t, codeDeployFile), "detail.region", "us-west-2"))
	if err == nil || err.Error() != `detail.region "us-west-2": want us-east-1 as in region` {
		t.Errorf("deployment in another Region: error %v", err)
	}
}

// Whatever way a whole number is written, it has the same value and is written
// the same way again, without a float in between.
func TestParseCounts(t *testing.T) {
	tests := []struct {
		written string
		want    int64
	}{
		{`3`, 3}, {`3.0`, 3}, {`"3"`, 3}, {`"3.0"`, 3}, {`0`, 0}, {`0.0`, 0}, {`"0"`, 0}, {`3.000`, 3},
		{`1.0E7`, 10_000_000}, {`1.2e1`, 12}, {`120e-1`, 12},
		{`9007199254740993`, 9007199254740993}, {`9007199254740993.0`, 9007199254740993},
		{`"9223372036854775807"`, 9223372036854775807}, {`9223372036854775807.0`, 9223372036854775807},
	}
	for _, test := range tests {
		for _, path := range []string{"version", "pipeline-execution-attempt"} {
			event, err := events.Parse(edit(t, readPayload(t, stageFile), "detail."+path, json.RawMessage(test.written)))
			if err != nil {
				t.Errorf("%s %s: %v", path, test.written, err)
				continue
			}
			got := map[string]int64{
				"version":                    event.(events.StageExecutionStateChange).Version(),
				"pipeline-execution-attempt": event.(events.StageExecutionStateChange).Attempt(),
			}[path]
			if got != test.want {
				t.Errorf("%s %s: %d, want %d", path, test.written, got, test.want)
			}
			var encoded struct{ Detail map[string]json.RawMessage }
			if err := json.Unmarshal(encodeJSON(t, event), &encoded); err != nil || string(encoded.Detail[path]) != test.written {
				t.Errorf("%s %s encodes as %s, %v", path, test.written, encoded.Detail[path], err)
			}
		}
	}
}

// The version of an action's type has been a number, too.
func TestParseTypeVersion(t *testing.T) {
	for written, want := range map[string]string{`"1"`: "1", `1`: "1", `1.0`: "1", `"v1.2_b-3"`: "v1.2_b-3"} {
		event, err := events.Parse(edit(t, readPayload(t, pipelineActionFile), "detail.type.version", json.RawMessage(written)))
		if err != nil {
			t.Errorf("version %s: %v", written, err)
			continue
		}
		if got := event.(events.ActionExecutionStateChange).Type().Version; got != want {
			t.Errorf("version %s: %q, want %q", written, got, want)
		}
	}
}

// A state that AWS may think of later is kept: the other fields are as ever.
func TestParseUnknownState(t *testing.T) {
	for _, file := range []string{stageFile, pipelineActionFile, codeDeployFile} {
		for _, state := range []string{"SKIPPED", "Skipped", "ROLLED_BACK", "x"} {
			event, err := events.Parse(edit(t, readPayload(t, file), "detail.state", state))
			var got string
			switch e := event.(type) {
			case execution:
				got = string(e.State())
			case events.CodeDeployStateChange:
				got = string(e.State())
			}
			if err != nil || got != state {
				t.Errorf("%s with state %q: state %q of %T, %v", file, state, got, event, err)
			}
		}
	}
}

// An action acts where it says, or else where its pipeline is.
func TestActionRegion(t *testing.T) {
	for value, want := range map[any]string{"eu-west-1": "eu-west-1", absent: "us-east-1"} {
		event, err := events.Parse(edit(t, readPayload(t, pipelineActionFile), "detail.region", value))
		if err != nil {
			t.Fatal(err)
		}
		action := event.(events.ActionExecutionStateChange)
		if action.ActionRegion() != want || action.Region() != "us-east-1" {
			t.Errorf("region %v: action in %s, pipeline in %s", value, action.ActionRegion(), action.Region())
		}
	}
}

// What a provider tells is cut rather than refused, a link only beyond what
// CodePipeline lets a provider write.
func TestParseLongResult(t *testing.T) {
	raw := readPayload(t, pipelineActionFile)
	for _, name := range []string{"external-execution-url", "external-execution-summary", "external-execution-id", "error-code"} {
		raw = edit(t, raw, "detail.execution-result."+name, "x\n"+strings.Repeat("é", 10_000))
	}
	event, err := events.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := events.ExecutionResult{URL: "x\n" + strings.Repeat("é", 1023)}
	want.Summary = "x\n" + strings.Repeat("é", 511)
	want.ID, want.ErrorCode = want.Summary, want.Summary
	if diff := cmp.Diff(want, event.(events.ActionExecutionStateChange).Result()); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

// All problems of an event come together, in the order of its fields.
func TestParseAllProblems(t *testing.T) {
	_, err := events.Parse([]byte(`{
		"version": 0, "id": "x", "detail-type": "ECS Deployment State Change", "source": "aws.ecs", "region": "mars",
		"resources": ["arn:aws:ecs:us-east-1:111122223333:service/../x", 5],
		"detail": {"eventName": "SERVICE_DEPLOYMENT_FAILED", "deploymentId": 7, "updatedAt": "now", "clusterArn": "prod"}}`))
	want := []string{"version", "resources[1]", "resources[0]", "detail.clusterArn", "account", "region", "detail.deploymentId", "detail.updatedAt"}
	if diff := cmp.Diff(want, fields(err)); diff != "" {
		t.Errorf("fields (-want +got) of %v:\n%s", err, diff)
	}
}

// An event of nothing but mistakes does not make an error larger than itself.
func TestParseManyProblems(t *testing.T) {
	raw := edit(t, readPayload(t, taskFile), "detail.containers", slices.Repeat([]any{"x"}, 200_000))
	_, err := events.Parse(raw)
	if err == nil || len(err.Error()) > 4000 || !strings.HasSuffix(err.Error(), "\n199980 further problems") {
		t.Errorf("error %.5000v", err)
	}
}

// An event with an unknown name is skipped before it is looked at closely:
// nobody knows what AWS will put into it.
func TestParseUnknownName(t *testing.T) {
	for _, name := range []string{"SERVICE_DEPLOYMENT_STOPPED", "service_deployment_completed", "SERVICE_DEPLOYMENT_COMPLETED ", "x"} {
		raw := edit(t, readPayload(t, deploymentFile), "detail.eventName", name)
		raw = edit(t, raw, "detail.deploymentId", map[string]any{"new": "form"})
		raw = edit(t, raw, "resources", []any{})
		event, err := events.Parse(raw)
		if _, ok := event.(events.Unknown); !ok {
			t.Errorf("eventName %q: %T, %v", name, event, err)
		}
	}
}

// The names of fields are compared exactly, as EventBridge's patterns do.
func TestParseFieldNamesAreExact(t *testing.T) {
	raw := strings.NewReplacer(`"source"`, `"Source"`, `"deploymentId"`, `"DeploymentID"`).Replace(string(readPayload(t, deploymentFile)))
	if _, err := events.Parse([]byte(raw)); !slices.Equal(fields(err), []string{"source"}) {
		t.Errorf("error %v", err)
	}
}

func TestParseTimes(t *testing.T) {
	tests := []struct{ written, want string }{
		{"2026-03-04T09:18:41Z", "2026-03-04T09:18:41Z"},
		{"2026-03-04T09:18:41.077Z", "2026-03-04T09:18:41.077Z"},
		{"2026-03-04T09:18:41.0779999Z", "2026-03-04T09:18:41.077Z"},
		{"2026-03-04T09:18:41.123456789Z", "2026-03-04T09:18:41.123Z"},
		{"2026-03-04T10:18:41.077+01:00", "2026-03-04T09:18:41.077Z"},
		{"2026-03-03T22:48:41.5-10:30", "2026-03-04T09:18:41.5Z"},
		{"2026-03-04T09:18:41-00:00", "2026-03-04T09:18:41Z"},
		{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"},
	}
	for _, test := range tests {
		event, err := events.Parse(edit(t, readPayload(t, deploymentFile), "detail.updatedAt", test.written))
		if err != nil {
			t.Errorf("updatedAt %s: %v", test.written, err)
			continue
		}
		if got := rfc3339(event.(events.DeploymentStateChange).UpdatedAt()); got != test.want {
			t.Errorf("updatedAt %s: %s, want %s", test.written, got, test.want)
		}
	}
}

// Free text is cut rather than refused, between two characters.
func TestParseLongReason(t *testing.T) {
	event, err := events.Parse(edit(t, readPayload(t, deploymentFile), "detail.reason", "x"+strings.Repeat("é", 100_000)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := event.(events.DeploymentStateChange).Reason(), "x"+strings.Repeat("é", 511); got != want {
		t.Errorf("reason of %d bytes, want %d", len(got), len(want))
	}
}

// Tasks that stand alone have neither a service nor a deployment.
func TestStandaloneTask(t *testing.T) {
	for _, test := range []struct{ group, startedBy string }{
		{"family:checkout-api", "ops@example.com"},
		{"service:../x", "ecs-svc/x"},
		{"service:", "events-rule/nightly"},
		{"my own group", ""},
	} {
		raw := edit(t, edit(t, readPayload(t, taskFile), "detail.group", test.group), "detail.startedBy", test.startedBy)
		event, err := events.Parse(raw)
		if err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		task := event.(events.TaskStateChange)
		if task.Service() != "" || task.Deployment() != "" {
			t.Errorf("%+v: service %q, deployment %q", test, task.Service(), task.Deployment())
		}
	}
}

// Only a start can be the start of a rollback, whatever a reason mentions.
func TestRollsBack(t *testing.T) {
	const reason = "ECS deployment circuit breaker: rolling back to deploymentId " + good + "."
	for name, want := range map[events.DeploymentEventName]bool{
		events.DeploymentInProgress: true, events.DeploymentCompleted: false, events.DeploymentFailed: false,
	} {
		raw := edit(t, edit(t, readPayload(t, deploymentFile), "detail.eventName", name), "detail.reason", reason)
		event, err := events.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := event.(events.DeploymentStateChange).RollsBack(); got != want {
			t.Errorf("%s with %q: rolls back %t, want %t", name, reason, got, want)
		}
	}
}
