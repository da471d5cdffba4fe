package ecr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var _ sweep.Untagger = (*Registry)(nil)

// ImageTags implements sweep.Untagger. A registry can be asked for its settings by
// its own account alone: of another one nobody can tell where removals reach.
func (r *Registry) ImageTags(ctx context.Context, repository tagalong.Repository, d digest.Digest) (sweep.ImageTags, error) {
	t, err := r.target(ctx, repository)
	if err != nil {
		return sweep.ImageTags{}, err
	}
	replicated, err := t.replicatesDeletes(ctx)
	if err != nil {
		return sweep.ImageTags{}, fmt.Errorf("reading settings of registry %s: %w", repository.Registry, err)
	}
	out, err := t.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RegistryId:     t.registryID,
		RepositoryName: t.name,
		ImageIds:       []types.ImageIdentifier{{ImageDigest: aws.String(d.String())}},
	})
	if is[*types.ImageNotFoundException](err) || is[*types.RepositoryNotFoundException](err) {
		err = fmt.Errorf("%w: %w", tagalong.ErrGone, err)
	}
	if err != nil {
		return sweep.ImageTags{}, fmt.Errorf("reading tags of %s in %s: %w", d, repository, err)
	}
	tags := sweep.ImageTags{Replicated: replicated}
	for _, image := range out.ImageDetails {
		tags.Tags = append(tags.Tags, image.ImageTags...)
	}
	return tags, nil
}

// replicatesDeletes reports whether the registry passes the removal of a tag on to
// others, or may.
func (t target) replicatesDeletes(ctx context.Context) (bool, error) {
	var known transcript
	out, err := t.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{}, func(o *ecr.Options) {
		known.client, o.HTTPClient = o.HTTPClient, &known
	})
	if err != nil {
		return false, err
	}
	if aws.ToString(out.RegistryId) != *t.registryID {
		return true, nil
	}
	return known.replicatesDeletes()
}

// transcript keeps a reply as it came: the SDK leaves out what it does not know.
type transcript struct {
	client ecr.HTTPClient
	reply  []byte
}

// Do implements ecr.HTTPClient.
func (t *transcript) Do(r *http.Request) (*http.Response, error) {
	reply, err := t.client.Do(r)
	if err != nil {
		return reply, err
	}
	t.reply, err = io.ReadAll(reply.Body)
	err = errors.Join(err, reply.Body.Close())
	reply.Body = io.NopCloser(bytes.NewReader(t.reply))
	return reply, err
}

// replicatesDeletes looks for a rule with deleteReplication, which this SDK does not
// have, nor the API's reference; CloudFormation's says what it holds,
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecr-replicationconfiguration-deletereplication.html.
// Whatever else a rule might have is taken for it, unless it is switched off.
func (t *transcript) replicatesDeletes() (bool, error) {
	var registry struct {
		Replication struct {
			Rules []map[string]json.RawMessage `json:"rules"`
		} `json:"replicationConfiguration"`
	}
	if err := json.Unmarshal(t.reply, &registry); err != nil {
		return false, err
	}
	for _, rule := range registry.Replication.Rules {
		delete(rule, "destinations")
		delete(rule, "repositoryFilters")
		for _, raw := range rule {
			var setting *struct {
				Enabled *bool `json:"enabled"`
			}
			if json.Unmarshal(raw, &setting) != nil || setting != nil && (setting.Enabled == nil || *setting.Enabled) {
				return true, nil
			}
		}
	}
	return false, nil
}

// RemoveTag implements sweep.Untagger: by the tag alone, since the removal of a digest
// is that of the image,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html.
func (r *Registry) RemoveTag(ctx context.Context, repository tagalong.Repository, tag string) error {
	t, err := r.target(ctx, repository)
	if err != nil {
		return err
	}
	var seen sentRequest
	out, err := t.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
		RegistryId:     t.registryID,
		RepositoryName: t.name,
		ImageIds:       []types.ImageIdentifier{{ImageTag: &tag}},
	}, func(o *ecr.Options) {
		o.Retryer = aws.NopRetryer{}
		seen.client, o.HTTPClient = o.HTTPClient, &seen
	})
	kind := seen.classify(err)
	switch {
	case errors.Is(kind, tagalong.ErrGone):
		return nil
	case err == nil:
		err = refusals(out.Failures)
	}
	if err != nil {
		return fmt.Errorf("removing tag %q from %s: %w", tag, repository, explain(kind, err))
	}
	return nil
}
