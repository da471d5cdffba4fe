// Package inspector asks Amazon Inspector what it has found in images of ECR.
package inspector

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/inspector2"
	"github.com/aws/aws-sdk-go-v2/service/inspector2/types"
	"github.com/aws/smithy-go"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Scanner is Inspector in all accounts and Regions that the configurations reach. It is
// safe for concurrent use.
type Scanner struct {
	clients *clients.Clients[inspector2.Client]
}

var _ sweep.Scanner = (*Scanner)(nil)

// New makes a Scanner; clients are made when they are first needed.
func New(configs clients.Configs) *Scanner {
	return &Scanner{clients.New(configs, inspector2.NewFromConfig)}
}

// maxValues is how many values a filter takes, and maxResults how many findings a page has,
// https://docs.aws.amazon.com/inspector/v2/APIReference/API_FilterCriteria.html.
const (
	maxValues  = 10
	maxResults = 100
)

// AtOnce implements sweep.Scanner.
func (s *Scanner) AtOnce() int { return maxValues }

// Scans implements sweep.Scanner. Findings alone do not tell an image without any from one
// that was never scanned: of such images it asks how Inspector covers them.
func (s *Scanner) Scans(ctx context.Context, registry tagalong.Scope, images []sweep.ScannedImage) (map[digest.Digest]sweep.ScanResult, error) {
	client, err := s.clients.Of(ctx, registry.Account, registry.Region)
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", registry, err)
	}
	results, err := findings(ctx, client, images)
	if err != nil {
		return nil, fmt.Errorf("listing findings of %s: %w", registry, refused(err))
	}
	var without []sweep.ScannedImage
	for _, image := range images {
		if len(results[image.Digest].Findings) == 0 {
			without = append(without, image)
		}
	}
	if err := addCoverage(ctx, client, registry, without, results); err != nil {
		return nil, fmt.Errorf("listing coverage of %s: %w", registry, refused(err))
	}
	return results, nil
}

// refused returns an error that says that Inspector may not be asked, or is not there.
func refused(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "AccessDeniedException" {
		return fmt.Errorf("%w: %w", tagalong.ErrNoAccess, err)
	}
	return err
}

// findings reads all that are active. An image in two repositories has each of them twice.
func findings(ctx context.Context, client *inspector2.Client, images []sweep.ScannedImage) (map[digest.Digest]sweep.ScanResult, error) {
	criteria := types.FilterCriteria{FindingStatus: []types.StringFilter{{Comparison: types.StringComparisonEquals, Value: aws.String("ACTIVE")}}}
	asked := map[string]bool{}
	for _, image := range images {
		if hash := image.Digest.String(); !asked[hash] {
			asked[hash] = true
			criteria.EcrImageHash = append(criteria.EcrImageHash, types.StringFilter{Comparison: types.StringComparisonEquals, Value: &hash})
		}
	}
	results := map[digest.Digest]sweep.ScanResult{}
	pages := inspector2.NewListFindingsPaginator(client, &inspector2.ListFindingsInput{FilterCriteria: &criteria, MaxResults: aws.Int32(maxResults)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range page.Findings {
			for _, d := range imagesOf(f) {
				if asked[d.String()] {
					results[d] = sweep.ScanResult{Scanned: true, Findings: append(results[d].Findings, inPackages(f)...)}
				}
			}
		}
	}
	return results, nil
}

func imagesOf(f types.Finding) (digests []digest.Digest) {
	for _, resource := range f.Resources {
		if details := resource.Details; details != nil && details.AwsEcrContainerImage != nil {
			digests = append(digests, digest.Digest(aws.ToString(details.AwsEcrContainerImage.ImageHash)))
		}
	}
	return digests
}

// inPackages returns a finding once for each package. One that is about none, such as
// one in code, is no vulnerability that others know by its id.
func inPackages(f types.Finding) []report.Finding {
	details := f.PackageVulnerabilityDetails
	if details == nil {
		return nil
	}
	finding := report.Finding{ID: aws.ToString(details.VulnerabilityId), Aliases: details.RelatedVulnerabilities, Severity: report.SeverityOf(string(f.Severity))}
	if f.Epss != nil {
		finding.EPSS = &f.Epss.Score
	}
	var packages []report.VulnerablePackage
	for _, p := range details.VulnerablePackages {
		packages = append(packages, report.VulnerablePackage{Name: aws.ToString(p.Name), Version: aws.ToString(p.Version), FixedInVersion: aws.ToString(p.FixedInVersion)})
	}
	return report.Inspected(finding, packages)
}

// addCoverage says of images without findings how they are scanned.
func addCoverage(ctx context.Context, client *inspector2.Client, registry tagalong.Scope, images []sweep.ScannedImage, results map[digest.Digest]sweep.ScanResult) error {
	if len(images) == 0 {
		return nil
	}
	named := map[string]digest.Digest{}
	var criteria types.CoverageFilterCriteria
	for _, image := range images {
		arn := tagalong.Arn("ecr", registry.Account, registry.Region, "repository/"+image.Name+"/"+image.Digest.String())
		named[arn] = image.Digest
		criteria.ResourceId = append(criteria.ResourceId, types.CoverageStringFilter{Comparison: types.CoverageStringComparisonEquals, Value: &arn})
		results[image.Digest] = sweep.ScanResult{Reason: "Amazon Inspector has never scanned it"}
	}
	pages := inspector2.NewListCoveragePaginator(client, &inspector2.ListCoverageInput{FilterCriteria: &criteria})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, covered := range page.CoveredResources {
			if d, ok := named[aws.ToString(covered.ResourceId)]; ok && !results[d].Scanned {
				results[d] = coverage(covered)
			}
		}
	}
	return nil
}

// coverage is what it means how Inspector covers an image that has no findings: only of one
// that it scans it means that there are none.
func coverage(covered types.CoveredResource) sweep.ScanResult {
	result := sweep.ScanResult{Scanned: covered.LastScannedAt != nil}
	if status := covered.ScanStatus; status == nil || status.StatusCode != types.ScanStatusCodeActive || !result.Scanned {
		result.Reason = "Amazon Inspector does not scan it"
		if status != nil {
			result.Reason = fmt.Sprintf("Amazon Inspector does not scan it: %s %s", status.StatusCode, status.Reason)
		}
	}
	return result
}
