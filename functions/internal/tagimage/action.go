// Package tagimage is the work of a CodePipeline action: it promotes an image, by
// a tag that the ledger knows the reason of.
package tagimage

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Images says what is in a repository and where its tags sit: the core's Registry does.
type Images interface {
	Read(ctx context.Context, r tagalong.Repository, digests []digest.Digest, tags []string) (tagalong.Images, error)
}

// Promoter has tags sit on an image, and keeps that in the ledger: the core's Reactor
// does. To do it again is safe. Beside an error it returns the desired tags.
type Promoter interface {
	Promote(ctx context.Context, p reactor.Promotion) (reactor.Promoted, error)
}

// Action is the action, in the function's Region.
type Action struct {
	Region     string
	Rules      tagalong.Rules
	Promotions tagalong.PromotionRules
	// Coverage returns what we were given, as of the Reactor.
	Coverage func(context.Context) (tagalong.Coverage, error)
	Images   Images
	Promoter Promoter
	Jobs     ledger.Jobs
	Runs     Runs
	Log      *slog.Logger
}

// Do is the work of a job: the image is found, and promoted as of when the
// action's run began; then the tags say how that went. A job that is over is promoted
// only if it was before: nobody waits for another one.
func (a Action) Do(ctx context.Context, j job.Job) (tagalong.Success, error) {
	request, err := a.request(j)
	if err != nil {
		return tagalong.Success{}, err
	}
	if err := a.allowed(ctx, j.Context.Pipeline, request.image.Repository); err != nil {
		return tagalong.Success{}, err
	}
	found, began, err := a.image(ctx, j, request.image)
	if err != nil {
		return tagalong.Success{}, err
	}
	promotion := reactor.Promotion{
		Job:         j.ID,
		At:          began,
		Release:     tagalong.Release{Pipeline: j.Context.Pipeline.Name, Execution: j.Context.Execution, Stage: j.Context.Stage},
		Repository:  request.image.Repository,
		Digest:      found.digest,
		Tags:        request.tags,
		Environment: request.environment,
	}
	promoted, err := a.Promoter.Promote(ctx, promotion)
	if err != nil {
		return tagalong.Success{}, remarked(err, promoted)
	}
	if promotion.Digest != promoted.Digest { // of a job that is run again that of its first run
		promotion.Digest, found.tags = promoted.Digest, nil
	}
	success, err := a.verdict(ctx, promotion, promoted, found)
	if err != nil {
		return tagalong.Success{}, remarked(err, promoted)
	}
	return success, nil
}

// allowed returns nil if a pipeline's jobs may tag a repository.
func (a Action) allowed(ctx context.Context, p tagalong.Pipeline, r tagalong.Repository) error {
	covered, err := a.Coverage(ctx)
	if err != nil {
		return err
	}
	if err := a.Promotions.Refusal(covered, p, r); err != nil {
		return job.Forbidden("%v", err)
	}
	return nil
}

// image returns the image that a job promotes, and when its action's run began: of a
// job that was run before the image of then, whose date the ledger knows.
func (a Action) image(ctx context.Context, j job.Job, named job.Image) (found finding, began time.Time, err error) {
	if found, err = a.find(ctx, named); err == nil {
		run := a.run(ctx, j)
		if !over(run) {
			return found, run.StartedAt, nil
		}
		err = job.Failed("the action has ended and promoted nothing, so that its job is not run any more")
	}
	found, err = a.firstSeen(ctx, j.ID, err)
	return found, time.Time{}, err
}

// remarked says of a job that fails that its promotion is a claim all the same, if
// the ledger has it: whoever mends the cause need not wonder why the tag moves then.
func remarked(err error, promoted reactor.Promoted) error {
	if !slices.ContainsFunc(promoted.Tags, func(tag ledger.Tag) bool { return tag.Wish.Digest == promoted.Digest }) {
		return err
	}
	return job.Remarked(err, "the promotion stays recorded: a sweep tags the image once this is mended, unless a newer claim takes its place")
}

// finding is an image that was looked for.
type finding struct {
	digest   digest.Digest
	tags     []string // of those that it is named by, the ones that sit on it
	warnings []string
}

