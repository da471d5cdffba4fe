package tagalongtest

import (
	"errors"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// UntaggerWorld sets up what UntaggerSuite asks of a registry.
type UntaggerWorld interface {
	// Push is RegistryWorld's.
	Push(t *testing.T, r tagalong.Repository, seed string, tags ...string) digest.Digest
	// ReplicateDeletes lets a repository's registry pass removals on to others.
	ReplicateDeletes(t *testing.T, r tagalong.Repository)
}

// UntaggerSuite checks that an implementation keeps the contract of
// sweep.Untagger. open returns a new one and the world behind it.
func UntaggerSuite(t *testing.T, open func(t *testing.T) (sweep.Untagger, UntaggerWorld)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, r suiteUntagger)
	}{
		{"an image stands with all of its tags and no others", imageTagsAll},
		{"an image that is not there is gone", imageTagsGone},
		{"a removed tag leaves the image and its other tags", removeOne},
		{"an image goes with its last tag", removeLast},
		{"a tag that is not there is removed", removeAbsent},
		{"the replication of removals is that of the registry", imageTagsReplicated},
	} {
		t.Run(test.name, func(t *testing.T) {
			untagger, world := open(t)
			test.run(t, suiteUntagger{Untagger: untagger, UntaggerWorld: world, t: t})
		})
	}
}

type suiteUntagger struct {
	sweep.Untagger
	UntaggerWorld
	t *testing.T
}

func (r suiteUntagger) stands(repo tagalong.Repository, d digest.Digest, replicated bool, tags ...string) {
	r.t.Helper()
	got, err := r.ImageTags(r.t.Context(), repo, d)
	if err != nil {
		r.t.Fatalf("standing: %v", err)
	}
	slices.Sort(got.Tags)
	same(r.t, "standing", sweep.ImageTags{Tags: tags, Replicated: replicated}, got)
}

func (r suiteUntagger) gone(repo tagalong.Repository, d digest.Digest) {
	r.t.Helper()
	if got, err := r.ImageTags(r.t.Context(), repo, d); !errors.Is(err, tagalong.ErrGone) {
		r.t.Errorf("standing %+v, error %v, want %v", got, err, tagalong.ErrGone)
	}
}

func (r suiteUntagger) remove(repo tagalong.Repository, tag string) {
	r.t.Helper()
	if err := r.RemoveTag(r.t.Context(), repo, tag); err != nil {
		r.t.Fatalf("removing %s: %v", tag, err)
	}
}

func imageTagsAll(t *testing.T, r suiteUntagger) {
	one, two := r.Push(t, suiteRepo, "one", "v1", "prod"), r.Push(t, suiteRepo, "two")
	r.Push(t, suiteOther, "one", "live")
	r.stands(suiteRepo, one, false, "prod", "v1")
	r.stands(suiteRepo, two, false)
}

func imageTagsGone(t *testing.T, r suiteUntagger) {
	one := r.Push(t, suiteRepo, "one", "v1")
	r.gone(suiteRepo, digest.FromString("never pushed"))
	r.gone(tagalong.Repository{Registry: suiteHost, Name: "not/there"}, one)
}

func removeOne(t *testing.T, r suiteUntagger) {
	one, two := r.Push(t, suiteRepo, "one", "v1", "prod"), r.Push(t, suiteRepo, "two", "v2")
	r.remove(suiteRepo, "prod")
	r.stands(suiteRepo, one, false, "v1")
	r.stands(suiteRepo, two, false, "v2")
}

func removeLast(t *testing.T, r suiteUntagger) {
	one := r.Push(t, suiteRepo, "one", "v1")
	r.remove(suiteRepo, "v1")
	r.gone(suiteRepo, one)
}

func removeAbsent(t *testing.T, r suiteUntagger) {
	one := r.Push(t, suiteRepo, "one", "v1")
	r.remove(suiteRepo, "prod")
	r.remove(tagalong.Repository{Registry: suiteHost, Name: "not/there"}, "v1")
	r.stands(suiteRepo, one, false, "v1")
}

func imageTagsReplicated(t *testing.T, r suiteUntagger) {
	far := tagalong.Repository{Registry: "444455556666.dkr.ecr.eu-west-1.amazonaws.com", Name: suiteRepo.Name}
	one := r.Push(t, suiteRepo, "one", "v1")
	r.Push(t, far, "one", "v1")
	r.Push(t, suiteOther, "one", "v1")
	r.ReplicateDeletes(t, suiteRepo)
	r.stands(suiteRepo, one, true, "v1")
	r.stands(suiteOther, one, true, "v1")
	r.stands(far, one, false, "v1")
}
