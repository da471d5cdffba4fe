package ecr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestWhatAScanFoundAndWhyThereIsNone(t *testing.T) {
	r, s, h := start(t)
	scanned, unsupported, expired, never := push(t, h, "scanned"), push(t, h, "unsupported"), push(t, h, "expired"), push(t, h, "never")
	var found []ecr.ScanFinding
	for i := range 1001 { // more than a page
		found = append(found, ecr.ScanFinding{Name: fmt.Sprintf("CVE-%d", i), Severity: "CRITICAL", Attributes: []ecr.Attribute{{Key: "package_name", Value: "zlib"}, {Key: "package_version", Value: "1.2"}}})
	}
	h.SetScan(scanned, "COMPLETE", found...)
	h.SetScan(unsupported, "UNSUPPORTED_IMAGE")
	h.SetScan(expired, "SCAN_ELIGIBILITY_EXPIRED")
	gone := digest.FromString("gone")
	var images []sweep.ScannedImage
	for _, d := range []digest.Digest{scanned, unsupported, expired, never, gone} {
		images = append(images, sweep.ScannedImage{Repository: shop, Digest: d})
	}
	results, err := NewScanner(r).Scans(t.Context(), tagalong.Scope{}, images)
	if err != nil {
		t.Fatal(err)
	}
	of := results[scanned]
	if !of.Scanned || of.Reason != "" || len(of.Findings) != 1001 || of.Findings[1000].Package != "zlib" || of.Findings[1000].Severity != "critical" {
		t.Errorf("scanned: %v %q, %d findings", of.Scanned, of.Reason, len(of.Findings))
	}
	for d, want := range map[digest.Digest]string{unsupported: "UNSUPPORTED_IMAGE", expired: "SCAN_ELIGIBILITY_EXPIRED", never: "never scanned", gone: "not in its repository"} {
		if got := results[d]; got.Scanned != (d == expired) || !strings.Contains(got.Reason, want) || len(got.Findings) != 0 {
			t.Errorf("%s: %+v, want the reason %q", d, got, want)
		}
	}
	if n := len(s.Calls()); n != len(images)+1 {
		t.Errorf("%d calls of %d images, one of which has two pages", n, len(images))
	}
	s.ECR.Deny("DescribeImageScanFindings")
	if _, err := NewScanner(r).Scans(t.Context(), tagalong.Scope{}, images); !errors.Is(err, tagalong.ErrNoAccess) {
		t.Errorf("denied: error %v", err)
	}
}
