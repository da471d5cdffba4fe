package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// A pass stops before its end for one of two reasons: its time is up, and then the next
// one goes on; or the ledger's table is not there, and then each service would only say
// so once more.

var errTimeUp = errors.New("time is up")

// stops reports whether an error ends the pass.
func stops(ctx context.Context, err error) bool {
	return errors.Is(err, errTimeUp) || errors.Is(err, ledger.ErrNoTable) || err != nil && ctx.Err() != nil
}

// reportable reports whether an error that ends the pass is about what was being looked
// at.
func reportable(err error) bool { return !errors.Is(err, ledger.ErrNoTable) && !cutOff(err) }

// stop keeps the error that ends the pass. What the end of the time cut off says
// nothing, unless the next pass comes no further; anything else is a failure, whatever
// the time is.
func (p *findings) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case errors.Is(err, ledger.ErrNoTable):
		p.lost = cmp.Or(p.lost, err)
	case !cutOff(err):
		p.problems = errors.Join(p.problems, err)
	case p.cut == nil && err != errTimeUp:
		p.cut = err
	}
}

// cutOff reports whether an error says nothing but that the time was up: each of those
// that are joined in it.
func cutOff(err error) bool {
	var parts []error
	switch e := err.(type) {
	case *multierror.Error:
		parts = e.WrappedErrors()
	case interface{ Unwrap() []error }:
		parts = e.Unwrap()
	case interface{ Unwrap() error }:
		parts = []error{e.Unwrap()}
	default:
		return errors.Is(err, errTimeUp) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	}
	return !slices.ContainsFunc(parts, func(part error) bool { return !cutOff(part) })
}

// interrupted is the error of a pass that came to no end, and that nobody will bring
// there: none goes on behind one that was asked for by hand, and one that was taken up
// and got no further will stop there again.
func (p *pass) interrupted(at cursor) error {
	if !p.report.Unfinished {
		return nil
	}
	cut := cmp.Or(p.cut, errTimeUp)
	switch done := p.report.Recorded + p.report.Moved + p.report.Removed + p.report.Announced; {
	case !p.options.Scheduled:
		return fmt.Errorf("interrupted at %s: %w", at, cut)
	case at == p.from && done == 0:
		return fmt.Errorf("no further than the sweep before, which was interrupted there, too: %s: %w", at, cut)
	}
	return nil
}
