package ledger

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// StageChange says that a stage came into a state, as CodePipeline's events have it.
type StageChange struct {
	Stage   string
	State   string // SUCCEEDED, FAILED, STOPPED, CANCELED, RESUMED, …
	At      time.Time
	Attempt int64 // 1, then 2 after a retry; 0 if the event does not say
}

// ReleaseRecord is what the ledger keeps of an execution beside its rollouts.
type ReleaseRecord struct {
	Pipeline   tagalong.Pipeline
	Execution  string
	Origin     tagalong.Execution
	Stages     []StageChange // in the order of their times
	Promotions []Promoting   // in the order of their tags and jobs
}
