package query

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// ReleaseQuery names an execution of a pipeline.
type ReleaseQuery struct {
	Pipeline  string // 1 to 100 of a-z, A-Z, 0-9, ., @, _ and -; "" is whichever it is of
	Execution string // a UUID in lower case, or at least its first LeastShort characters
}

// The names of CodePipeline,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html.
var (
	pipelineName   = pattern.Run{Min: 1, Max: 100, Of: pattern.Letters + pattern.Digits + ".@_-"}
	executionID    = pattern.New(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	shortExecution = pattern.Run{Min: tagalong.LeastShort, Max: 36, Of: pattern.LowerHex + "-"}
)

// ParseReleaseQuery reads PIPELINE/EXECUTION or EXECUTION, which may be the beginning of one.
func ParseReleaseQuery(s string) (ReleaseQuery, error) {
	pipeline, execution, both := strings.Cut(s, "/")
	if !both {
		pipeline, execution = "", s
	}
	if both && !pipelineName.MatchString(pipeline) || !shortExecution.MatchString(execution) {
		return ReleaseQuery{}, fmt.Errorf("release %q: want PIPELINE/EXECUTION or EXECUTION, a name of 1 to 100 of a-z, A-Z, 0-9, ., @, _ and -, and a UUID in lower case or its first %d characters, such as checkout-release/3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38 or 3f0c8a5", s, tagalong.LeastShort)
	}
	return ReleaseQuery{Pipeline: pipeline, Execution: execution}, nil
}

// ParsePipeline reads a pipeline's name.
func ParsePipeline(s string) (string, error) {
	if !pipelineName.MatchString(s) {
		return "", fmt.Errorf("pipeline %q: want a name of 1 to 100 of a-z, A-Z, 0-9, ., @, _ and -", s)
	}
	return s, nil
}

// ReleasePage is a part of what an execution has put in place, and what is known of
// the execution itself, which is the same on every page.
type ReleasePage struct {
	Items   []ledger.HistoryRow `json:"items"` // its rollouts, newest first
	Next    string              `json:"next"`  // as in Page
	Release ReleaseFacts        `json:"release"`
	// Watched is as in Page: of a release that put nothing in place.
	Watched string `json:"watched,omitempty"`
}

// ReleaseFacts is what is known of an execution. Texts are empty, and lists too,
// where nothing is.
type ReleaseFacts struct {
	Pipeline    string             `json:"pipeline"`
	Account     string             `json:"account"`
	Region      string             `json:"region"`
	Execution   string             `json:"execution"`
	Commit      string             `json:"commit"` // of its only Git source
	Trigger     string             `json:"trigger"`
	TriggeredBy string             `json:"triggeredBy"`
	Rollback    bool               `json:"rollback"`
	RollbackOf  string             `json:"rollbackOf"` // the execution whose sources a rollback took
	Revisions   []ReleaseRevision  `json:"revisions"`
	Stages      []ReleaseStage     `json:"stages"`     // the oldest first
	Promotions  []ReleasePromotion `json:"promotions"` // by registry, repository and tag
}

// ReleaseRevision is a source revision of an execution.
type ReleaseRevision struct {
	Name    string `json:"name"` // of the source's artifact
	ID      string `json:"id"`   // a commit, an image's digest, a version
	Summary string `json:"summary"`
	URL     string `json:"url"`
}

// ReleaseStage says that a stage came into a state, as CodePipeline's events have it.
type ReleaseStage struct {
	Stage   string     `json:"stage"`
	State   string     `json:"state"`
	At      *time.Time `json:"at"`
	Attempt int        `json:"attempt"` // 0 if that is not known
}

// ReleasePromotion is a tag that an execution put on an image. It may have moved since.
type ReleasePromotion struct {
	Stage       string        `json:"stage"`
	Environment string        `json:"environment"`
	Registry    string        `json:"registry"`
	Repository  string        `json:"repository"`
	Tag         string        `json:"tag"`
	Digest      digest.Digest `json:"digest"`
	At          *time.Time    `json:"at"`
	Job         string        `json:"job"`
}

// Release answers with what an execution has put in place. *UnknownNameError says that
// the ledger does not know the execution, *AmbiguousNameError that several begin so.
func (q Queries) Release(ctx context.Context, query ReleaseQuery, p Paging) (ReleasePage, error) {
	query, err := resolver{q}.wholeRelease(ctx, query)
	if err != nil {
		return ReleasePage{}, err
	}
	question := "release " + questionOf(query)
	var span ledger.Span
	if err := unseal(question, p.Cursor, &span.Behind); err != nil {
		return ReleasePage{}, err
	}
	var (
		rollouts Page[ledger.HistoryRow]
		record   ledger.ReleaseRecord
		known    bool
	)
	err = parallel.All(
		func() (err error) {
			rows := q.Records.ReleaseRollouts(ctx, query.Pipeline, query.Execution, span, p.hint())
			rollouts, err = q.historyPage(ctx, question, rows, p.Limit)
			return err
		},
		func() (err error) {
			record, known, err = q.Records.Release(ctx, query.Pipeline, query.Execution)
			return err
		},
	)
	if err != nil {
		return ReleasePage{}, err
	}
	if !known && len(rollouts.Items) == 0 && p.Cursor == "" {
		return ReleasePage{}, &tagalong.UnknownNameError{Kind: tagalong.ReleaseName, Name: query.String()}
	}
	record.Pipeline.Name, record.Execution = query.Pipeline, query.Execution
	page := ReleasePage{Items: rollouts.Items, Next: rollouts.Next, Release: shownRelease(record)}
	if len(page.Items) == 0 {
		page.Watched, err = q.nothing(ctx, namesGiven{})
	}
	return page, err
}

// shownRelease returns the record as answers have it.
func shownRelease(r ledger.ReleaseRecord) ReleaseFacts {
	facts := ReleaseFacts{
		Pipeline:    r.Pipeline.Name,
		Account:     r.Pipeline.Account,
		Region:      r.Pipeline.Region,
		Execution:   r.Execution,
		Commit:      r.Origin.Commit(),
		Trigger:     r.Origin.Trigger,
		TriggeredBy: r.Origin.TriggeredBy,
		Rollback:    r.Origin.Rollback,
		RollbackOf:  r.Origin.RollbackOf,
		Revisions:   []ReleaseRevision{},
		Stages:      []ReleaseStage{},
		Promotions:  []ReleasePromotion{},
	}
	for _, v := range r.Origin.Revisions {
		facts.Revisions = append(facts.Revisions, ReleaseRevision(v))
	}
	for _, s := range r.Stages {
		facts.Stages = append(facts.Stages, ReleaseStage{Stage: s.Stage, State: s.State, At: tagalong.TimeOrNil(s.At), Attempt: int(s.Attempt)})
	}
	for _, p := range r.Promotions {
		facts.Promotions = append(facts.Promotions, shownPromotion(p))
	}
	return facts
}

func shownPromotion(p ledger.Promoting) ReleasePromotion {
	return ReleasePromotion{
		Stage: p.Stage, Environment: p.Environment,
		Registry: p.Claim.Tag.Registry, Repository: p.Claim.Tag.Name, Tag: p.Claim.Tag.Tag,
		Digest: p.Claim.Digest, At: tagalong.TimeOrNil(p.Claim.At), Job: p.Job,
	}
}
