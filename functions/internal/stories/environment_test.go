package stories_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func parseRules(t *testing.T, raw string) tagalong.Rules {
	t.Helper()
	rules, err := tagalong.ParseRules(raw)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestEnvironmentOfAService(t *testing.T) {
	const two = `[{"environment":"prod","clusters":["prod-*"],"tags":["{environment}","live"]},{"environment":"rest"}]`
	service := func(cluster, name string) tagalong.Service {
		return tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: cluster, Name: name}
	}
	for _, test := range []struct {
		name, rules string
		service     tagalong.Service
		want        tagalong.Policy
		managed     bool
	}{
		{"without rules it is the cluster's name", `[]`, service("blue", "api"), tagalong.Policy{Environment: "blue", Tags: []string{"{environment}"}}, true},
		{"the first rule that matches wins", two, service("prod-a", "api"), tagalong.Policy{Environment: "prod", Tags: []string{"{environment}", "live"}}, true},
		{"a missing list means all", two, service("test", "api"), tagalong.Policy{Environment: "rest", Tags: []string{"{environment}"}}, true},
		{"no match is not managed", `[{"environment":"prod","clusters":["prod-*"]}]`, service("test", "api"), tagalong.Policy{}, false},
		{"one of several globs suffices", `[{"environment":"prod","clusters":["x","te?t"]}]`, service("test", "api"), tagalong.Policy{Environment: "prod", Tags: []string{"{environment}"}}, true},
		{"a glob matches the whole name", `[{"environment":"prod","clusters":["prod"]}]`, service("prod-a", "api"), tagalong.Policy{}, false},
		{"all lists must match", `[{"environment":"prod","clusters":["test"],"services":["web"]}]`, service("test", "api"), tagalong.Policy{}, false},
		{"accounts and regions count", `[{"environment":"prod","accounts":["1111*"],"regions":["us-*"]}]`, service("test", "api"), tagalong.Policy{Environment: "prod", Accounts: []string{"1111*"}, Tags: []string{"{environment}"}}, true},
		{"another region does not", `[{"environment":"prod","regions":["eu-*"]}]`, service("test", "api"), tagalong.Policy{}, false},
		{"classes of characters", `[{"environment":"prod","services":["[a-c]pi"]}]`, service("test", "api"), tagalong.Policy{Environment: "prod", Tags: []string{"{environment}"}}, true},
		{"empty lists are missing ones", `[{"environment":"prod","clusters":[],"tags":[]}]`, service("test", "api"), tagalong.Policy{Environment: "prod", Tags: []string{"{environment}"}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy, managed := parseRules(t, test.rules).For(test.service)
			if diff := cmp.Diff(test.want, policy); diff != "" || managed != test.managed {
				t.Errorf("managed %t, policy (-want +got):\n%s", managed, diff)
			}
		})
	}
}

