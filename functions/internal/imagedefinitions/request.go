package imagedefinitions

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The parameters of this action beside those that name an image.
const (
	containerName = "ContainerName"
	images        = "Images"
	clusterName   = "ClusterName"
	serviceName   = "ServiceName"
	pin           = "Pin"
	output        = "Output"
)

var schema = job.Schema{
	Texts:   slices.Concat([]string{containerName}, job.ImageKeys, []string{clusterName, serviceName, pin, output}),
	Objects: []string{images},
	Example: `{"ContainerName": "checkout-api", "ImageURI": "#{ImageVariables.ImageURI}", "ImageDigest": "#{ImageVariables.ImageDigest}"}`,
}

// The values of Output: the file that is written, without its ending.
const (
	imageDefinitions = "imagedefinitions"
	imageDetail      = "imageDetail"
)

// request is what an action asks for.
type request struct {
	home       job.Home
	containers []container // by name
	// missing says that the input artifact is to name the image.
	missing bool
	service tagalong.Service // of no name if none is to be looked at
	pin     bool
	output  string
}

// container is a container, and the image that it is to run.
type container struct {
	name  string
	image job.Image
	uri   string // of the image, as it is written at last
}

// ecsName is the form of the names of containers, clusters and services.
var ecsName = pattern.Run{Min: 1, Max: 255, Of: pattern.Letters + pattern.Digits + "_-"}

// request reads the UserParameters.
func (a Action) request(j job.Job) (*request, error) {
	p, err := j.Parameters(schema)
	if err != nil {
		return nil, err
	}
	r := reader{Parameters: p}
	home := job.Home{Account: j.Account, Region: a.Region}
	request := &request{
		home:   home,
		pin:    r.oneOf(pin, "true", "false") == "true",
		output: r.oneOf(output, imageDefinitions, imageDetail),
	}
	request.service = r.service(home)
	if len(p.Object(images)) > 0 {
		request.containers = r.listed()
	} else {
		request.containers, request.missing = r.single(home, request.output)
	}
	if !request.pin && len(request.containers[0].image.Tags) > 1 { // one of Images has one at most
		r.problem("UserParameters.ImageTag %q and ImageURI %q: two tags, and with Pin \"false\" the tag is written; want one", r.Text(job.ImageTag), r.Text(job.ImageURI))
	}
	if n := len(request.containers); request.output == imageDetail && n > 1 {
		r.problem("UserParameters.Output %q: %d images; that file holds one", imageDetail, n)
	}
	return request, job.Problems(r.problems)
}

// reader gathers what is wrong while it reads.
type reader struct {
	job.Parameters
	problems []error
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

// oneOf returns a parameter, by default the first of its legal values.
func (r *reader) oneOf(name string, values ...string) string {
	value := r.Text(name)
	switch {
	case value == "":
		return values[0]
	case !slices.Contains(values, value):
		r.problem(`UserParameters.%s %.100q: want "%s"`, name, value, strings.Join(values, `" or "`))
	}
	return value
}

func (r *reader) service(home job.Home) tagalong.Service {
	s := tagalong.Service{Account: home.Account, Region: home.Region, Cluster: r.Text(clusterName), Name: r.Text(serviceName)}
	if s.Cluster == "" && s.Name == "" {
		return tagalong.Service{}
	}
	for _, field := range []struct{ name, value string }{{clusterName, s.Cluster}, {serviceName, s.Name}} {
		switch {
		case field.value == "":
			r.problem("UserParameters.%s missing: want ClusterName and ServiceName, or neither", field.name)
		case !ecsName.MatchString(field.value):
			r.problem("UserParameters.%s %.300q: want a name, 1 to 255 letters, digits, underscores or hyphens", field.name, field.value)
		}
	}
	return s
}

// listed reads Images.
func (r *reader) listed() (all []container) {
	for _, name := range append([]string{containerName}, job.ImageKeys...) {
		if r.Text(name) != "" {
			r.problem("UserParameters.%s and Images: want one of them", name)
		}
	}
	given := r.Object(images)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !ecsName.MatchString(name) {
			r.problem("UserParameters.Images: container %.300q: want 1 to 255 letters, digits, underscores or hyphens", name)
		}
		image, err := job.ParseURI(given[name])
		switch {
		case err != nil:
			r.problem("UserParameters.Images.%.300s %w", name, err)
		case image.Digest == "" && len(image.Tags) == 0:
			r.problem("UserParameters.Images.%.300s %q: want REPOSITORY:TAG or REPOSITORY@DIGEST", name, given[name])
		}
		all = append(all, container{name: name, image: image})
	}
	return all
}

