package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	directory         = "DIR"
	prefixEnvironment = "E#"
	prefixService     = "S#"
)

// prefixServiceOf begins the sort keys of an environment's services.
func prefixServiceOf(environment string) string { return "ES#" + environment + "#" }

// directoryItem names a service and since when it is known, an environment, or a
// service of an environment:
//
//	{
//	  "completeSince": "2026-03-04T08:02:11.480Z",
//	  "pk": "DIR",
//	  "sk": "S#111122223333/us-east-1/prod-cluster/checkout-api"
//	}
type directoryItem struct {
	key
	CompleteSince string `dynamodbav:"completeSince,omitempty"`
}

func (i directoryItem) service() (ledger.SeenService, error) {
	s, err := tagalong.ParseService(strings.TrimPrefix(i.SK, prefixService))
	return ledger.SeenService{Service: s, CompleteSince: parseTime(i.CompleteSince)}, err
}

// What is listed stays, and is listed again as it was: no condition.

func listService(s tagalong.Service, since time.Time) write {
	return put(directoryItem{key{directory, prefixService + s.String()}, formatTime(since)})
}

func listEnvironment(name string) write {
	return put(directoryItem{key: key{directory, prefixEnvironment + name}})
}

func listServiceOf(environment string, s tagalong.Service) write {
	return put(directoryItem{key: key{directory, prefixServiceOf(environment) + s.String()}})
}

// Seen reads all services.
func (l *Ledger) Seen(ctx context.Context) ([]ledger.SeenService, error) {
	return collect(decoded(l.query(ctx, listed(prefixService)), directoryItem.service))
}

// Environments reads the names of all environments.
func (l *Ledger) Environments(ctx context.Context) ([]string, error) {
	return collect(decoded(l.query(ctx, listed(prefixEnvironment)), func(i directoryItem) (string, error) {
		return strings.TrimPrefix(i.SK, prefixEnvironment), nil
	}))
}

// Services reads the services that were ever in an environment, "" for all.
func (l *Ledger) Services(ctx context.Context, environment string) ([]tagalong.Service, error) {
	prefix := prefixService
	if environment != "" {
		prefix = prefixServiceOf(environment)
	}
	return collect(decoded(l.query(ctx, listed(prefix)), func(i directoryItem) (tagalong.Service, error) {
		return tagalong.ParseService(strings.TrimPrefix(i.SK, prefix))
	}))
}

func listed(prefix string) query {
	q := under(directory, prefix)
	q.eventual = true
	return q
}
