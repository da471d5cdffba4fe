package ledger

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Name is what people look for by how it begins, and what it leads to. It is a hint: the
// records of what it names say whether that ran, and they may have expired.
type Name struct {
	Kind tagalong.NameKind // of a digest, a commit, a tag, an execution or a pipeline
	// Text is the name itself; of a digest its hexadecimal digits, of an execution its id.
	Text string
	// Repository and Digest are the image of a digest, of a tag and of a commit.
	tagalong.Repository
	Digest digest.Digest
	// Pipeline and Execution are those of an execution, of a pipeline and of a commit.
	Pipeline  string
	Execution string
}

// LeastBeginning is how many characters lead to a name: by them it is kept.
const LeastBeginning = 4

// NameReader finds what a beginning may stand for.
type NameReader interface {
	// Names returns the names that begin with a text of LeastBeginning characters or more,
	// in the order of Name.Compare.
	Names(ctx context.Context, beginning string, hint int) iter.Seq2[Name, error]
	// NamesOf returns the names that are a text, in the same order, and reads no others.
	NamesOf(ctx context.Context, text string, hint int) iter.Seq2[Name, error]
	// Repositories returns every repository that a rollout ever took an image from, sorted
	// by name.
	Repositories(ctx context.Context) ([]tagalong.Repository, error)
}

// Leads returns what the name leads to, beside its kind and text: together they are unique.
func (n Name) Leads() string {
	if n.Pipeline != "" {
		return n.Pipeline + "/" + n.Execution
	}
	return n.Repository.String() + "@" + n.Digest.String()
}

// Compare orders names by text and kind.
func (n Name) Compare(o Name) int {
	return cmp.Or(strings.Compare(n.Text, o.Text), cmp.Compare(n.Kind, o.Kind), strings.Compare(n.Leads(), o.Leads()))
}

// ImageNames returns what a container's image is known by: its digests, its tag and its
// commit.
func ImageNames(c tagalong.Container) (names []Name) {
	add := func(kind tagalong.NameKind, text string, d digest.Digest) {
		if text != "" {
			names = append(names, Name{Kind: kind, Text: text, Repository: c.Image, Digest: d})
		}
	}
	if c.Image.Name == "" || c.Digest == "" {
		return nil
	}
	add(tagalong.DigestName, c.Digest.Encoded(), c.Digest)
	if c.Index != "" {
		add(tagalong.DigestName, c.Index.Encoded(), c.Index)
	}
	add(tagalong.TagName, cmp.Or(c.ImageTag, c.KnownTag), c.Target())
	add(tagalong.CommitName, c.Commit, c.Target())
	return names
}

// NamesOfChildren returns what children of an index are known by: their digests.
func NamesOfChildren(children []Child) (names []Name) {
	for _, c := range children {
		if c.Digest.Validate() == nil {
			names = append(names, Name{Kind: tagalong.DigestName, Text: c.Digest.Encoded(), Repository: c.Repository, Digest: c.Digest})
		}
	}
	return names
}

// NamesOfExecution returns what an execution is known by: its id, its pipeline and the
// commits that it was made from.
func NamesOfExecution(pipeline, execution string, e tagalong.Execution) []Name {
	names := []Name{
		{Kind: tagalong.ExecutionName, Text: execution, Pipeline: pipeline, Execution: execution},
		{Kind: tagalong.PipelineName, Text: pipeline, Pipeline: pipeline},
	}
	for _, commit := range slices.Compact(slices.Sorted(slices.Values(e.Commits()))) { // of one repository two sources may have
		names = append(names, Name{Kind: tagalong.CommitName, Text: commit, Pipeline: pipeline, Execution: execution})
	}
	return names
}
