package ecs

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Revision implements tagalong.Workload with
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html.
// A revision with all its digests never changes and is kept, so that a repeated
// event on a warm function asks nothing.
func (w *Workload) Revision(ctx context.Context, s tagalong.Service, deployment string) (tagalong.Spec, error) {
	client, err := w.clientOf(ctx, s)
	if err != nil {
		return tagalong.Spec{}, err
	}
	arn, ok := revisionARN(s, deployment)
	if !ok {
		return tagalong.Spec{}, fmt.Errorf("deployment %q: want ecs-svc/ and a number: %w", deployment, tagalong.ErrNotFound)
	}
	if spec, ok := w.revisions.get(arn); ok {
		spec.Containers = slices.Clone(spec.Containers)
		return spec, nil
	}
	what := "service revision " + arn
	out, err := client.DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{arn}})
	if err != nil {
		// The ARN is well-formed: what ECS finds wrong with it is that there is no such revision.
		return tagalong.Spec{}, translate(what, err, "InvalidParameterException", "UnsupportedFeatureException")
	}
	if len(out.ServiceRevisions) == 0 {
		return tagalong.Spec{}, missing(what, out.Failures)
	}
	revision := out.ServiceRevisions[0]
	if err := checkOwner(s, revision); err != nil {
		return tagalong.Spec{}, err
	}
	spec, whole := specOf(revision)
	if whole {
		w.revisions.put(arn, tagalong.Spec{TaskDefinition: spec.TaskDefinition, Containers: slices.Clone(spec.Containers)})
	}
	return spec, nil
}

// checkOwner refuses a revision that is not the service's own.
func checkOwner(s tagalong.Service, revision types.ServiceRevision) error {
	if service := aws.ToString(revision.ServiceArn); !isService(s, service, aws.ToString(revision.ClusterArn)) {
		return fmt.Errorf("service revision %s: of service %q: %w", aws.ToString(revision.ServiceRevisionArn), service, tagalong.ErrNotFound)
	}
	return nil
}

// specOf reads a revision. whole tells whether every container has its digest:
// before the deployment's first task has resolved them there may be none.
func specOf(revision types.ServiceRevision) (spec tagalong.Spec, whole bool) {
	spec.TaskDefinition = aws.ToString(revision.TaskDefinition)
	whole = len(revision.ContainerImages) > 0
	for _, image := range revision.ContainerImages {
		ran := tagalong.Ran{
			Name:   aws.ToString(image.ContainerName),
			Image:  aws.ToString(image.Image),
			Digest: digestOf(image.ImageDigest),
		}
		whole = whole && ran.Digest != ""
		spec.Containers = append(spec.Containers, ran)
	}
	return spec, whole
}

// digestOf reads a digest; what is none is unknown.
func digestOf(text *string) digest.Digest {
	d, err := digest.Parse(aws.ToString(text))
	if err != nil {
		return ""
	}
	return d
}
