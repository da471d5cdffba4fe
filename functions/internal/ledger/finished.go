package ledger

import (
	"time"
)

// FinishedRollout is the end of a rollout that is to be announced.
type FinishedRollout struct {
	Row               // as the ledger then had it; without Expires
	RolledBack string // the deployment that this rollback took back, "" for none
	RecordedAt time.Time
}
