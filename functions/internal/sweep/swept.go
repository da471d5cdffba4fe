package sweep

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// Answers that others delete images by must know whether the ledger has seen everything.
// So a sweep of everything that comes to its end writes down where it looked, and where it
// could not.

// noteSwept writes it where it is not what the pass before wrote, else once a day.
func (p *pass) noteSwept(ctx context.Context) error {
	if p.options.partial() {
		return nil
	}
	was, err := p.Records.Swept(ctx)
	if err != nil {
		return err
	}
	is := ledger.Swept{Begun: p.begun, Scopes: p.Scopes, Closed: p.closedNames()}
	same := slices.Equal(was.Scopes, is.Scopes) && slices.Equal(was.Closed, is.Closed)
	if same && is.Begun.Sub(was.Begun) < 24*time.Hour {
		return nil
	}
	return p.Records.SetSwept(ctx, is)
}

// closedNames names what the pass, in all its parts, could not look at.
func (p *pass) closedNames() []string {
	names := slices.Clone(p.closedBefore)
	for _, d := range p.report.Drift {
		if d.Kind == DriftUnreachable {
			names = append(names, strings.Trim(strings.Join([]string{d.Account, d.Region, d.Cluster, d.Service}, "/"), "/"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
