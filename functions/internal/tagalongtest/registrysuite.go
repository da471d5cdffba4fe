package tagalongtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// RegistryWorld sets up what RegistrySuite asks of a registry. Its methods fail
// the test where they cannot.
type RegistryWorld interface {
	// Push stores an image made from a seed, under tags; it makes the repository
	// where there is none. The same seed gives the same digest.
	Push(t *testing.T, r tagalong.Repository, seed string, tags ...string) digest.Digest
	// PushIndex stores an index of images for linux/amd64 and linux/arm64, with
	// these images, under tags.
	PushIndex(t *testing.T, r tagalong.Repository, seed string, tags ...string) (index digest.Digest, children []digest.Digest)
	// Immutable fixes the tags of a repository, but those that match a filter.
	Immutable(t *testing.T, r tagalong.Repository, except ...string)
	// Fill returns an image all the tags that the registry allows it.
	Fill(t *testing.T, r tagalong.Repository, d digest.Digest)
	// Busy lets the next put be refused for now, once.
	Busy(t *testing.T)
	// Lose lets the next put arrive and its answer be lost, once.
	Lose(t *testing.T)
}

// RegistrySuite checks that an implementation keeps the contract of
// tagalong.Registry. open returns a new one and the world behind it.
func RegistrySuite(t *testing.T, open func(t *testing.T) (tagalong.Registry, RegistryWorld)) {
	RegistrySuiteBut(t, open, nil)
}

// RegistrySuiteBut is RegistrySuite for another's emulator: the cases that it is
// known not to hold are named with the reason, and left out aloud.
func RegistrySuiteBut(t *testing.T, open func(t *testing.T) (tagalong.Registry, RegistryWorld), except map[string]string) {
	left := maps.Clone(except)
	for _, test := range []struct {
		name string
		run  func(t *testing.T, r suiteRegistry)
	}{
		{"an image is read by digest and by tag, byte for byte", readImage},
		{"an index is read as an index, by digest and by tag", readIndex},
		{"what is not there is left out", readAbsent},
		{"a repository that is not there holds nothing", readNoRepository},
		{"a hundred digests and tags are read at once", readHundred},
		{"repositories do not see one another", repositoriesApart},
		{"a put moves the tag and nothing else", putMoves},
		{"a tag on an index leaves its media type", putIndex},
		{"putting a tag where it is is success", putAgain},
		{"an immutable tag on another image is taken", putTaken},
		{"an immutable tag on its own image is taken or success", putImmutableSame},
		{"an immutable repository takes new tags and moves excluded ones", putExcluded},
		{"an image whose parts are elsewhere is gone", putElsewhere},
		{"a repository that is not there is gone", putNoRepository},
		{"an image takes so many tags and no more", putFull},
		{"bytes that are not the digest's are refused", putWrongBytes},
		{"a registry that is busy says so", putBusy},
		{"an answer that is lost is told from a refusal", putUnanswered},
		{"racing puts leave the tag on one of them", putRacing},
	} {
		if reason, out := except[test.name]; out {
			t.Logf("left out: %s: %s", test.name, reason)
			delete(left, test.name)
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			registry, world := open(t)
			test.run(t, suiteRegistry{Registry: registry, RegistryWorld: world, t: t})
		})
	}
	for name := range left {
		t.Errorf("%q is to be left out, and is no case", name)
	}
}

type suiteRegistry struct {
	tagalong.Registry
	RegistryWorld
	t *testing.T
}

func (r suiteRegistry) images(repo tagalong.Repository, digests []digest.Digest, tags ...string) tagalong.Images {
	r.t.Helper()
	images, err := r.Read(r.t.Context(), repo, digests, tags)
	if err != nil {
		r.t.Fatalf("reading: %v", err)
	}
	for d, m := range images.Manifests {
		if m.Digest != d || digest.FromBytes(m.Bytes) != d || m.MediaType == "" {
			r.t.Errorf("the manifest of %s has digest %s, bytes of %s, media type %q", d, m.Digest, digest.FromBytes(m.Bytes), m.MediaType)
		}
	}
	return images
}

func (r suiteRegistry) manifest(d digest.Digest) tagalong.Manifest {
	r.t.Helper()
	m, ok := r.images(suiteRepo, []digest.Digest{d}).Manifests[d]
	if !ok {
		r.t.Fatalf("no manifest of %s", d)
	}
	return m
}

func (r suiteRegistry) put(d digest.Digest, tag string) error {
	r.t.Helper()
	return r.Tag(r.t.Context(), suiteRepo, r.manifest(d), tag)
}

func (r suiteRegistry) mustPut(d digest.Digest, tag string) {
	r.t.Helper()
	if err := r.put(d, tag); err != nil {
		r.t.Fatalf("putting %s: %v", tag, err)
	}
}

// sits checks where tags sit.
func (r suiteRegistry) sits(want map[string]digest.Digest) {
	r.t.Helper()
	same(r.t, "tags", want, r.images(suiteRepo, nil, slices.Sorted(maps.Keys(want))...).Tags)
}

