package dynamo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

const prefixStage = "STAGE#"

func stageKey(pipeline, execution string, s ledger.StageChange) key {
	return key{releasePK(pipeline, execution), prefixStage + strings.Join([]string{formatTime(s.At), s.Stage, s.State, strconv.FormatInt(s.Attempt, 10)}, "#")}
}

// stageItem says that a stage of an execution came into a state:
//
//	{
//	  "attempt": 1,
//	  "pk": "X#checkout-release/3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
//	  "sk": "STAGE#2026-03-04T10:12:07.511Z#DeployProd#SUCCEEDED#1",
//	  "stage": "DeployProd",
//	  "state": "SUCCEEDED"
//	}
type stageItem struct {
	key
	Stage   string `dynamodbav:"stage"`
	State   string `dynamodbav:"state"`
	Attempt int64  `dynamodbav:"attempt,omitempty"`
	Expires int64  `dynamodbav:"expires,omitempty"`
}

func (i stageItem) change() (ledger.StageChange, error) {
	at, _, ok := strings.Cut(strings.TrimPrefix(i.SK, prefixStage), "#")
	if !ok {
		return ledger.StageChange{}, fmt.Errorf("sort key %q: want %stime#stage#state#attempt", i.SK, prefixStage)
	}
	return ledger.StageChange{Stage: i.Stage, State: i.State, At: parseTime(at), Attempt: i.Attempt}, nil
}

// NoteStage needs no condition: what is there is written again, as it was.
func (l *Ledger) NoteStage(ctx context.Context, pipeline, execution string, s ledger.StageChange, expires time.Time) error {
	return l.put(ctx, put(stageItem{stageKey(pipeline, execution, s), s.Stage, s.State, s.Attempt, epoch(expires)}))
}
