package stories_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const samples = "../../../events/testdata/"

func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(samples + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// checkout is the service of the samples.
var checkout = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: "checkout-api"}

const (
	oldCheckout = "ecs-svc/7330915268420174663"
	newCheckout = "ecs-svc/8264410957731246980"
)

func checkoutWorld() *world {
	w := newWorld(prodRules())
	w.runs(checkout, oldCheckout, ran("checkout-api", shopAPI, 1))
	w.runs(checkout, newCheckout, ran("checkout-api", shopAPI, 2))
	w.workload.Legacy(checkout)
	return w
}

func (w *world) handle(t *testing.T, name string) reactor.Outcome {
	t.Helper()
	o, err := w.Handle(t.Context(), sample(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return o
}

func TestTheSampleEventsTellTheirStory(t *testing.T) {
	w := checkoutWorld()
	o := w.handle(t, "ecs-deployment-in-progress")
	if !o.Recorded || o.Environment != "prod" || o.Service != checkout {
		t.Errorf("outcome %+v", o)
	}
	o = w.handle(t, "ecs-deployment-completed")
	if !o.Recorded || o.Moved != 1 || o.Confirmed != 1 || o.Lag <= 0 {
		t.Errorf("outcome %+v", o)
	}
	w.wantTag(t, shopAPI, "prod", d(1), ledger.TagConfirmed)
	w.handle(t, "ecs-deployment-failed")
	w.handle(t, "ecs-deployment-rollback-in-progress")
	w.handle(t, "ecs-deployment-rollback-completed")
	w.wantTag(t, shopAPI, "prod", d(1), ledger.TagConfirmed)
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), checkout, ledger.Span{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		line := row.Deployment + " " + string(row.State) + " since " + row.SortTime().Format(time.TimeOnly)
		if row.Rollback {
			line += ", a rollback"
		}
		got = append(got, line)
	}
	want := []string{
		oldCheckout + " completed since 10:42:17, a rollback",
		newCheckout + " failed since 10:42:17",
		oldCheckout + " completed since 09:15:02",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rollouts (-want +got):\n%s", diff)
	}
}

func TestEverySampleOfADeploymentIsTaken(t *testing.T) {
	paths, err := filepath.Glob(samples + "ecs-deployment-*.json")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d samples, error %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			w := checkoutWorld()
			o := w.handle(t, name)
			if unknown := strings.Contains(name, "unknown"); o.Unhandled != unknown || o.Recorded == unknown {
				t.Errorf("outcome %+v", o)
			}
			o = w.handle(t, name)
			if o.Recorded {
				t.Errorf("the repeat is recorded: %+v", o)
			}
		})
	}
}

func TestTheFormsOfAServicesARNAreOneService(t *testing.T) {
	for _, name := range []string{
		"ecs-deployment-completed", "ecs-deployment-completed-no-clusterarn",
		"ecs-deployment-completed-short-arn-clusterarn", "ecs-deployment-completed-short-arn",
	} {
		w := checkoutWorld()
		if o := w.handle(t, name); o.Service != checkout {
			t.Errorf("%s: service %s", name, o.Service)
		}
	}
}

func TestAClusterThatCannotBeFoundIsAnErrorAndNothingIsWritten(t *testing.T) {
	w := newWorld(prodRules())
	_, err := w.Handle(t.Context(), sample(t, "ecs-deployment-completed-short-arn"))
	if !errors.Is(err, tagalong.ErrNotFound) || !strings.Contains(err.Error(), "service/checkout-api") || w.ledger.Writes() != 0 {
		t.Errorf("error %v, %d writes", err, w.ledger.Writes())
	}
}

