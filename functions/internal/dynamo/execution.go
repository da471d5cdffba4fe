package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const skExecution = "ORIGIN"

// executionItem is what began an execution, under its release:
//
//	{
//	  "account": "111122223333",
//	  "by": "main",
//	  "pk": "X#checkout-release/3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
//	  "region": "us-east-1",
//	  "revisions": [
//	    {
//	      "id": "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2",
//	      "name": "SourceArtifact",
//	      "summary": "Charge a card once",
//	      "url": "https://github.com/example/checkout/commit/4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"
//	    }
//	  ],
//	  "sk": "ORIGIN",
//	  "trigger": "WebhookV2"
//	}
type executionItem struct {
	key
	Account    string         `dynamodbav:"account"`
	Region     string         `dynamodbav:"region"`
	Revisions  []revisionItem `dynamodbav:"revisions,omitempty"`
	Trigger    string         `dynamodbav:"trigger,omitempty"`
	By         string         `dynamodbav:"by,omitempty"`
	Rollback   bool           `dynamodbav:"rollback,omitempty"`
	RollbackOf string         `dynamodbav:"rollbackOf,omitempty"`
	Expires    int64          `dynamodbav:"expires,omitempty"`
}

type revisionItem struct {
	Name    string `dynamodbav:"name"`
	ID      string `dynamodbav:"id"`
	Summary string `dynamodbav:"summary,omitempty"`
	URL     string `dynamodbav:"url,omitempty"`
}

func toRevision(r tagalong.Revised) revisionItem {
	return revisionItem{Name: r.Name, ID: r.ID, Summary: r.Summary, URL: r.URL}
}

func (i revisionItem) revised() tagalong.Revised {
	return tagalong.Revised{Name: i.Name, ID: i.ID, Summary: i.Summary, URL: i.URL}
}

func (i executionItem) execution() tagalong.Execution {
	return tagalong.Execution{
		Revisions: all(i.Revisions, revisionItem.revised), Trigger: i.Trigger, TriggeredBy: i.By,
		Rollback: i.Rollback, RollbackOf: i.RollbackOf,
	}
}

// NoteExecution needs no condition: what is there is written again, as it was. The names
// come first: a stage whose execution is there is not asked for again.
func (l *Ledger) NoteExecution(ctx context.Context, p tagalong.Pipeline, execution string, e tagalong.Execution, expires time.Time) error {
	if err := l.putAll(ctx, all(ledger.NamesOfExecution(p.Name, execution, e), putName)); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	return l.put(ctx, put(executionItem{
		key: key{releasePK(p.Name, execution), skExecution}, Account: p.Account, Region: p.Region,
		Revisions: all(e.Revisions, toRevision), Trigger: e.Trigger, By: e.TriggeredBy,
		Rollback: e.Rollback, RollbackOf: e.RollbackOf, Expires: epoch(expires),
	}))
}
