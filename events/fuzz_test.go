package events_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
)

// FuzzParse holds Parse to what callers rely on, whatever arrives.
func FuzzParse(f *testing.F) {
	for _, file := range jsonFiles(f, "testdata") {
		f.Add(readPayload(f, file))
	}
	base := string(readPayload(f, deploymentFile))
	for _, edited := range [][2]string{
		{"2026-03-04T09:18:41.077Z", "9999-12-31T23:59:59.9999-23:59"},
		{"2026-03-04T09:18:41.077Z", "0000-01-01T00:00:00+23:59"},
		{"2026-03-04T09:18:41.077Z", "2026-06-30T23:59:60Z"},
		{"service/prod-cluster/checkout-api", "service/../../checkout-api"},
		{"service/prod-cluster/checkout-api", "service/checkout-api"},
		{"service/prod-cluster/checkout-api", `service/prod-cluster/\u0000`},
		{"service/prod-cluster/checkout-api", "service/*/*"},
		{"arn:aws:", "arn:aws-iso-b:"},
		{"us-east-1", "eusc-de-east-1"},
		{"ecs-svc/7330915268420174663", "ecs-svc/00000000000000000000"},
		{"SERVICE_DEPLOYMENT_COMPLETED", `SERVICE_\u0044EPLOYMENT_COMPLETED`},
		{`"reason": "ECS`, `"reason": "\ud800<&>\u2028`},
		{`"reason"`, `"detail": {}, "reason"`},
		{`"eventType": "INFO"`, `"eventType": null`},
		{`"account": "111122223333"`, `"account": 111122223333`},
	} {
		f.Add([]byte(strings.ReplaceAll(base, edited[0], edited[1])))
	}
	for _, file := range []string{stageFile, pipelineActionFile, codeDeployFile} {
		base := string(readPayload(f, file))
		for _, edited := range [][2]string{
			{`"version": 3.0`, `"version": 1e99`},
			{`"version": 3.0`, `"version": "9007199254740993.0"`},
			{`"version": 3.0`, `"version": 1.0E+7`},
			{`"version": "1"`, `"version": 1.0`},
			{`"version": "1"`, `"version": "\u0031"`},
			{`"FAILED"`, `"S\u004bIPPED"`},
			{`codepipeline:us-east-1:111122223333:`, `codepipeline:us-east-1:111122223333:pipeline:`},
			{`arn:aws:code`, `arn:aws-cn:code`},
			{`external-execution-summary": "`, `external-execution-summary": "\ud800<&>\u2028\u0000`},
			{`"execution-result": {`, `"execution-result": {}, "ignored": {`},
			{`"s3location": {`, `"s3location": {}, "ignored": {`},
			{`"input-artifacts": [`, `"input-artifacts": [], "output-artifacts": [`},
			{`checkout-release`, `..`},
			{`d-8QZK4T2LF`, `d-../x`},
			{`deploymentgroup:`, `deploymentgroup:/`},
		} {
			f.Add([]byte(strings.ReplaceAll(base, edited[0], edited[1])))
		}
	}
	for _, raw := range []string{"", "null", "{", "[]", "0", `"`, `{"source":{},"detail-type":[]}`, "\xff\xfe", strings.Repeat(`{"detail":`, 200)} {
		f.Add([]byte(raw))
	}

	f.Fuzz(func(t *testing.T, raw []byte) {
		event, err := events.Parse(raw)
		if err != nil {
			checkError(t, event, err)
			return
		}
		switch e := event.(type) {
		case events.DeploymentStateChange:
			checkDeployment(t, e)
		case execution:
			checkExecution(t, e)
		case events.CodeDeployStateChange:
			checkCodeDeploy(t, e)
		}
		if _, ok := event.(events.Unknown); !ok {
			checkAgreement(t, event)
		}

		encoded := encodeJSON(t, event)
		if len(encoded) > events.MaxSize {
			return // escapes can make JSON longer than it was
		}
		again, err := events.Parse(encoded)
		if err != nil {
			t.Fatalf("%s encoded as %s: %v", raw, encoded, err)
		}
		if diff := cmp.Diff(answers(event, nil), answers(again, nil)); diff != "" {
			t.Errorf("answers of the encoded event:\n%s", diff)
		}
		before, after := event.Envelope(), again.Envelope()
		before.Detail, after.Detail = nil, nil
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("envelope of the encoded event:\n%s", diff)
		}
	})
}

