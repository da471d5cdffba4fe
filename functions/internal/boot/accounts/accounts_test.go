package accounts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	own   = "111122223333"
	other = "444455556666"
	role  = "arn:aws:iam::444455556666:role/ops/tagalong"
)

func start(t *testing.T, listed ...boot.Account) (*Accounts, *sandboxtest.Sandbox) {
	t.Helper()
	s := sandboxtest.Start(t)
	s.STS.AddRole(role)
	return New(s.Config(), OwnAccount(s.Config()), listed), s
}

// caller returns the account that a configuration speaks for.
func caller(t *testing.T, cfg aws.Config) string {
	t.Helper()
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return *identity.Account
}

func TestWorkload(t *testing.T) {
	listedOther := boot.Account{ID: other, Role: role, Regions: []string{"us-east-1", "eu-central-1"}}
	for name, c := range map[string]struct {
		listed          []boot.Account
		account, region string
		elsewhere       bool
	}{
		"our own":                      {nil, own, "us-east-1", false},
		"our own, another region":      {nil, own, "eu-central-1", false},
		"another":                      {nil, other, "us-east-1", true},
		"listed":                       {[]boot.Account{listedOther}, other, "eu-central-1", false},
		"listed, region not":           {[]boot.Account{listedOther}, other, "us-west-2", true},
		"listed for our region":        {[]boot.Account{{ID: other, Role: role}}, other, "us-east-1", false},
		"listed, not for others":       {[]boot.Account{{ID: other, Role: role}}, other, "eu-central-1", true},
		"our own beside a listed one":  {[]boot.Account{listedOther}, own, "us-west-2", false},
		"our own, listed for a region": {[]boot.Account{{ID: own, Regions: []string{"eu-central-1"}}}, own, "us-east-1", true},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := start(t, c.listed...)
			cfg, err := a.Workload(t.Context(), c.account, c.region)
			if c.elsewhere {
				if !errors.Is(err, tagalong.ErrElsewhere) || !strings.Contains(err.Error(), c.account) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := caller(t, cfg); got != c.account || cfg.Region != c.region {
				t.Errorf("asks as %s in %s", got, cfg.Region)
			}
		})
	}
}

func TestRegistryOfAnyAccount(t *testing.T) {
	a, _ := start(t, boot.Account{ID: other, Role: role})
	for id, want := range map[string]string{own: own, other: other, "777788889999": own} {
		cfg, err := a.Registry(t.Context(), id, "ap-southeast-2")
		if err != nil {
			t.Fatal(err)
		}
		if got := caller(t, cfg); got != want || cfg.Region != "ap-southeast-2" {
			t.Errorf("registry of %s: asks as %s in %s", id, got, cfg.Region)
		}
	}
}

func TestRoleIsAssumedOnce(t *testing.T) {
	a, s := start(t, boot.Account{ID: other, Role: role, Regions: []string{"us-east-1", "eu-central-1"}})
	for range 3 {
		for _, region := range []string{"us-east-1", "eu-central-1"} {
			cfg, err := a.Workload(t.Context(), other, region)
			if err != nil {
				t.Fatal(err)
			}
			caller(t, cfg)
		}
	}
	assumed := 0
	for _, c := range s.Calls() {
		if c.Operation == "AssumeRole" {
			assumed++
		}
	}
	if assumed != 1 {
		t.Errorf("assumed %d times", assumed)
	}
}

func TestAccountWithoutARoleIsOursOrARegistry(t *testing.T) {
	shop := []string{"shop/*"}
	a, _ := start(t, boot.Account{ID: own, Clusters: []string{"prod"}}, boot.Account{ID: other, Repositories: shop})
	got, err := a.Coverage(t.Context())
	want := tagalong.Coverage{Own: own, Listed: map[string]tagalong.Given{own: {Clusters: []string{"prod"}}, other: {Repositories: shop}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, coverage (-want +got):\n%s", err, diff)
	}
	if scopes, err := a.Scopes(t.Context()); err != nil || !slices.Equal(scopes, []tagalong.Scope{{Account: own, Region: "us-east-1"}}) {
		t.Errorf("scopes %v, error %v", scopes, err)
	}
	if _, err := a.Workload(t.Context(), other, "us-east-1"); !errors.Is(err, tagalong.ErrElsewhere) {
		t.Errorf("ECS beside a registry alone: error %v", err)
	}
	without, _ := start(t, boot.Account{ID: other})
	if _, err := without.Coverage(t.Context()); err == nil || !strings.Contains(err.Error(), "account "+other+" has neither role nor repositories") {
		t.Errorf("error %v", err)
	}
}

func TestOwnAccount(t *testing.T) {
	s := sandboxtest.Start(t)
	invoked := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
		InvokedFunctionArn: "arn:aws:lambda:us-east-1:777788889999:function:tagalong-deployment:live",
	})
	inside := OwnAccount(s.Config())
	for _, ctx := range []context.Context{invoked, t.Context()} { // once known it stays known
		if id, err := inside(ctx); id != "777788889999" || err != nil {
			t.Errorf("in a function: %q, %v", id, err)
		}
	}
	if n := len(s.Calls()); n != 0 {
		t.Errorf("in a function: %d calls", n)
	}
	strange := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: "arn:aws:sns:x:1:y"})
	outside := OwnAccount(s.Config())
	for range 2 {
		if id, err := outside(strange); id != own || err != nil {
			t.Errorf("outside: %q, %v", id, err)
		}
	}
	if n := len(s.Calls()); n != 1 {
		t.Errorf("outside: %d calls", n)
	}
	unreachable := s.Config()
	unreachable.BaseEndpoint = aws.String("http://127.0.0.1:1")
	if _, err := OwnAccount(unreachable)(t.Context()); err == nil || !strings.Contains(err.Error(), "GetCallerIdentity") {
		t.Errorf("unreachable: %v", err)
	}
}
