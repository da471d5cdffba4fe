package dynamo

import (
	"fmt"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const prefixFact = "F#"

// factKey names the subject: a deployment, an action, or nothing for the service itself.
// What another source than an event reports is a fact of its own.
func factKey(s tagalong.Service, f tagalong.Fact) key {
	sk := prefixFact + formatTime(f.Time) + "#" + string(f.Name) + "#" + f.Subject()
	if source := f.SourceKey(); source != "" {
		sk += "#" + string(source)
	}
	return key{servicePK(s), sk}
}

// factItem is one thing that happened to one deployment, or to an action that
// deploys: that one's start names its release and its limit, too:
//
//	{
//	  "pk": "SVC#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "reason": "ECS deployment ecs-svc/7330915268420174663 completed.",
//	  "recordedAt": "2026-03-04T09:20:01.312Z",
//	  "sk": "F#2026-03-04T09:18:02.915Z#COMPLETED#ecs-svc/7330915268420174663",
//	  "source": "event"
//	}
type factItem struct {
	key
	Source     string       `dynamodbav:"source"`
	Reason     string       `dynamodbav:"reason,omitempty"`
	Release    *releaseItem `dynamodbav:"release,omitempty"`
	Limit      string       `dynamodbav:"limit,omitempty"`
	RecordedAt string       `dynamodbav:"recordedAt"`
}

func toFact(f tagalong.Fact, k key) factItem {
	return factItem{
		key: k, Source: string(f.Source), Reason: f.Reason,
		Release: toRelease(f.Release), Limit: formatTime(f.Limit), RecordedAt: formatTime(f.RecordedAt),
	}
}

func (i factItem) fact() (tagalong.Fact, error) {
	f, err := parseFact(i.SK)
	f.Source, f.Reason, f.RecordedAt = tagalong.Source(i.Source), i.Reason, parseTime(i.RecordedAt)
	f.Release, f.Limit = i.Release.release(), parseTime(i.Limit)
	return f, err
}

// parseFact reads a fact's sort key.
func parseFact(sk string) (tagalong.Fact, error) {
	part := strings.SplitN(strings.TrimPrefix(sk, prefixFact), "#", 4)
	if len(part) < 3 {
		return tagalong.Fact{}, fmt.Errorf("sort key %q: want %stime#name#deployment or action, and perhaps #source", sk, prefixFact)
	}
	f := tagalong.Fact{Time: parseTime(part[0]), Name: tagalong.FactName(part[1])}
	if f.Name == tagalong.ActionStarted || f.Name == tagalong.ActionEnded {
		f.Action = part[2]
	} else {
		f.Deployment = part[2]
	}
	if len(part) == 4 {
		f.Source = tagalong.Source(part[3])
	}
	return f, nil
}

// putFact writes a fact once: a repeat is refused.
func putFact(s tagalong.Service, f tagalong.Fact) write {
	return put(toFact(f, factKey(s, f))).when(absent)
}
