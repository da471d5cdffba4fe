package tagalong_test

import (
	"errors"
	"strings"
	"testing"

	. "github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// TestASweepOfANameThatNobodyKnowsIsAnError sweeps a part of an estate of prod-a/api,
// and of test/web that no rule matches, with a ledger that also knows a service which
// ECS has no more.
func TestASweepOfANameThatNobodyKnowsIsAnError(t *testing.T) {
	w := newEstateWorld(Rules{{Environment: "prod", Clusters: []string{"prod-*"}}})
	gone := Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "prod-old", Name: "cron"}
	stray := Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "test", Name: "web"}
	for _, s := range []Service{prodAPI, gone, stray} {
		w.rolls(s, ran("app", shopAPI, 1))
	}
	w.hears(t)
	w.estate.Delete(gone)
	for _, test := range []struct{ cluster, service, unknown string }{
		{"", "apy", `service "apy" is not known; the nearest known: api`},
		{"", "prod-a/nope", `service "prod-a/nope" is not known; the nearest known: prod-a/api, prod-old/cron`},
		{"", "prod/api", `cluster "prod" is not known; the nearest known: prod-a`},
		{"prod", "", `cluster "prod" is not known; the nearest known: prod-a`},
		{"prod-a", "cron", `service "cron" is not known; the nearest known: api`},
		{"", "api", ""},
		{"", "cron", ""},
		{"prod-old", "", ""},
		{"test", "", ""},
		{"none-*", "", ""},
		{"", "none-*/x*", ""},
	} {
		for _, dry := range []bool{false, true} {
			options := SweepOptions{Cluster: test.cluster, DryRun: dry}
			if test.service != "" {
				pattern, err := ParseServicePattern(test.service)
				if err != nil {
					t.Fatal(err)
				}
				options.Services = pattern
			}
			_, err := w.Sweep(t.Context(), options)
			var unknown *UnknownNameError
			if found := errors.As(err, &unknown); found != (test.unknown != "") || found && !strings.HasPrefix(err.Error(), test.unknown) || err != nil && !found {
				t.Errorf("cluster %q, service %q, dry %t: %v, want %s", test.cluster, test.service, dry, err, test.unknown)
			}
		}
	}
}
