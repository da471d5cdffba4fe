package tagimage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

const (
	jobID    = "0b9d54e7-2c68-4f13-9a70-e8c1d36b25fa"
	actionID = "b84d2f10-57c3-4e6a-8f1b-2c90d7a34e65"
	host     = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
)

var (
	began  = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	app    = tagalong.Repository{Registry: host, Name: "checkout-api"}
	named  = tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: "checkout-release"}
	origin = tagalong.JobContext{Pipeline: named, Execution: "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38", Stage: "DeployProd", Action: "Tag", ActionID: actionID}
)

// world is a registry with two images, a ledger of promotions, CodePipeline's side
// and the action.
type world struct {
	Action
	registry     tagalongtest.Registry
	ledger       store
	codePipeline codePipeline
	log          strings.Builder
	older, newer digest.Digest // build-1 and build-2, which is latest too
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{}
	w.ledger = store{registry: &w.registry, tags: map[string]ledger.Tag{}}
	w.codePipeline = codePipeline{
		actions: []pipeline.Action{{ID: "other", StartedAt: began.Add(-time.Hour)}, {ID: actionID, StartedAt: began, Status: pipeline.ActionInProgress}},
	}
	one, two := tagalongtest.Image("v1"), tagalongtest.Image("v2")
	w.registry.Push(app, one, "build-1")
	w.registry.Push(app, two, "build-2", "latest")
	w.older, w.newer = one.Digest, two.Digest
	w.Action = Action{
		Region: "us-east-1", Coverage: tagalongtest.Covering("111122223333"), Images: &w.registry, Promoter: &w.ledger, Jobs: &w.ledger, Runs: &w.codePipeline,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	return w
}

// ledger holds promotions: the newest claim on a tag is its wish, and its tag is
// put. A job keeps the date that it has first.
type store struct {
	registry   tagalong.Registry
	promotions []reactor.Promotion
	tags       map[string]ledger.Tag
	err        error
	late       bool  // err comes behind the claim
	unread     error // of FirstSeen
	// hold leaves tags as they are: an answer is missing.
	hold bool
}

func (l *store) Promote(ctx context.Context, p reactor.Promotion) (reactor.Promoted, error) {
	if l.err != nil && !l.late {
		return reactor.Promoted{}, l.err
	}
	if first, seen, _ := l.FirstSeen(ctx, p.Job); seen {
		p.Digest, p.At = first.Digest, first.At
	}
	l.promotions = append(l.promotions, p)
	promoted := reactor.Promoted{FirstSeen: ledger.FirstSeen{Digest: p.Digest, At: p.At}}
	for _, template := range p.Tags {
		id := tagalong.TagID{Repository: p.Repository, Tag: strings.NewReplacer("{environment}", p.Environment, "{time}", "20260304T090000Z").Replace(template)}
		tag, there := l.tags[id.Tag]
		if claim := (ledger.Claim{Tag: id, Digest: p.Digest, At: p.At, By: ledger.JobClaimant(p.Job)}); !there || !tag.Wish.At.After(p.At) {
			tag = ledger.Tag{ID: id, Wish: claim, State: ledger.TagPending}
		}
		if !l.hold {
			tag = l.converge(ctx, tag)
		}
		l.tags[id.Tag] = tag
		promoted.Tags = append(promoted.Tags, tag)
	}
	return promoted, l.err
}

func (l *store) FirstSeen(_ context.Context, job string) (ledger.FirstSeen, bool, error) {
	for _, p := range l.promotions {
		if p.Job == job {
			return ledger.FirstSeen{Digest: p.Digest, At: p.At}, true, l.unread
		}
	}
	return ledger.FirstSeen{}, false, l.unread
}

func (l *store) converge(ctx context.Context, tag ledger.Tag) ledger.Tag {
	images, err := l.registry.Read(ctx, tag.ID.Repository, []digest.Digest{tag.Wish.Digest}, nil)
	if err == nil {
		err = l.registry.Tag(ctx, tag.ID.Repository, images.Manifests[tag.Wish.Digest], tag.ID.Tag)
	}
	switch {
	case err == nil:
		tag.State = ledger.TagConfirmed
	case errors.Is(err, tagalong.ErrGone):
		tag.State, tag.Reason = ledger.TagMissing, "image is not in the repository any more"
	default:
		tag.State, tag.Reason = ledger.TagBlocked, err.Error()
	}
	return tag
}

// codePipeline knows runs of actions. It may lag: as often as it is said.
type codePipeline struct {
	actions []pipeline.Action
	asked   int
	lagging int // how many calls are yet to find nothing
	denied  error
}

func (c *codePipeline) lags() bool {
	c.asked++
	c.lagging--
	return c.lagging >= 0
}

func (c *codePipeline) Actions(_ context.Context, p tagalong.Pipeline, execution string) ([]pipeline.Action, error) {
	lags := c.lags()
	switch {
	case p != named || execution != origin.Execution:
		return nil, pipeline.ErrNoExecution
	case lags:
		return c.actions[:1], c.denied
	}
	return c.actions, c.denied
}

// do runs the job with these parameters.
func (w *world) do(t *testing.T, parameters string) (tagalong.Success, error) {
	t.Helper()
	return w.doAs(t, origin, parameters)
}

// doAs runs the job in the name of an action.
func (w *world) doAs(t *testing.T, of tagalong.JobContext, parameters string) (tagalong.Success, error) {
	t.Helper()
	return w.Do(t.Context(), job.Job{ID: jobID, Account: "111122223333", UserParameters: parameters, Context: of})
}

// recipe is what teams have in their pipelines.
func (w *world) recipe(d digest.Digest, tag string) string {
	return fmt.Sprintf(`{"RepositoryName": "checkout-api", "ImageTag": %q, "NewImageTag": "prod", "ImageDigest": %q, "ImageURI": "%s/checkout-api@%s"}`, tag, d, host, d)
}

func wantFailure(t *testing.T, err error, want string) {
	t.Helper()
	got := fmt.Sprint(err)
	if f, ok := errors.AsType[*job.Error](err); ok {
		got = string(f.Type) + ": " + got
	}
	if err == nil || !strings.Contains(got, want) {
		t.Errorf("%s\ninstead of %s", got, want)
	}
}

var errDenied = errors.New("AccessDeniedException: not authorized")

// vanishing loses the image before it is promoted.
type vanishing struct {
	*store
	w *world
}

func (v *vanishing) Promote(ctx context.Context, p reactor.Promotion) (reactor.Promoted, error) {
	v.w.registry.Delete(app, p.Digest)
	return v.store.Promote(ctx, p)
}
