package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// maxRevisions is how many one DescribeServiceRevisions describes.
const maxRevisions = 20

// Prepare implements sweep.Inventory with
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html.
// What may not be read in a batch is left to be asked for by itself: perhaps only
// one of them is denied.
func (e *Inventory) Prepare(ctx context.Context, scope tagalong.Scope, deployments []sweep.DeploymentOf) error {
	client, err := e.client(ctx, homeOfScope(scope))
	if err != nil {
		return err
	}
	e.revisions.reset()
	e.tasks.reset()
	owners := map[string]tagalong.Service{}
	for _, d := range deployments {
		if arn, ok := revisionARN(d.Service, d.Deployment); ok && checkService(d.Service) == nil {
			owners[arn] = d.Service
		}
	}
	var arns []string
	for arn := range owners {
		arns = append(arns, arn)
	}
	slices.Sort(arns)
	batches := slices.Collect(slices.Chunk(arns, maxRevisions))
	return sideBySide(ctx, len(batches), func(ctx context.Context, i int) error {
		out, err := client.DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: batches[i]})
		if err == nil {
			e.keep(owners, out)
			return nil
		}
		err = translate("service revisions of "+scope.String(), err, "InvalidParameterException", "UnsupportedFeatureException")
		if errors.Is(err, tagalong.ErrDenied) || errors.Is(err, tagalong.ErrNotFound) {
			return nil
		}
		return err
	})
}

// keep keeps what a batch says: revisions, and that there are none.
func (e *Inventory) keep(owners map[string]tagalong.Service, out *ecs.DescribeServiceRevisionsOutput) {
	for _, revision := range out.ServiceRevisions {
		arn := aws.ToString(revision.ServiceRevisionArn)
		spec, err := ownedBy(owners[arn], revision)
		e.revisions.put(arn, spec, err)
	}
	for _, failure := range out.Failures {
		if arn := aws.ToString(failure.Arn); aws.ToString(failure.Reason) == "MISSING" {
			e.revisions.put(arn, tagalong.Spec{}, missing("service revision "+arn, []types.Failure{failure}))
		}
	}
}

func ownedBy(s tagalong.Service, revision types.ServiceRevision) (tagalong.Spec, error) {
	if err := checkOwner(s, revision); err != nil {
		return tagalong.Spec{}, err
	}
	spec, _ := specOf(revision)
	return spec, nil
}

// Revision implements tagalong.Workload with what was prepared.
func (e *Inventory) Revision(ctx context.Context, s tagalong.Service, deployment string) (tagalong.Spec, error) {
	arn, ok := revisionARN(s, deployment)
	if !ok {
		return e.Workload.Revision(ctx, s, deployment)
	}
	spec, err := e.revisions.ask(arn, func() (tagalong.Spec, error) { return e.Workload.Revision(ctx, s, deployment) })
	return copyOf(spec), err
}

// Tasks implements tagalong.Workload: they are asked for once, though a rollout's
// start and its end are two facts.
func (e *Inventory) Tasks(ctx context.Context, s tagalong.Service, deployment string) ([]tagalong.TaskRun, error) {
	arn, ok := revisionARN(s, deployment)
	if !ok {
		return e.Workload.Tasks(ctx, s, deployment)
	}
	runs, err := e.tasks.ask(arn, func() ([]tagalong.TaskRun, error) { return e.Workload.Tasks(ctx, s, deployment) })
	return slices.Clone(runs), err
}

// Definition implements tagalong.Workload: each is asked for once. Of a service that
// was just described it is known which ones its deployments have.
func (e *Inventory) Definition(ctx context.Context, s tagalong.Service, deployment, taskDefinition string) (tagalong.Spec, error) {
	if taskDefinition == "" {
		known, described := e.definitionOf(s, deployment)
		if !described {
			return e.Workload.Definition(ctx, s, deployment, "")
		}
		if known == "" {
			return tagalong.Spec{}, fmt.Errorf("deployment %q in service %s: %w", deployment, s, tagalong.ErrNotFound)
		}
		taskDefinition = known
	}
	spec, err := e.definitions.ask(taskDefinition, func() (tagalong.Spec, error) {
		return e.Workload.Definition(ctx, s, deployment, taskDefinition)
	})
	return copyOf(spec), err
}

func (e *Inventory) definitionOf(s tagalong.Service, deployment string) (arn string, described bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	definitions, described := e.shown[s]
	return definitions[deployment], described
}

func copyOf(spec tagalong.Spec) tagalong.Spec {
	spec.Containers = slices.Clone(spec.Containers)
	return spec
}

// kept holds answers, each asked for once; that there is nothing is an answer, a
// failure is none. The zero value holds nothing.
type kept[T any] struct {
	mu      sync.Mutex
	answers map[string]*answer[T]
}

type answer[T any] struct {
	mu    sync.Mutex
	known bool
	value T
	err   error
}

func (k *kept[T]) of(key string) *answer[T] {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.answers == nil {
		k.answers = map[string]*answer[T]{}
	}
	if k.answers[key] == nil {
		k.answers[key] = &answer[T]{}
	}
	return k.answers[key]
}

func (k *kept[T]) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers = nil
}

func (k *kept[T]) put(key string, value T, err error) {
	a := k.of(key)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.value, a.err = true, value, err
}

// ask returns the answer, which only the first who asks fetches.
func (k *kept[T]) ask(key string, fetch func() (T, error)) (T, error) {
	a := k.of(key)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.known {
		a.value, a.err = fetch()
		a.known = a.err == nil || errors.Is(a.err, tagalong.ErrNotFound)
	}
	return a.value, a.err
}
