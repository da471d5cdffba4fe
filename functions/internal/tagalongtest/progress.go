package tagalongtest

import (
	"context"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Progress implements ledger.ProgressReader.
func (l *Ledger) Progress(ctx context.Context, services []tagalong.Service) (map[tagalong.Service]ledger.RolloutProgress, error) {
	done, err := l.begin(ctx, "Progress")
	if err != nil {
		return nil, err
	}
	defer done()
	seen := map[tagalong.Service]ledger.RolloutProgress{}
	for _, s := range services {
		if p, kept := l.progress[s]; kept {
			seen[s] = p
		}
	}
	return seen, nil
}

// SetProgress implements ledger.ProgressKeeper.
func (l *Ledger) SetProgress(ctx context.Context, p ledger.RolloutProgress) error {
	done, err := l.begin(ctx, "SetProgress")
	if err != nil {
		return err
	}
	defer done()
	if kept, there := l.progress[p.Service]; !there || p.SeenAt.After(kept.SeenAt) {
		l.progress[p.Service] = p
		l.writes++
	}
	return nil
}
