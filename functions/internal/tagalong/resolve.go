package tagalong

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/opencontainers/go-digest"
)

// Resolve finds out which images a deployment runs, and how that is known: the
// task definition pins them, the service revision resolved them, the tasks
// report them, or else the registry is asked where the tag is now, which is a
// guess. What nobody knows stays unknown. With an error there may be details all
// the same: those of the containers that could be resolved.
func (r *Reactor) Resolve(ctx context.Context, covered Coverage, s Service, deployment string) (Details, error) {
	spec, err := r.Workload.Revision(ctx, s, deployment)
	switch {
	case errors.Is(err, ErrElsewhere):
		return Details{}, nil
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrDenied):
		return r.resolveWithoutRevision(ctx, covered, s, deployment, "")
	case err != nil:
		return Details{}, fmt.Errorf("service revision of %s: %w", deployment, err)
	}
	containers := written(spec, Revision)
	if len(containers) == 0 { // of what never had a task the revision may name none
		return r.resolveWithoutRevision(ctx, covered, s, deployment, spec.TaskDefinition)
	}
	if !lacking(containers) {
		return Details{TaskDefinition: spec.TaskDefinition, Containers: containers}, nil
	}
	tasks, err := r.Workload.Tasks(ctx, s, deployment)
	if err != nil {
		return Details{TaskDefinition: spec.TaskDefinition, Containers: containers}, fmt.Errorf("tasks of %s: %w", deployment, err)
	}
	return r.guess(ctx, covered, spec.TaskDefinition, report(containers, tasks))
}

// resolveWithoutRevision serves services older than service revisions, and roles that
// may not read them: the task definition is told by the tasks, if it is not known.
func (r *Reactor) resolveWithoutRevision(ctx context.Context, covered Coverage, s Service, deployment, definition string) (Details, error) {
	tasks, err := r.Workload.Tasks(ctx, s, deployment)
	if err != nil {
		return Details{}, fmt.Errorf("tasks of %s: %w", deployment, err)
	}
	if definition == "" && len(tasks) > 0 {
		definition = tasks[0].TaskDefinition
	}
	spec, err := r.Workload.Definition(ctx, s, deployment, definition)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Details{}, fmt.Errorf("task definition of %s: %w", deployment, err)
	}
	if spec.TaskDefinition == "" {
		spec.TaskDefinition = definition
	}
	return r.guess(ctx, covered, spec.TaskDefinition, report(written(spec, Unknown), tasks))
}

// written gives the containers of a task definition; evidence is that of the digests that come with it.
func written(spec Spec, evidence Evidence) []Container {
	var containers []Container
	for _, ran := range spec.Containers {
		c := container(ran)
		if image, err := ParseImage(ran.Image); err == nil && image.Digest != "" {
			c.Digest, c.Evidence = image.Digest, Pinned
		} else if c.Digest != "" {
			c.Evidence = evidence
		}
		containers = append(containers, c)
	}
	return mergeContainers(nil, containers)
}

// container reads what ECS says of a container; an image reference that is none leaves the image unknown.
func container(ran Ran) Container {
	c := Container{Name: ran.Name, Evidence: Unknown, Digest: ran.Digest}
	if image, err := ParseImage(ran.Image); err == nil && ran.Image != "" {
		c.Image, c.ImageTag = image.Repository, image.Tag
	}
	return c
}

func lacking(containers []Container) bool {
	return len(containers) == 0 || slices.ContainsFunc(containers, func(c Container) bool { return c.Digest == "" })
}

// report joins what tasks report with what the task definition says. A container
// that the definition does not have was added by ECS itself.
func report(defined []Container, tasks []TaskRun) []Container {
	counts := map[string]map[digest.Digest]int{}
	var reported []Container
	for _, task := range tasks {
		for _, ran := range task.Containers {
			if ran.Digest == "" {
				continue
			}
			if counts[ran.Name] == nil {
				counts[ran.Name] = map[digest.Digest]int{}
				c := container(ran)
				c.Evidence = Task
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
	return mergeContainers(defined, reported)
}

// mostReported gives the digest that most tasks report; among equals the one that sorts first.
func mostReported(counts map[digest.Digest]int) (most digest.Digest) {
	for d, n := range counts {
		if most == "" || n > counts[most] || n == counts[most] && d < most {
			most = d
		}
	}
	return most
}

// addedByECS knows the containers that ECS puts into tasks itself. Where the
// definition could not be read, the names that ECS gives them tell.
func addedByECS(ran Ran, defined []Container) bool {
	if len(defined) > 0 {
		return !slices.ContainsFunc(defined, func(c Container) bool { return c.Name == ran.Name })
	}
	return ran.Image == "" || strings.HasPrefix(ran.Name, "aws-guardduty-agent-") || strings.HasPrefix(ran.Name, "ecs-service-connect-")
}

// guess asks the registries that we were given for the digests that nobody reported:
// where the tag is now.
func (r *Reactor) guess(ctx context.Context, covered Coverage, definition string, containers []Container) (Details, error) {
	var problems *multierror.Error
	for i := range containers {
		c := &containers[i]
		if c.Digest != "" || c.ImageTag == "" || c.Added || !covered.reads(c.Image) {
			continue
		}
		images, err := r.Registry.Read(ctx, c.Image, nil, []string{c.ImageTag})
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("container %s: image %s:%s: %w", c.Name, c.Image, c.ImageTag, err))
			continue
		}
		if d := images.Tags[c.ImageTag]; d != "" {
			c.Digest, c.Evidence = d, Guess
		}
	}
	return Details{TaskDefinition: definition, Containers: containers}, problems.ErrorOrNil()
}
