package main

import (
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type whereCommand struct {
	Image string `arg:"" help:"A digest (sha256:…) or 7 digits of it, REPOSITORY@DIGEST, REPOSITORY:TAG or REPOSITORY; the registry's host may stand before it."`
}

func (whereCommand) Help() string {
	return `Examples:

  tagalong where sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17
  tagalong where checkout-api:prod
  tagalong where public.ecr.aws/appmesh/aws-appmesh-envoy
  tagalong where checkout-api -o json | jq -r '.[] | select(.phase != "ended") | .cluster + "/" + .service'

An image is understood as docker, crane, skopeo, kubectl, Trivy, ECR and Inspector write it: with docker:// or https:// before it, as an ARN, a package URL or the address of its page in ECR's console. What is not understood is named. A repository or a tag that neither the ledger nor ECR knows is an error; a digest that never ran is an answer, and standard error says what was looked at and what nobody watches.

Each row is an interval in which a container ran the image, or a rollout in progress or one that never completed; the newest come first. While the sweep sees tasks of what was replaced or failed it is draining; that they have gone only a sweep sees, and its look is then the end. Lambda functions that are made of images are there, where the sweep looks at them: running while $LATEST or an alias leads to the image. Standalone tasks are there by the family of their task definition: running while one runs, idle between their runs, ended once a later run had another image or none ran for 90 days. LAST RAN is when one ran last, and RUNS how often they began to, as far as events and sweeps showed; those beside one another count once. A tag is looked up in ECR now. Of a digest its first 7 digits are enough; what is the beginning of several is an error that names them. CONTAINER@DIGEST, as tagalong history shows it, means that image, too. The digest of one platform finds the multi-platform image that holds it, too.
`
}

func (c *whereCommand) Run(s *session) error {
	image, err := tagalong.ParseImageQuery(c.Image)
	if err != nil {
		return usageError{err}
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.Where(s.ctx, image, query.Paging{})
	if err != nil {
		return err
	}
	s.noteWatched(page.Watched)
	return render(s.out, page.Items, whereColumns(s.view(), image), "Nothing runs or ran of "+meaning(image)+", as far as the ledger knows")
}

// meaning says how an image was read: what was mistyped may have been taken for
// something else.
func meaning(image tagalong.ImageQuery) string {
	switch {
	case image.Repository == "":
		return "digest " + image.String()
	case image.Digest != "":
		return "digest " + image.Digest.String() + " in repository " + repositoryOf(image)
	case image.Tag != "":
		return "image " + image.String() + " as ECR has it now"
	}
	return "repository " + repositoryOf(image)
}

func repositoryOf(image tagalong.ImageQuery) string {
	return tagalong.ImageQuery{Registry: image.Registry, Repository: image.Repository}.String()
}