func (r suiteRegistry) wantError(err, want error) {
	r.t.Helper()
	if !errors.Is(err, want) {
		r.t.Errorf("error %v, want %v", err, want)
	}
	for _, other := range []error{tagalong.ErrTaken, tagalong.ErrFull, tagalong.ErrGone, tagalong.ErrUnanswered, tagalong.ErrBusy} {
		if !errors.Is(other, want) && errors.Is(err, other) {
			r.t.Errorf("error %v is %v too", err, other)
		}
	}
}

func readImage(t *testing.T, r suiteRegistry) {
	one := r.Push(t, suiteRepo, "one", "v1", "latest")
	two := r.Push(t, suiteRepo, "two")
	images := r.images(suiteRepo, []digest.Digest{two}, "v1", "latest")
	same(t, "tags", map[string]digest.Digest{"v1": one, "latest": one}, images.Tags)
	for _, d := range []digest.Digest{one, two} {
		if _, ok := images.Manifests[d]; !ok {
			t.Errorf("no manifest of %s", d)
		}
	}
	if got := r.images(suiteRepo, []digest.Digest{one}); len(got.Tags) > 0 {
		t.Errorf("tags that nobody asked for: %v", got.Tags)
	}
}

func readIndex(t *testing.T, r suiteRegistry) {
	index, children := r.PushIndex(t, suiteRepo, "multi", "v1")
	if len(children) < 2 {
		t.Fatalf("%d children", len(children))
	}
	byTag, byDigest := r.images(suiteRepo, nil, "v1"), r.images(suiteRepo, append(children, index))
	same(t, "where the tag sits", index, byTag.Tags["v1"])
	same(t, "the index by tag and by digest", byDigest.Manifests[index], byTag.Manifests[index])
	for _, d := range children {
		if _, ok := byDigest.Manifests[d]; !ok {
			t.Errorf("no manifest of the child %s", d)
		}
	}
}

func readAbsent(t *testing.T, r suiteRegistry) {
	one := r.Push(t, suiteRepo, "one", "v1")
	images := r.images(suiteRepo, []digest.Digest{digest.FromString("never pushed"), one}, "none", "v1")
	same(t, "tags", map[string]digest.Digest{"v1": one}, images.Tags)
	if len(images.Manifests) != 1 {
		t.Errorf("%d manifests, want one", len(images.Manifests))
	}
}

func readNoRepository(t *testing.T, r suiteRegistry) {
	images := r.images(tagalong.Repository{Registry: suiteHost, Name: "not/there"}, []digest.Digest{suiteDigest}, "v1")
	if len(images.Manifests)+len(images.Tags) > 0 || !images.NoRepository {
		t.Errorf("images %+v", images)
	}
	r.Push(t, suiteRepo, "there")
	if images := r.images(suiteRepo, []digest.Digest{suiteDigest}, "v1"); images.NoRepository {
		t.Errorf("images %+v of a repository that is there", images)
	}
}

func readHundred(t *testing.T, r suiteRegistry) {
	var digests []digest.Digest
	tags := map[string]digest.Digest{}
	for i := range 50 {
		tag := fmt.Sprintf("v%d", i)
		tags[tag] = r.Push(t, suiteRepo, tag, tag)
		digests = append(digests, r.Push(t, suiteRepo, "untagged "+tag))
	}
	images := r.images(suiteRepo, digests, slices.Collect(maps.Keys(tags))...)
	same(t, "tags", tags, images.Tags)
	if len(images.Manifests) != 100 {
		t.Errorf("%d manifests, want 100", len(images.Manifests))
	}
}

func repositoriesApart(t *testing.T, r suiteRegistry) {
	one := r.Push(t, suiteRepo, "one", "v1")
	two := r.Push(t, suiteOther, "two", "v1")
	far := tagalong.Repository{Registry: "444455556666.dkr.ecr.eu-west-1.amazonaws.com", Name: suiteRepo.Name}
	three := r.Push(t, far, "three", "v1")
	for repo, want := range map[tagalong.Repository]digest.Digest{suiteRepo: one, suiteOther: two, far: three} {
		same(t, "tag in "+repo.String(), want, r.images(repo, nil, "v1").Tags["v1"])
	}
}

func putMoves(t *testing.T, r suiteRegistry) {
	one, two := r.Push(t, suiteRepo, "one", "v1"), r.Push(t, suiteRepo, "two", "v2")
	r.mustPut(one, "prod")
	r.sits(map[string]digest.Digest{"prod": one, "v1": one, "v2": two})
	r.mustPut(two, "prod")
	r.sits(map[string]digest.Digest{"prod": two, "v1": one, "v2": two})
	r.mustPut(one, "prod")
	r.sits(map[string]digest.Digest{"prod": one, "v1": one, "v2": two})
}

func putIndex(t *testing.T, r suiteRegistry) {
	index, _ := r.PushIndex(t, suiteRepo, "multi", "v1")
	before := r.manifest(index)
	r.mustPut(index, "prod")
	r.sits(map[string]digest.Digest{"prod": index})
	same(t, "the manifest", before, r.images(suiteRepo, nil, "prod").Manifests[index])
}

