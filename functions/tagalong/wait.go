package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

type waitCommand struct {
	Service  string `short:"s" required:"" placeholder:"CLUSTER/NAME" predictor:"service" help:"The service, by its exact name; ACCOUNT/REGION/CLUSTER/NAME where several have it. The ledger need not have seen it yet."`
	Digest   string `short:"d" required:"" placeholder:"DIGEST" help:"What is to run there: sha256:…, or REPOSITORY@sha256:… if it must come from there."`
	Timeout  string `default:"10m" placeholder:"TIME" help:"Wait at most so long, such as 90s, 10m or 1h. Default: ${default}."`
	Watch    bool   `short:"w" help:"Say at each look what is waited for, and for how long by now: on a terminal in one line."`
	Interval string `default:"3s" placeholder:"TIME" help:"Ask the ledger so often. Default: ${default}."`
	Since    string `placeholder:"TIME" help:"Failures before this time are an earlier attempt's, and do not count: RFC 3339, or how long ago. Default: a minute ago."`
}

func (waitCommand) Help() string {
	return `Examples:

  tagalong wait --service prod-cluster/checkout-api --digest sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17
  tagalong wait -s prod-cluster/checkout-api -d "$DIGEST" --timeout 20m --since "$STARTED" && ./smoke-test

Exit status 0 when the digest runs, 1 when its rollout has failed or the time is up. What changes meanwhile is told on standard error; throttling and networks that fail are waited out. The digest of one platform finds the multi-platform image that holds it, too.
`
}

const (
	leastInterval = 100 * time.Millisecond
	earlierBy     = time.Minute // a rollout may have failed before somebody began to wait for it
)

func (c *waitCommand) Run(s *session) error {
	w, err := c.waiting(s)
	if err != nil {
		return err
	}
	// It asks no ECR, and waits for a ledger that cannot be read: for nothing else in it, either.
	if w.queries, err = s.asking(s.variables); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(s.ctx, w.timeout)
	defer stop()
	seen, err := w.wait(ctx)
	if _, ok := terminal(s.stderr); ok && c.Watch {
		fmt.Fprintln(s.stderr) // behind the line that was kept up to date
	}
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	if err != nil {
		return err
	}
	return w.conclude(s.out, seen)
}

// waiting is the wait for a digest in a service.
type waiting struct {
	queries           query.Queries
	service           wantedService
	image             tagalong.ImageQuery // its digest, and in which repository if that was given
	since             time.Time
	timeout, interval time.Duration
	maxWait           string       // timeout, as it was given
	tell              func(string) // what has changed
	watch             bool         // tell it at each look
	begun             time.Time
	now               func() time.Time
	explain           func(error) error
}

// waiting reads the flags.
func (c *waitCommand) waiting(s *session) (w waiting, err error) {
	w.tell = c.teller(s)
	w.watch, w.begun, w.now = c.Watch, s.now(), s.now
	w.maxWait, w.explain = c.Timeout, s.explain
	if w.service, err = wantService(c.Service); err != nil {
		return w, err
	}
	if w.image, err = wantDigest(c.Digest); err != nil {
		return w, err
	}
	if w.timeout, err = durationFlag("--timeout", c.Timeout, time.Nanosecond, "more than zero, such as 90s, 10m or 1h"); err != nil {
		return w, err
	}
	if w.interval, err = durationFlag("--interval", c.Interval, leastInterval, "100ms or more, such as 3s"); err != nil {
		return w, err
	}
	now := s.now()
	w.since, err = pastFlag("--since", c.Since, now)
	if w.since.IsZero() {
		w.since = now.Add(-earlierBy)
	}
	return w, err
}

// teller returns how news are told: each in a line of its own, or on a terminal that watches
// in the place of the one before.
func (c *waitCommand) teller(s *session) func(string) {
	if _, ok := terminal(s.stderr); ok && c.Watch {
		return func(news string) { fmt.Fprintf(raw(s.stderr), "\r\x1b[2Ktagalong: %s", printable(news)) }
	}
	return func(news string) { fmt.Fprintf(s.stderr, "tagalong: %s\n", news) }
}

func durationFlag(flag, value string, least time.Duration, want string) (time.Duration, error) {
	d, err := query.ParseDuration(value)
	if err != nil || d < least {
		return 0, usagef("%s %q: want %s", flag, value, want)
	}
	return d, nil
}

func wantDigest(text string) (tagalong.ImageQuery, error) {
	image, err := tagalong.ParseImageQuery(text)
	if err == nil && image.Digest == "" && image.Beginning == "" {
		err = fmt.Errorf("image %q: no digest: want sha256:… with 64 hexadecimal digits or 7 of them, or REPOSITORY@sha256:…", text)
	}
	if err != nil {
		return tagalong.ImageQuery{}, usageError{fmt.Errorf("--digest: %w", err)}
	}
	return image, nil
}

// what names the digest as it is waited for.
func (w *waiting) what() string {
	switch {
	case w.image.Beginning != "":
		return w.image.String()
	case w.image.Repository == "":
		return short(w.image.Digest)
	}
	return repositoryOf(w.image) + "@" + short(w.image.Digest)
}

// wantedService is a service by its name, or by its whole name.
type wantedService struct {
	text    string
	unseen  error                   // what is said of it as long as the ledger has not seen it
	service tagalong.Service        // zero while it is only known by its name
	pattern tagalong.ServicePattern // CLUSTER/NAME
}

