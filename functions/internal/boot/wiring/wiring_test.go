package wiring

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/history"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/imagedefinitions"
	tagimagewiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/tagimage"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagimage"
)

const (
	other = "444455556666"
	role  = "arn:aws:iam::444455556666:role/tagalong"
)

// start returns a sandbox with a table, and a Reactor for these variables.
func start(t *testing.T, pairs map[string]string) (*sandboxtest.Sandbox, *reactor.Reactor, error) {
	t.Helper()
	s := sandboxtest.StartWith(t, sandbox.Options{})
	reactor, err := startOn(t, s, s.Function("deployment"), pairs)
	return s, reactor, err
}

// startOn returns a Reactor that asks a sandbox as somebody.
func startOn(t *testing.T, s *sandboxtest.Sandbox, as aws.Config, pairs map[string]string) (*reactor.Reactor, error) {
	t.Helper()
	s.STS.AddRole(role)
	if _, err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(s.Config()), "ledger"); err != nil {
		t.Fatal(err)
	}
	config, err := boot.ReadConfig(func(name string) string { return pairs[name] })
	if err != nil {
		t.Fatal(err)
	}
	config.Table = "ledger"
	return Reactor(t.Context(), config, as, slog.New(slog.DiscardHandler))
}

// rollOut completes a deployment in the other account, of an image that lies in
// our own.
func rollOut(t *testing.T, s *sandboxtest.Sandbox) (*ecr.Repository, []byte) {
	t.Helper()
	h := s.ECR.Repository(wire.Scope{}, "shop")
	if _, err := h.Push(ecr.Image{Seed: "v1", Tags: []string{"build-1"}}); err != nil {
		t.Fatal(err)
	}
	s.ECR.Allow(s.Home().Account, "shop", other)
	service := s.ECS.Cluster(wire.Scope{Account: other}, "prod").CreateService("shop", ecs.ServiceOptions{})
	at := time.Now().Add(-time.Minute)
	d, _, err := service.Release(at, ecs.Container{Name: "app", Image: h.URI() + ":build-1"})
	if err != nil {
		t.Fatal(err)
	}
	event, err := d.Complete(at)
	if err != nil {
		t.Fatal(err)
	}
	return h, event
}

