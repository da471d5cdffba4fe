package ecr

import (
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// listFilter restricts a list of images. Archived images do not occur.
type listFilter struct {
	TagStatus   string `json:"tagStatus"`
	ImageStatus string `json:"imageStatus"`
}

func (f listFilter) check() error {
	switch f.TagStatus {
	case "", "ANY", "TAGGED", "UNTAGGED":
	default:
		return invalid("Invalid parameter at 'filter.tagStatus' failed to satisfy constraint: 'Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]'")
	}
	switch f.ImageStatus {
	case "", "ANY", "ACTIVE":
		return nil
	}
	return invalid("Invalid parameter at 'filter.imageStatus': '%s' is not known to the sandbox", f.ImageStatus)
}

func (f listFilter) passes(tagged bool) bool {
	return f.TagStatus != "TAGGED" && f.TagStatus != "UNTAGGED" || tagged == (f.TagStatus == "TAGGED")
}

// pairs gives an image's ids: one for each tag, or the digest alone.
func (repo *repository) pairs(d digest.Digest) []imageID {
	tags := repo.tagsOf(d)
	if len(tags) == 0 {
		return []imageID{{Digest: d}}
	}
	ids := make([]imageID, len(tags))
	for i, tag := range tags {
		ids[i] = imageID{d, tag}
	}
	return ids
}

// paging is the part of an input that asks for a page.
type paging struct {
	NextToken  string `json:"nextToken"`
	MaxResults *int   `json:"maxResults"`
}

type describeImagesInput struct {
	target
	paging
	IDs    []imageID   `json:"imageIds"`
	Filter *listFilter `json:"filter"`
}

type describeImagesOutput struct {
	Details   []imageDetail `json:"imageDetails"`
	NextToken string        `json:"nextToken,omitempty"`
}

// imageDetail is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html.
type imageDetail struct {
	RegistryID     string        `json:"registryId"`
	RepositoryName string        `json:"repositoryName"`
	Digest         digest.Digest `json:"imageDigest"`
	Tags           []string      `json:"imageTags,omitempty"`
	Size           int64         `json:"imageSizeInBytes"`
	PushedAt       *wire.Time    `json:"imagePushedAt"`
	MediaType      string        `json:"imageManifestMediaType"`
	ArtifactType   string        `json:"artifactMediaType,omitempty"`
	Status         string        `json:"imageStatus"`

	order int
}

func (repo *repository) detail(img *image) imageDetail {
	artifact := img.manifest.ArtifactType
	if artifact == "" && img.manifest.Config != nil {
		artifact = img.manifest.Config.MediaType
	}
	return imageDetail{
		RegistryID: repo.scope.Account, RepositoryName: repo.name,
		Digest: img.digest, Tags: repo.tagsOf(img.digest), Size: repo.size(img),
		PushedAt: wire.At(img.pushedAt), MediaType: img.mediaType, ArtifactType: artifact,
		Status: "ACTIVE", order: img.order,
	}
}

var detailPages = wire.Pager[imageDetail]{
	Name: "DescribeImages", Max: 1000, Size: 100,
	Key: func(d imageDetail) string { return fmt.Sprintf("%012d", d.order) },
}

// describeImages is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html.
// Unlike BatchGetImage, an image that is not there is an exception.
func (r *Registry) describeImages(caller wire.Caller, in describeImagesInput) (describeImagesOutput, error) {
	none := describeImagesOutput{}
	repo, err := r.find(caller, in.target, "DescribeImages")
	if err != nil {
		return none, err
	}
	if in.IDs != nil {
		return repo.describeIDs(in)
	}
	filter := listFilter{}
	if in.Filter != nil {
		filter = *in.Filter
	}
	if err := filter.check(); err != nil {
		return none, err
	}
	var details []imageDetail
	for _, img := range repo.sorted() {
		if detail := repo.detail(img); filter.passes(len(detail.Tags) > 0) {
			details = append(details, detail)
		}
	}
	page, next, ok := detailPages.Page(details, in.MaxResults, in.NextToken)
	if !ok {
		return none, invalid("Invalid parameter at 'maxResults' or 'nextToken'")
	}
	return describeImagesOutput{page, next}, nil
}

func (repo *repository) describeIDs(in describeImagesInput) (describeImagesOutput, error) {
	out := describeImagesOutput{Details: []imageDetail{}}
	if err := checkCount("imageIds", len(in.IDs)); err != nil {
		return out, err
	}
	if in.MaxResults != nil || in.NextToken != "" || in.Filter != nil {
		return out, invalid("Invalid parameter: 'maxResults', 'nextToken' and 'filter' cannot be used with 'imageIds'")
	}
	seen := map[digest.Digest]bool{}
	for _, id := range in.IDs {
		img, f := repo.lookup(id)
		if f != nil {
			return out, repo.notFound(f)
		}
		if !seen[img.digest] {
			seen[img.digest] = true
			out.Details = append(out.Details, repo.detail(img))
		}
	}
	return out, nil
}

// notFound words a failed look-up as the exception of DescribeImages.
func (repo *repository) notFound(f *failure) error {
	if f.Code != imageNotFound && f.Code != tagDoesNotMatchDigest {
		return invalid("%s", f.Reason)
	}
	return wire.Errorf("ImageNotFoundException",
		"The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
		orNull(string(f.ID.Digest)), orNull(f.ID.Tag), repo.name, repo.scope.Account)
}
