package reactor

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// returned returns how often the tag was put back of late; it was last when it was confirmed
// last. Where somebody was at odds with us, one time more shows whether that goes on.
func returned(t ledger.Tag, now time.Time) int {
	switch {
	case now.Sub(t.CheckedAt) <= ledger.ContestWindow:
		return t.Returned
	case t.Returned >= ledger.MaxPutBacks:
		return ledger.MaxPutBacks - 1
	}
	return 0
}
