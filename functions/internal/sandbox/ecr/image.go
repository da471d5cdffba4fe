package ecr

import (
	"slices"
	"sort"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// repository is the state of one repository, guarded by the registry's lock.
type repository struct {
	scope      wire.Scope
	name       string
	mutability mutability
	lifecycle  string // JSON; "" for none
	preview    *preview

	images  map[digest.Digest]*image
	tags    map[string]digest.Digest
	layers  map[digest.Digest]int64
	history map[string][]digest.Digest
	refused map[string]string // failure codes by tag or digest
	scans   map[digest.Digest]scan
}

func newRepository(scope wire.Scope, name string) *repository {
	return &repository{
		scope: scope, name: name,
		mutability: mutability{Mode: mutable},
		images:     map[digest.Digest]*image{},
		tags:       map[string]digest.Digest{},
		layers:     map[digest.Digest]int64{},
		history:    map[string][]digest.Digest{},
		refused:    map[string]string{},
		scans:      map[digest.Digest]scan{},
	}
}

// image is a manifest in a repository.
type image struct {
	digest    digest.Digest
	bytes     []byte
	mediaType string
	manifest  manifest
	pushedAt  time.Time
	order     int // of pushing
}

// imageID names an image by digest, tag or both,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageIdentifier.html.
type imageID struct {
	Digest digest.Digest `json:"imageDigest,omitempty"`
	Tag    string        `json:"imageTag,omitempty"`
}

func (repo *repository) arn() string { return repo.scope.ARN("ecr", "repository/"+repo.name) }

// setTag moves a tag; the image that had it stays, without one perhaps.
func (repo *repository) setTag(tag string, d digest.Digest) {
	repo.tags[tag] = d
	repo.history[tag] = append(repo.history[tag], d)
}

// tagsOf gives an image's tags in alphabetical order.
func (repo *repository) tagsOf(d digest.Digest) []string {
	var tags []string
	for tag, on := range repo.tags {
		if on == d {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return tags
}

// remove deletes an image and its tags.
func (repo *repository) remove(d digest.Digest) {
	for _, tag := range repo.tagsOf(d) {
		delete(repo.tags, tag)
	}
	delete(repo.images, d)
}

// parents gives the indexes that list an image.
func (repo *repository) parents(d digest.Digest) []digest.Digest {
	var parents []digest.Digest
	for _, candidate := range repo.images {
		for _, child := range candidate.manifest.Manifests {
			if child.Digest == d {
				parents = append(parents, candidate.digest)
			}
		}
	}
	slices.Sort(parents)
	return slices.Compact(parents)
}

// size of an image as DescribeImages gives it: its blobs, or for an index the
// largest of its images.
func (repo *repository) size(img *image) int64 {
	var size int64
	for _, child := range img.manifest.Manifests {
		if found, ok := repo.images[child.Digest]; ok {
			size = max(size, repo.size(found))
		}
	}
	for _, blob := range img.manifest.blobs() {
		size += blob.Size
	}
	return size
}

// sorted gives the images in the order of their pushes.
func (repo *repository) sorted() []*image {
	images := make([]*image, 0, len(repo.images))
	for _, img := range repo.images {
		images = append(images, img)
	}
	sort.Slice(images, func(i, j int) bool { return images[i].order < images[j].order })
	return images
}

// lookup finds the image that an id names, or says with which failure it does not.
func (repo *repository) lookup(id imageID) (*image, *failure) {
	if f := id.malformed(); f != nil {
		return nil, f
	}
	d := id.Digest
	if id.Tag != "" {
		on, ok := repo.tags[id.Tag]
		switch {
		case !ok:
			return nil, id.failure(imageNotFound)
		case d != "" && d != on:
			return nil, id.failure(tagDoesNotMatchDigest)
		}
		d = on
	}
	img, ok := repo.images[d]
	if !ok {
		return nil, id.failure(imageNotFound)
	}
	return img, nil
}
