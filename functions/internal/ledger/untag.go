package ledger

import (
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// PendingUntag are tags that stayed in ECR as their service was retired.
type PendingUntag struct {
	ID      string // a unique value that its writer made up
	Service tagalong.Service
	Tags    []UntagTarget
}

// UntagTarget is a tag that nobody claims any more.
type UntagTarget struct {
	ID          tagalong.TagID
	Digest      digest.Digest // where it was confirmed last
	Environment string
}
