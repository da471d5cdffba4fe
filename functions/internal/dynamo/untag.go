package dynamo

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const pendingUntags = "STALE"

func pendingUntagKey(s ledger.PendingUntag) key {
	return key{pendingUntags, s.Service.String() + "#" + s.ID}
}

// pendingUntagItem holds the tags that a service left behind in ECR:
//
//	{
//	  "pk": "STALE",
//	  "sk": "111122223333/us-east-1/prod-cluster/cart#…",
//	  "tags": [
//	    {
//	      "digest": "sha256:a5922a28816c1d5343caaf7646f78a2124344dc3004bf2357f4dcebbf5b4b867",
//	      "environment": "prod",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "cart",
//	      "tag": "prod"
//	    }
//	  ]
//	}
type pendingUntagItem struct {
	key
	Tags []untagItem `dynamodbav:"tags"`
}

type untagItem struct {
	tagIDItem
	Digest      string `dynamodbav:"digest"`
	Environment string `dynamodbav:"environment"`
}

func (i pendingUntagItem) pending() (ledger.PendingUntag, error) {
	service, id, found := strings.Cut(i.SK, "#")
	if !found {
		return ledger.PendingUntag{}, fmt.Errorf("sort key %q: want service#id", i.SK)
	}
	s, err := tagalong.ParseService(service)
	return ledger.PendingUntag{ID: id, Service: s, Tags: all(i.Tags, untagItem.tag)}, err
}

func toUntag(t ledger.UntagTarget) untagItem {
	return untagItem{toTagID(t.ID), t.Digest.String(), t.Environment}
}

func (i untagItem) tag() ledger.UntagTarget {
	return ledger.UntagTarget{ID: i.id(), Digest: digest.Digest(i.Digest), Environment: i.Environment}
}

// putPendingUntag needs no condition: its id is its writer's own, and afterwards only the
// sweep with the lock (untaglock.go) writes it.
func putPendingUntag(s ledger.PendingUntag) write {
	return put(pendingUntagItem{pendingUntagKey(s), all(s.Tags, toUntag)})
}

// PendingUntags reads all that retired services left behind.
func (l *Ledger) PendingUntags(ctx context.Context) iter.Seq2[ledger.PendingUntag, error] {
	return decoded(l.query(ctx, under(pendingUntags, "")), pendingUntagItem.pending)
}

// SetPendingUntag writes what is left of it.
func (l *Ledger) SetPendingUntag(ctx context.Context, s ledger.PendingUntag) error {
	if len(s.Tags) == 0 {
		return l.delete(ctx, pendingUntagKey(s))
	}
	return l.put(ctx, putPendingUntag(s))
}
