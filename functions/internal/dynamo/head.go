package dynamo

import (
	"context"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const skHead = "HEAD"

func servicePK(s tagalong.Service) string { return "SVC#" + s.String() }

func headKey(s tagalong.Service) key { return key{servicePK(s), skHead} }

// headItem is what the ledger keeps of a service beside its facts:
//
//	{
//	  "base": {},
//	  "claims": [
//	    {
//	      "at": "2026-03-04T09:18:02.915Z",
//	      "by": "111122223333/us-east-1/prod-cluster/checkout-api#checkout-api",
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "environment": "prod",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api",
//	      "tag": "prod"
//	    },
//	    {
//	      "at": "2026-03-04T09:18:02.915Z",
//	      "by": "111122223333/us-east-1/prod-cluster/checkout-api#checkout-api",
//	      "digest": "sha256:199ddbcf9ebd5fbafa80abdfc03fc5ca58decd3679b62dae111b3efc98a97853",
//	      "environment": "prod",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api",
//	      "tag": "prod-previous"
//	    }
//	  ],
//	  "completeSince": "2026-03-04T08:02:11.480Z",
//	  "environment": "prod",
//	  "last": "F#2026-03-04T09:18:02.915Z#COMPLETED#ecs-svc/7330915268420174663",
//	  "live": {
//	    "ecs-svc/7330915268420174663": {
//	      "containers": [
//	        {
//	          "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	          "evidence": "revision",
//	          "imageTag": "build-42",
//	          "name": "checkout-api",
//	          "read": true,
//	          "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	          "repository": "checkout-api"
//	        }
//	      ],
//	      "environment": "prod",
//	      "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2"
//	    }
//	  },
//	  "named": true,
//	  "pk": "SVC#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "previous": [
//	    {
//	      "container": "checkout-api",
//	      "digest": "sha256:199ddbcf9ebd5fbafa80abdfc03fc5ca58decd3679b62dae111b3efc98a97853",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api"
//	    }
//	  ],
//	  "running": "ecs-svc/7330915268420174663",
//	  "sk": "HEAD",
//	  "steady": "2026-03-04T09:18:02.915Z",
//	  "version": "…"
//	}
type headItem struct {
	key
	Version       string                 `dynamodbav:"version"`
	Base          timelineItem           `dynamodbav:"base"`
	Since         string                 `dynamodbav:"since,omitempty"`
	Live          map[string]detailsItem `dynamodbav:"live,omitempty"`
	Environment   string                 `dynamodbav:"environment,omitempty"`
	Running       string                 `dynamodbav:"running,omitempty"`
	Steady        string                 `dynamodbav:"steady,omitempty"`
	Claims        []claimItem            `dynamodbav:"claims,omitempty"`
	Shared        []tagIDItem            `dynamodbav:"shared,omitempty"`
	Alone         []tagIDItem            `dynamodbav:"alone,omitempty"`
	Previous      []previousImageItem    `dynamodbav:"previous,omitempty"`
	Continues     []string               `dynamodbav:"continues,omitempty"` // names of containers
	Released      []releasedItem         `dynamodbav:"released,omitempty"`
	Last          string                 `dynamodbav:"last,omitempty"` // the sort key of the fact that was written with it
	CompleteSince string                 `dynamodbav:"completeSince,omitempty"`
	Named         bool                   `dynamodbav:"named,omitempty"`
	Rest          *restItem              `dynamodbav:"rest,omitempty"` // while a change is not written whole
}

func toHead(s tagalong.Service, h ledger.Head) headItem {
	i := headItem{
		key:           headKey(s),
		Version:       h.Version,
		Base:          toTimeline(h.Base),
		Since:         formatTime(h.Since),
		Live:          map[string]detailsItem{},
		Environment:   h.Environment,
		Running:       h.Running,
		Steady:        formatTime(h.Steady),
		Claims:        all(h.Claims, toClaim),
		Shared:        all(h.Shared, toTagID),
		Alone:         all(h.Alone, toTagID),
		Previous:      all(h.Previous, toPreviousImage),
		Continues:     h.Continues,
		Released:      all(h.Released, toReleased),
		CompleteSince: formatTime(h.CompleteSince),
		Named:         h.Named,
		Rest:          toRest(h.Rest),
	}
	if h.Last.Name != "" {
		i.Last = factKey(s, h.Last).SK
	}
	for deployment, d := range h.Live {
		i.Live[deployment] = toDetails(d)
	}
	return i
}

func (i headItem) head() (ledger.Head, error) {
	rest, err := i.Rest.rest()
	last, _ := parseFact(i.Last) // "" is none
	h := ledger.Head{
		Version:       i.Version,
		Base:          i.Base.timeline(),
		Since:         parseTime(i.Since),
		Live:          map[string]ledger.Details{},
		Environment:   i.Environment,
		Running:       i.Running,
		Steady:        parseTime(i.Steady),
		Claims:        all(i.Claims, claimItem.claim),
		Shared:        all(i.Shared, tagIDItem.id),
		Alone:         all(i.Alone, tagIDItem.id),
		Previous:      all(i.Previous, previousImageItem.previous),
		Continues:     i.Continues,
		Released:      all(i.Released, releasedItem.released),
		Last:          last,
		CompleteSince: parseTime(i.CompleteSince),
		Named:         i.Named,
		Rest:          rest,
	}
	for deployment, d := range i.Live {
		h.Live[deployment] = d.details()
	}
	return h, err
}

// releasedItem is a tag that the service let go of lately.
type releasedItem struct {
	tagIDItem
	At string `dynamodbav:"at"`
}

func toReleased(r ledger.Released) releasedItem {
	return releasedItem{toTagID(r.Tag), formatTime(r.At)}
}

func (i releasedItem) released() ledger.Released {
	return ledger.Released{Tag: i.id(), At: parseTime(i.At)}
}

// putHead writes a head over the version that was seen, "" for none.
func putHead(s tagalong.Service, seen string, h ledger.Head) write {
	return put(toHead(s, h)).when(still(seen))
}

// still holds while an item has a version, or is not there, for "".
func still(version string) condition {
	if version == "" {
		return absent
	}
	return condition{"#version = :seen", item{":seen": text(version)}}
}

// headPage is as many items as a window of facts has, the head, and one more,
// behind which DynamoDB knows that nothing of the window is left.
const headPage = 18

// Load reads head and window in one Query.
func (l *Ledger) Load(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	return l.load(ctx, windowOf(s))
}

// LoadState reads the same for half the price.
func (l *Ledger) LoadState(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	q := windowOf(s)
	q.eventual = true
	return l.load(ctx, q)
}

// HeadStates reads heads alone, a hundred in a call.
func (l *Ledger) HeadStates(ctx context.Context, services []tagalong.Service) (map[tagalong.Service]ledger.Head, error) {
	of, heads := map[string]tagalong.Service{}, map[tagalong.Service]ledger.Head{}
	for _, s := range services {
		of[servicePK(s)] = s
	}
	for i, err := range l.getEventually(ctx, all(services, headKey)...) {
		if err != nil {
			return nil, err
		}
		head, err := decode(i, headItem.head)
		if err != nil {
			return nil, err
		}
		heads[of[textOf(i, "pk")]] = head
	}
	return heads, nil
}

// LoadWhole reads head and all facts.
func (l *Ledger) LoadWhole(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	return l.load(ctx, serviceHistory(s))
}

// serviceHistory asks for the head and the facts backward: facts sort before it, rollouts
// behind it. A window is its beginning.
func serviceHistory(s tagalong.Service) query {
	return query{pk: servicePK(s), from: prefixFact, to: skHead, backward: true}
}

func windowOf(s tagalong.Service) query {
	q := serviceHistory(s)
	q.limit = headPage
	return q
}

// tornAttempts bound the waiting for a fact that has gone for good, by somebody's hand.
const tornAttempts = 5

func (l *Ledger) load(ctx context.Context, q query) (ledger.Snapshot, error) {
	for attempt := 0; ; attempt++ {
		if err := backoff.Wait(ctx, attempt); err != nil {
			return ledger.Snapshot{}, err
		}
		snap, err := l.loadOnce(ctx, q)
		if err != nil || !torn(snap) || attempt == tornAttempts {
			return snap, err
		}
	}
}

// torn reports whether the head was read with a transaction of which the fact was
// not: a Query may show half of one,
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html.
func torn(snap ledger.Snapshot) bool {
	last := snap.Head.Last
	return last.Name != "" && !last.Time.Before(snap.Head.Since) && !slices.ContainsFunc(snap.Facts, func(f tagalong.Fact) bool {
		return f.Subject() == last.Subject() && f.Name == last.Name && f.Time.Equal(last.Time)
	})
}

// loadOnce reads the head and, of the facts, all or those of its window.
func (l *Ledger) loadOnce(ctx context.Context, q query) (ledger.Snapshot, error) {
	whole := q.limit == 0
	snap := ledger.Snapshot{Whole: whole}
	for i, err := range l.query(ctx, q) {
		if err != nil {
			return ledger.Snapshot{}, err
		}
		if textOf(i, "sk") == skHead {
			if snap.Head, err = decode(i, headItem.head); err != nil {
				return ledger.Snapshot{}, err
			}
			continue
		}
		fact, err := decode(i, factItem.fact)
		if err != nil {
			return ledger.Snapshot{}, err
		}
		if !whole && fact.Time.Before(snap.Head.Since) {
			break
		}
		snap.Facts = append(snap.Facts, fact)
	}
	slices.Reverse(snap.Facts)
	return snap, nil
}
