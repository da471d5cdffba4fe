package ecr

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Scanner reads what ECR's scans have found, the basic ones and those that Inspector makes
// for ECR.
type Scanner struct{ registry *Registry }

var _ sweep.Scanner = Scanner{}

// NewScanner returns the Scanner of a Registry.
func NewScanner(r *Registry) Scanner { return Scanner{r} }

// scansAtOnce is how many images are asked for, one after the other, before they are
// written down.
const scansAtOnce = 10

// AtOnce implements sweep.Scanner.
func (Scanner) AtOnce() int { return scansAtOnce }

// Scans implements sweep.Scanner, with a call for each image.
func (s Scanner) Scans(ctx context.Context, _ tagalong.Scope, images []sweep.ScannedImage) (map[digest.Digest]sweep.ScanResult, error) {
	results := map[digest.Digest]sweep.ScanResult{}
	for _, image := range images {
		result, err := s.scan(ctx, image)
		if err != nil {
			return nil, fmt.Errorf("reading the scan of %s: %w", image, refused(err))
		}
		if !results[image.Digest].Scanned { // in another repository it may have been
			results[image.Digest] = result
		}
	}
	return results, nil
}

// scan reads all pages of an image's findings,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html.
func (s Scanner) scan(ctx context.Context, image sweep.ScannedImage) (sweep.ScanResult, error) {
	t, err := s.registry.target(ctx, image.Repository)
	if err != nil {
		return sweep.ScanResult{}, err
	}
	var result sweep.ScanResult
	pages := ecr.NewDescribeImageScanFindingsPaginator(t.Client, &ecr.DescribeImageScanFindingsInput{
		RegistryId: t.registryID, RepositoryName: t.name, MaxResults: aws.Int32(1000),
		ImageId: &types.ImageIdentifier{ImageDigest: aws.String(image.Digest.String())},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unscanned(err)
		}
		result.Scanned, result.Reason = scanStatus(page.ImageScanStatus)
		result.Findings = append(result.Findings, findingsOf(page.ImageScanFindings)...)
	}
	return result, nil
}

// unscanned is what it means that there is no scan: never scanned, and not without findings.
func unscanned(err error) (sweep.ScanResult, error) {
	switch {
	case is[*types.ScanNotFoundException](err):
		return sweep.ScanResult{Reason: "it was never scanned"}, nil
	case is[*types.ImageNotFoundException](err), is[*types.RepositoryNotFoundException](err):
		return sweep.ScanResult{Reason: "it is not in its repository"}, nil
	}
	return sweep.ScanResult{}, err
}

// scanStatus returns whether an image was scanned, and why it is not, or no more.
func scanStatus(status *types.ImageScanStatus) (scanned bool, reason string) {
	if status == nil {
		return false, "ECR tells no status of its scan"
	}
	reason = fmt.Sprintf("its scan is %s: %s", status.Status, aws.ToString(status.Description))
	switch status.Status {
	case types.ScanStatusComplete, types.ScanStatusActive:
		return true, ""
	case types.ScanStatusScanEligibilityExpired, types.ScanStatusImageArchived, types.ScanStatusFindingsUnavailable:
		return true, reason
	}
	return false, reason
}

func findingsOf(found *types.ImageScanFindings) (all []report.Finding) {
	if found == nil {
		return nil
	}
	for _, f := range found.Findings {
		attributes := map[string]string{}
		for _, a := range f.Attributes {
			attributes[aws.ToString(a.Key)] = aws.ToString(a.Value)
		}
		all = append(all, report.BasicFinding(aws.ToString(f.Name), string(f.Severity), attributes))
	}
	for _, f := range found.EnhancedFindings {
		if details := f.PackageVulnerabilityDetails; details != nil && aws.ToString(f.Status) != "CLOSED" {
			all = append(all, report.Inspected(enhanced(f), packages(details.VulnerablePackages))...)
		}
	}
	return all
}

func enhanced(f types.EnhancedImageScanFinding) report.Finding {
	return report.Finding{
		ID:       aws.ToString(f.PackageVulnerabilityDetails.VulnerabilityId),
		Aliases:  f.PackageVulnerabilityDetails.RelatedVulnerabilities,
		Severity: report.SeverityOf(aws.ToString(f.Severity)),
	}
}

func packages(vulnerable []types.VulnerablePackage) (all []report.VulnerablePackage) {
	for _, p := range vulnerable {
		all = append(all, report.VulnerablePackage{Name: aws.ToString(p.Name), Version: aws.ToString(p.Version), FixedInVersion: aws.ToString(p.FixedInVersion)})
	}
	return all
}