// serviceName is https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html,
// which clusters keep to as well.
var (
	serviceName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}$`)
	wholeName   = regexp.MustCompile(`^[0-9]{12}/[a-z0-9-]+/[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}$`)
)

func wantService(text string) (w wantedService, err error) {
	w.text = text
	switch {
	case serviceName.MatchString(text):
		w.pattern, err = tagalong.ParseServicePattern(text)
	case wholeName.MatchString(text):
		w.service, err = tagalong.ParseService(text)
	default:
		err = usagef("--service %q: want the exact CLUSTER/NAME, or ACCOUNT/REGION/CLUSTER/NAME", text)
	}
	return w, err
}

// find looks for the service in the ledger. It stays zero if it is not there yet.
func (w *wantedService) find(ctx context.Context, q query.Queries) error {
	if w.service != (tagalong.Service{}) {
		return nil
	}
	found, err := q.Services(ctx, w.pattern)
	if err == nil && len(found) == 0 && w.unseen == nil {
		w.unseen = q.Unseen(ctx, w.pattern)
	}
	if err != nil || len(found) == 0 {
		return err
	}
	if len(found) > 1 {
		var names []string
		for _, s := range found {
			names = append(names, s.String())
		}
		return usagef("--service %s: several services have this name: want one of %s", w.text, listed(names))
	}
	w.service = found[0]
	return nil
}

// likeIt names the services that the ledger has seen and that are most like it.
func (w wantedService) likeIt() string {
	unknown, ok := errors.AsType[*tagalong.UnknownNameError](w.unseen)
	if !ok || len(unknown.Nearest) == 0 {
		return ""
	}
	return " (the nearest known: " + strings.Join(unknown.Nearest, ", ") + ")"
}

// observation is what was seen of the digest at one look.
type observation struct {
	query.Progress
	unseen  bool  // the ledger does not know the service
	problem error // why the last look saw nothing
}

// final reports whether waiting on would change nothing.
func (s observation) final() bool {
	return s.Phase == query.AwaitRunning || s.Phase == query.AwaitFailed
}

// wait looks until the digest runs, its rollout has failed or ctx ends. What
// passes, such as throttling, is told and waited out.
func (w *waiting) wait(ctx context.Context) (last observation, err error) {
	last = observation{Progress: query.Progress{Phase: query.AwaitNothing}, unseen: true}
	shown := ""
	for {
		seen, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return last, nil
		case err != nil && !passing(err):
			return last, err
		case err != nil:
			last.problem = err
		case seen.final():
			return seen, nil
		default:
			last = seen
		}
		if news := w.describe(last); w.watch || news != shown {
			w.tell("waiting" + w.soFar() + ": " + news)
			shown = news
		}
		if wait.For(ctx, w.interval) != nil {
			return last, nil
		}
	}
}

// soFar says to who watches how long it has been by now.
func (w *waiting) soFar() string {
	if !w.watch {
		return ""
	}
	return fmt.Sprintf(" for %s of %s", w.now().Sub(w.begun).Round(time.Second), w.maxWait)
}

func (w *waiting) look(ctx context.Context) (observation, error) {
	if err := w.service.find(ctx, w.queries); err != nil {
		return observation{}, err
	}
	if w.service.service == (tagalong.Service{}) {
		return observation{Progress: query.Progress{Phase: query.AwaitNothing}, unseen: true}, nil
	}
	progress, err := w.queries.Await(ctx, w.service.service, w.image, w.since)
	return observation{Progress: progress}, err
}

// passing reports whether an error may be gone at the next look: throttling, a
// network or a service that fails.
func passing(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// describe says in a sentence without its dot what was seen.
func (w *waiting) describe(s observation) string {
	what := w.what()
	switch {
	case s.problem != nil:
		reason, _, _ := strings.Cut(w.explain(s.problem).Error(), "\n")
		return "the ledger cannot be read: " + reason
	case s.unseen:
		return fmt.Sprintf("the ledger has not seen the service %s yet%s", w.service.text, w.service.likeIt())
	case s.Rollout == nil:
		return fmt.Sprintf("%s is not on its way to %s, as far as the ledger knows", what, w.service.text)
	}
	deployment := "deployment " + deploymentNumber(s.Rollout.Deployment)
	switch s.Phase {
	case query.AwaitRunning:
		return fmt.Sprintf("%s runs in %s since %s (%s)", what, w.service.text, clock(s.Rollout.FinishedAt), deployment)
	case query.AwaitFailed:
		return fmt.Sprintf("the rollout of %s in %s failed at %s (%s): %s", what, w.service.text, clock(s.Rollout.FinishedAt), deployment, orDash(printable(s.Rollout.Reason)))
	}
	return fmt.Sprintf("%s rolls out in %s since %s (%s)", what, w.service.text, clock(s.Rollout.StartedAt), deployment)
}

// conclude prints the result, and returns the error if it is not the one that was
// waited for.
func (w *waiting) conclude(out output, s observation) error {
	if err := w.print(out, s); err != nil {
		return err
	}
	switch s.Phase {
	case query.AwaitRunning:
		return nil
	case query.AwaitFailed:
		return errors.New(w.describe(s))
	}
	return fmt.Errorf("time is up after %s: %s", w.maxWait, w.describe(s))
}

// print returns the rollout that was seen last as JSON or CSV, for people a
// sentence on what runs.
func (w *waiting) print(out output, s observation) error {
	if out.format != "table" {
		var rows []ledger.HistoryRow
		if s.Rollout != nil {
			rows = append(rows, *s.Rollout)
		}
		return render(out, rows, nil, "")
	}
	if s.Phase != query.AwaitRunning {
		return nil
	}
	_, err := fmt.Fprintln(out.w, w.describe(s)+".")
	return err
}
