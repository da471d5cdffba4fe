package tagalong_test

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func drawService(t *rapid.T) tagalong.Service {
	// A dash sorts before the slash that ends a part, a digit behind it.
	name := rapid.SampledFrom([]string{"a", "a-", "a-1", "a0", "a00", "ab", "b"})
	return tagalong.Service{
		Account: rapid.SampledFrom([]string{"111122223333", "444455556666"}).Draw(t, "account"),
		Region:  rapid.SampledFrom([]string{"us-east-1", "us-east-10", "us-east-2"}).Draw(t, "region"),
		Cluster: name.Draw(t, "cluster"), Name: name.Draw(t, "name"),
	}
}

// Who leaps from service to service finds all that an exact pattern selects.
func TestLeapingFindsWhatAnExactPatternSelects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		byName := func(a, b tagalong.Service) int { return cmp.Compare(a.String(), b.String()) }
		services := slices.Compact(slices.SortedFunc(slices.Values(rapid.SliceOfN(rapid.Custom(drawService), 0, 30).Draw(t, "services")), byName))
		named := drawService(t)
		text := rapid.SampledFrom([]string{named.Name, named.Cluster + "/" + named.Name}).Draw(t, "pattern")
		pattern, err := tagalong.ParseServicePattern(text)
		if err != nil || !pattern.Exact() {
			t.Fatalf("pattern %q: exact %t, %v", text, pattern.Exact(), err)
		}
		var want, got []tagalong.Service
		for _, s := range services {
			if pattern.Match(s) {
				want = append(want, s)
			}
		}
		var from tagalong.Service
		for range services {
			at := slices.IndexFunc(services, func(s tagalong.Service) bool { return s.String() >= from.String() })
			if from == (tagalong.Service{}) {
				at = 0
			}
			if at < 0 {
				break
			}
			if pattern.Match(services[at]) {
				got = append(got, services[at])
			}
			from = pattern.Next(services[at])
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s of %v (-want +got):\n%s", text, services, diff)
		}
	})
}

func TestPatternsWithGlobsAreNotExact(t *testing.T) {
	for _, text := range []string{"a*", "a?", "[a]", `\a`, "prod-*/a", "prod/*"} {
		pattern, err := tagalong.ParseServicePattern(text)
		if err != nil || pattern.Exact() {
			t.Errorf("pattern %q: exact %t, %v", text, pattern.Exact(), err)
		}
	}
	if (tagalong.ServicePattern{}).Exact() {
		t.Error("the zero pattern selects all")
	}
}
