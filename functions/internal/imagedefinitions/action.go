// Package imagedefinitions is the work of a CodePipeline action: it writes the
// file that a deploy action takes its images from, each pinned by its digest,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html.
package imagedefinitions

import (
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Images says where tags sit: the core's Registry does.
type Images interface {
	Read(ctx context.Context, r tagalong.Repository, digests []digest.Digest, tags []string) (tagalong.Images, error)
}

// Services knows what a service's task definition holds.
type Services interface {
	// ContainerNames returns the containers of a service's current task definition.
	// tagalong.ErrNotFound is an answer.
	ContainerNames(ctx context.Context, s tagalong.Service) ([]string, error)
}

// Artifacts reads and writes the artifacts of one job.
type Artifacts interface {
	// File returns a file of an artifact; ok is false if it has none of that name.
	File(ctx context.Context, a tagalong.Artifact, name string) (content []byte, ok bool, err error)
	// Put writes an artifact that holds one file.
	Put(ctx context.Context, a tagalong.Artifact, name string, content []byte) error
}

// Action is the action, in the function's Region.
type Action struct {
	Region   string
	Images   Images
	Services Services
	// Open gives the artifacts that a job's credentials reach.
	Open func(tagalong.ArtifactStore) Artifacts
}

// Do is the work of a job: which containers get which images, pinned; checked
// against the service if one is named; written to every output artifact.
func (a Action) Do(ctx context.Context, j job.Job) (tagalong.Success, error) {
	request, err := a.request(j)
	if err != nil {
		return tagalong.Success{}, err
	}
	store, err := j.ArtifactStore()
	if err != nil {
		return tagalong.Success{}, job.Misconfigured("%v", err)
	}
	if len(store.Outputs) == 0 {
		return tagalong.Success{}, job.Misconfigured("the action has no output artifact: want one, which the deploy action takes as its input")
	}
	artifacts := a.Open(store)
	if err := request.complete(ctx, artifacts, store.Inputs); err != nil {
		return tagalong.Success{}, err
	}
	if err := a.check(ctx, request); err != nil {
		return tagalong.Success{}, err
	}
	if err := a.pin(ctx, request); err != nil {
		return tagalong.Success{}, err
	}
	name, content, err := request.document()
	if err != nil {
		return tagalong.Success{}, err
	}
	for _, output := range store.Outputs {
		if err := artifacts.Put(ctx, output, name, content); err != nil {
			return tagalong.Success{}, err
		}
	}
	return request.success(name), nil
}

// check compares the container names with the service's, if one is named.
func (a Action) check(ctx context.Context, r *request) error {
	if r.service.Name == "" {
		return nil
	}
	known, err := a.Services.ContainerNames(ctx, r.service)
	if err != nil {
		return err
	}
	var problems []error
	for _, c := range r.containers {
		if !slices.Contains(known, c.name) {
			problems = append(problems, job.Misconfigured("container %q is not in the task definition of service %s/%s: want one of %s",
				c.name, r.service.Cluster, r.service.Name, strings.Join(known, ", ")))
		}
	}
	return job.Problems(problems)
}
