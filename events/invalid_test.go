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
	instanceFile   = "ecs-container-instance-state-change.json"
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
	integers := []string{"detail.version"}
	objects := []string{"detail", "detail.containers[0]"}
	lists := []string{"resources", "detail.containers"}
	values := map[string]any{"number": 4, "fraction": 4.5, "string": "\x00", "boolean": true, "list": []any{1}, "object": map[string]any{"x": 1}}

	for file, paths := range map[string]string{
		deploymentFile: "eventType eventName clusterArn deploymentId updatedAt reason",
		actionFile:     "eventType eventName clusterArn createdAt reason",
		taskFile: `clusterArn taskArn taskDefinitionArn group startedBy lastStatus desiredStatus version
			startedAt stoppedAt updatedAt stopCode stoppedReason containers containers[0] containers[0].name
			containers[0].image containers[0].imageDigest containers[0].lastStatus`,
		instanceFile: "clusterArn containerInstanceArn status version",
	} {
		all := slices.Clone(envelopeFields)
		for _, path := range strings.Fields(paths) {
			all = append(all, "detail."+path)
		}
		for _, path := range all {
			for kind, value := range values {
				switch {
				case kind == "number" && slices.Contains(integers, path),
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
	tests := []struct {
		file, path string
		values     []any
	}{
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

// An event with an unknown name is passed over before it is looked at closely:
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
