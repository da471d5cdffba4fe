package ledger

import (
	"context"
	"iter"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/report"
)

// Scan says how an image was scanned: a platform's, or one that has no platforms.
type Scan struct {
	Digest digest.Digest
	// Platforms are the images that an index holds. They are scanned, and the index is not.
	Platforms []digest.Digest
	// Scanned says that the scanner knows the image, or did: that it has no findings is then
	// an answer.
	Scanned bool
	// Reason says why it was never scanned or, of one that was, why it is no more: then its
	// findings are those that were known last.
	Reason string
	Since  time.Time // since when all of that is so
	// Critical and High are the ids of the findings that it has of these severities.
	Critical, High []string
	// Sum is that of all findings that it has: while it stays the same they do.
	Sum     string
	Expires time.Time
}

// Finding is what a scanner has found in an image.
type Finding struct {
	report.Finding
	FirstSeen time.Time
	// Gone is when the scanner was first asked and had it no more, though it still scans the
	// image; zero while it has it.
	Gone    time.Time
	Expires time.Time
}

// Affected is an image that has a finding, or had it.
type Affected struct {
	Digest digest.Digest
	ID     string // of the finding, in capitals
}

// Exposure is a critical finding of something that is in use in an environment.
type Exposure struct {
	Environment string
	ID          string
	Since       time.Time // when it was announced
}

// FindingReader says what scanners have found, as far as sweeps have asked them.
type FindingReader interface {
	// Scans returns how images were scanned; those of which nothing is known are left out.
	Scans(ctx context.Context, digests []digest.Digest) (map[digest.Digest]Scan, error)
	// Findings returns those of an image, in the order of their ids; with an id only those
	// of that one, whatever its case.
	Findings(ctx context.Context, d digest.Digest, id string) iter.Seq2[Finding, error]
	// Affected returns the images with a finding that has a name, its id or another one of it,
	// whatever its case, in the order of their digests.
	Affected(ctx context.Context, name string) iter.Seq2[Affected, error]
}

// Findings holds what scanners have found, and what of it was announced.
type Findings interface {
	FindingReader
	// SetScan writes how an image was scanned, and behind that no transaction stands: first
	// those of its findings that have changed, then the scan with its Sum. One that ends in
	// between is written again as the next sweep finds another Sum.
	SetScan(ctx context.Context, s Scan, changed []Finding) error
	// RecordChildren writes which platforms' images indexes hold, so that what was found in
	// one of these finds who runs the index. What is there is written again, as it was.
	RecordChildren(ctx context.Context, children []Child) error
	// Exposures returns what was announced and is not over, in the order of environment and id.
	Exposures(ctx context.Context) iter.Seq2[Exposure, error]
	SetExposure(ctx context.Context, e Exposure) error
	// DropExposure takes one away. What is gone already is no error.
	DropExposure(ctx context.Context, e Exposure) error
}
