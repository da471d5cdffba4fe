package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func digestPK(d digest.Digest) string { return "D#" + d.String() }

func childKey(c ledger.Child) key {
	return key{digestPK(c.Digest), c.Index.String() + "#" + c.Repository.Registry + "#" + c.Repository.Name}
}

// childItem says that an index holds a platform's image:
//
//	{
//	  "pk": "D#sha256:090b62e810e6c2de0a2688110faf96173729f85d98d37601155e78997ddb4aec",
//	  "platform": "linux/arm64",
//	  "sk": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17#111122223333.dkr.ecr.us-east-1.amazonaws.com#checkout-api"
//	}
type childItem struct {
	key
	Platform string `dynamodbav:"platform"`
}

func (i childItem) child() (ledger.Child, error) {
	part := strings.SplitN(i.SK, "#", 3)
	if len(part) != 3 {
		return ledger.Child{}, fmt.Errorf("sort key %q: want index#registry#repository", i.SK)
	}
	return ledger.Child{
		Digest:     digest.Digest(strings.TrimPrefix(i.PK, digestPK(""))),
		Index:      digest.Digest(part[0]),
		Repository: tagalong.Repository{Registry: part[1], Name: part[2]},
		Platform:   i.Platform,
	}, nil
}

// putChild needs no condition: what is there is written again, as it was.
func putChild(c ledger.Child) write { return put(childItem{childKey(c), c.Platform}) }

// putChildren puts them, and what they are found by.
func putChildren(children []ledger.Child) []write {
	return slices.Concat(all(children, putChild), all(ledger.NamesOfChildren(children), putName))
}

// RecordChildren records children of indexes, each by itself: whoever sees an index writes
// the same ones, and a transaction with them would be in the way of others.
func (l *Ledger) RecordChildren(ctx context.Context, children []ledger.Child) error {
	return l.putAll(ctx, putChildren(children))
}

// Indexes reads the indexes that hold a platform's image.
func (l *Ledger) Indexes(ctx context.Context, d digest.Digest) ([]ledger.Child, error) {
	q := under(digestPK(d), "")
	q.eventual = true
	return collect(decoded(l.query(ctx, q), childItem.child))
}
