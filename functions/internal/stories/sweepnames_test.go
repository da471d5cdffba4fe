package stories_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// TestASweepOfANameThatNobodyKnowsIsAnError sweeps a part of an inventory of prod-a/api,
// and of test/web that no rule matches, with a ledger that also knows a service which
// ECS has no more.
func TestASweepOfANameThatNobodyKnowsIsAnError(t *testing.T) {
	w := newInventoryWorld(tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-*"}}})
	gone := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "prod-old", Name: "cron"}
	stray := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "test", Name: "web"}
	for _, s := range []tagalong.Service{prodAPI, gone, stray} {
		w.rolls(s, ran("app", shopAPI, 1))
	}
	w.hears(t)
	w.inventory.Delete(gone)
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
			options := sweep.Options{Cluster: test.cluster, DryRun: dry}
			if test.service != "" {
				pattern, err := tagalong.ParseServicePattern(test.service)
				if err != nil {
					t.Fatal(err)
				}
				options.Services = pattern
			}
			_, err := w.Sweep(t.Context(), options)
			var unknown *tagalong.UnknownNameError
			if found := errors.As(err, &unknown); found != (test.unknown != "") || found && !strings.HasPrefix(err.Error(), test.unknown) || err != nil && !found {
				t.Errorf("cluster %q, service %q, dry %t: %v, want %s", test.cluster, test.service, dry, err, test.unknown)
			}
		}
	}
}

// Of a cluster that is not looked into, that nothing is wrong would mean nothing.
func TestASweepSaysThatItDidNotLookIntoTheClusterThatItWasAskedFor(t *testing.T) {
	w := newInventoryWorld(tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-*"}}})
	w.Coverage = func(context.Context) (tagalong.Coverage, error) {
		return tagalong.Coverage{Own: "111122223333", Listed: map[string]tagalong.Given{"111122223333": {Clusters: []string{"prod-b", "test"}}, "444455556666": {}}}, nil
	}
	stray := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "test", Name: "web"}
	for _, s := range []tagalong.Service{prodAPI, stray} {
		w.rolls(s, ran("app", shopAPI, 1))
	}
	for cluster, want := range map[string]string{
		"prod-a": "the cluster is not covered", "test": "no environment rule matches a service of this cluster", "prod-*": "", "": "",
	} {
		report := w.sweeps(t, sweep.Options{Cluster: cluster})
		var reasons string
		for _, d := range report.Drift {
			reasons += d.Cluster + ": " + d.Reason
		}
		if said := strings.HasPrefix(reasons, cluster+": "+want); said != (want != "") || want == "" && reasons != "" || report.Left() {
			t.Errorf("cluster %q: drift %+v, want %q", cluster, report.Drift, want)
		}
	}
}
