package events_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
)

func TestParseServiceARN(t *testing.T) {
	longest := strings.Repeat("aZ0_-", 51)
	tests := []struct {
		arn  string
		want []string // partition, Region, account, cluster, name
	}{
		{checkoutAPI, []string{"aws", "us-east-1", "111122223333", "prod-cluster", "checkout-api"}},
		{"arn:aws:ecs:us-east-1:111122223333:service/checkout-api", []string{"aws", "us-east-1", "111122223333", "", "checkout-api"}},
		{"arn:aws-us-gov:ecs:us-gov-west-1:000000000000:service/a/b", []string{"aws-us-gov", "us-gov-west-1", "000000000000", "a", "b"}},
		{"arn:aws-cn:ecs:cn-north-1:111122223333:service/_/-", []string{"aws-cn", "cn-north-1", "111122223333", "_", "-"}},
		{"arn:aws-eusc:ecs:eusc-de-east-1:111122223333:service/a/b", []string{"aws-eusc", "eusc-de-east-1", "111122223333", "a", "b"}},
		{"arn:aws:ecs:ap-southeast-7:111122223333:service/" + longest + "/" + longest, []string{"aws", "ap-southeast-7", "111122223333", longest, longest}},
	}
	for _, test := range tests {
		arn, err := events.ParseServiceARN(test.arn)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := []string{arn.Partition(), arn.Region(), arn.Account(), arn.Cluster(), arn.Name()}; !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.arn, got, test.want)
		}
		if arn.String() != test.arn || arn.IsZero() {
			t.Errorf("%s: String %q, IsZero %t", test.arn, arn, arn.IsZero())
		}
	}
}

func TestParseClusterARN(t *testing.T) {
	arn, err := events.ParseClusterARN(prodCluster)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"aws", "us-east-1", "111122223333", "prod-cluster"}
	if got := []string{arn.Partition(), arn.Region(), arn.Account(), arn.Name()}; !slices.Equal(got, want) || arn.String() != prodCluster || arn.IsZero() {
		t.Errorf("%s: %q, String %q, IsZero %t", prodCluster, got, arn, arn.IsZero())
	}
}

// badARNs are wrong whatever the kind of the resource.
var badARNs = []string{
	"",
	"checkout-api",
	"arn:aws:ecs:us-east-1:111122223333",
	"arn:aws:ecs:us-east-1:111122223333:KIND",
	"arn:aws:ecs:us-east-1:111122223333:KIND/",
	"arn:aws:ecs:us-east-1:111122223333:KIND:a",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a/b/c",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a//b",
	"arn:aws:ecs:us-east-1:111122223333:KIND//a",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a/",
	"arn:aws:ecs:us-east-1:111122223333:KIND/../a",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a/..",
	"arn:aws:ecs:us-east-1:111122223333:KIND/*",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a?",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a b",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a\n",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a\x00",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a\xff",
	"arn:aws:ecs:us-east-1:111122223333:KIND/é",
	"arn:aws:ecs:us-east-1:111122223333:KIND/а", // Cyrillic
	"arn:aws:ecs:us-east-1:111122223333:KIND/a:b",
	"arn:aws:ecs:us-east-1:111122223333:other/a",
	"arn:aws:ecs:us-east-1:111122223333:KIND/" + strings.Repeat("a", 256),
	"arn:aws:ecs:us-east-1:111122223333:KIND/a/" + strings.Repeat("a", 256),
	"arn:aws:ecs:us-east-1:11112222333:KIND/a",
	"arn:aws:ecs:us-east-1:1111222233334:KIND/a",
	"arn:aws:ecs:us-east-1:11112222333x:KIND/a",
	"arn:aws:ecs:us-east-1:*:KIND/a",
	"arn:aws:ecs:us-east-1::KIND/a",
	"arn:aws:ecs::111122223333:KIND/a",
	"arn:aws:ecs:*:111122223333:KIND/a",
	"arn:aws:ecs:us-east-10:111122223333:KIND/a",
	"arn:aws:ecs:us-east:111122223333:KIND/a",
	"arn:aws:ecs:us-1:111122223333:KIND/a",
	"arn:aws:ecs:us-East-1:111122223333:KIND/a",
	"arn:aws:ecs:us-" + strings.Repeat("e", 28) + "-1:111122223333:KIND/a",
	"arn:aws:ecr:us-east-1:111122223333:KIND/a",
	"arn:aws:ECS:us-east-1:111122223333:KIND/a",
	"arn::ecs:us-east-1:111122223333:KIND/a",
	"arn:amazon:ecs:us-east-1:111122223333:KIND/a",
	"arn:aws-:ecs:us-east-1:111122223333:KIND/a",
	"arn:aws-cn2:ecs:us-east-1:111122223333:KIND/a",
	"arn:aws-" + strings.Repeat("c", 29) + ":ecs:us-east-1:111122223333:KIND/a",
	"ARN:aws:ecs:us-east-1:111122223333:KIND/a",
	" arn:aws:ecs:us-east-1:111122223333:KIND/a",
	"arn:aws:ecs:us-east-1:111122223333:KIND/a ",
	"arn:aws:ecs:us-east-1:111122223333:KIND" + strings.Repeat("/", 100_000),
}

func TestParseBadARNs(t *testing.T) {
	check := func(arn, field string, zero bool, err error) {
		t.Helper()
		problem, ok := errors.AsType[*events.FieldError](err)
		if !ok || !zero || problem.Field != field || problem.Want == "" || len(problem.Value) > 80 || !strings.HasPrefix(arn, problem.Value) {
			t.Errorf("%.80q: zero %t, error %v", arn, zero, err)
		}
	}
	for _, bad := range badARNs {
		service := strings.Replace(bad, "KIND", "service", 1)
		a, err := events.ParseServiceARN(service)
		check(service, "service ARN", a.IsZero(), err)

		cluster := strings.Replace(bad, "KIND", "cluster", 1)
		c, err := events.ParseClusterARN(cluster)
		check(cluster, "cluster ARN", c.IsZero(), err)
	}
	for _, long := range []string{"arn:aws:ecs:us-east-1:111122223333:cluster/a/b", checkoutAPI} {
		c, err := events.ParseClusterARN(long)
		check(long, "cluster ARN", c.IsZero(), err)
	}
}

func TestARNsAsText(t *testing.T) {
	type row struct {
		Service events.ServiceARN
		Cluster events.ClusterARN
		Absent  events.ServiceARN `json:",omitzero"`
		Without events.ClusterARN `json:",omitzero"`
		Since   map[events.ServiceARN]string
	}
	const text = `{"Service":"` + checkoutAPI + `","Cluster":"` + prodCluster + `","Since":{"` + checkoutAPI + `":"03:12"}}`
	var r row
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(encodeJSON(t, r))); diff != "" {
		t.Errorf("encoded (-want +got):\n%s", diff)
	}

	zero := string(encodeJSON(t, []any{events.ServiceARN{}, events.ClusterARN{}}))
	if zero != `["",""]` {
		t.Errorf("zero values encode as %s", zero)
	}
	if err := json.Unmarshal([]byte(`{"Service":"","Cluster":""}`), &r); err != nil || !r.Service.IsZero() || !r.Cluster.IsZero() {
		t.Errorf("empty strings decode as %q and %q, %v", r.Service, r.Cluster, err)
	}
	for _, bad := range []string{`{"Service":"*"}`, `{"Cluster":"*"}`, `{"Since":{"*":"03:12"}}`} {
		if err := json.Unmarshal([]byte(bad), &row{}); err == nil {
			t.Errorf("decoding %s: no error", bad)
		}
	}
}
