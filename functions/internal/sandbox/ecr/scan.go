package ecr

import (
	"cmp"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// ScanFinding is what a basic scan has found in an image.
type ScanFinding struct {
	Name       string      `json:"name"`
	Severity   string      `json:"severity"` // such as CRITICAL
	Attributes []Attribute `json:"attributes,omitempty"`
}

// Attribute is more about a finding, such as its package_name.
type Attribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// scan is the result of an image's scan.
type scan struct {
	status   string
	findings []ScanFinding
}

// SetScan has an image scanned, with a status such as COMPLETE or UNSUPPORTED_IMAGE.
func (h *Repository) SetScan(d digest.Digest, status string, found ...ScanFinding) {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	h.repo.scans[d] = scan{status, found}
}

type scanFindingsInput struct {
	target
	NextToken  string  `json:"nextToken"`
	MaxResults *int    `json:"maxResults"`
	ID         imageID `json:"imageId"`
}

type scanFindingsOutput struct {
	target
	ID     imageID `json:"imageId"`
	Status struct {
		Status      string `json:"status"`
		Description string `json:"description"`
	} `json:"imageScanStatus"`
	Findings *struct {
		Findings []numbered `json:"findings"`
	} `json:"imageScanFindings,omitempty"`
	NextToken string `json:"nextToken,omitempty"`
}

// numbered is a finding in the order of the scan.
type numbered struct {
	ScanFinding
	order int
}

var findingPages = wire.Pager[numbered]{
	Name: "DescribeImageScanFindings", Max: 1000, Size: 100,
	Key: func(f numbered) string { return fmt.Sprintf("%012d", f.order) },
}

// describeImageScanFindings is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html.
func (r *Registry) describeImageScanFindings(caller wire.Caller, in scanFindingsInput) (scanFindingsOutput, error) {
	none := scanFindingsOutput{}
	repo, err := r.find(caller, in.target, "DescribeImageScanFindings")
	if err != nil {
		return none, err
	}
	img, f := repo.lookup(in.ID)
	if f != nil {
		return none, repo.notFound(f)
	}
	scanned, ok := repo.scans[img.digest]
	if !ok {
		return none, wire.Errorf("ScanNotFoundException", "Image scan does not exist for the image with '%s' in the repository with name '%s' in the registry with id '%s'",
			fmt.Sprintf("{imageDigest:'%s', imageTag:'%s'}", img.digest, cmp.Or(in.ID.Tag, "null")), repo.name, repo.scope.Account)
	}
	out := scanFindingsOutput{target: target{repo.scope.Account, repo.name}, ID: imageID{Digest: img.digest}}
	out.Status.Status, out.Status.Description = scanned.status, "The scan is "+scanned.status+"."
	if scanned.status != "COMPLETE" {
		return out, nil
	}
	var all []numbered
	for i, finding := range scanned.findings {
		all = append(all, numbered{finding, i})
	}
	page, next, ok := findingPages.Page(all, in.MaxResults, in.NextToken)
	if !ok {
		return none, invalid("Invalid parameter at 'maxResults' or 'nextToken'")
	}
	out.Findings, out.NextToken = &struct {
		Findings []numbered `json:"findings"`
	}{page}, next
	return out, nil
}
