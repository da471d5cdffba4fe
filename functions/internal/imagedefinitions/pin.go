package imagedefinitions

import (
	"context"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// pin returns every image its digest and the URI that is written: the digest that is
// given, else the one that its tag has in ECR now. Without pinning tags stay, and
// what they sit on when they are deployed nobody knows.
func (a Action) pin(ctx context.Context, r *request) error {
	if r.pin {
		if err := a.resolve(ctx, r); err != nil {
			return err
		}
	}
	for i := range r.containers {
		c := &r.containers[i]
		if !r.pin && len(c.image.Tags) > 0 {
			c.image.Digest = ""
		}
		c.uri = c.image.String()
	}
	return nil
}

// resolve asks ECR where the tags of images without a digest sit, once a repository.
func (a Action) resolve(ctx context.Context, r *request) error {
	var problems []error
	tags := map[tagalong.Repository][]string{}
	for _, c := range r.containers {
		if c.image.Digest != "" {
			continue
		}
		if _, _, ok := c.image.ECR(); !ok {
			problems = append(problems, job.Misconfigured(
				"image %s is in no private ECR repository and has no digest: write REPOSITORY@sha256:…, or set Pin to \"false\"", c.image))
			continue
		}
		if wanted := tags[c.image.Repository]; !slices.Contains(wanted, c.image.Tags[0]) {
			tags[c.image.Repository] = append(wanted, c.image.Tags[0])
		}
	}
	if len(problems) > 0 {
		return job.Problems(problems)
	}
	found := map[tagalong.Repository]tagalong.Images{}
	for repository, names := range tags {
		read, err := a.Images.Read(ctx, repository, nil, names)
		if err != nil {
			return err
		}
		found[repository] = read
	}
	for i := range r.containers {
		c := &r.containers[i]
		if c.image.Digest != "" {
			continue
		}
		read := found[c.image.Repository]
		if c.image.Digest = read.Tags[c.image.Tags[0]]; c.image.Digest == "" {
			problems = append(problems, c.image.Absent(read))
		}
	}
	return job.Together(problems)
}
