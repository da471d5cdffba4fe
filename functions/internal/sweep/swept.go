package sweep

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// Answers that others delete images by must know whether the ledger has seen everything.
// So a sweep of everything that comes to its end writes down where it looked, and where it
// could not.

// noteSwept writes it where it is not what the pass before wrote, and once a day.
func (p *pass) noteSwept(ctx context.Context) error {
	if p.options.partial() || len(p.Scopes) == 0 {
		return nil
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepReserve/2)
	defer cancel()
	was, err := p.Records.Swept(late)
	if err != nil {
		return fmt.Errorf("reading what was swept before: %w", err)
	}
	is := ledger.Swept{Begun: p.begun, Scopes: p.Scopes, Closed: p.closedNames(), Named: was.Named || !p.unnamed.Load(), Tasks: true, Functions: p.Functions != nil, FindingsAt: was.FindingsAt, Unscanned: was.Unscanned}
	if p.asked.Load() {
		is.FindingsAt, is.Unscanned = p.begun, p.unscanned
	}
	if is.Begun.Sub(was.Begun) < ledger.SweptFor && is.Named == was.Named && is.Tasks == was.Tasks && is.Functions == was.Functions && slices.Equal(was.Scopes, is.Scopes) && slices.Equal(was.Closed, is.Closed) && is.FindingsAt.Equal(was.FindingsAt) {
		return nil
	}
	return p.Records.SetSwept(late, is)
}

// closedNames names what the pass, in all its parts, could not look at.
func (p *pass) closedNames() []string {
	names := slices.Clone(p.closedBefore)
	for _, d := range p.report.Drift {
		if d.Kind == DriftUnreachable {
			names = append(names, placeName(d.Account, d.Region, d.Cluster, d.Service))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// placeName joins what names a place, as far as there is any.
func placeName(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "/")
}
