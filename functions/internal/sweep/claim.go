package sweep

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// fought reports whether somebody moves the tag away again and again. Once a week that is
// put to the test.
func fought(t ledger.Tag, actual digest.Digest, now time.Time) bool {
	return t.State == ledger.TagConfirmed && t.Wish.Digest != actual && t.Returned >= ledger.MaxPutBacks && now.Sub(t.CheckedAt) <= ledger.ContestWindow
}
