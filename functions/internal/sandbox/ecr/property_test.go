package ecr_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// model is what a repository should hold: images, tags, and each tag's way.
type model struct {
	images  map[digest.Digest]bool
	tags    map[string]digest.Digest
	history map[string][]digest.Digest
}

func (m *model) put(tag string, d digest.Digest) {
	m.images[d] = true
	if tag != "" && m.tags[tag] != d {
		m.tags[tag] = d
		m.history[tag] = append(m.history[tag], d)
	}
}

func (m *model) remove(d digest.Digest) {
	delete(m.images, d)
	for tag, on := range m.tags {
		if on == d {
			delete(m.tags, tag)
		}
	}
}

// untag removes a tag, and the image with its last one.
func (m *model) untag(tag string) {
	d := m.tags[tag]
	delete(m.tags, tag)
	for _, on := range m.tags {
		if on == d {
			return
		}
	}
	delete(m.images, d)
}

// direct is an HTTP client without a network, for the many calls of a story.
type direct struct{ http.Handler }

func (d direct) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestTagsFollowAnyStory(t *testing.T) {
	w := newWorld(t)
	config := w.Config()
	config.HTTPClient = direct{w.Sandbox}
	w.client = awsecr.NewFromConfig(config)
	story := 0
	rapid.Check(t, func(rt *rapid.T) {
		story++ // each story has a repository of its own
		repository := fmt.Sprintf("story-%d", story)
		repo := w.ECR.Repository(wire.Scope{}, repository)
		m := &model{map[digest.Digest]bool{}, map[string]digest.Digest{}, map[string][]digest.Digest{}}
		tags := rapid.SampledFrom([]string{"a", "b", "c"})
		rt.Repeat(map[string]func(*rapid.T){
			"push": func(rt *rapid.T) {
				tag := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(rt, "tag")
				image := ecr.Image{Seed: fmt.Sprint(rapid.IntRange(0, 4).Draw(rt, "seed"))}
				if tag != "" {
					image.Tags = []string{tag}
				}
				d, err := repo.Push(image)
				if err != nil {
					rt.Fatal(err)
				}
				m.put(tag, d)
			},
			"retag": func(rt *rapid.T) {
				if len(m.images) == 0 {
					rt.Skip()
				}
				d := rapid.SampledFrom(repo.Digests()).Draw(rt, "image")
				tag := tags.Draw(rt, "tag")
				if err := repo.Retag(d, tag); (err != nil) != (m.tags[tag] == d) {
					rt.Fatalf("retag of %s to %s: %v", tag, d, err)
				}
				m.put(tag, d)
			},
			"delete by tag": func(rt *rapid.T) {
				tag := tags.Draw(rt, "tag")
				w.batchDelete(rt, repository, byTag(tag), m.tags[tag] != "")
				m.untag(tag)
			},
			"delete by digest": func(rt *rapid.T) {
				if len(m.images) == 0 {
					rt.Skip()
				}
				d := rapid.SampledFrom(repo.Digests()).Draw(rt, "image")
				w.batchDelete(rt, repository, byDigest(d), true)
				m.remove(d)
			},
			"": func(rt *rapid.T) { w.compare(rt, repository, repo, m) },
		})
	})
}

func (w *world) batchDelete(rt *rapid.T, repository string, id types.ImageIdentifier, there bool) {
	out, err := w.client.BatchDeleteImage(w.t.Context(), &awsecr.BatchDeleteImageInput{RepositoryName: &repository, ImageIds: []types.ImageIdentifier{id}})
	if err != nil || there != (len(out.Failures) == 0) {
		rt.Fatalf("%+v: %v", out, err)
	}
}

// compare reads the repository over the protocol and holds it against the model.
func (w *world) compare(rt *rapid.T, repository string, repo *ecr.Repository, m *model) {
	out, err := w.client.DescribeImages(w.t.Context(), &awsecr.DescribeImagesInput{RepositoryName: &repository})
	if err != nil {
		rt.Fatal(err)
	}
	tags := map[string]digest.Digest{}
	for _, img := range out.ImageDetails {
		d := digest.Digest(aws.ToString(img.ImageDigest))
		if !m.images[d] {
			rt.Fatalf("image %s is there and should not be", d)
		}
		for _, tag := range img.ImageTags {
			if tags[tag] != "" {
				rt.Fatalf("tag %s sits on two images", tag)
			}
			tags[tag] = d
		}
	}
	if len(out.ImageDetails) != len(m.images) || fmt.Sprint(tags) != fmt.Sprint(m.tags) {
		rt.Fatalf("%d images with the tags %v, want %d with %v", len(out.ImageDetails), tags, len(m.images), m.tags)
	}
	for tag, want := range m.history {
		if got := repo.History(tag); !slices.Equal(got, want) {
			rt.Fatalf("history of %s is %v, want %v", tag, got, want)
		}
	}
}
