package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// notWatched is what runs images, too, and nobody looks at; unwatchedTasks before a sweep has, and
// unwatchedFunctions where no sweep is asked to.
var notWatched = []string{
	"daemons of ECS", "services of ECS that no environment rule matches",
	"SageMaker", "App Runner", "Bedrock AgentCore", "CodeBuild", "EKS",
}

const (
	unwatchedTasks     = "standalone tasks of ECS"
	unwatchedFunctions = "Lambda functions"
)

// directory is what the ledger has ever seen.
type directory struct {
	environments []string
	tasks        bool // a sweep has looked at standalone tasks
	functions    bool // and at Lambda functions
	services     []ledger.SeenService
}

func (q Queries) directory(ctx context.Context) (d directory, err error) {
	err = parallel.All(
		func() (err error) {
			if d.environments, err = q.Records.Environments(ctx); err != nil {
				return fmt.Errorf("environments: %w", err)
			}
			return nil
		},
		func() (err error) {
			if d.services, err = q.Records.Seen(ctx); err != nil {
				return fmt.Errorf("services: %w", err)
			}
			return nil
		},
		func() error {
			swept, err := q.Records.Swept(ctx)
			if d.tasks, d.functions = swept.Tasks, swept.Functions; err != nil {
				return fmt.Errorf("what was swept: %w", err)
			}
			return nil
		},
	)
	return d, err
}

func (d directory) names() []tagalong.Service {
	return seenTexts(d.services, func(s ledger.SeenService) tagalong.Service { return s.Service })
}

func seenTexts[T any](services []ledger.SeenService, of func(ledger.SeenService) T) (all []T) {
	for _, s := range services {
		all = append(all, of(s))
	}
	return all
}

// namesGiven are what a question gives by name.
type namesGiven struct {
	environments []string
	pattern      tagalong.ServicePattern
	service      tagalong.Service
}

// check returns an error if one of them is not known.
func (d directory) check(n namesGiven) error {
	for _, environment := range n.environments {
		if err := tagalong.CheckEnvironment(environment, d.environments); err != nil {
			return err
		}
	}
	if err := tagalong.CheckService(n.service, d.names()); err != nil {
		return err
	}
	return n.pattern.Check(d.names())
}

// nothing is what there is to say where a question finds nothing: that a name is not
// known, as an error, or else what was looked at and what nobody watches. It costs three
// reads, which an answer with rows does not need.
func (q Queries) nothing(ctx context.Context, n namesGiven) (watched string, err error) {
	d, err := q.directory(ctx)
	if err == nil {
		err = d.check(n)
	}
	return q.watched(d), err
}

// watched says what an answer that finds nothing looked at, and what nobody watches.
func (q Queries) watched(d directory) string {
	names := d.notWatched()
	unwatched := "Not watched are " + inWords(names, len(names)) + "."
	if len(d.services) == 0 {
		return "The ledger is empty: it has seen no rollout of any service. " + unwatched
	}
	accounts := distinct(seenTexts(d.services, func(s ledger.SeenService) string { return s.Account }))
	regions := distinct(seenTexts(d.services, func(s ledger.SeenService) string { return s.Region }))
	text := fmt.Sprintf("Looked at %s, of %s in %s, with images from any registry%s.", d.inWords()+" in "+environmentsInWords(d.environments),
		numbered(len(accounts), "account", "accounts")+" ("+inWords(accounts, few)+")", inWords(regions, few), d.since())
	if horizon := q.horizon(); !horizon.IsZero() {
		text += fmt.Sprintf(" Of what has ended the ledger keeps only what ended after %s.", tagalong.FormatTime(horizon))
	}
	if d.tasks {
		text += " Standalone tasks have no rollouts: history does not list them."
	}
	if d.functions {
		text += " Of Lambda functions that are made of images each sweep looks at $LATEST and at what aliases lead to."
	}
	return text + " " + unwatched
}

// inWords says how much of each kind has been seen.
func (d directory) inWords() string {
	seen := map[tagalong.Kind]int{}
	for _, s := range d.services {
		seen[s.Kind()]++
	}
	text := numbered(seen[tagalong.KindService], "service", "services")
	if families := seen[tagalong.KindTask]; families > 0 {
		text += " and " + numbered(families, "family of standalone tasks", "families of standalone tasks")
	}
	text += " of ECS"
	if functions := seen[tagalong.KindFunction]; functions > 0 {
		text += " and " + numbered(functions, "Lambda function", "Lambda functions")
	}
	return text
}

// notWatched returns what nobody looks at.
func (d directory) notWatched() (names []string) {
	if !d.tasks {
		names = append(names, unwatchedTasks)
	}
	if !d.functions {
		names = append(names, unwatchedFunctions)
	}
	return append(names, notWatched...)
}

// since says since when the ledger knows the first and the last of its services. Of one
// that only a pipeline has named, or that older code has seen, it may not know it.
func (d directory) since() string {
	var times []time.Time
	for _, s := range d.services {
		if !s.CompleteSince.IsZero() {
			times = append(times, s.CompleteSince)
		}
	}
	if len(times) == 0 {
		return ""
	}
	first, last := tagalong.FormatTime(slices.MinFunc(times, time.Time.Compare)), tagalong.FormatTime(slices.MaxFunc(times, time.Time.Compare))
	switch unknown := len(d.services) - len(times); {
	case unknown > 0:
		return fmt.Sprintf("; the ledger knows the first of them since %s, and of %d it does not know since when", first, unknown)
	case first == last:
		return "; the ledger knows them since " + first
	}
	return fmt.Sprintf("; the ledger knows the first of them since %s and all of them since %s", first, last)
}

// few is how many names one reads in a sentence.
const few = 5

func environmentsInWords(names []string) string {
	if len(names) == 1 {
		return "environment " + names[0]
	}
	return "the environments " + inWords(names, few)
}

func numbered(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func distinct(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }

// inWords lists names, of many the first and how many more there are.
func inWords(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
	}
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
