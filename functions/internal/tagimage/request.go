package tagimage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The parameters of this action beside those that name the image.
const (
	newImageTag = "NewImageTag"
	environment = "Environment"
)

var schema = job.Schema{
	Texts: slices.Concat(job.ImageKeys, []string{newImageTag, environment}),
	Example: `{"RepositoryName": "#{ImageVariables.RepositoryName}", "ImageTag": "#{ImageVariables.ImageTag}", "NewImageTag": "prod-candidate", ` +
		`"ImageDigest": "#{ImageVariables.ImageDigest}", "ImageURI": "#{ImageVariables.ImageURI}"}`,
}

// request is what an action asks for.
type request struct {
	image       job.Image
	tags        []string // templates
	environment string   // "" if none is named
}

// request reads the UserParameters, and reports all problems at once.
func (a Action) request(j job.Job) (request, error) {
	p, err := j.Parameters(schema)
	if err != nil {
		return request{}, err
	}
	image, problems := p.Named().Image("UserParameters", job.Home{Account: j.Account, Region: a.Region})
	if _, _, ok := image.ECR(); image.Name != "" && !ok {
		problems = append(problems, fmt.Errorf("UserParameters.ImageURI %q: want an image in a private ECR repository, "+
			"such as 111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api:build-42", p.Text(job.ImageURI)))
	}
	tags, err := a.tags(p.Text(newImageTag), p.Text(environment))
	if err != nil {
		problems = append(problems, err)
	}
	return request{image, tags, p.Text(environment)}, job.Problems(problems)
}

// tags returns the templates of the tags to put.
func (a Action) tags(tag, name string) ([]string, error) {
	if tag == "" && name == "" {
		return nil, errors.New("UserParameters: neither NewImageTag nor Environment; want one of them")
	}
	if tag != "" && !tagalong.ValidTag(tag) { // it is the tag itself, and no template
		return nil, fmt.Errorf("UserParameters.NewImageTag %.200q: want 1 to 128 letters, digits, underscores, dots or hyphens, neither dot nor hyphen first", tag)
	}
	if name == "" {
		return []string{tag}, nil
	}
	templates, err := a.Rules.PromotionTags(name)
	if err != nil {
		return nil, fmt.Errorf("UserParameters.Environment: %w", err)
	}
	if tag == "" {
		return templates, nil
	}
	var of []string
	for _, template := range templates {
		of = append(of, strings.ReplaceAll(template, "{environment}", name))
	}
	if !slices.Contains(of, tag) {
		return nil, fmt.Errorf("UserParameters.NewImageTag %q and Environment %q: the environment's tags are %s; want one of them, or one parameter alone", tag, name, strings.Join(of, ", "))
	}
	return []string{tag}, nil
}
