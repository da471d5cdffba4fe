package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// resolve finds out which images a deployment runs, and how that is known: the
// task definition pins them, the service revision resolved them, the tasks
// report them, or else the registry is asked where the tag is now, which is a
// guess. What nobody knows stays unknown. With an error there may be details all
// the same: those of the containers that could be resolved.
func (r *Reactor) resolve(ctx context.Context, covered tagalong.Coverage, s tagalong.Service, deployment string) (ledger.Details, error) {
	spec, err := r.Workload.Revision(ctx, s, deployment)
	switch {
	case errors.Is(err, tagalong.ErrElsewhere):
		return ledger.Details{}, nil
	case errors.Is(err, tagalong.ErrNotFound), errors.Is(err, tagalong.ErrDenied):
		return r.resolveWithoutRevision(ctx, covered, s, deployment, "")
	case err != nil:
		return ledger.Details{}, fmt.Errorf("service revision of %s: %w", deployment, err)
	}
	containers := written(spec, tagalong.Revision)
	if len(containers) == 0 { // of what never had a task the revision may name none
		return r.resolveWithoutRevision(ctx, covered, s, deployment, spec.TaskDefinition)
	}
	if !lackDigests(containers) {
		return ledger.Details{TaskDefinition: spec.TaskDefinition, Containers: containers}, nil
	}
	tasks, err := r.Workload.Tasks(ctx, s, deployment)
	if err != nil {
		return ledger.Details{TaskDefinition: spec.TaskDefinition, Containers: containers}, fmt.Errorf("tasks of %s: %w", deployment, err)
	}
	return r.guess(ctx, covered, spec.TaskDefinition, report(containers, tasks))
}

// resolveWithoutRevision serves services older than service revisions, and roles that
// may not read them: if the task definition is not known, the tasks name it.
func (r *Reactor) resolveWithoutRevision(ctx context.Context, covered tagalong.Coverage, s tagalong.Service, deployment, definition string) (ledger.Details, error) {
	tasks, err := r.Workload.Tasks(ctx, s, deployment)
	if err != nil {
		return ledger.Details{}, fmt.Errorf("tasks of %s: %w", deployment, err)
	}
	if definition == "" && len(tasks) > 0 {
		definition = tasks[0].TaskDefinition
	}
	spec, err := r.Workload.Definition(ctx, s, deployment, definition)
	if err != nil && !errors.Is(err, tagalong.ErrNotFound) {
		return ledger.Details{}, fmt.Errorf("task definition of %s: %w", deployment, err)
	}
	if spec.TaskDefinition == "" {
		spec.TaskDefinition = definition
	}
	return r.guess(ctx, covered, spec.TaskDefinition, report(written(spec, tagalong.Unknown), tasks))
}

// written returns the containers of a task definition; evidence is that of the digests that come with it.
func written(spec tagalong.Spec, evidence tagalong.Evidence) []tagalong.Container {
	var containers []tagalong.Container
	for _, ran := range spec.Containers {
		c := container(ran)
		if image, err := tagalong.ParseImage(ran.Image); err == nil && image.Digest != "" {
			c.Digest, c.Evidence = image.Digest, tagalong.Pinned
		} else if c.Digest != "" {
			c.Evidence = evidence
		}
		containers = append(containers, c)
	}
	return tagalong.MergeContainers(nil, containers)
}

// container reads what ECS says of a container; an image reference that is none leaves the image unknown.
func container(ran tagalong.Ran) tagalong.Container {
	c := tagalong.Container{Name: ran.Name, Evidence: tagalong.Unknown, Digest: ran.Digest}
	if image, err := tagalong.ParseImage(ran.Image); err == nil && ran.Image != "" {
		c.Image, c.ImageTag = image.Repository, image.Tag
	}
	return c
}

func lackDigests(containers []tagalong.Container) bool {
	return len(containers) == 0 || slices.ContainsFunc(containers, func(c tagalong.Container) bool { return c.Digest == "" })
}

// report joins what tasks report with what the task definition says. A container
// that the definition does not have was added by ECS itself.
func report(defined []tagalong.Container, tasks []tagalong.TaskRun) []tagalong.Container {
	counts := map[string]map[digest.Digest]int{}
	var reported []tagalong.Container
	for _, task := range tasks {
		for _, ran := range task.Containers {
			if ran.Digest == "" {
				continue
			}
			if counts[ran.Name] == nil {
				counts[ran.Name] = map[digest.Digest]int{}
				c := container(ran)
				c.Evidence = tagalong.Task
				c.Added = addedByECS(ran, defined)
				reported = append(reported, c)
			}
			counts[ran.Name][ran.Digest]++
		}
	}
	for i := range reported {
		c := &reported[i]
		c.Digest = mostReported(counts[c.Name])
		c.Disputed = len(counts[c.Name]) > 1
	}
	return tagalong.MergeContainers(defined, reported)
}

// mostReported returns the digest that most tasks report; among equals the one that sorts first.
func mostReported(counts map[digest.Digest]int) (most digest.Digest) {
	for d, n := range counts {
		if most == "" || n > counts[most] || n == counts[most] && d < most {
			most = d
		}
	}
	return most
}

// addedByECS knows the containers that ECS puts into tasks itself. Where the
// definition could not be read, they are known by the names that ECS gives them.
func addedByECS(ran tagalong.Ran, defined []tagalong.Container) bool {
	if len(defined) > 0 {
		return !slices.ContainsFunc(defined, func(c tagalong.Container) bool { return c.Name == ran.Name })
	}
	return ran.Image == "" || strings.HasPrefix(ran.Name, "aws-guardduty-agent-") || strings.HasPrefix(ran.Name, "ecs-service-connect-")
}

// guess asks the registries that we were given for the digests that nobody reported:
// where the tag is now.
func (r *Reactor) guess(ctx context.Context, covered tagalong.Coverage, definition string, containers []tagalong.Container) (ledger.Details, error) {
	var problems *multierror.Error
	for i := range containers {
		c := &containers[i]
		if c.Digest != "" || c.ImageTag == "" || c.Added || !covered.Reads(c.Image) {
			continue
		}
		images, err := r.Registry.Read(ctx, c.Image, nil, []string{c.ImageTag})
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("container %s: image %s:%s: %w", c.Name, c.Image, c.ImageTag, err))
			continue
		}
		if d := images.Tags[c.ImageTag]; d != "" {
			c.Digest, c.Evidence = d, tagalong.Guess
		}
	}
	return ledger.Details{TaskDefinition: definition, Containers: containers}, problems.ErrorOrNil()
}