func checkError(t *testing.T, event events.Event, err error) {
	if event != nil {
		t.Errorf("%T beside error %v", event, err)
	}
	list := problems(err)
	if len(list) == 0 || len(list) > 20 || len(err.Error()) > 20_000 {
		t.Errorf("%d problems in %d bytes", len(list), len(err.Error()))
	}
	for _, problem := range list {
		if problem.Field == "" || problem.Want == "" || len(problem.Value) > 80 || problem.Missing && problem.Value != "" {
			t.Errorf("problem %+v", problem)
		}
	}
}

func checkDeployment(t *testing.T, e events.DeploymentStateChange) {
	arn := e.ServiceARN()
	if parsed, err := events.ParseServiceARN(arn.String()); parsed != arn || err != nil {
		t.Errorf("service %s parses to %s, %v", arn, parsed, err)
	}
	if envelope := e.Envelope(); envelope.Account != arn.Account() || envelope.Region != arn.Region() || envelope.Resources[0] != arn.String() {
		t.Errorf("service %s in envelope %+v", arn, envelope)
	}
	if cluster := e.ClusterARN(); !cluster.IsZero() {
		if parsed, err := events.ParseClusterARN(cluster.String()); parsed != cluster || err != nil {
			t.Errorf("cluster %s parses to %s, %v", cluster, parsed, err)
		}
		if cluster.Account() != arn.Account() || cluster.Region() != arn.Region() || cluster.Name() != e.Cluster() {
			t.Errorf("cluster %s of service %s", cluster, arn)
		}
	}
	if arn.Cluster() != "" && arn.Cluster() != e.Cluster() {
		t.Errorf("cluster %q of service %s", e.Cluster(), arn)
	}

	checkTime(t, e.UpdatedAt())

	number, ok := strings.CutPrefix(e.Deployment(), "ecs-svc/")
	if !ok || number == "" || len(number) > 20 || strings.Trim(number, "0123456789") != "" {
		t.Errorf("deployment %q", e.Deployment())
	}

	switch e.Name() {
	case events.DeploymentInProgress, events.DeploymentCompleted, events.DeploymentFailed:
	default:
		t.Errorf("name %q", e.Name())
	}
	if len(e.Reason()) > 1024 {
		t.Errorf("reason of %d bytes", len(e.Reason()))
	}
}

// checkAgreement checks that a known event comes from the kind that it says.
func checkAgreement(t *testing.T, event events.Event) {
	envelope := event.Envelope()
	sources := []string{"aws.ecs", "aws.codepipeline", "aws.codedeploy"}
	if !slices.Contains(sources, envelope.Source) || len(envelope.Account) != 12 || envelope.Region == "" {
		t.Errorf("%T in envelope %+v", event, envelope)
	}
}

var (
	pipelineNames = regexp.MustCompile(`^[A-Za-z0-9.@_-]{1,100}$`)
	executionIDs  = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	codeDeployIDs = regexp.MustCompile(`^d-[A-Z0-9]{1,32}$`)
	terms         = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
)

func checkExecution(t *testing.T, e execution) {
	names := []string{e.Pipeline(), e.Stage()}
	states := []string{string(e.State())}
	if a, ok := e.(events.ActionExecutionStateChange); ok {
		names = append(names, a.Action())
		states = append(states, a.Type().Owner, a.Type().Provider, a.Type().Category)
		if len(a.Result().Summary) > 1024 || a.ActionRegion() == "" {
			t.Errorf("summary of %d bytes, region %q", len(a.Result().Summary), a.ActionRegion())
		}
	}
	for _, name := range names {
		if !pipelineNames.MatchString(name) {
			t.Errorf("name %q", name)
		}
	}
	for _, state := range states {
		if !terms.MatchString(state) {
			t.Errorf("state or part of a type %q", state)
		}
	}
	if !executionIDs.MatchString(e.Execution()) || e.Version() < 0 || e.Attempt() < 0 {
		t.Errorf("execution %q, version %d, attempt %d", e.Execution(), e.Version(), e.Attempt())
	}
	suffix := ":" + e.Region() + ":" + e.Account() + ":" + e.Pipeline()
	if arn := strings.Replace(e.PipelineARN(), ":pipeline:", ":", 1); arn != "" && !strings.HasSuffix(arn, suffix) {
		t.Errorf("pipeline ARN %q of %s", arn, suffix)
	}
	checkTime(t, e.Time())
	if !e.StartedAt().IsZero() {
		checkTime(t, e.StartedAt())
	}
}

