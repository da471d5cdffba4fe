package ecr

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

var _ query.Previewer = (*Registry)(nil)

// previewing is how long a preview is waited for, a minute in all: ECR makes it in the
// background.
var previewing = wait.Backoff{Attempts: 20, Base: 200 * time.Millisecond, Max: 5 * time.Second}

// maxPreviews is how often a preview is started anew since it is somebody else's.
const maxPreviews = 3

// Taken implements query.Previewer. A repository has one preview at a time, of whoever
// started it last, and of whatever policy that was.
func (r *Registry) Taken(ctx context.Context, repository tagalong.Repository, digests []digest.Digest) (taken []query.TakenImage, err error) {
	t, err := r.target(ctx, repository)
	if err != nil {
		return nil, err
	}
	for range maxPreviews {
		policy, err := t.startPreview(ctx)
		if is[*types.LifecyclePolicyNotFoundException](err) || is[*types.RepositoryNotFoundException](err) {
			return nil, nil
		}
		if err != nil && !is[*types.LifecyclePolicyPreviewInProgressException](err) {
			return nil, fmt.Errorf("starting a preview of the lifecycle policy of %s: %w", repository, refused(err))
		}
		taken, ours, err := t.preview(ctx, policy, digests)
		if err != nil {
			return nil, fmt.Errorf("previewing the lifecycle policy of %s: %w", repository, refused(err))
		}
		if ours {
			return taken, nil
		}
	}
	return nil, fmt.Errorf("previewing the lifecycle policy of %s: others preview policies of their own there: want it later", repository)
}

// startPreview returns the policy that is previewed, "" if another preview is under way.
func (t target) startPreview(ctx context.Context) (policy string, err error) {
	out, err := t.StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{RegistryId: t.registryID, RepositoryName: t.name})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.LifecyclePolicyText), nil
}

// preview reads what becomes of images, once that is complete. ours is false where it is of
// another policy.
func (t target) preview(ctx context.Context, policy string, digests []digest.Digest) (taken []query.TakenImage, ours bool, err error) {
	for chunk := range slices.Chunk(digests, maxIDs) {
		out, err := t.completePreview(ctx, identifiers(chunk, nil))
		if err != nil {
			return nil, false, err
		}
		if aws.ToString(out.LifecyclePolicyText) != policy {
			return nil, false, nil
		}
		for _, result := range out.PreviewResults {
			if result.Action != nil { // else it is kept
				taken = append(taken, query.TakenImage{
					Digest: digest.Digest(aws.ToString(result.ImageDigest)), Rule: int(aws.ToInt32(result.AppliedRulePriority)),
					Archives: result.Action.Type == types.ImageActionTypeTransition, Tags: result.ImageTags,
				})
			}
		}
	}
	return taken, true, nil
}

// completePreview waits until a preview is complete,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html.
func (t target) completePreview(ctx context.Context, ids []types.ImageIdentifier) (*ecr.GetLifecyclePolicyPreviewOutput, error) {
	for attempts := 0; ; {
		out, err := t.GetLifecyclePolicyPreview(ctx, &ecr.GetLifecyclePolicyPreviewInput{RegistryId: t.registryID, RepositoryName: t.name, ImageIds: ids})
		if err != nil {
			return nil, err
		}
		switch out.Status {
		case types.LifecyclePolicyPreviewStatusComplete:
			return out, nil
		case types.LifecyclePolicyPreviewStatusInProgress:
		default:
			return nil, fmt.Errorf("it is %s: want COMPLETE", out.Status)
		}
		if attempts++; !previewing.Next(ctx, attempts) {
			return nil, fmt.Errorf("it is still %s", out.Status)
		}
	}
}