func TestAMalformedEventIsAnErrorThatNamesTheFieldAndNothingIsWritten(t *testing.T) {
	good := string(sample(t, "ecs-deployment-completed"))
	for _, test := range []struct{ field, old, bad string }{
		{"detail.updatedAt", `"updatedAt": "2026-03-04T09:18:41.077Z"`, `"updatedAt": "yesterday"`},
		{"detail.deploymentId", `"deploymentId": "` + oldCheckout + `"`, `"deploymentId": "x"`},
		{"detail.deploymentId", `"deploymentId": "` + oldCheckout + `",`, ``},
		{"resources", `arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api`, `arn:aws:s3:::bucket`},
	} {
		w := checkoutWorld()
		bad := strings.Replace(good, test.old, test.bad, 1)
		if bad == good {
			t.Fatalf("the sample has no %s", test.old)
		}
		_, err := w.Handle(t.Context(), []byte(bad))
		var field *events.FieldError
		if !errors.As(err, &field) || !strings.Contains(err.Error(), test.field) {
			t.Errorf("%s: error %v", test.field, err)
		}
		if w.ledger.Writes() != 0 {
			t.Errorf("%s: the ledger was written", test.field)
		}
	}
	for _, raw := range []string{"", "null", "[]", "{", `{"source":"aws.ecs"}`} {
		if _, err := checkoutWorld().Handle(t.Context(), []byte(raw)); err == nil {
			t.Errorf("%q is no error", raw)
		}
	}
}

func TestAnEventThatIsNotForUsIsNoError(t *testing.T) {
	for _, name := range []string{"ecs-service-action-steady-state", "ecr-image-action-push", "ecs-task-state-change-running", "codepipeline-stage-succeeded"} {
		w := checkoutWorld()
		if o := w.handle(t, name); !o.Unhandled || w.ledger.Writes() != 0 {
			t.Errorf("%s: outcome %+v, %d writes", name, o, w.ledger.Writes())
		}
	}
}

func TestOfAnUnmanagedServiceAnEventKeepsOnlyWhatItReads(t *testing.T) {
	w := checkoutWorld()
	w.Rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"another-*"}}}
	for range 2 {
		o := w.handle(t, "ecs-deployment-completed")
		seen, err := w.ledger.Seen(t.Context())
		if err != nil || !o.Unmanaged || o.Recorded || w.ledger.Writes() != 1 || len(seen) != 0 {
			t.Errorf("outcome %+v, %d writes, error %v, services %v", o, w.ledger.Writes(), err, seen)
		}
	}
}

// An account that is neither ours nor listed, and a cluster that was left out, cost nothing.
func TestOfAnUnmanagedServiceOutsideOfWhatWeWereGivenNothingIsKept(t *testing.T) {
	for name, covered := range map[string]tagalong.Coverage{
		"account": {Own: "999999999999"},
		"cluster": {Own: checkout.Account, Listed: map[string]tagalong.Given{checkout.Account: {Clusters: []string{"another"}}}},
	} {
		w := checkoutWorld()
		w.Rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"another-*"}}}
		w.Coverage = func(context.Context) (tagalong.Coverage, error) { return covered, nil }
		w.ledger.Hook = func(_ context.Context, operation string) error { return fmt.Errorf("%s is asked", operation) }
		w.workload.Hook = func(_ context.Context, call string) error { return fmt.Errorf("%s is asked", call) }
		if o := w.handle(t, "ecs-deployment-completed"); !o.Unmanaged {
			t.Errorf("%s: outcome %+v", name, o)
		}
	}
}

func TestAFailureNamesDeploymentAndService(t *testing.T) {
	w := checkoutWorld()
	w.registry.OnRead = failingRead
	_, err := w.Handle(t.Context(), sample(t, "ecs-deployment-completed"))
	if !errors.Is(err, errDied) || !strings.Contains(err.Error(), oldCheckout) || !strings.Contains(err.Error(), checkout.String()) {
		t.Errorf("error %v", err)
	}
}

// What our role may not look into is only a mistake where a rule manages it.
func TestALegacyServiceInClustersThatMayNotBeLookedInto(t *testing.T) {
	for cluster, managed := range map[string]bool{"prod-other": true, "dev": false} {
		w := newWorld(tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-*"}}})
		w.workload.Hook = func(_ context.Context, call string) error {
			if call == "Cluster" {
				return tagalong.UnseenClusters{Service: tagalong.Service{Account: checkout.Account, Region: checkout.Region, Name: checkout.Name}, Clusters: []string{"test", cluster}}
			}
			return nil
		}
		o, err := w.Handle(t.Context(), sample(t, "ecs-deployment-completed-short-arn"))
		if managed != errors.Is(err, tagalong.ErrDenied) || managed == o.Unmanaged {
			t.Errorf("%s: outcome %+v, error %v", cluster, o, err)
		}
		if managed && !strings.Contains(err.Error(), cluster) {
			t.Errorf("error %v", err)
		}
	}
}
