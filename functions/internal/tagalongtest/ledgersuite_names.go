package tagalongtest

import (
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// namesByBeginning writes names of every kind, some of which begin alike, and some again.
func namesByBeginning(t *testing.T, l suiteLedger) {
	image := func(kind tagalong.NameKind, text string, r tagalong.Repository) ledger.Name {
		return ledger.Name{Kind: kind, Text: text, Repository: r, Digest: suiteDigest}
	}
	names := []ledger.Name{
		image(tagalong.DigestName, "aaaa0001", suiteRepo), image(tagalong.DigestName, "aaaa0001", suiteOther), image(tagalong.CommitName, "aaaa0001ff", suiteRepo),
		image(tagalong.TagName, "aaaa.1", suiteRepo), image(tagalong.TagName, "v1", suiteRepo), image(tagalong.TagName, "aaab", suiteRepo),
	}
	c := change(suiteService("api"), "")
	c.Names, c.Repositories = names, []tagalong.Repository{suiteRepo, suiteOther}
	l.commit(c)
	again := change(suiteService("web"), "")
	again.Names, again.Repositories = names[:1], []tagalong.Repository{suiteRepo}
	l.commit(again)
	origin := tagalong.Execution{Revisions: []tagalong.Revised{{Name: "Source", ID: "aaaa0002bbbb"}, {Name: "Tests", ID: "aaaa0002bbbb"}, {Name: "Assets", ID: "not a commit"}}}
	for range 2 {
		l.must(l.NoteExecution(t.Context(), tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: "aaaa-release"}, "aaaa0003-1111", origin, time.Time{}))
	}
	of := func(kind tagalong.NameKind, text, execution string) ledger.Name {
		return ledger.Name{Kind: kind, Text: text, Pipeline: "aaaa-release", Execution: execution}
	}
	all := []ledger.Name{
		of(tagalong.PipelineName, "aaaa-release", ""), names[3], names[0], names[1], names[2],
		of(tagalong.CommitName, "aaaa0002bbbb", "aaaa0003-1111"), of(tagalong.ExecutionName, "aaaa0003-1111", "aaaa0003-1111"),
	}
	if !slices.IsSortedFunc(all, ledger.Name.Compare) {
		t.Fatal("the test's own names are not in order")
	}
	for beginning, want := range map[string][]ledger.Name{"aaaa": all, "aaaa0001": all[2:5], "aaaa0001f": all[4:5], "aaaa0003-1111": all[6:], "aaab": names[5:], "aaac": nil, "v1": {names[4]}} {
		for _, hint := range []int{0, 1} {
			same(t, "names that begin with "+beginning, want, read(t, l.Names(t.Context(), beginning, hint)))
		}
	}
	for text, want := range map[string][]ledger.Name{"aaaa": nil, "aaaa0001": all[2:4], "aaaa0003-1111": all[6:], "v1": {names[4]}, "v": nil} {
		same(t, "names that are "+text, want, read(t, l.NamesOf(t.Context(), text, 1)))
	}
	repositories, err := l.Repositories(t.Context())
	l.must(err)
	same(t, "repositories", []tagalong.Repository{suiteRepo, suiteOther}, repositories)
}
