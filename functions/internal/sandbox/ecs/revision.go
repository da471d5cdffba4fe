package ecs

import (
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// RevisionState is what DescribeServiceRevisions says of a deployment's revision.
type RevisionState int

// The states of a service revision.
const (
	Filled   RevisionState = iota // with its containers and their digests
	Unfilled                      // there, but without containers yet
	Expired                       // gone after its 90 days: MISSING
	Denied                        // AccessDeniedException
)

// revision is a service revision,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html.
type revision struct {
	state    RevisionState
	resolved bool // a first task established the digests
	images   []containerImage
}

// containerImage is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerImage.html.
type containerImage struct {
	Name   string        `json:"containerName"`
	Image  string        `json:"image"`
	Digest digest.Digest `json:"imageDigest,omitempty"`
}

// SetRevision decides what DescribeServiceRevisions says of the deployment.
func (d *Deployment) SetRevision(state RevisionState) {
	defer d.service.lock()()
	d.revision.state = state
}

// Digest gives the digest that a container is pinned to, "" if none was
// established.
func (st *starter) Digest(container string) digest.Digest {
	defer st.service.lock()()
	return st.pinned(container)
}

// resolve fixes the digests of the images, as the first task does:
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability.
// Without a task there is nothing to establish them.
func (st *starter) resolve() {
	st.revision.resolved = st.service.desired > 0
	st.revision.images = nil
	for _, c := range st.taskDefinition.wire.Containers {
		image := containerImage{Name: c.Name, Image: c.Image}
		if st.revision.resolved && c.VersionConsistency != "disabled" {
			image.Digest, _ = st.digestNow(c.Image)
		}
		st.revision.images = append(st.revision.images, image)
	}
}

func (st *starter) pinned(container string) digest.Digest {
	for _, image := range st.revision.images {
		if image.Name == container {
			return image.Digest
		}
	}
	return ""
}

func (st *starter) digestNow(image string) (found digest.Digest, ok bool) {
	return st.service.cluster.scheduler.digestNow(image, st.service.options.ReportPlatform)
}

// digestNow gives the digest that a pull of an image would get now, of a platform if
// one is given. ok is false if the pull would end with an error.
func (s *Scheduler) digestNow(image, platform string) (found digest.Digest, ok bool) {
	if named, err := reference.ParseNormalizedNamed(image); err == nil {
		if digested, is := named.(reference.Digested); is {
			return digested.Digest(), true
		}
	}
	if s.options.Images != nil {
		if found, known := s.options.Images.Resolve(image); known {
			if platform != "" && found != "" {
				found = s.options.Images.Platform(image, found, platform)
			}
			return found, found != ""
		}
	}
	return s.upstream[image], true
}

// wireRevision is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevision.html.
type wireRevision struct {
	ARN             string           `json:"serviceRevisionArn"`
	Service         string           `json:"serviceArn"`
	Cluster         string           `json:"clusterArn"`
	TaskDefinition  string           `json:"taskDefinition"`
	LaunchType      string           `json:"launchType"`
	PlatformVersion string           `json:"platformVersion,omitempty"`
	PlatformFamily  string           `json:"platformFamily,omitempty"`
	Images          []containerImage `json:"containerImages"`
	GuardDuty       bool             `json:"guardDutyEnabled"`
	CreatedAt       *wire.Time       `json:"createdAt"`
}

func (d *Deployment) describeRevision() wireRevision {
	r := wireRevision{
		ARN: d.RevisionARN(), Service: d.service.arn(), Cluster: d.service.cluster.ARN(),
		TaskDefinition: d.taskDefinition.arn(), LaunchType: d.service.options.LaunchType,
		Images: []containerImage{}, GuardDuty: d.service.options.GuardDuty, CreatedAt: wire.At(d.createdAt),
	}
	r.PlatformVersion, r.PlatformFamily = d.service.platform()
	if d.revision.state == Filled {
		r.Images = d.revision.images
	}
	return r
}

func (svc *Service) platform() (version, family string) { return platformOf(svc.options.LaunchType) }

// platformOf is what only Fargate has.
func platformOf(launchType string) (version, family string) {
	if launchType == "FARGATE" {
		return "1.4.0", "Linux"
	}
	return "", ""
}

type describeRevisionsInput struct {
	ARNs []string `json:"serviceRevisionArns"`
}

type describeRevisionsOutput struct {
	Revisions []wireRevision `json:"serviceRevisions"`
	Failures  []failure      `json:"failures"`
}

// describeServiceRevisions is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html.
func (s *Scheduler) describeServiceRevisions(caller wire.Caller, in describeRevisionsInput) (describeRevisionsOutput, error) {
	out := describeRevisionsOutput{Revisions: []wireRevision{}, Failures: []failure{}}
	if err := checkARNs(caller, "DescribeServiceRevisions", "service-revision", in.ARNs); err != nil {
		return out, err
	}
	for _, text := range in.ARNs {
		d := s.findRevision(text)
		switch {
		case d == nil || d.revision.state == Expired || d.service.options.NoRevisions:
			out.Failures = append(out.Failures, missing(text))
		case d.revision.state == Denied:
			return out, wire.AccessDenied(caller, "ecs:DescribeServiceRevisions", text, "identity")
		default:
			out.Revisions = append(out.Revisions, d.describeRevision())
		}
	}
	return out, nil
}

// checkARNs refuses a list that is empty, has more than 20 ARNs, or has one of
// another kind or account.
func checkARNs(caller wire.Caller, operation, kind string, arns []string) error {
	if len(arns) < 1 || len(arns) > 20 {
		return invalid("The number of ARNs must be between 1 and 20, not %d.", len(arns))
	}
	for _, text := range arns {
		a, ok := parseARN(text)
		if !ok || a.kind != kind || len(a.path) != 3 || a.Region != caller.Region {
			return invalid("Invalid identifier: %s", text)
		}
		if a.Account != caller.Account {
			return wire.AccessDenied(caller, "ecs:"+operation, text, "identity")
		}
	}
	return nil
}

// findRevision gives the deployment whose revision an ARN names, nil if there
// is none. Revisions go with their service.
func (s *Scheduler) findRevision(text string) *Deployment {
	svc, a := s.serviceOf(text)
	if svc == nil {
		return nil
	}
	for _, d := range svc.deployments {
		if d.number == a.path[2] {
			return d
		}
	}
	return nil
}

// serviceOf gives the living service that a checked ARN of a service revision
// or service deployment belongs to.
func (s *Scheduler) serviceOf(text string) (*Service, arn) {
	a, _ := parseARN(text)
	c, ok := s.clusters[clusterKey{a.Scope, a.path[0]}]
	if !ok {
		return nil, a
	}
	svc := c.services[a.path[1]]
	if svc == nil || svc.deleted {
		return nil, a
	}
	return svc, a
}
