package dynamo

import (
	"context"
	"errors"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const skProgress = "PROGRESS"

func progressKey(s tagalong.Service) key { return key{servicePK(s), skProgress} }

// progressItem is how far a service's rollout had come that was under way: the next one is
// written over it:
//
//	{
//	  "deployment": "ecs-svc/8264410957731246980",
//	  "pk": "SVC#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "seenAt": "2026-03-04T09:20:01.312Z",
//	  "sk": "PROGRESS",
//	  "stage": "BAKE_TIME",
//	  "state": "baking",
//	  "until": "2026-03-05T08:20:01.312Z",
//	  "weight": 100
//	}
type progressItem struct {
	key
	Deployment string   `dynamodbav:"deployment"`
	State      string   `dynamodbav:"state"`
	Overdue    bool     `dynamodbav:"overdue,omitempty"`
	Stage      string   `dynamodbav:"stage,omitempty"`
	Weight     *float64 `dynamodbav:"weight,omitempty"`
	Until      string   `dynamodbav:"until,omitempty"`
	SeenAt     string   `dynamodbav:"seenAt"`
}

func toProgress(p ledger.RolloutProgress) progressItem {
	return progressItem{
		progressKey(p.Service), p.Deployment, string(p.State), p.Overdue, p.Stage, p.Weight, formatTime(p.Until), formatTime(p.SeenAt),
	}
}

func (i progressItem) progress() (ledger.RolloutProgress, error) {
	s, err := tagalong.ParseService(strings.TrimPrefix(i.PK, "SVC#"))
	return ledger.RolloutProgress{
		Service: s, Deployment: i.Deployment, State: ledger.ProgressState(i.State), Overdue: i.Overdue, Stage: i.Stage, Weight: i.Weight,
		Until: parseTime(i.Until), SeenAt: parseTime(i.SeenAt),
	}, err
}

// Progress reads it of several services at once.
func (l *Ledger) Progress(ctx context.Context, services []tagalong.Service) (map[tagalong.Service]ledger.RolloutProgress, error) {
	seen := map[tagalong.Service]ledger.RolloutProgress{}
	for p, err := range decoded(l.getEventually(ctx, all(services, progressKey)...), progressItem.progress) {
		if err != nil {
			return nil, err
		}
		seen[p.Service] = p
	}
	return seen, nil
}

// SetProgress puts it over what was seen before.
func (l *Ledger) SetProgress(ctx context.Context, p ledger.RolloutProgress) error {
	record := toProgress(p)
	earlier := condition{"attribute_not_exists(pk) OR #seenAt < :seenAt", item{":seenAt": text(record.SeenAt)}}
	err := l.put(ctx, put(record).when(earlier))
	if errors.Is(err, ledger.ErrConflict) {
		return nil // who looked later has told
	}
	return err
}
