package events_test

import (
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
	for _, raw := range []string{"", "null", "{", "[]", "0", `"`, `{"source":{},"detail-type":[]}`, "\xff\xfe", strings.Repeat(`{"detail":`, 200)} {
		f.Add([]byte(raw))
	}

	f.Fuzz(func(t *testing.T, raw []byte) {
		event, err := events.Parse(raw)
		if err != nil {
			checkError(t, event, err)
			return
		}
		if e, ok := event.(events.DeploymentStateChange); ok {
			checkDeployment(t, e)
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

	at := e.UpdatedAt()
	if at.Location() != time.UTC || at.Nanosecond()%1e6 != 0 || at.Year() < 1970 || at.Year() > 9999 {
		t.Errorf("updatedAt %v", at)
	}

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
	if envelope.Source != "aws.ecs" || len(envelope.Account) != 12 || envelope.Region == "" {
		t.Errorf("%T in envelope %+v", event, envelope)
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