// single reads ContainerName and its image; missing is true if no parameter names one.
func (r *reader) single(home job.Home, output string) (all []container, missing bool) {
	c := container{name: r.Text(containerName)}
	switch {
	case c.name == "" && (output != imageDetail || r.Text(serviceName) != ""): // that knows containers, no images
		r.problem("UserParameters: neither ContainerName nor Images; want one of them")
	case c.name != "" && !ecsName.MatchString(c.name):
		r.problem("UserParameters.ContainerName %.300q: want 1 to 255 letters, digits, underscores or hyphens", c.name)
	}
	named := r.Named()
	if named == (job.Named{}) {
		return []container{c}, true
	}
	image, problems := named.Image("UserParameters", home)
	r.problems = append(r.problems, problems...)
	c.image = image
	return []container{c}, false
}

const detailFile = "imageDetail.json"

// complete takes the image from the input artifact, if the parameters name none.
func (r *request) complete(ctx context.Context, artifacts Artifacts, inputs []tagalong.Artifact) error {
	if !r.missing {
		return nil
	}
	var (
		found   []byte
		holders []string
	)
	for _, input := range inputs {
		content, ok, err := artifacts.File(ctx, input, detailFile)
		if err != nil {
			return err
		}
		if ok {
			found, holders = content, append(holders, input.Name)
		}
	}
	switch len(holders) {
	case 0:
		return job.Misconfigured("no image: want ImageURI or RepositoryName in the UserParameters, or an input artifact with %s, as the ECR source action makes it", detailFile)
	case 1:
		return r.detail(fmt.Sprintf("artifact %q, %s", holders[0], detailFile), found)
	}
	return job.Misconfigured("input artifacts %s: each has %s; want one", strings.Join(holders, ", "), detailFile)
}

// detail reads what the ECR source action writes: all values are strings but
// ImageTags, and its ImageURI may have a tag or the digest,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html#file-reference-ecs-bluegreen.
func (r *request) detail(at string, content []byte) error {
	var d struct {
		RegistryId     string
		RepositoryName string
		ImageDigest    string
		ImageURI       string
		ImageTags      []string
	}
	if err := json.Unmarshal(content, &d); err != nil {
		return job.Misconfigured("%s: %v; want what the ECR source action writes", at, err)
	}
	home, named := r.home, job.Named{RepositoryName: d.RepositoryName, ImageDigest: d.ImageDigest, ImageURI: d.ImageURI}
	if d.RegistryId != "" {
		if home.Account = d.RegistryId; !accountID.MatchString(d.RegistryId) {
			return job.Misconfigured("%s: RegistryId %.100q: want 12 digits", at, d.RegistryId)
		}
	}
	uri, _ := job.ParseURI(d.ImageURI) // what is wrong with it is told below
	if len(uri.Tags) == 0 && len(d.ImageTags) > 0 {
		pinned := r.pin && (d.ImageDigest != "" || uri.Digest != "") // then the tag only says where that came from
		if len(d.ImageTags) > 1 && !pinned {
			return job.Misconfigured("%s: ImageTags %q, and none of them in ImageURI: want RepositoryName and ImageTag in the UserParameters, or a digest and Pin \"true\"", at, d.ImageTags)
		}
		named.ImageTag = d.ImageTags[0]
	}
	image, problems := named.Image(at, home)
	if account, _, _ := image.ECR(); d.RegistryId != "" && d.ImageURI != "" && len(problems) == 0 && account != d.RegistryId {
		problems = append(problems, fmt.Errorf("%s: RegistryId %q and ImageURI %q: two registries; want one", at, d.RegistryId, d.ImageURI))
	}
	r.containers[0].image = image
	return job.Problems(problems)
}

var accountID = pattern.Run{Min: 12, Max: 12, Of: pattern.Digits}
