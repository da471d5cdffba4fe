package dynamo

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

func jobKey(id string) key { return key{"JOB#" + id, "JOB"} }

// jobItem is the promotion of a job as it was first seen:
//
//	{
//	  "at": "2026-03-04T09:12:07.511Z",
//	  "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "expires": 1775208001,
//	  "pk": "JOB#6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63",
//	  "sk": "JOB"
//	}
type jobItem struct {
	key
	At      string        `dynamodbav:"at"`
	Digest  digest.Digest `dynamodbav:"digest"`
	Expires int64         `dynamodbav:"expires"`
}

func (i jobItem) firstSeen() (ledger.FirstSeen, error) {
	return ledger.FirstSeen{Digest: i.Digest, At: parseTime(i.At)}, nil
}

// RecordFirstSeen records the first time that a job was seen, or returns the one that is recorded already.
func (l *Ledger) RecordFirstSeen(ctx context.Context, job string, first ledger.FirstSeen, expires time.Time) (ledger.FirstSeen, error) {
	known, err := l.putIfAbsent(ctx, jobItem{jobKey(job), formatTime(first.At), first.Digest, epoch(expires)})
	if known == nil {
		return first, err
	}
	return decode(known, jobItem.firstSeen)
}

// FirstSeen reads what Date has recorded, consistently.
func (l *Ledger) FirstSeen(ctx context.Context, job string) (s ledger.FirstSeen, seen bool, err error) {
	for s, err := range decoded(l.get(ctx, jobKey(job)), jobItem.firstSeen) {
		return s, err == nil, err
	}
	return ledger.FirstSeen{}, false, nil
}
