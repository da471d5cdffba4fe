package inspector

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type listFindingsInput struct {
	paging
	Criteria struct {
		Digests  []filter `json:"ecrImageHash"`
		Statuses []filter `json:"findingStatus"`
	} `json:"filterCriteria"`
}

type listFindingsOutput struct {
	Findings  []findingItem `json:"findings"`
	NextToken string        `json:"nextToken,omitempty"`
}

// findingItem is https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html.
type findingItem struct {
	ARN       string         `json:"findingArn"`
	Account   string         `json:"awsAccountId"`
	Type      string         `json:"type"`
	Status    string         `json:"status"`
	Severity  string         `json:"severity"`
	EPSS      *epss          `json:"epss,omitempty"`
	FirstSeen *wire.Time     `json:"firstObservedAt"`
	LastSeen  *wire.Time     `json:"lastObservedAt"`
	Resources []resourceItem `json:"resources"`
	Details   detailsItem    `json:"packageVulnerabilityDetails"`
}

type epss struct {
	Score float64 `json:"score"`
}

type resourceItem struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Details struct {
		Image struct {
			Hash       digest.Digest `json:"imageHash"`
			Registry   string        `json:"registry"`
			Repository string        `json:"repositoryName"`
		} `json:"awsEcrContainerImage"`
	} `json:"details"`
}

type detailsItem struct {
	ID       string    `json:"vulnerabilityId"`
	Source   string    `json:"source"`
	Related  []string  `json:"relatedVulnerabilities"`
	Packages []Package `json:"vulnerablePackages"`
}

var findingPages = wire.Pager[findingItem]{Name: "ListFindings", Max: 100, Size: 100, Key: func(f findingItem) string { return f.ARN }}

// listFindings is
// https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html.
func (s *Service) listFindings(caller wire.Caller, in listFindingsInput) (listFindingsOutput, error) {
	if err := check("ecrImageHash", in.Criteria.Digests); err != nil {
		return listFindingsOutput{}, err
	}
	if err := check("findingStatus", in.Criteria.Statuses); err != nil {
		return listFindingsOutput{}, err
	}
	var all []findingItem
	for _, i := range s.images[caller.Scope] {
		if !passes(in.Criteria.Digests, i.digest.String()) || !passes(in.Criteria.Statuses, "ACTIVE") {
			continue
		}
		for _, f := range i.findings {
			all = append(all, i.item(caller.Scope, f))
		}
	}
	page, next, ok := findingPages.Page(all, in.MaxResults, in.NextToken)
	if !ok {
		return listFindingsOutput{}, invalid("maxResults or nextToken")
	}
	return listFindingsOutput{page, next}, nil
}

func (i *image) item(scope wire.Scope, f Finding) findingItem {
	item := findingItem{
		ARN:     scope.ARN("inspector2", "finding/"+wire.Hex(32, i.arn, f.ID, fmt.Sprint(f.Packages))),
		Account: scope.Account, Type: "PACKAGE_VULNERABILITY", Status: "ACTIVE", Severity: f.Severity,
		FirstSeen: wire.At(i.scannedAt), LastSeen: wire.At(i.scannedAt),
		Details: detailsItem{f.ID, "NVD", f.Aliases, f.Packages},
	}
	if f.EPSS > 0 {
		item.EPSS = &epss{f.EPSS}
	}
	of := resourceItem{ID: i.arn, Type: "AWS_ECR_CONTAINER_IMAGE"}
	of.Details.Image.Hash, of.Details.Image.Registry, of.Details.Image.Repository = i.digest, scope.Account, i.repository
	item.Resources = []resourceItem{of}
	return item
}

type listCoverageInput struct {
	paging
	Criteria struct {
		Resources []filter `json:"resourceId"`
	} `json:"filterCriteria"`
}

type listCoverageOutput struct {
	Resources []coveredItem `json:"coveredResources"`
	NextToken string        `json:"nextToken,omitempty"`
}

// coveredItem is
// https://docs.aws.amazon.com/inspector/v2/APIReference/API_CoveredResource.html.
type coveredItem struct {
	ID          string     `json:"resourceId"`
	Account     string     `json:"accountId"`
	Type        string     `json:"resourceType"`
	ScanType    string     `json:"scanType"`
	LastScanned *wire.Time `json:"lastScannedAt,omitempty"`
	Status      struct {
		Code   string `json:"statusCode"`
		Reason string `json:"reason"`
	} `json:"scanStatus"`
}

var coveragePages = wire.Pager[coveredItem]{Name: "ListCoverage", Max: 200, Size: 200, Key: func(c coveredItem) string { return c.ID }}

// listCoverage is
// https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html.
func (s *Service) listCoverage(caller wire.Caller, in listCoverageInput) (listCoverageOutput, error) {
	if err := check("resourceId", in.Criteria.Resources); err != nil {
		return listCoverageOutput{}, err
	}
	for _, f := range in.Criteria.Resources {
		if !strings.HasPrefix(f.Value, "arn:") {
			return listCoverageOutput{}, invalid("filterCriteria.resourceId: %q is no ARN", f.Value)
		}
	}
	var all []coveredItem
	for _, i := range s.images[caller.Scope] {
		if passes(in.Criteria.Resources, i.arn) {
			item := coveredItem{ID: i.arn, Account: caller.Account, Type: "AWS_ECR_CONTAINER_IMAGE", ScanType: "PACKAGE", LastScanned: wire.At(i.scannedAt)}
			item.Status.Code, item.Status.Reason = i.status, i.reason
			all = append(all, item)
		}
	}
	page, next, ok := coveragePages.Page(all, in.MaxResults, in.NextToken)
	if !ok {
		return listCoverageOutput{}, invalid("maxResults or nextToken")
	}
	return listCoverageOutput{page, next}, nil
}
