package tagalongtest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func (l *Ledger) nameAll(names []ledger.Name) {
	for _, n := range names {
		l.known[n] = true
	}
}

// Names implements ledger.NameReader.
func (l *Ledger) Names(ctx context.Context, beginning string, _ int) iter.Seq2[ledger.Name, error] {
	return sorted(ctx, l, "Names", func() (found []ledger.Name) {
		for n := range l.known {
			if strings.HasPrefix(n.Text, beginning) {
				found = append(found, n)
			}
		}
		return found
	}, ledger.Name.Compare)
}

// NamesOf implements ledger.NameReader.
func (l *Ledger) NamesOf(ctx context.Context, text string, _ int) iter.Seq2[ledger.Name, error] {
	return sorted(ctx, l, "NamesOf", func() (found []ledger.Name) {
		for n := range l.known {
			if n.Text == text {
				found = append(found, n)
			}
		}
		return found
	}, ledger.Name.Compare)
}

// Repositories implements ledger.NameReader.
func (l *Ledger) Repositories(ctx context.Context) ([]tagalong.Repository, error) {
	done, err := l.begin(ctx, "Repositories")
	if err != nil {
		return nil, err
	}
	defer done()
	return slices.SortedFunc(maps.Keys(l.repositories), func(a, b tagalong.Repository) int {
		return strings.Compare(a.Name+"#"+a.Registry, b.Name+"#"+b.Registry)
	}), nil
}
