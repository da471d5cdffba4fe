package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// FindingRecords are what a sweep reads and keeps of findings.
type FindingRecords interface {
	ledger.Findings
	// Repositories is that of ledger.NameReader, OpenPlacements that of ledger.PlacementReader
	// and Rollouts that of ledger.RolloutReader.
	Repositories(ctx context.Context) ([]tagalong.Repository, error)
	OpenPlacements(ctx context.Context, repository string) iter.Seq2[ledger.Placement, error]
	Rollouts(ctx context.Context, s tagalong.Service, span ledger.Span, hint int) iter.Seq2[ledger.Row, error]
}

// expectedFor is for how long a scanner that has not scanned an image yet is asked by each
// sweep: it may be about to.
const expectedFor = 24 * time.Hour

// scanCheck asks the scanner about what is in use: what it was never asked by each sweep,
// and everything once a day.
type scanCheck struct {
	*pass
	due bool // everything

	mu    sync.Mutex
	scans map[digest.Digest]ledger.Scan
	// closed are the registries that could not be asked.
	closed map[tagalong.Scope]bool
}

// leaf is an image that scanners take: a platform's, or one without platforms.
type leaf struct {
	ScannedImage
	registry tagalong.Scope
	inUse    bool
}

func (l leaf) compare(o leaf) int {
	return cmp.Or(strings.Compare(l.registry.String(), o.registry.String()), cmp.Compare(l.Digest, o.Digest))
}

// findings is the phase.
func (p *scanCheck) findings(ctx context.Context, at *cursor) error {
	if p.Scanner == nil || p.options.partial() {
		return nil
	}
	swept, err := p.Records.Swept(ctx)
	if err != nil {
		return fmt.Errorf("reading when findings were fetched: %w", err)
	}
	p.due = p.options.Findings || p.begun.Sub(swept.FindingsAt) >= ledger.SweptFor
	open, err := p.open(ctx)
	if err != nil {
		return err
	}
	leaves, err := p.leaves(ctx, open)
	if err != nil {
		return err
	}
	if err := p.ask(ctx, leaves, at); err != nil {
		return err
	}
	p.asked.Store(p.due && !p.unasked.Load())
	return exposures{p}.announce(ctx, open)
}

// open returns every placement that has not ended.
func (p *scanCheck) open(ctx context.Context) (all []ledger.Placement, err error) {
	repositories, err := p.Findings.Repositories(ctx)
	if err != nil {
		return nil, fmt.Errorf("repositories: %w", err)
	}
	names := tagalong.Strings(repositories, func(r tagalong.Repository) string { return r.Name })
	for places, err := range stream.MapParallel(ctx, stream.FromSlice(slices.Compact(names)), 0, func(ctx context.Context, name string) ([]ledger.Placement, error) {
		return stream.Collect(p.Findings.OpenPlacements(ctx, name))
	}) {
		if err != nil {
			return nil, fmt.Errorf("what is in use: %w", err)
		}
		all = append(all, places...)
	}
	return all, nil
}

// used is a container's image, and whether it is in use or has ended lately.
type used struct {
	tagalong.Container
	inUse bool
}

// leaves returns the images that the scanner is to be asked about, in order.
func (p *scanCheck) leaves(ctx context.Context, open []ledger.Placement) ([]leaf, error) {
	var all []used
	for _, place := range open {
		all = append(all, used{place.Container, true})
	}
	if p.due {
		ended, err := p.ended(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, ended...)
	}
	all = slices.DeleteFunc(all, func(u used) bool { return u.Digest == "" || !p.covered.Reads(u.Image) })
	if err := p.load(ctx, all); err != nil {
		return nil, err
	}
	leaves := map[digest.Digest]leaf{}
	for _, u := range all {
		account, region, _ := u.Image.ECR()
		for _, d := range p.platforms(u.Digest) {
			if scan, known := p.scans[d]; !known || p.due || !scan.Scanned && p.begun.Sub(scan.Since) < expectedFor {
				l := leaf{ScannedImage{u.Image, d}, tagalong.Scope{Account: account, Region: region}, u.inUse}
				leaves[d] = l.or(leaves[d])
			}
		}
	}
	return slices.SortedFunc(maps.Values(leaves), leaf.compare), nil
}

