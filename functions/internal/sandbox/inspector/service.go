// Package inspector is Amazon Inspector in the sandbox, as far as it is asked about images
// of ECR: what it has found in them, and how it scans them.
package inspector

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Options of an Inspector.
type Options struct {
	Home wire.Scope       // where a scope with empty fields is
	Now  func() time.Time // the clock of lastScannedAt
}

// Service is Inspector in all accounts and Regions. It is safe for concurrent use.
type Service struct {
	wire.Faults // Deny, Permit and Throttle

	options Options

	mu     sync.Mutex
	images map[wire.Scope]map[string]*image // by ARN
}

// Finding is what Inspector has found in an image.
type Finding struct {
	ID       string
	Aliases  []string
	Severity string // such as CRITICAL
	EPSS     float64
	Packages []Package
}

// Package is one that is vulnerable. FixedIn is NotAvailable where nothing fixes it.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	FixedIn string `json:"fixedInVersion,omitempty"`
}

// image is one that Inspector knows.
type image struct {
	arn, repository string
	digest          digest.Digest
	status, reason  string // ACTIVE or INACTIVE, and why
	scannedAt       time.Time
	findings        []Finding
}

// New makes an Inspector that knows no image.
func New(options Options) *Service {
	return &Service{options: options, images: map[wire.Scope]map[string]*image{}}
}

// Scan has Inspector scan an image, and find exactly this in it. Empty fields of the scope
// mean its home.
func (s *Service) Scan(scope wire.Scope, repository string, d digest.Digest, found ...Finding) {
	s.set(scope, repository, d, func(i *image) {
		i.status, i.reason, i.scannedAt, i.findings = "ACTIVE", "SUCCESSFUL", s.options.Now(), found
	})
}

// Stop has Inspector scan an image no more, for a reason such as SCAN_ELIGIBILITY_EXPIRED,
// and close what it has found; one that it never scanned it never does.
func (s *Service) Stop(scope wire.Scope, repository string, d digest.Digest, reason string) {
	s.set(scope, repository, d, func(i *image) { i.status, i.reason, i.findings = "INACTIVE", reason, nil })
}

// Forget has Inspector not know an image any more.
func (s *Service) Forget(scope wire.Scope, repository string, d digest.Digest) {
	scope = scope.Or(s.options.Home)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.images[scope], arnOf(scope, repository, d))
}

func (s *Service) set(scope wire.Scope, repository string, d digest.Digest, change func(*image)) {
	scope = scope.Or(s.options.Home)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.images[scope] == nil {
		s.images[scope] = map[string]*image{}
	}
	arn := arnOf(scope, repository, d)
	if s.images[scope][arn] == nil {
		s.images[scope][arn] = &image{arn: arn, repository: repository, digest: d}
	}
	change(s.images[scope][arn])
}

func arnOf(scope wire.Scope, repository string, d digest.Digest) string {
	return scope.ARN("ecr", "repository/"+repository+"/"+d.String())
}

var operations = wire.Operations[*Service]{
	"ListFindings": wire.Op((*Service).listFindings),
	"ListCoverage": wire.Op((*Service).listCoverage),
}

// Paths are those of the operations: Inspector speaks REST, with JSON in each body.
var Paths = map[string]string{"/findings/list": "ListFindings", "/coverage/list": "ListCoverage"}

// Call answers one request, as wire.Service asks.
func (s *Service) Call(caller wire.Caller, operation string, body []byte) (any, error) {
	if err := s.Check("inspector2", operation, caller); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return operations.Call(s, caller, operation, body)
}

// filter selects by a text.
type filter struct {
	Comparison string `json:"comparison"`
	Value      string `json:"value"`
}

// maxFilters is how many values a filter takes.
const maxFilters = 10

func check(name string, filters []filter) error {
	if len(filters) > maxFilters {
		return invalid("filterCriteria.%s: %d values, at most %d", name, len(filters), maxFilters)
	}
	for _, f := range filters {
		if f.Comparison != "EQUALS" {
			return invalid("filterCriteria.%s: comparison %q is not known to the sandbox", name, f.Comparison)
		}
	}
	return nil
}

// passes reports whether one of the filters equals a text; none takes all.
func passes(filters []filter, text string) bool {
	return len(filters) == 0 || slices.Contains(filters, filter{"EQUALS", text})
}

func invalid(format string, args ...any) error {
	return &wire.Error{Code: "ValidationException", Message: fmt.Sprintf(format, args...), Members: map[string]any{"reason": "FIELD_VALIDATION_FAILED"}}
}

// paging is the part of an input that asks for a page.
type paging struct {
	NextToken  string `json:"nextToken"`
	MaxResults *int   `json:"maxResults"`
}
