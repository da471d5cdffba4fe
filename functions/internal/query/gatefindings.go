package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// newFindings compares what was found in an image with what was found in that which it
// would replace.
type newFindings struct {
	Queries
	image  tagalong.ImageQuery
	places []interval // of the image
	query  GateQuery
}

// row is not passed where it is not known what is in the image: one that was never scanned
// looks like one without findings.
func (g newFindings) row(ctx context.Context) (GateRow, error) {
	row := GateRow{checkNoNew, g.query.Against, false, "", []string{}}
	found, unknown, err := g.found(ctx)
	if err != nil {
		return row, err
	}
	switch {
	case unknown != "":
		row.Reason = unknown
		return row, nil
	case len(found) == 0:
		row.Passed, row.Reason = true, fmt.Sprintf("it has no finding that is %s or worse", g.query.NoNew)
		return row, nil
	}
	there, err := g.replaced(ctx)
	if err != nil {
		return row, err
	}
	row.Findings = append(row.Findings, there.lacks(found)...)
	if len(row.Findings) == 0 {
		row.Passed, row.Reason = true, fmt.Sprintf("%s has each of its findings that are %s or worse", there, g.query.NoNew)
		return row, nil
	}
	row.Reason = fmt.Sprintf("new is %s: %s", inWords(row.Findings, few), there.without())
	return row, nil
}

// found returns what is bad enough of what was found in the image, by reports and by the
// sweep, and why that is not known.
func (g newFindings) found(ctx context.Context) (found []report.Finding, unknown string, err error) {
	told, err := g.told()
	if err != nil {
		return nil, "", err
	}
	for _, image := range told {
		found = append(found, image.Findings...)
	}
	fetched, unknown, err := g.fetched(ctx)
	switch {
	case len(told) > 0:
		unknown = ""
	case unknown != "" && len(g.query.Reports) > 0:
		unknown = "no report says that it was scanned, and none names a finding of it; " + unknown
	}
	found = slices.DeleteFunc(append(found, fetched...), func(f report.Finding) bool { return !report.Wanted{Severity: g.query.NoNew}.Takes(f) })
	slices.SortFunc(found, func(a, b report.Finding) int {
		return cmp.Or(-a.Severity.Compare(b.Severity), strings.Compare(a.ID, b.ID))
	})
	return found, unknown, err
}

// told returns what the reports are of: the image, and nothing else.
func (g newFindings) told() (all []report.Image, err error) {
	for _, r := range g.query.Reports {
		for _, image := range r.Images {
			if image.Manifest != g.image.Digest && !slices.Contains(image.Names, g.image.Digest) {
				return nil, &ImageError{g.image, fmt.Sprintf("the report (%s) is of %s: want one of this image", r.Format, cmp.Or(image.Manifest, image.Names[0]))}
			}
			all = append(all, image)
		}
	}
	return all, nil
}

// fetched returns what sweeps have fetched of what was found in the image, in all its
// platforms, and why that may not be all that is known today.
func (g newFindings) fetched(ctx context.Context) (found []report.Finding, unknown string, err error) {
	leaves, scans, err := findingReader{Queries: g.Queries}.leaves(ctx, g.image.Digest)
	if err != nil {
		return nil, "", err
	}
	for _, d := range leaves {
		scan, asked := scans[d]
		switch {
		case !asked:
			unknown = "whether it has findings is not known: nobody was asked what is found in it"
		case scan.Reason != "" || !scan.Scanned:
			unknown = "whether it has findings is not known: " + cmp.Or(scan.Reason, "it was never scanned")
		}
		for f, err := range g.Records.Findings(ctx, d, "") {
			if err != nil {
				return nil, "", fmt.Errorf("findings of %s: %w", d, err)
			}
			if f.Gone.IsZero() {
				found = append(found, f.Finding)
			}
		}
	}
	if unknown == "" {
		unknown, err = g.outdated(ctx)
	}
	return found, unknown, err
}

