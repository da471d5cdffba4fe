package questions_test

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// world is a reactor and the questions to what it has written.
type world struct {
	*reactor.Reactor
	query.Queries
	registry *tagalongtest.Registry
}

// covering are the accounts of both registries, and scopes their Regions.
var covering = tagalongtest.Covering("111122223333", "444455556666")

func scopes(context.Context) ([]tagalong.Scope, error) {
	return []tagalong.Scope{{Account: "111122223333", Region: "us-east-1"}, {Account: "444455556666", Region: "eu-west-1"}}, nil
}

// fixedOn is where the tags that can not move sit.
var fixedOn = image(0).Digest

// world makes the world of a story on an empty ledger.
func (s story) world(ledger tagalongtest.Store) *world {
	registry, workload := &tagalongtest.Registry{}, &tagalongtest.Workload{}
	for _, repository := range ownRepositories {
		for version := range gone {
			registry.Push(repository, image(version), versionTag(version))
			if isIndex(version) {
				for _, m := range platforms(version) {
					registry.Push(repository, m)
				}
			}
		}
	}
	if s.fixed {
		for _, id := range s.everyTag() {
			registry.Push(fixedRepository, image(0), id.Tag)
		}
		registry.Immutable(fixedRepository)
	}
	workload.Elsewhere(s.elsewhere)
	for of, d := range s.deployed {
		workload.Deploy(of.service, of.id, d.reported)
	}
	return &world{
		Reactor:  &reactor.Reactor{Rules: s.rules, Ledger: ledger, Registry: registry, Workload: workload, Now: func() time.Time { return clock }, Coverage: covering},
		Queries:  query.Queries{Records: ledger, Registry: registry, Coverage: covering, Scopes: scopes},
		registry: registry,
	}
}

// tell tells happenings to the reactor, one after the other.
func (w *world) tell(t failer, happenings ...happening) {
	t.Helper()
	for _, h := range happenings {
		if _, err := w.Observe(t.Context(), h.service, h.fact); err != nil {
			t.Fatalf("observing %s %s of %s: %v", h.fact.Subject(), h.fact.Name, h.service, err)
		}
	}
}

// oracle answers what the world is asked.
func (s story) oracle(w *world) oracle {
	return oracle{story: s, rollouts: s.rollouts(), tags: w.registry.Tags}
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

// checkTimes checks a property that often, unless -rapid.checks says otherwise.
func checkTimes(t *testing.T, times int, property func(*rapid.T)) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set(strconv.Itoa(times))
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	rapid.Check(t, property)
}

// tables makes a table for each case.
type tables struct {
	client *dynamodb.Client
	made   int
}

func startTables(t *testing.T) *tables {
	return &tables{client: dynamodb.NewFromConfig(sandboxtest.Start(t).Config())}
}

// with returns f a ledger in a new table, which is deleted in the end.
func (ts *tables) with(t *rapid.T, f func(*dynamo.Ledger)) {
	ts.made++
	table := fmt.Sprintf("ledger-%d", ts.made)
	if _, err := dynamo.Create(t.Context(), ts.client, table); err != nil {
		t.Fatalf("creating %s: %v", table, err)
	}
	defer func() {
		if _, err := ts.client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &table}); err != nil {
			t.Errorf("deleting %s: %v", table, err)
		}
	}()
	f(dynamo.New(ts.client, table))
}
