package ledger

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// PromotionWrite is the write set of a promotion of one tag.
type PromotionWrite struct {
	// Tag is nil if the promotion has been overtaken: then only the release keeps it.
	Tag *TagWrite
	Promoting
	Release tagalong.Release
	Expires time.Time // when the release forgets it; zero: never
}

// Promoting says that an execution promoted an image.
type Promoting struct {
	Claim        // on the tag
	Job   string // that asked for it
	Stage string
}

// FirstSeen is what a job was when the ledger first saw it. A job that is run again is
// the same promotion, wherever the tag that it names its image by sits by then.
type FirstSeen struct {
	Digest digest.Digest
	At     time.Time // UTC, milliseconds
}