func putAgain(t *testing.T, r suiteRegistry) {
	one := r.Push(t, suiteRepo, "one", "prod")
	r.mustPut(one, "prod")
	r.mustPut(one, "prod")
	r.sits(map[string]digest.Digest{"prod": one})
}

func putTaken(t *testing.T, r suiteRegistry) {
	one, two := r.Push(t, suiteRepo, "one", "prod"), r.Push(t, suiteRepo, "two", "v2")
	r.Immutable(t, suiteRepo)
	r.wantError(r.put(two, "prod"), tagalong.ErrTaken)
	r.sits(map[string]digest.Digest{"prod": one})
}

func putImmutableSame(t *testing.T, r suiteRegistry) {
	one := r.Push(t, suiteRepo, "one", "prod")
	r.Immutable(t, suiteRepo)
	if err := r.put(one, "prod"); err != nil {
		r.wantError(err, tagalong.ErrTaken)
	}
	r.sits(map[string]digest.Digest{"prod": one})
}

func putExcluded(t *testing.T, r suiteRegistry) {
	r.Push(t, suiteRepo, "one", "prod-a", "v1")
	two := r.Push(t, suiteRepo, "two", "v2")
	r.Immutable(t, suiteRepo, "prod*")
	r.mustPut(two, "prod-a")
	r.mustPut(two, "new")
	r.wantError(r.put(two, "v1"), tagalong.ErrTaken)
	r.sits(map[string]digest.Digest{"prod-a": two, "new": two})
}

func putElsewhere(t *testing.T, r suiteRegistry) {
	one := r.manifest(r.Push(t, suiteRepo, "one", "v1"))
	index, _ := r.PushIndex(t, suiteRepo, "multi", "v2")
	multi := r.manifest(index)
	r.Push(t, suiteOther, "other", "v1")
	r.wantError(r.Tag(t.Context(), suiteOther, one, "prod"), tagalong.ErrGone)
	r.wantError(r.Tag(t.Context(), suiteOther, multi, "prod"), tagalong.ErrGone)
	if got := r.images(suiteOther, nil, "prod").Tags; len(got) > 0 {
		t.Errorf("the tag sits on %v", got)
	}
}

func putNoRepository(t *testing.T, r suiteRegistry) {
	one := r.manifest(r.Push(t, suiteRepo, "one", "v1"))
	r.wantError(r.Tag(t.Context(), tagalong.Repository{Registry: suiteHost, Name: "not/there"}, one, "prod"), tagalong.ErrGone)
}

func putFull(t *testing.T, r suiteRegistry) {
	one := r.Push(t, suiteRepo, "one", "v1")
	r.Fill(t, suiteRepo, one)
	r.wantError(r.put(one, "prod"), tagalong.ErrFull)
	if err := r.put(one, "v1"); err != nil {
		t.Errorf("the tag that is there: %v", err)
	}
}

func putWrongBytes(t *testing.T, r suiteRegistry) {
	m := r.manifest(r.Push(t, suiteRepo, "one", "v1"))
	m.Bytes = append(slices.Clone(m.Bytes), '\n')
	err := r.Tag(t.Context(), suiteRepo, m, "prod")
	if err == nil {
		t.Fatal("other bytes were taken")
	}
	r.wantError(err, err)
	if got := r.images(suiteRepo, nil, "prod").Tags; len(got) > 0 {
		t.Errorf("the tag sits on %v", got)
	}
}

func putBusy(t *testing.T, r suiteRegistry) {
	one := r.Push(t, suiteRepo, "one", "v1")
	m := r.manifest(one)
	r.Busy(t)
	r.wantError(r.Tag(t.Context(), suiteRepo, m, "prod"), tagalong.ErrBusy)
	if got := r.images(suiteRepo, nil, "prod").Tags; len(got) > 0 {
		t.Errorf("the tag sits on %v after one attempt: there was another", got)
	}
	r.mustPut(one, "prod")
}

func putUnanswered(t *testing.T, r suiteRegistry) {
	one := r.Push(t, suiteRepo, "one", "v1")
	m := r.manifest(one)
	r.Lose(t)
	r.wantError(r.Tag(t.Context(), suiteRepo, m, "prod"), tagalong.ErrUnanswered)
	r.sits(map[string]digest.Digest{"prod": one})
	r.mustPut(one, "prod")
}

func putRacing(t *testing.T, r suiteRegistry) {
	var manifests []tagalong.Manifest
	for i := range 8 {
		manifests = append(manifests, r.manifest(r.Push(t, suiteRepo, fmt.Sprint("image ", i))))
	}
	var wait sync.WaitGroup
	for _, m := range manifests {
		wait.Go(func() {
			if err := r.Tag(t.Context(), suiteRepo, m, "prod"); err != nil {
				t.Errorf("putting: %v", err)
			}
		})
	}
	wait.Wait()
	sits := r.images(suiteRepo, nil, "prod").Tags["prod"]
	if !slices.ContainsFunc(manifests, func(m tagalong.Manifest) bool { return m.Digest == sits }) {
		t.Errorf("the tag sits on %q", sits)
	}
}
