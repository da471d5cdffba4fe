package sweep

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Scanner says what was found in images: Amazon Inspector, or ECR by its own scans.
type Scanner interface {
	// Scans returns how images of a registry were scanned, each by its digest. It is asked
	// for platforms' images, not for indexes. tagalong.ErrNoAccess says that it may not be
	// asked there.
	Scans(ctx context.Context, registry tagalong.Scope, images []ScannedImage) (map[digest.Digest]ScanResult, error)
	// AtOnce is how many images it takes in a call.
	AtOnce() int
}

// ScannedImage is an image in its repository.
type ScannedImage struct {
	tagalong.Repository
	Digest digest.Digest
}

// String returns REGISTRY/REPOSITORY@DIGEST.
func (i ScannedImage) String() string { return i.Repository.String() + "@" + i.Digest.String() }

// ScanResult is what a scanner says of an image.
type ScanResult struct {
	// Scanned says that it has scanned the image.
	Scanned bool
	// Reason says why it never has or, of one that it has, why it does so no more: then its
	// findings may be gone, and say nothing.
	Reason   string
	Findings []report.Finding
}
