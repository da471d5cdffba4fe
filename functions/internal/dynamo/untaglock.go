package dynamo

import (
	"context"
	"time"
)

// What sweeps write of themselves lies apart from the tags that are to be removed.
const sweeps = "SWEEP"

var untagLockKey = key{sweeps, "UNTAG"}

// untagLockItem says who removes tags, and until when nobody else may:
//
//	{
//	  "by": "…",
//	  "pk": "SWEEP",
//	  "sk": "UNTAG",
//	  "until": "2026-03-04T09:40:01.312Z"
//	}
type untagLockItem struct {
	key
	By    string `dynamodbav:"by"`
	Until string `dynamodbav:"until"`
}

// LockUntag takes the lock if nobody has it, its time is over, or it is one's own.
func (l *Ledger) LockUntag(ctx context.Context, by string, now, until time.Time) error {
	return l.put(ctx, put(untagLockItem{untagLockKey, by, formatTime(until)}).when(condition{
		"attribute_not_exists(#until) OR #until <= :now OR #by = :by",
		item{":now": text(formatTime(now)), ":by": text(by)},
	}))
}