// outdated returns why the sweep may not have asked lately what is found in the image.
func (g newFindings) outdated(ctx context.Context) (string, error) {
	swept, err := g.Records.Swept(ctx)
	if err != nil {
		return "", fmt.Errorf("when findings were fetched: %w", err)
	}
	if reason := notFetched(swept, g.now()); reason != "" {
		return reason, nil
	}
	if !slices.ContainsFunc(g.places, func(p interval) bool {
		return p.Until.IsZero() || p.Until.After(swept.FindingsAt.Add(-ledger.ScannedFor))
	}) {
		return "what was found in it is not kept up: nothing has run it for 90 days", nil
	}
	for _, p := range g.places {
		account, region, _ := p.Container.Image.ECR()
		registry := tagalong.Scope{Account: account, Region: region}.String()
		for _, unscanned := range swept.Unscanned {
			if strings.HasPrefix(unscanned, registry+":") {
				return "findings of registry " + unscanned, nil
			}
		}
	}
	return "", nil
}

// replaced is what runs of an image's repository, and what was found in it.
type replaced struct {
	repositories []string
	services     []string
	environment  string
	names        map[string]bool // of the findings, all of them, in capitals
	unscanned    int             // images
}

func (r replaced) String() string {
	return fmt.Sprintf("what runs of %s in %s", inWords(r.repositories, few), inWords(r.services, few))
}

// without says that findings are not there, as far as it is known.
func (r replaced) without() string {
	switch {
	case len(r.services) == 0:
		return fmt.Sprintf("nothing of %s runs in %s", inWords(r.repositories, few), r.environment)
	case r.unscanned > 0:
		return fmt.Sprintf("%s is not known to have it: %s", r, numbered(r.unscanned, "image there was never scanned", "images there were never scanned"))
	}
	return r.String() + " has not"
}

// lacks returns the findings that nothing there has, by whatever name, each once.
func (r replaced) lacks(found []report.Finding) (ids []string) {
	for _, f := range found {
		known := slices.ContainsFunc(append([]string{f.ID}, f.Aliases...), func(name string) bool { return r.names[strings.ToUpper(name)] })
		if !known && !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// replaced reads what runs. An image that rolls out may be the candidate itself, and what
// drains is replaced already: neither excuses a finding.
func (g newFindings) replaced(ctx context.Context) (r replaced, err error) {
	r = replaced{environment: g.query.Against, names: map[string]bool{}}
	if r.repositories, err = g.repositories(); err != nil {
		return r, err
	}
	var images []digest.Digest
	for _, name := range r.repositories {
		of := tagalong.ImageQuery{Repository: name}
		if err := g.knowsWhatRuns(ctx, of, g.query.Against); err != nil {
			return r, err
		}
		for _, partition := range of.Partitions() {
			for p, err := range g.Records.OpenPlacements(ctx, partition) {
				if err != nil {
					return r, fmt.Errorf("what runs of %s: %w", name, err)
				}
				if p.Environment == g.query.Against && (p.Phase == ledger.PhaseRunning || p.Phase == ledger.PhaseIdle) && of.In(p.Container.Image) && p.Container.Digest != "" {
					images, r.services = append(images, p.Container.Digest), append(r.services, shortService(p.Service))
				}
			}
		}
	}
	r.services = distinct(r.services)
	return r, g.add(ctx, &r, images)
}

// add reads what was found in images.
func (g newFindings) add(ctx context.Context, r *replaced, images []digest.Digest) error {
	slices.Sort(images)
	suspects, err := findingReader{Queries: g.Queries}.scannedOrNot(ctx, slices.Compact(images), true)
	for _, s := range suspects {
		for _, f := range s.found {
			if f.unscanned {
				r.unscanned++
				continue
			}
			for _, name := range append([]string{f.ID}, f.Aliases...) {
				r.names[strings.ToUpper(name)] = true
			}
		}
	}
	return err
}

// repositories returns those that the image is of: the one that was named, else those that
// it ran from.
func (g newFindings) repositories() (names []string, err error) {
	if g.image.Repository != "" {
		return []string{g.image.Repository}, nil
	}
	for _, p := range g.places {
		names = append(names, p.Container.Image.Name)
	}
	if len(names) == 0 {
		return nil, &ImageError{g.image, "nothing has ever run it, so that its repository is not known: want REPOSITORY@DIGEST"}
	}
	return distinct(names), nil
}