// find looks for the image. Where a digest is given it counts: a tag that has moved
// since is a warning, and never a reason to take the newer image.
func (a Action) find(ctx context.Context, image job.Image) (finding, error) {
	var digests []digest.Digest
	if image.Digest != "" {
		digests = append(digests, image.Digest)
	}
	read, err := a.Images.Read(ctx, image.Repository, digests, image.Tags)
	if err != nil {
		return finding{}, err
	}
	found := finding{digest: image.Digest}
	if image.Digest == "" {
		found.digest = read.Tags[image.Tags[0]]
	}
	if _, ok := read.Manifests[found.digest]; !ok {
		return finding{}, image.Absent(read)
	}
	for _, tag := range image.Tags {
		switch at := read.Tags[tag]; at {
		case found.digest:
			found.tags = append(found.tags, tag)
		case "":
			found.warnings = append(found.warnings, fmt.Sprintf("the image's tag %q is not there any more", tag))
		default:
			found.warnings = append(found.warnings, fmt.Sprintf("the image's tag %q has moved to %s since", tag, at))
		}
	}
	return found, nil
}

// firstSeen returns the image of a job that is run again, and for whatever reason does not
// find it, or is over: its first run did, and the promotion stands. Of a new job the
// error stays.
func (a Action) firstSeen(ctx context.Context, id string, lost error) (finding, error) {
	first, seen, err := a.Jobs.FirstSeen(ctx, id)
	switch {
	case err != nil:
		return finding{}, fmt.Errorf("%v; asking whether the job was run before: %w", lost, err)
	case !seen:
		return finding{}, lost
	}
	return finding{digest: first.Digest}, nil
}

// verdict reads from the tags how the promotion went. Nothing is promised that the
// ledger does not say: what is not confirmed counts only if ECR shows it.
func (a Action) verdict(ctx context.Context, p reactor.Promotion, promoted reactor.Promoted, found finding) (tagalong.Success, error) {
	shown, err := a.shown(ctx, p, promoted.Tags)
	if err != nil {
		return tagalong.Success{}, err
	}
	var (
		problems []error
		names    []string
	)
	for _, tag := range promoted.Tags {
		note, problem := stands(p, tag, shown[tag.ID.Tag])
		if note != "" {
			found.warnings = append(found.warnings, note)
			found.tags = slices.DeleteFunc(found.tags, func(name string) bool { return name == tag.ID.Tag })
		} else if problem == nil {
			names = append(names, tag.ID.Tag)
		}
		if problem != nil {
			problems = append(problems, problem)
		}
	}
	if len(problems) > 0 {
		return tagalong.Success{}, job.Together(problems)
	}
	return success(p, names, found), nil
}

// shown asks ECR for the tags that are not settled.
func (a Action) shown(ctx context.Context, p reactor.Promotion, tags []ledger.Tag) (map[string]digest.Digest, error) {
	var open []string
	for _, tag := range tags {
		if tag.State == ledger.TagPending {
			open = append(open, tag.ID.Tag)
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	images, err := a.Images.Read(ctx, p.Repository, nil, open)
	return images.Tags, err
}

// stands says how one tag stands: well, with a note on it, or not.
func stands(p reactor.Promotion, tag ledger.Tag, shown digest.Digest) (note string, problem error) {
	switch {
	case tag.Wish.Digest != p.Digest:
		return fmt.Sprintf("tag %q stays on %s: %s is newer than this action", tag.ID.Tag, tag.Wish.Digest, tag.Wish.By), nil
	case tag.State == ledger.TagConfirmed:
		return "", nil
	case tag.State == ledger.TagBlocked:
		return "", job.Misconfigured("tag %q: %s", tag.ID.Tag, tag.Reason)
	case tag.State == ledger.TagMissing:
		return "", job.Gone("tag %q: %s", tag.ID.Tag, tag.Reason)
	case shown == p.Digest:
		return "", nil
	}
	return "", job.Unavailable("tag %q: ECR has not confirmed it yet: retry the action", tag.ID.Tag)
}

// success is what the action says and returns to those after it, in the variables of
// the ECR source action: the image with a tag that sits on it, the first new one,
// else one that it was found by.
func success(p reactor.Promotion, names []string, found finding) tagalong.Success {
	uri := p.Repository.String() + "@" + p.Digest.String()
	var sentences []string
	if len(names) > 0 {
		sentences = append(sentences, fmt.Sprintf("%s is tagged %s", uri, strings.Join(names, ", ")))
	}
	variables := map[string]string{job.RepositoryName: p.Repository.Name, job.ImageDigest: p.Digest.String(), job.ImageURI: uri}
	if tags := slices.Concat(names, found.tags); len(tags) > 0 {
		variables[job.ImageTag] = tags[0]
	}
	return tagalong.Success{Summary: strings.Join(slices.Concat(sentences, found.warnings), "; "), Variables: variables}
}
