package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
)

type replayCommand struct {
	ruled `embed:""`

	Files []string `arg:"" name:"file" predictor:"file" help:"JSON files, or - for standard input."`
}

func (replayCommand) Help() string {
	return `Examples:

  tagalong replay event.json
  tagalong replay archive/*.jsonl
  aws sqs receive-message --queue-url "$DEAD_LETTERS" --max-number-of-messages 10 | tagalong replay -

A file holds one EventBridge event or several: JSON lines, arrays, or one after the other. Failure records of Lambda and SQS messages are unwrapped. An event that was handled before changes nothing, so all of them can be replayed at any time and in any order.

Rules and accounts are those that the table has. Where TAGALONG_ENVIRONMENTS or TAGALONG_ACCOUNTS says otherwise, nothing is replayed.
`
}

// Run replays every event that it can, and names those that it could not.
func (c *replayCommand) Run(s *session) error {
	settings, err := c.settings(s)
	if err != nil {
		return err
	}
	pipelines, err := s.pipelineHandler(settings)
	if err != nil {
		return err
	}
	var problems problems
	for _, file := range c.Files {
		found, err := readEvents(file, s.stdin)
		problems.add(err)
		for i, event := range found {
			outcomes, err := handle(s.ctx, pipelines, event)
			if s.ctx.Err() != nil {
				return s.ctx.Err()
			}
			place := place(file, i, len(found))
			if err != nil {
				problems.add(fmt.Errorf("%s: %w", place, err))
			}
			for _, outcome := range outcomes {
				fmt.Fprintf(s.stdout, "%s: %s\n", place, tell(event, outcome, err))
			}
		}
	}
	return problems.err()
}

// handle lets the function that takes an event handle it: it gives an Outcome for
// each service that the event is about, or one of none.
func handle(ctx context.Context, f *pipeline.Handler, event json.RawMessage) (outcomes []reactor.Outcome, err error) {
	parsed, _ := events.Parse(event) // what it is not, the handler says
	switch parsed.(type) {
	case events.StageExecutionStateChange, events.ActionExecutionStateChange, events.CodeDeployStateChange:
		outcomes, err = f.Handle(ctx, event)
	default:
		outcomes = make([]reactor.Outcome, 1)
		outcomes[0], err = f.Reactor.Handle(ctx, event)
	}
	if err != nil {
		return []reactor.Outcome{{}}, err
	}
	return outcomes, nil
}

// place says where an event stands, if its file has several.
func place(file string, i, n int) string {
	if n == 1 {
		return printable(file)
	}
	return fmt.Sprintf("%s: event %d", printable(file), i+1)
}

// problems are the events and files that could not be replayed.
type problems struct{ all []error }

// add takes a problem, or several that are joined.
func (p *problems) add(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		p.all = append(p.all, joined.Unwrap()...)
	} else if err != nil {
		p.all = append(p.all, err)
	}
}

// err lists the problems, each on lines of its own.
func (p *problems) err() error {
	if len(p.all) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d not replayed:", len(p.all))
	for _, err := range p.all {
		fmt.Fprintf(&b, "\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n    "))
	}
	return errors.New(b.String())
}

// tell says in a line what an event was and what became of it.
func tell(event json.RawMessage, o reactor.Outcome, err error) string {
	what := printable(title(event, o))
	switch {
	case err != nil:
		return what + ": not handled"
	case o.Unhandled:
		return what + ": skipped, not an event for tagalong"
	case o.Unmanaged:
		return what + ": skipped, no environment rule matches"
	case o.Expired:
		return what + ": skipped, older than the retention"
	case o.Recorded:
		return what + ": recorded" + tagsReported(o) + announced(o)
	}
	return what + ": recorded before" + tagsReported(o) + announced(o)
}

// title names an event as far as it names itself: what happened to which
// deployment, stage or action, or else its detail type.
func title(event json.RawMessage, o reactor.Outcome) string {
	var e struct {
		DetailType string `json:"detail-type"`
		Detail     detail `json:"detail"`
	}
	_ = json.Unmarshal(event, &e) // what it is not, it does not say
	if subject := e.Detail.subject(); subject != "" {
		if o.Service.Name != "" {
			subject += " of " + nameOf(o.Service)
		}
		return subject
	}
	switch {
	case e.DetailType != "" && e.Detail.EventName != "":
		return e.DetailType + " (" + e.Detail.EventName + ")"
	case e.DetailType != "":
		return e.DetailType
	}
	return "no event"
}

// detail is what events of ECS, CodePipeline and CodeDeploy call themselves by.
type detail struct {
	EventName    string `json:"eventName"`
	DeploymentID string `json:"deploymentId"`
	State        string `json:"state"`
	Pipeline     string `json:"pipeline"`
	Stage        string `json:"stage"`
	Action       string `json:"action"`
}

// subject names what an event is about, "" if it does not say.
func (d detail) subject() string {
	name, isDeployment := strings.CutPrefix(d.EventName, "SERVICE_DEPLOYMENT_")
	switch {
	case isDeployment && d.DeploymentID != "":
		return name + " " + deploymentNumber(d.DeploymentID)
	case d.State != "" && d.Pipeline != "" && d.Action != "":
		return d.State + " " + d.Pipeline + "/" + d.Stage + "/" + d.Action
	case d.State != "" && d.Pipeline != "" && d.Stage != "":
		return d.State + " " + d.Pipeline + "/" + d.Stage
	case d.State != "" && d.DeploymentID != "":
		return d.State + " " + d.DeploymentID
	}
	return ""
}

// announced says of how many ends of rollouts the event bus was told.
func announced(o reactor.Outcome) (text string) {
	if o.Announced > 0 {
		text += fmt.Sprintf("; %d announced", o.Announced)
	}
	if o.Unannounced > 0 {
		text += fmt.Sprintf("; %d not announced: left to the sweep", o.Unannounced)
	}
	return text
}

func tagsReported(o reactor.Outcome) string {
	var counts []string
	for _, count := range []struct {
		n    int
		what string
	}{{o.Moved, "moved"}, {o.Confirmed, "confirmed"}, {o.Blocked, "blocked"}, {o.Missing, "missing"}, {o.Inputs, "left alone"}, {o.InDoubt, "in doubt"}} {
		if count.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	if len(counts) == 0 {
		return ""
	}
	return "; tags: " + strings.Join(counts, ", ")
}
