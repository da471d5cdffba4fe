package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// look is what one look at the ledger finds: rollouts of services, or an error.
type look struct {
	services []tagalong.Service
	rows     []ledger.Row
	err      error
}

// looks is a ledger that changes from one look to the next, and stays as it is in
// the end. Everything else of a ledger it has not.
type looks struct {
	ledger.Records
	all   []look
	asked int
}

func (l *looks) now() look { return l.all[min(l.asked, len(l.all)-1)] }

// Services begins a look: the service is not known before it is seen.
func (l *looks) Services(context.Context, string) ([]tagalong.Service, error) {
	now := l.now()
	if len(now.services) == 0 {
		l.asked++
	}
	return now.services, now.err
}

func (l *looks) Indexes(context.Context, digest.Digest) ([]ledger.Child, error) { return nil, nil }

func (l *looks) Rollouts(context.Context, tagalong.Service, ledger.Span, int) iter.Seq2[ledger.Row, error] {
	now := l.now()
	l.asked++
	return func(yield func(ledger.Row, error) bool) {
		for _, row := range now.rows {
			if !yield(row, nil) {
				return
			}
		}
		if now.err != nil {
			yield(ledger.Row{}, now.err)
		}
	}
}

var (
	waitedFor = digest.FromString("what is waited for")
	inProd    = tagalong.Service{Account: account, Region: region, Cluster: "prod-cluster", Name: repository}
	inStaging = tagalong.Service{Account: stagingAccount, Region: region, Cluster: "prod-cluster", Name: repository}

	errThrottled = &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
	errDenied    = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform: dynamodb:Query"}
)

func rollout(deployment string, state timeline.State, of digest.Digest) ledger.Row {
	r := ledger.Row{Service: inProd, Rollout: timeline.Rollout{Deployment: "ecs-svc/" + deployment, State: state, StartedAt: testNow.Add(-time.Minute)}}
	if state != timeline.StateInProgress {
		r.FinishedAt = testNow
	}
	if state == timeline.StateFailed {
		r.Reason = "tasks failed\nto start."
	}
	r.Containers = []tagalong.Container{{Name: "app", Digest: of, Evidence: tagalong.Revision}}
	return r
}

// waited runs the command on looks, and returns its output without the time.
func waited(ctx context.Context, all []look, args ...string) (status int, stdout, stderr string) {
	var out, problems bytes.Buffer
	w := world{strings.NewReader(""), &out, &problems, os.Getenv, func() time.Time { return testNow }}
	var c cli
	command, err := c.parser(w, func(int) {}).Parse(append([]string{"wait", "-s", "prod-cluster/checkout-api", "-d", waitedFor.String(), "--interval", "100ms"}, args...))
	if err != nil {
		panic(err) // it is a literal of this file
	}
	s := c.session(ctx, w)
	s.asked = &query.Queries{Records: &looks{all: all}, Now: s.now}
	return s.finish(command.Run(s)), out.String(), problems.String()
}

func TestWaitTellsWhatChanges(t *testing.T) {
	other := rollout("1", timeline.StateCompleted, "sha256:other")
	seen := func(rows ...ledger.Row) look { return look{services: []tagalong.Service{inProd}, rows: rows} }
	coming, there, broken := rollout("2", timeline.StateInProgress, waitedFor), rollout("2", timeline.StateCompleted, waitedFor), rollout("2", timeline.StateFailed, waitedFor)
	short := short(waitedFor)
	unseen := "tagalong: waiting: the ledger has not seen the service prod-cluster/checkout-api yet\n"
	nowhere := "tagalong: waiting: " + short + " is not on its way to prod-cluster/checkout-api, as far as the ledger knows\n"
	underWay := "tagalong: waiting: " + short + " rolls out in prod-cluster/checkout-api since 2026-03-04T11:20:00Z (deployment 2)\n"
	runs := short + " runs in prod-cluster/checkout-api since 2026-03-04T11:21:00Z (deployment 2).\n"
	throttled := "tagalong: waiting: the ledger cannot be read: rollouts of " + inProd.String() + ": api error ThrottlingException: Rate exceeded\n"
	for _, test := range []struct {
		name           string
		looks          []look
		status         int
		stdout, stderr string
	}{
		{"it runs", []look{seen(there)}, exitDone, runs, ""},
		{"it comes", []look{{}, {}, seen(other), seen(coming, other), seen(coming, other), seen(there)}, exitDone, runs, unseen + nowhere + underWay},
		{"it fails", []look{seen(coming, other), seen(broken, other)}, exitFailed, "",
			underWay + "tagalong: the rollout of " + short + " in prod-cluster/checkout-api failed at 2026-03-04T11:21:00Z (deployment 2): tasks failed to start.\n"},
		{"throttling passes", []look{seen(coming, other), {services: []tagalong.Service{inProd}, err: errThrottled}, seen(coming, other), seen(there)}, exitDone, runs, underWay + throttled + underWay},
		{"what is denied stays so", []look{seen(coming, other), {services: []tagalong.Service{inProd}, err: errDenied}}, exitFailed, "",
			underWay + "tagalong: rollouts of " + inProd.String() + ": api error AccessDeniedException: not authorized to perform: dynamodb:Query\nThe credentials do not allow this operation: allow it to them, or set AWS_PROFILE to others\n"},
		{"several services have the name", []look{{}, {services: []tagalong.Service{inProd, inStaging}}}, exitUsage, "",
			unseen + "tagalong: --service prod-cluster/checkout-api: several services have this name: want one of " + inProd.String() + ", " + inStaging.String() + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, stdout, stderr := waited(t.Context(), test.looks)
			if status != test.status || stdout != test.stdout || stderr != test.stderr {
				t.Errorf("exit status %d, want %d\nstdout\n%swant\n%s\nstderr\n%swant\n%s", status, test.status, stdout, test.stdout, stderr, test.stderr)
			}
		})
	}
}

func TestWaitEndsWithTheTimeAndWithCtrlC(t *testing.T) {
	coming := look{services: []tagalong.Service{inProd}, rows: []ledger.Row{rollout("2", timeline.StateInProgress, waitedFor)}}
	status, stdout, stderr := waited(t.Context(), []look{coming}, "--timeout", "150ms", "-o", "json")
	if status != exitFailed || !strings.Contains(stdout, `"state": "in_progress"`) || !strings.Contains(stderr, "time is up after 150ms: "+short(waitedFor)+" rolls out") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	ctx, end := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer end()
	status, stdout, stderr = waited(ctx, []look{coming})
	if status != exitFailed || stdout != "" || !strings.HasSuffix(stderr, "tagalong: interrupted\n") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
}

func TestWhatPasses(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{errThrottled, true},
		{fmt.Errorf("services: %w", &smithy.GenericAPIError{Code: "ProvisionedThroughputExceededException"}), true},
		{errors.Join(&smithy.GenericAPIError{Code: "RequestTimeout"}, errors.New("no more attempts")), true},
		{errDenied, false},
		{&smithy.GenericAPIError{Code: "ExpiredTokenException"}, false},
		{ledger.ErrNoTable, false},
		{usagef("several services"), false},
		{context.Canceled, false},
	} {
		if got := passing(test.err); got != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
}
