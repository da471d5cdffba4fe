package boot

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// env returns a getenv over pairs of names and values.
func env(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func noItem(context.Context, string) (string, error) {
	return "", errors.New("no item was to be read")
}

func TestDefaults(t *testing.T) {
	c, err := ReadConfig(env(EnvTable, "ledger"), EnvTable)
	if err != nil {
		t.Fatal(err)
	}
	if c.Table != "ledger" || c.LogLevel != slog.LevelInfo || c.EventBus != "" || c.Retention != 0 || c.PendingAfter != time.Hour || c.Untag {
		t.Errorf("config %+v", c)
	}
	rules, err1 := c.Environments.Resolve(t.Context(), noItem)
	accounts, err2 := c.Accounts.Resolve(t.Context(), noItem)
	if len(rules) != 0 || len(accounts) != 0 || err1 != nil || err2 != nil {
		t.Errorf("rules %v, %v; accounts %v, %v", rules, err1, accounts, err2)
	}
}

func TestEveryVariable(t *testing.T) {
	c, err := ReadConfig(env(
		EnvTable, " tagalong-ledger.v2 ", // Terraform's heredocs leave blanks
		EnvEnvironments, `[{"environment":"prod","clusters":["prod-*"]}]`,
		EnvAccounts, `[{"account":"444455556666","role":"arn:aws:iam::444455556666:role/ops/tagalong","regions":["eu-central-1"]},{"account":"111122223333"}]`,
		EnvLogLevel, "WARN",
		EnvEventBus, "arn:aws:events:us-east-1:111122223333:event-bus/central",
		EnvRetentionDays, "400",
		EnvPendingAfter, "90m",
		EnvUntag, "true",
		EnvFindings, "inspector",
		EnvPromotions, `[{"pipelines":["444455556666/checkout-*"],"repositories":["checkout-*"]}]`,
	), EnvTable)
	if err != nil {
		t.Fatal(err)
	}
	if c.Table != "tagalong-ledger.v2" || c.LogLevel != slog.LevelWarn || !strings.HasSuffix(c.EventBus, "/central") ||
		c.Retention != 400*24*time.Hour || c.PendingAfter != 90*time.Minute || !c.Untag || c.Findings != FindingsInspector {
		t.Errorf("config %+v", c)
	}
	rules, err1 := c.Environments.Resolve(t.Context(), noItem)
	accounts, err2 := c.Accounts.Resolve(t.Context(), noItem)
	promotions, err3 := c.Promotions.Resolve(t.Context(), noItem)
	if len(promotions) != 1 || promotions[0].Repositories[0] != "checkout-*" || err3 != nil {
		t.Errorf("promotions %v, %v", promotions, err3)
	}
	if len(rules) != 1 || rules[0].Environment != "prod" || len(accounts) != 2 || accounts[0].Regions[0] != "eu-central-1" {
		t.Errorf("rules %v, %v; accounts %v, %v", rules, err1, accounts, err2)
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	_, err := ReadConfig(env(
		EnvEnvironments, `[{"environment":""},{"environment":"prod","tags":["{nonsense}"]}]`,
		EnvAccounts, `[{"account":"12","regions":["mars"]},{"account":"111122223333","role":"arn:aws:iam::444455556666:role/x"},{"account":"111122223333","role":"me"}]`,
		EnvPromotions, `[{"pipelines":["a/b/c"]},{"repositories":["["]}]`,
		EnvLogLevel, "loud",
		EnvEventBus, "no bus!",
		EnvRetentionDays, "1.5",
		EnvPendingAfter, "-1h",
		EnvUntag, "yes",
		EnvFindings, "trivy",
	), EnvTable)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		EnvTable + " missing: want the name of a DynamoDB table",
		EnvEnvironments + `: environment rules[0].environment ""`, `{nonsense}`,
		EnvAccounts + `: accounts[0].account "12": want 12 digits`,
		`accounts[0].regions[0] "mars": want the name of an AWS Region`,
		`accounts[1].role "arn:aws:iam::444455556666:role/x": want a role of account 111122223333`,
		`accounts[2].role "me": want the ARN of a role`,
		`accounts[2].account "111122223333": listed in accounts[1] already`,
		EnvPromotions + `: promotions[0].pipelines "a/b/c": want a glob of pipelines' names`, `promotions[1].repositories "["`,
		EnvLogLevel + ` "loud": want debug, info, warn or error`,
		EnvEventBus + ` "no bus!": want`,
		EnvRetentionDays + ` "1.5": want whole days from 1`,
		EnvPendingAfter + ` "-1h": want a duration above zero`,
		EnvUntag + ` "yes": want true or false`,
		EnvFindings + ` "trivy": want inspector or ecr`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

func TestWrongValues(t *testing.T) {
	for name, values := range map[string][]string{
		EnvTable:         {"t", "two words", strings.Repeat("x", 256)},
		EnvEnvironments:  {"prod", "{}", "[] []", "@", "@a b"},
		EnvAccounts:      {"111122223333", `[{"id":"111122223333"}]`, "[]]", "@?"},
		EnvPromotions:    {"*", `{}`, `[{"pipeline":["a"]}]`, "[]]", "@"},
		EnvLogLevel:      {"trace", "0"},
		EnvRetentionDays: {"0", "-1", "forever", "36501"},
		EnvPendingAfter:  {"1", "0s", "1d"},
		EnvUntag:         {"TRUE", "1"},
	} {
		for _, value := range values {
			if _, err := ReadConfig(env(name, value)); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

func TestSettingInTheTable(t *testing.T) {
	c, err := ReadConfig(env(EnvEnvironments, "@rules/prod"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := c.Environments.Resolve(t.Context(), func(_ context.Context, name string) (string, error) {
		return `[{"environment":"` + strings.ReplaceAll(name, "/", "-") + `"}]`, nil
	})
	if err != nil || len(rules) != 1 || rules[0].Environment != "rules-prod" {
		t.Errorf("rules %v, error %v", rules, err)
	}
	absent := errors.New("no such item")
	if _, err := c.Environments.Resolve(t.Context(), func(context.Context, string) (string, error) { return "", absent }); !errors.Is(err, absent) || !strings.Contains(err.Error(), EnvEnvironments+", item @rules/prod") {
		t.Errorf("absent: %v", err)
	}
	if _, err := c.Environments.Resolve(t.Context(), func(context.Context, string) (string, error) { return "{", nil }); err == nil || !strings.Contains(err.Error(), "item @rules/prod") {
		t.Errorf("malformed: %v", err)
	}
}

// What the table has is compared by what it means.
func TestCompareWithTheTable(t *testing.T) {
	const stored = `[{"environment":"staging","clusters":["s-*"]},{"environment":"prod"}]`
	for _, test := range []struct {
		name, variable string
		here, there    []string
	}{
		{"the same", stored, nil, nil},
		{"written otherwise", `[ {"clusters" : ["s-*"], "environment":"staging", "tags": []}, {"services":[],"environment":"prod"} ]`, nil, nil},
		{"in the item itself", "@environments", nil, nil},
		{"another value", `[{"environment":"staging","clusters":["t-*"]},{"environment":"prod"}]`, []string{`{"environment":"staging","clusters":["t-*"]}`}, []string{`{"environment":"staging","clusters":["s-*"]}`}},
		{"one more", `[{"environment":"staging","clusters":["s-*"]},{"environment":"prod"},{"environment":"rest"}]`, []string{`{"environment":"rest"}`}, nil},
		{"one less", `[{"environment":"prod"}]`, nil, []string{`{"environment":"staging","clusters":["s-*"]}`}},
		{"another order", `[{"environment":"prod"},{"environment":"staging","clusters":["s-*"]}]`,
			[]string{`{"environment":"prod"}`, `{"environment":"staging","clusters":["s-*"]}`}, []string{`{"environment":"staging","clusters":["s-*"]}`, `{"environment":"prod"}`}},
		{"none", `[]`, nil, []string{`{"environment":"staging","clusters":["s-*"]}`, `{"environment":"prod"}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := ReadConfig(env(EnvEnvironments, test.variable))
			if err != nil {
				t.Fatal(err)
			}
			here, there, err := c.Environments.Compare(t.Context(), func(context.Context, string) (string, error) { return stored, nil }, stored)
			if err != nil || !slices.Equal(here, test.here) || !slices.Equal(there, test.there) {
				t.Errorf("only here %q, only in the table %q, error %v", here, there, err)
			}
		})
	}
}

func TestSettingsThatTheTableHasAsWell(t *testing.T) {
	c, err := ReadConfig(env(EnvAccounts, ` [{"regions":["us-east-1"], "account":"111122223333"}]`))
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]string{}
	for _, s := range c.Stored() {
		if documents[s.Item()], err = s.Document(t.Context(), noItem); err != nil || s.Set() != (s.Variable() == EnvAccounts) {
			t.Errorf("%s: set %v, error %v", s.Variable(), s.Set(), err)
		}
	}
	if documents["environments"] != "[]" || documents["accounts"] != `[{"account":"111122223333","regions":["us-east-1"]}]` || len(documents) != 2 {
		t.Errorf("documents %q", documents)
	}
	c.Environments.TakeFrom(`[{"environment":"prod"}]`)
	if rules, err := c.Environments.Resolve(t.Context(), noItem); err != nil || len(rules) != 1 {
		t.Errorf("taken from the table: %v, error %v", rules, err)
	}
	c.Environments.TakeFrom(`[{"moons":["full"]}]`)
	if _, err := c.Environments.Resolve(t.Context(), noItem); err == nil || !strings.Contains(err.Error(), "item @environments: ") {
		t.Errorf("of a newer version: %v", err)
	}
}
