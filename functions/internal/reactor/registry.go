package reactor

import (
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// absent is the verdict on a wish whose image the registry does not give.
func absent(i tagalong.Images, d digest.Digest) ledger.Verdict {
	if err := i.Refused[d.String()]; err != nil {
		return ledger.Verdict{State: ledger.TagBlocked, Reason: err.Error()}
	}
	return ledger.Verdict{State: ledger.TagMissing, Reason: fmt.Sprintf("image %s is not in the repository any more", d)}
}