func TestReactorWorksAcrossAccounts(t *testing.T) {
	s, reactor, err := start(t, map[string]string{
		boot.EnvAccounts:     `[{"account":"` + other + `","role":"` + role + `"}]`,
		boot.EnvEnvironments: `[{"environment":"prod","accounts":["` + other + `"]}]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	h, event := rollOut(t, s)
	outcome, err := reactor.Handle(t.Context(), event)
	if err != nil || outcome.Moved != 1 || h.Tag("prod") != h.Digests()[0] {
		t.Errorf("outcome %+v, error %v, tag on %q", outcome, err, h.Tag("prod"))
	}
	for _, c := range s.Calls() {
		if want := map[string]string{"ecs": other, "ecr": s.Home().Account}[c.Service]; want != "" && c.Account != want {
			t.Errorf("call %+v", c)
		}
	}
}

func TestReactorRecordsWhatLiesElsewhere(t *testing.T) {
	s, reactor, err := start(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, event := rollOut(t, s)
	outcome, err := reactor.Handle(t.Context(), event)
	if err != nil || !outcome.Recorded || h.Tag("prod") != "" {
		t.Errorf("outcome %+v, error %v, tag on %q", outcome, err, h.Tag("prod"))
	}
	if slices.ContainsFunc(s.Calls(), func(c sandbox.Call) bool { return c.Service == "ecs" }) {
		t.Error("ECS is asked as somebody else")
	}
}

// Each partition has hosts of its own; the sandbox is one of them by its Region.
func TestReactorMovesTagsInEveryPartition(t *testing.T) {
	for region, suffix := range map[string]string{
		"cn-north-1": ".amazonaws.com.cn", "us-gov-west-1": ".amazonaws.com", "eusc-de-east-1": ".amazonaws.eu", "us-iso-east-1": ".c2s.ic.gov",
		"us-isob-east-1": ".sc2s.sgov.gov", "eu-isoe-west-1": ".cloud.adc-e.uk", "us-isof-south-1": ".csp.hci.ic.gov",
	} {
		s := sandboxtest.StartWith(t, sandbox.Options{Region: region})
		reactor, err := startOn(t, s, s.Config(), nil) // as no function, whose policy is for one partition
		if err != nil {
			t.Fatal(err)
		}
		h := s.ECR.Repository(wire.Scope{}, "shop")
		image, err := h.Push(ecr.Image{Seed: "v1", Tags: []string{"build-1"}})
		if err != nil {
			t.Fatal(err)
		}
		uri := s.Home().Account + ".dkr.ecr." + region + suffix + "/shop"
		d, _, err := s.ECS.Cluster(wire.Scope{}, "prod").CreateService("shop", ecs.ServiceOptions{}).Release(time.Now(), ecs.Container{Name: "app", Image: uri + ":build-1"})
		if err != nil {
			t.Fatal(err)
		}
		event, err := d.Complete(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := reactor.Handle(t.Context(), event)
		if err != nil || outcome.Moved != 1 || h.Tag("prod") != image {
			t.Errorf("%s: outcome %+v, error %v, tag on %q", region, outcome, err, h.Tag("prod"))
		}
	}
}

func TestReactorAnnouncesOnTheBusThatIsSet(t *testing.T) {
	for _, test := range []struct {
		bus   string
		where wire.Scope
		want  int
	}{
		{"", wire.Scope{}, 0},
		{"releases", wire.Scope{}, 1},
		{"arn:aws:events:eu-west-1:444455556666:event-bus/releases", wire.Scope{Account: other, Region: "eu-west-1"}, 1},
	} {
		s, reactor, err := start(t, map[string]string{
			boot.EnvAccounts: `[{"account":"` + other + `","role":"` + role + `"}]`, boot.EnvEventBus: test.bus,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, event := rollOut(t, s)
		outcome, err := reactor.Handle(t.Context(), event)
		if err != nil || outcome.Announced != test.want || outcome.Unannounced != 0 {
			t.Errorf("bus %q: outcome %+v, error %v", test.bus, outcome, err)
		}
		accepted := s.EventBridge.Events(test.where, "releases")
		if len(accepted) != test.want || test.want > 0 && !strings.Contains(string(accepted[0]), `"detail-type":"Tagalong Rollout Recorded"`) {
			t.Errorf("bus %q has %s", test.bus, accepted)
		}
		asked := slices.ContainsFunc(s.Calls(), func(c sandbox.Call) bool { return c.Service == "events" })
		if asked != (test.want > 0) {
			t.Errorf("bus %q: calls %+v", test.bus, s.Calls())
		}
	}
}

func TestReactorNamesWhatIsWrong(t *testing.T) {
	for want, pairs := range map[string]map[string]string{
		"TAGALONG_ENVIRONMENTS, item @a": {boot.EnvEnvironments: "@a", boot.EnvAccounts: "@b"},
		"TAGALONG_ACCOUNTS, item @b":     {boot.EnvEnvironments: "@a", boot.EnvAccounts: "@b"},
	} {
		if _, _, err := start(t, pairs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
}

// What the table has beside it is for the command: no function's start waits for it.
func TestRulesAndAccountsInVariablesCostNoRead(t *testing.T) {
	inline := map[string]string{boot.EnvEnvironments: `[{"environment":"prod"}]`, boot.EnvAccounts: `[{"account":"` + other + `","role":"` + role + `"}]`}
	for n, pairs := range []map[string]string{nil, inline, {boot.EnvEnvironments: "@environments", boot.EnvAccounts: "@accounts"}} {
		s, _, _ := start(t, pairs)
		reads := slices.DeleteFunc(s.Calls(), func(c sandbox.Call) bool { return c.Operation != "BatchGetItem" })
		if stored := n == 2; stored != (len(reads) > 0) {
			t.Errorf("variables %v: calls %v", pairs, reads)
		}
	}
}

func TestOpenTouchesEachServiceAsOftenAsAnEventDoesAndSendsNoCall(t *testing.T) {
	s, _, err := start(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.Config()
	cfg.HTTPClient = boot.HTTPClient(nil)
	for _, c := range []struct {
		open []func(context.Context)
		want int
	}{{Open(cfg), 7}, {history.Open(cfg), 2}, {tagimagewiring.Open(cfg), 3}, {imagedefinitions.Open(cfg), 1}} {
		s.ResetCalls()
		boot.Prewarm(t.Context(), c.open...)
		calls := s.Calls()
		if slices.ContainsFunc(calls, func(c sandbox.Call) bool { return c.Operation != "" }) { // what the sandbox makes of a HEAD request
			t.Errorf("calls %+v", calls)
		}
		if len(calls) != c.want {
			t.Errorf("opened %d times instead of %d", len(calls), c.want)
		}
	}
}

// queries makes the questions for these variables.
func queries(t *testing.T, s *sandboxtest.Sandbox, pairs map[string]string) (query.Queries, error) {
	t.Helper()
	config, err := boot.ReadConfig(func(name string) string { return pairs[name] })
	if err != nil {
		t.Fatal(err)
	}
	return history.Queries(t.Context(), config, s.Function("history"))
}

func TestQueriesAnswerWithoutECS(t *testing.T) {
	s, reactor, err := start(t, map[string]string{boot.EnvAccounts: `[{"account":"` + other + `","role":"` + role + `"}]`})
	if err != nil {
		t.Fatal(err)
	}
	h, event := rollOut(t, s)
	if _, err := reactor.Handle(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	q, err := queries(t, s, map[string]string{boot.EnvTable: "ledger", boot.EnvRetentionDays: "30"})
	if err != nil {
		t.Fatal(err)
	}
	s.ResetCalls()
	page, err := q.Where(t.Context(), tagalong.ImageQuery{Repository: "shop", Tag: "build-1"}, query.Paging{})
	if err != nil || len(page.Items) != 1 || page.Items[0].Digest != h.Digests()[0] || q.Retention != 30*24*time.Hour {
		t.Errorf("page %+v, error %v, retention %v", page, err, q.Retention)
	}
	if slices.ContainsFunc(s.Calls(), func(c sandbox.Call) bool { return c.Service == "ecs" }) {
		t.Errorf("calls %+v", s.Calls())
	}
}

func TestQueriesNameWhatIsWrong(t *testing.T) {
	s, _, err := start(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = queries(t, s, map[string]string{boot.EnvTable: "ledger", boot.EnvAccounts: "@b"})
	if err == nil || !strings.Contains(err.Error(), "TAGALONG_ACCOUNTS, item @b") {
		t.Errorf("error %v", err)
	}
}

func TestEveryFunctionReadsAMembersImages(t *testing.T) {
	s, _, err := start(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := s.ECR.Repository(wire.Scope{Account: other}, "shop")
	image, err := h.Push(ecr.Image{Seed: "v1", Tags: []string{"build-1"}})
	if err != nil {
		t.Fatal(err)
	}
	config, err := boot.ReadConfig(func(name string) string {
		return map[string]string{boot.EnvTable: "ledger", boot.EnvAccounts: `[{"account":"` + other + `","role":"` + role + `"}]`}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	host, name, _ := strings.Cut(h.URI(), "/")
	for function, registry := range registries(t, s, config) {
		s.ResetCalls()
		found, err := registry.Read(t.Context(), tagalong.Repository{Registry: host, Name: name}, nil, []string{"build-1"})
		if err != nil || found.Tags["build-1"] != image {
			t.Errorf("%s: %+v, error %v", function, found, err)
		}
		if calls := s.Calls(); len(calls) != 2 || calls[0].Operation != "AssumeRole" || calls[1].Account != other {
			t.Errorf("%s: calls %+v", function, calls)
		}
	}
}

// registries are what each function that observes nothing reads images with.
func registries(t *testing.T, s *sandboxtest.Sandbox, config boot.Config) map[string]tagimage.Images {
	t.Helper()
	questions, first := history.Queries(t.Context(), config, s.Function("history"))
	tagging, second := tagimagewiring.Action(t.Context(), config, s.Function("tagimage"), slog.New(slog.DiscardHandler))
	defining, third := imagedefinitions.Action(t.Context(), config, s.Function("imagedefinitions"))
	if err := errors.Join(first, second, third); err != nil {
		t.Fatal(err)
	}
	return map[string]tagimage.Images{"history": questions.Registry, "tagimage": tagging.Images, "imagedefinitions": defining.Images}
}