// or returns one of two leaves of the same image: that which is in use, else the first by
// its repository. Always the same one is asked about: scanners of two registries may say
// different things.
func (l leaf) or(o leaf) leaf {
	if o.Digest == "" || l.inUse != o.inUse && l.inUse || l.inUse == o.inUse && l.Repository.Compare(o.Repository) < 0 {
		return l
	}
	return o
}

// ended returns what has ended lately: the rollouts of each service are walked back to the
// one that was replaced before that.
func (p *scanCheck) ended(ctx context.Context) (all []used, err error) {
	services, err := p.Records.Services(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	since := p.begun.Add(-ledger.ScannedFor)
	for found, err := range stream.MapParallel(ctx, stream.FromSlice(services), 0, func(ctx context.Context, s tagalong.Service) (found []used, err error) {
		for row, err := range p.Findings.Rollouts(ctx, s, ledger.Span{}, 10) {
			if err != nil {
				return nil, fmt.Errorf("rollouts of %s: %w", s, err)
			}
			if row.State == timeline.StateCompleted && !row.Until.IsZero() && row.Until.Before(since) {
				break
			}
			for _, c := range row.Containers {
				found = append(found, used{c, false})
			}
		}
		return found, nil
	}) {
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// load reads what is known of the scans of images, and of the images of their platforms.
// Which an index holds is read in its registry, once.
func (p *scanCheck) load(ctx context.Context, all []used) error {
	digests := map[digest.Digest]bool{}
	for _, u := range all {
		digests[u.Digest] = true
	}
	if err := p.read(ctx, slices.Collect(maps.Keys(digests))); err != nil {
		return err
	}
	unknown := map[tagalong.Repository][]digest.Digest{}
	for _, u := range all {
		// Whatever is held by an index is none.
		if _, known := p.scans[u.Digest]; !known && (u.Index == "" || u.Index == u.Digest) && !slices.Contains(unknown[u.Image], u.Digest) {
			unknown[u.Image] = append(unknown[u.Image], u.Digest)
		}
	}
	for r, digests := range unknown {
		if err := p.readIndexes(ctx, r, digests); err != nil {
			return err
		}
	}
	var held []digest.Digest
	for d := range digests {
		held = append(held, p.scans[d].Platforms...)
	}
	return p.read(ctx, held)
}

func (p *scanCheck) read(ctx context.Context, digests []digest.Digest) error {
	scans, err := p.Findings.Scans(ctx, digests)
	if err != nil {
		return fmt.Errorf("scans: %w", err)
	}
	maps.Copy(p.scans, scans)
	return nil
}

// maxRead is how many manifests a call reads.
const maxRead = 100

// readIndexes keeps of those images that are indexes what they hold. One that cannot be read
// is taken for an image without platforms, and read again by the next sweep.
func (p *scanCheck) readIndexes(ctx context.Context, r tagalong.Repository, digests []digest.Digest) error {
	for chunk := range slices.Chunk(digests, maxRead) {
		images, err := p.Reactor.Registry.Read(ctx, r, chunk, nil)
		if stops(ctx, err) {
			return err
		}
		if err != nil && !errors.Is(err, tagalong.ErrNoAccess) {
			p.fail(fmt.Errorf("reading which platforms images of %s have: %w", r, err))
		}
		for _, m := range images.Manifests {
			if err := p.keepIndex(ctx, r, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepIndex keeps what an index holds.
func (p *scanCheck) keepIndex(ctx context.Context, r tagalong.Repository, m tagalong.Manifest) error {
	index := ledger.Scan{Digest: m.Digest, Since: p.begun}
	var children []ledger.Child
	for _, child := range m.Children() {
		index.Platforms = append(index.Platforms, child.Digest)
		children = append(children, ledger.Child{Digest: child.Digest, Index: m.Digest, Repository: r, Platform: tagalong.Platform(*child.Platform)})
	}
	if len(index.Platforms) == 0 {
		return nil
	}
	// First: an index whose platforms are kept is not read again.
	if err := p.Findings.RecordChildren(ctx, children); err != nil {
		return fmt.Errorf("platforms of %s: %w", m.Digest, err)
	}
	if err := p.Findings.SetScan(ctx, index, nil); err != nil {
		return fmt.Errorf("platforms of %s: %w", m.Digest, err)
	}
	p.scans[m.Digest] = index
	return nil
}

// platforms returns the images that scanners take of one that runs.
func (p *scanCheck) platforms(d digest.Digest) []digest.Digest {
	if held := p.scans[d].Platforms; len(held) > 0 {
		return held
	}
	return []digest.Digest{d}
}

// ask asks the scanner of each registry, as many images at a time as it takes.
func (p *scanCheck) ask(ctx context.Context, leaves []leaf, at *cursor) error {
	for len(leaves) > 0 {
		registry := leaves[0].registry
		n := 0
		for n < len(leaves) && n < p.Scanner.AtOnce() && leaves[n].registry == registry {
			n++
		}
		batch := leaves[:n]
		leaves = leaves[n:]
		last := batch[n-1]
		if p.closed[registry] || p.resumed && at.Image != "" && last.compare(leaf{registry: at.Scope, ScannedImage: ScannedImage{Digest: digest.Digest(at.Image)}}) <= 0 {
			continue
		}
		if !p.hasTime(ctx) {
			return errTimeUp
		}
		if err := p.askFor(ctx, registry, batch); err != nil {
			return err
		}
		at.Scope, at.Image = registry, last.Digest.String()
		p.report.Scanned += n
		p.progress(phaseFindings, registry.String(), p.report.Scanned)
	}
	return nil
}

// askFor asks about a batch. A registry that cannot be asked is left out from then on: the
// others are asked all the same.
func (p *scanCheck) askFor(ctx context.Context, registry tagalong.Scope, batch []leaf) error {
	var images []ScannedImage
	for _, l := range batch {
		images = append(images, l.ScannedImage)
	}
	results, err := p.Scanner.Scans(ctx, registry, images)
	switch {
	case stops(ctx, err):
		return err
	case errors.Is(err, tagalong.ErrNoAccess):
		p.closed[registry] = true
		p.unscanned = append(p.unscanned, fmt.Sprintf("%s: %s", registry, tagalong.Truncate(err.Error())))
		return nil
	case err != nil:
		p.closed[registry] = true
		p.unasked.Store(true)
		p.fail(fmt.Errorf("findings of registry %s: %w", registry, err))
		return nil
	}
	errs := make([]error, len(batch))
	parallel.ForEach(len(batch), parallel.Limit, func(i int) { errs[i] = p.keep(ctx, batch[i], results[batch[i].Digest]) })
	return errors.Join(errs...)
}

// keep writes down what has changed of an image.
func (p *scanCheck) keep(ctx context.Context, l leaf, result ScanResult) error {
	found, problem := legible(result.Findings)
	if problem != nil {
		p.fail(fmt.Errorf("image %s: %w", l.ScannedImage, problem))
	}
	result.Findings = found
	p.mu.Lock()
	was := p.scans[l.Digest]
	p.mu.Unlock()
	r := rescan{was: was, result: result, inUse: l.inUse, at: p.begun, keep: p.Reactor.Retention}
	if r.same() {
		return nil
	}
	known, err := stream.Collect(p.Findings.Findings(ctx, l.Digest, ""))
	if err != nil {
		return fmt.Errorf("findings of %s: %w", l.Digest, err)
	}
	is, changed := r.compared(known)
	is.Digest = l.Digest
	if err := p.Findings.SetScan(ctx, is, changed); err != nil {
		return fmt.Errorf("findings of %s: %w", l.Digest, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scans[l.Digest] = is
	return nil
}