func checkCodeDeploy(t *testing.T, e events.CodeDeployStateChange) {
	if !codeDeployIDs.MatchString(e.Deployment()) || !terms.MatchString(string(e.State())) {
		t.Errorf("deployment %q, state %q", e.Deployment(), e.State())
	}
	for _, name := range []string{e.Application(), e.DeploymentGroup()} {
		if name == "" || len(name) > 100 || strings.ContainsAny(name, "/:*% \n\x00") {
			t.Errorf("application or group %q", name)
		}
	}
	checkTime(t, e.Time())
}

func checkTime(t *testing.T, at time.Time) {
	if at.Location() != time.UTC || at.Nanosecond()%1e6 != 0 || at.Year() < 1970 || at.Year() > 9999 {
		t.Errorf("time %v", at)
	}
}

// FuzzDeployment gets further than FuzzParse: the JSON is always right, and
// only the values that have to agree and to be checked are made up.
func FuzzDeployment(f *testing.F) {
	f.Add("111122223333", "us-east-1", checkoutAPI, prodCluster, good, "2026-03-04T09:18:41.077Z", completed)
	f.Add("111122223333", "us-east-1", "arn:aws:ecs:us-east-1:111122223333:service/checkout-api", "", good, "2026-03-04T10:18:41+01:00", "")
	f.Add("000000000000", "cn-north-1", "arn:aws-cn:ecs:cn-north-1:000000000000:service/_/-", "", "ecs-svc/0", "1970-01-01T00:00:00.9999Z", "é\x00<&>\u2028\xff")
	f.Add("111122223333", "us-east-1", "arn:aws:ecs:us-east-1:111122223333:service/../x", "*", "ecs-svc/../1", "9999-12-31T23:59:59-23:59", strings.Repeat("é", 600))
	f.Add("111122223333", "us-east-1", "arn:aws:ecs:us-east-1:111122223333:service/a/b/c", "cluster/a", "ecs-svc/１", "2026-03-04T9:18:41,5Z", "rolling back")
	base := readPayload(f, deploymentFile)

	f.Fuzz(func(t *testing.T, account, region, service, cluster, id, at, reason string) {
		raw := base
		for path, value := range map[string]any{
			"account": account, "region": region, "resources[0]": service,
			"detail.clusterArn": cluster, "detail.deploymentId": id, "detail.updatedAt": at, "detail.reason": reason,
		} {
			if path == "detail.clusterArn" && value == "" {
				value = absent
			}
			raw = edit(t, raw, path, value)
		}
		event, err := events.Parse(raw)
		if len(raw) > events.MaxSize {
			return
		}
		if err != nil {
			checkError(t, event, err)
			return
		}
		e, ok := event.(events.DeploymentStateChange)
		if !ok {
			t.Fatalf("%T from %s", event, raw)
		}
		checkDeployment(t, e)
		if e.ServiceARN().String() != service || e.Deployment() != id {
			t.Errorf("service %s, deployment %s from %s", e.ServiceARN(), e.Deployment(), raw)
		}
		again, err := events.Parse(encodeJSON(t, event))
		if diff := cmp.Diff(answers(event, nil), answers(again, err)); diff != "" {
			t.Errorf("answers of the encoded event:\n%s", diff)
		}
	})
}

