package ecr

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var _ sweep.Lifecycles = (*Registry)(nil)

// lifecyclePolicy is the part of a lifecycle policy that says which images a rule is about,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html.
type lifecyclePolicy struct {
	Rules []struct {
		Priority  int `json:"rulePriority"`
		Selection struct {
			TagStatus    string   `json:"tagStatus"`
			Prefixes     []string `json:"tagPrefixList"`
			Patterns     []string `json:"tagPatternList"`
			StorageClass string   `json:"storageClass"`
		} `json:"selection"`
		Action struct {
			Type string `json:"type"`
		} `json:"action"`
	} `json:"rules"`
}

// LifecycleRules implements sweep.Lifecycles.
func (r *Registry) LifecycleRules(ctx context.Context, repository tagalong.Repository) ([]sweep.LifecycleRule, error) {
	t, err := r.target(ctx, repository)
	if err != nil {
		return nil, err
	}
	out, err := t.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RegistryId: t.registryID, RepositoryName: t.name})
	if is[*types.LifecyclePolicyNotFoundException](err) || is[*types.RepositoryNotFoundException](err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lifecycle policy of %s: %w", repository, refused(err))
	}
	var policy lifecyclePolicy
	if err := json.Unmarshal([]byte(aws.ToString(out.LifecyclePolicyText)), &policy); err != nil {
		return nil, fmt.Errorf("lifecycle policy of %s: %w", repository, err)
	}
	return policy.rules(), nil
}

// rules returns those about images that can be pulled: what is archived is gone already.
func (p lifecyclePolicy) rules() (rules []sweep.LifecycleRule) {
	for _, r := range p.Rules {
		if r.Selection.StorageClass == "archive" {
			continue
		}
		rule := sweep.LifecycleRule{
			Priority: r.Priority,
			Untagged: r.Selection.TagStatus == "untagged",
			Archives: r.Action.Type == "transition",
			Tagged:   r.Selection.Patterns,
		}
		for _, prefix := range r.Selection.Prefixes {
			rule.Tagged = append(rule.Tagged, prefix+"*")
		}
		rules = append(rules, rule)
	}
	slices.SortFunc(rules, func(a, b sweep.LifecycleRule) int { return cmp.Compare(a.Priority, b.Priority) })
	return rules
}

// TagsOf implements sweep.Lifecycles. DescribeImages is no pull, as BatchGetImage is;
// but where one image is not there, it tells nothing of the others.
func (r *Registry) TagsOf(ctx context.Context, repository tagalong.Repository, digests []digest.Digest) (map[digest.Digest][]string, error) {
	t, err := r.target(ctx, repository)
	if err != nil {
		return nil, err
	}
	tags := map[digest.Digest][]string{}
	for chunk := range slices.Chunk(digests, maxIDs) {
		err := t.addTags(ctx, chunk, tags)
		if errors.Is(err, tagalong.ErrGone) {
			err = t.addTagsOfEach(ctx, chunk, tags)
		}
		if err != nil {
			return nil, err
		}
	}
	return tags, nil
}

// addTagsOfEach reads the tags of images one by one, of those that are there.
func (t target) addTagsOfEach(ctx context.Context, digests []digest.Digest, tags map[digest.Digest][]string) error {
	for _, d := range digests {
		if err := t.addTags(ctx, []digest.Digest{d}, tags); err != nil && !errors.Is(err, tagalong.ErrGone) {
			return err
		}
	}
	return nil
}

// addTags reads the tags of some images; ErrGone says that one of them is not there.
func (t target) addTags(ctx context.Context, digests []digest.Digest, tags map[digest.Digest][]string) error {
	out, err := t.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RegistryId: t.registryID, RepositoryName: t.name, ImageIds: identifiers(digests, nil),
	})
	if is[*types.ImageNotFoundException](err) || is[*types.RepositoryNotFoundException](err) {
		err = fmt.Errorf("%w: %w", tagalong.ErrGone, err)
	}
	if err != nil {
		return fmt.Errorf("reading tags of images in %s: %w", t.repository, refused(err))
	}
	for _, image := range out.ImageDetails {
		tags[digest.Digest(aws.ToString(image.ImageDigest))] = image.ImageTags
	}
	return nil
}