func TestAllProblemsOfTheRulesAreNamedAtOnce(t *testing.T) {
	_, err := tagalong.ParseRules(`[
		{"environment":"","clusters":["[a"]},
		{"environment":"pro d","services":[""]},
		{"environment":"prod","tags":["{envronment}","a b",".x","{time}","ok","{container}"]},
		{"environment":"prod","tags":["-{service}"]}
	]`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`rules[0].environment ""`, `rules[0].clusters "[a"`, `rules[1].environment "pro d"`, `rules[1].services ""`,
		"rules[2].tags: 6 templates", `rules[2].tags "{envronment}"`, "placeholder {envronment}", `rules[2].tags "a b"`, `rules[2].tags ".x"`,
		`rules[3].tags "-{service}"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q:\n%v", want, err)
		}
	}
	for _, fine := range []string{`"ok"`, `"{time}"`, `"{container}"`} {
		if strings.Contains(err.Error(), "tags "+fine) {
			t.Errorf("the error names %s, which is fine:\n%v", fine, err)
		}
	}
}

func TestRulesThatAreNoRulesAreRefused(t *testing.T) {
	for _, raw := range []string{
		``, `null`, `{}`, `"prod"`, `[`, `[{"environment":"prod"}] []`, `[{"environment":"prod","cluster":["x"]}]`,
		`[{"environment":1}]`, `[{"environment":"prod","tags":"x"}]`, `[{"environment":"{environment}"}]`,
		`[{"environment":"` + strings.Repeat("e", 64) + `"}]`, `[{"environment":"prod","tags":["` + strings.Repeat("t", 129) + `"]}]`,
		`[{"environment":"prod","tags":["{environment"]}]`,
	} {
		if rules, err := tagalong.ParseRules(raw); err == nil {
			t.Errorf("%s gives %+v", raw, rules)
		}
	}
}

func TestRulesMayBeNone(t *testing.T) {
	for _, raw := range []string{`[]`, ` [ ] `} {
		if rules, err := tagalong.ParseRules(raw); err != nil || len(rules) != 0 {
			t.Errorf("%s gives %+v, error %v", raw, rules, err)
		}
	}
}

func TestTemplatesAreFilledIn(t *testing.T) {
	service := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: "checkout-api"}
	completion := time.Date(2026, 3, 4, 10, 18, 41, 77e6, time.FixedZone("CET", 3600))
	for template, want := range map[string]string{
		"{environment}": "prod",
		"{cluster}.{service}.{container}.{environment}": "prod-cluster.checkout-api.app.prod",
		"{environment}-{time}":                          "prod-20260304T091841Z",
		"live":                                          "live",
		"{environment}{environment}":                    "prodprod",
	} {
		if got := tagalong.Expand(template, "prod", service, "app", completion); got != want {
			t.Errorf("%s gives %q, want %q", template, got, want)
		}
	}
}

func TestAServiceThatIsNotManagedIsDropped(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "prod", Clusters: []string{"other"}}})
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
	if err != nil || !o.Unmanaged || w.ledger.Writes() != 0 {
		t.Errorf("outcome %+v, error %v, %d writes", o, err, w.ledger.Writes())
	}
}

func TestAChangedRuleTakesEffectWithTheNextObservationAndLeavesThePast(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "old"}})
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, started(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/1", 1))
	w.Rules = tagalong.Rules{{Environment: "new"}}
	w.tell(t, started(prodAPI, "ecs-svc/2", 10))
	for environment, want := range map[string]int{"old": 0, "new": 1} {
		running, err := stream.Collect(w.ledger.RunningRecords(t.Context(), environment, tagalong.Service{}, 0))
		if err != nil || len(running) != want {
			t.Errorf("running rows of %s: %+v, error %v", environment, running, err)
		}
	}
	w.wantTag(t, shopAPI, "new", d(1), ledger.TagConfirmed)
	w.wantTag(t, shopAPI, "old", d(1), "")
	w.tell(t, completed(prodAPI, "ecs-svc/2", 11))
	w.wantTag(t, shopAPI, "new", d(2), ledger.TagConfirmed)
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		got = append(got, row.Deployment+" in "+row.Environment)
	}
	if diff := cmp.Diff([]string{"ecs-svc/2 in new", "ecs-svc/1 in old"}, got); diff != "" {
		t.Errorf("rollouts (-want +got):\n%s", diff)
	}
}

func TestRowsExpireWhenClosedAndOldFactsAreDropped(t *testing.T) {
	w := newWorld(prodRules())
	w.Retention = 24 * time.Hour
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/0", 3600-24*3600-1))
	if err != nil || !o.Expired || w.ledger.Writes() != 0 {
		t.Errorf("an old fact: outcome %+v, error %v, %d writes", o, err, w.ledger.Writes())
	}
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10), failed(prodAPI, "ecs-svc/3", 20), started(prodAPI, "ecs-svc/4", 30), started(prodAPI, "ecs-svc/5", 40))
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]time.Time{"ecs-svc/1": at(10).Add(w.Retention), "ecs-svc/3": at(20).Add(w.Retention), "ecs-svc/4": at(40).Add(w.Retention)}
	for _, row := range rows {
		if !row.Expires.Equal(want[row.Deployment]) {
			t.Errorf("%s (%s) expires at %v, want %v", row.Deployment, row.State, row.Expires, want[row.Deployment])
		}
	}
	for _, placement := range w.ledger.Placements() {
		if open := placement.Phase != ledger.PhaseEnded; open != placement.Expires.IsZero() {
			t.Errorf("a %s place expires at %v", placement.Phase, placement.Expires)
		}
	}
}

func TestPromotionTagsNeedNoService(t *testing.T) {
	rules := tagalong.Rules{
		{Environment: "prod", Tags: []string{"{environment}", "{environment}-{service}", "{time}"}},
		{Environment: "staging"},
		{Environment: "prod", Tags: []string{"second"}},
		{Environment: "edge", Tags: []string{"{cluster}", "{container}"}},
	}
	for _, c := range []struct {
		rules       tagalong.Rules
		environment string
		want        []string
		problem     string
	}{
		{rules, "prod", []string{"{environment}", "{time}"}, ""},
		{rules, "staging", []string{"{environment}"}, ""},
		{nil, "prod-cluster", []string{"{environment}"}, ""},
		{rules, "qa", nil, "want one of prod, staging, edge"},
		{rules, "edge", nil, "all need a service; want one of prod, staging, edge"},
		{nil, "a/b", nil, "want 1 to 255"},
	} {
		got, err := c.rules.PromotionTags(c.environment)
		if !slices.Equal(got, c.want) || (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s: %q, error %v", c.environment, got, err)
		}
	}
}