// FuzzAction does the same for the events of pipelines, of which those of
// actions have most to check.
func FuzzAction(f *testing.F) {
	const arn = "arn:aws:codepipeline:us-east-1:111122223333:checkout-release"
	f.Add("111122223333", "us-east-1", arn, "checkout-release", prodExecution, "DeployProd", "SUCCEEDED", "3.0", prodStarted, "done")
	f.Add("000000000000", "cn-north-1", "arn:aws-cn:codepipeline:cn-north-1:000000000000:pipeline:a@b", "a@b", prodExecution, "_", "SKIPPED", `"3"`, "1970-01-01T00:00:00.9999Z", "\xff\x00")
	f.Add("111122223333", "us-east-1", "", "..", prodExecution, ".", "x", "9007199254740993", "9999-12-31T23:59:59Z", strings.Repeat("é", 600))
	f.Add("111122223333", "us-east-1", arn, "pipeline:x", "*", "a/b", "", "1e99", "2026-03-04T9:18:41,5Z", "")
	base := readPayload(f, pipelineActionFile)

	f.Fuzz(func(t *testing.T, account, region, arn, pipeline, id, stage, state, version, at, summary string) {
		if !json.Valid([]byte(version)) {
			return
		}
		raw := base
		for path, value := range map[string]any{
			"account": account, "region": region, "resources": []string{arn},
			"detail.pipeline": pipeline, "detail.execution-id": id, "detail.stage": stage, "detail.state": state,
			"detail.version": json.RawMessage(version), "detail.start-time": at, "detail.execution-result.external-execution-summary": summary,
		} {
			if path == "resources" && arn == "" {
				value = absent
			}
			raw = edit(t, raw, path, value)
		}
		if len(raw) > events.MaxSize {
			return
		}
		event, err := events.Parse(raw)
		if err != nil {
			checkError(t, event, err)
			return
		}
		e, ok := event.(events.ActionExecutionStateChange)
		if !ok {
			t.Fatalf("%T from %s", event, raw)
		}
		checkExecution(t, e)
		if e.PipelineARN() != arn || e.Pipeline() != pipeline || e.Execution() != id || e.Stage() != stage || string(e.State()) != state {
			t.Errorf("pipeline %s, execution %s, stage %s, state %s from %s", e.Pipeline(), e.Execution(), e.Stage(), e.State(), raw)
		}
		again, err := events.Parse(encodeJSON(t, event))
		if diff := cmp.Diff(answers(event, nil), answers(again, err)); diff != "" {
			t.Errorf("answers of the encoded event:\n%s", diff)
		}
	})
}

// FuzzCodeDeploy does the same for the deployments of CodeDeploy.
func FuzzCodeDeploy(f *testing.F) {
	f.Add("us-east-1", "arn:aws:codedeploy:us-east-1:111122223333:application:a", "a", "b", "d-8QZK4T2LF", "SUCCESS", "2026-03-04T09:26:07Z")
	f.Add("eu-west-1", "arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:a/b", "a", "b", "d-0", "BAKING", "1970-01-01T00:00:00+00:00")
	f.Add("us-east-1", "arn:aws:codedeploy:::application:", "a.b_c+d=e,f@g-h", "..", "d-..", "", "now")
	base := edit(f, edit(f, readPayload(f, codeDeployFile), "resources", []any{""}), "detail.region", absent)

	f.Fuzz(func(t *testing.T, region, arn, application, group, id, state, at string) {
		raw := base
		for path, value := range map[string]any{
			"region": region, "resources[0]": arn, "time": at,
			"detail.application": application, "detail.deploymentGroup": group, "detail.deploymentId": id, "detail.state": state,
		} {
			raw = edit(t, raw, path, value)
		}
		if len(raw) > events.MaxSize {
			return
		}
		event, err := events.Parse(raw)
		if err != nil {
			checkError(t, event, err)
			return
		}
		e, ok := event.(events.CodeDeployStateChange)
		if !ok {
			t.Fatalf("%T from %s", event, raw)
		}
		checkCodeDeploy(t, e)
		if e.Region() != region || e.Application() != application || e.DeploymentGroup() != group || e.Deployment() != id {
			t.Errorf("deployment %s of %s/%s from %s", e.Deployment(), e.Application(), e.DeploymentGroup(), raw)
		}
		again, err := events.Parse(encodeJSON(t, event))
		if diff := cmp.Diff(answers(event, nil), answers(again, err)); diff != "" {
			t.Errorf("answers of the encoded event:\n%s", diff)
		}
	})
}
