package dynamo

import (
	"context"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var sweptKey = key{sweeps, "SWEPT"}

// sweptItem is what the last sweep of everything looked at:
//
//	{
//	  "begun": "2026-03-04T09:20:01.312Z",
//	  "closed": [
//	    "444455556666/us-east-1"
//	  ],
//	  "named": true,
//	  "pk": "SWEEP",
//	  "scopes": [
//	    "111122223333/us-east-1",
//	    "444455556666/us-east-1"
//	  ],
//	  "sk": "SWEPT"
//	}
type sweptItem struct {
	key
	Begun  string   `dynamodbav:"begun"`
	Scopes []string `dynamodbav:"scopes,omitempty"`
	Closed []string `dynamodbav:"closed,omitempty"`
	Named  bool     `dynamodbav:"named,omitempty"`
	Tasks  bool     `dynamodbav:"tasks,omitempty"`

	FindingsAt string   `dynamodbav:"findingsAt,omitempty"`
	Unscanned  []string `dynamodbav:"unscanned,omitempty"`
	Functions  bool     `dynamodbav:"functions,omitempty"`
}

func (i sweptItem) swept() (ledger.Swept, error) {
	s := ledger.Swept{Begun: parseTime(i.Begun), Closed: i.Closed, Named: i.Named, Tasks: i.Tasks, Functions: i.Functions, FindingsAt: parseTime(i.FindingsAt), Unscanned: i.Unscanned}
	for _, text := range i.Scopes {
		account, region, _ := strings.Cut(text, "/")
		s.Scopes = append(s.Scopes, tagalong.Scope{Account: account, Region: region})
	}
	return s, nil
}

// Swept reads it.
func (l *Ledger) Swept(ctx context.Context) (ledger.Swept, error) {
	for swept, err := range decoded(l.getEventually(ctx, sweptKey), sweptItem.swept) {
		return swept, err
	}
	return ledger.Swept{}, nil
}

// SetSwept needs no condition: the sweep that came last tells.
func (l *Ledger) SetSwept(ctx context.Context, s ledger.Swept) error {
	return l.put(ctx, put(sweptItem{sweptKey, formatTime(s.Begun), all(s.Scopes, tagalong.Scope.String), s.Closed, s.Named, s.Tasks, formatTime(s.FindingsAt), s.Unscanned, s.Functions}))
}
