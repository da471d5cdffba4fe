package dynamo

import "context"

var cursorKey = key{sweeps, "CURSOR"}

// cursorItem is how far the sweeps on the schedule have come:
//
//	{
//	  "cursor": "…",
//	  "pk": "SWEEP",
//	  "sk": "CURSOR"
//	}
type cursorItem struct {
	key
	Cursor string `dynamodbav:"cursor"`
}

func (i cursorItem) cursor() (string, error) { return i.Cursor, nil }

// Cursor reads it, "" if there is none.
func (l *Ledger) Cursor(ctx context.Context) (string, error) {
	for cursor, err := range decoded(l.get(ctx, cursorKey), cursorItem.cursor) {
		return cursor, err
	}
	return "", nil
}

// SetCursor needs no condition: the sweep that came last tells.
func (l *Ledger) SetCursor(ctx context.Context, cursor string) error {
	return l.put(ctx, put(cursorItem{cursorKey, cursor}))
}
