package costs_test

import (
	"fmt"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// many are the numbers of what a ledger may have many of.
var many = []int{10, 100, 1000, 5000}

// grow commits a change for each of some services, as if it had done nothing else.
func (f *fleet) grow(t *testing.T, from, to int, change func(i int) ledger.Change) {
	t.Helper()
	problems := make([]error, to-from)
	parallel.ForEach(to-from, parallel.Limit, func(n int) {
		c := change(from + n)
		c.Head.Version = ledger.NewVersion()
		problems[n] = f.ledger.Commit(t.Context(), c)
	})
	for i, err := range problems {
		if err != nil {
			t.Fatalf("service %d: %v", from+i, err)
		}
	}
}

// runningIn returns that a service runs its own image in prod.
func runningIn(i int) ledger.Change {
	s := serviceNamed(i)
	c := tagalong.Container{Name: "app", Image: repositoryNamed(i), Digest: imageOf(repositoryNamed(i), 1), Evidence: tagalong.Revision, ImageTag: "v1"}
	return ledger.Change{Service: s, Running: &ledger.RunningRecord{
		Service: s, Environment: "prod", Deployment: "ecs-svc/1", TaskDefinition: "arn:aws:ecs:us-east-1:111122223333:task-definition/" + s.Name + ":1",
		Since: noon, CompleteSince: noon, Containers: []ledger.Placed{{Container: c, Tags: []string{"prod"}}},
	}}
}

// What runs of one service is read, whatever runs beside it.
func TestWhatOneServiceRunsIsReadAlone(t *testing.T) {
	f, before := newFleet(t), 0
	for _, n := range many {
		f.grow(t, before, n, runningIn)
		before = n
		for pattern, most := range map[string]float64{"prod-000/service-00007": 3, "service-00007": 2 + float64(n)/100} { // a leap a cluster
			of, err := tagalong.ParseServicePattern(pattern)
			if err != nil {
				t.Fatal(err)
			}
			f.meter.Take()
			page, err := f.Running(t.Context(), query.RunningQuery{Environment: "prod", Services: of}, query.Paging{Limit: 100})
			used := f.meter.Take()
			if err != nil || len(page.Items) != 1 {
				t.Fatalf("%s among %d: %d rows, %v", pattern, n, len(page.Items), err)
			}
			if used.RCU > most {
				t.Errorf("%s among %d: %s, want at most %.1f read capacity units", pattern, n, fmt.Sprintf("%+v", used), most)
			}
		}
	}
}

// One looks for a branch, and every build of it has a tag that begins so.
func TestFindReadsNoTagsThatOnlyBeginSo(t *testing.T) {
	f := newFleet(t)
	named := func(tag string) ledger.Name {
		return ledger.Name{Kind: tagalong.TagName, Text: tag, Repository: repositoryNamed(1), Digest: imageOf(repositoryNamed(1), 1)}
	}
	f.grow(t, 0, 10, func(i int) ledger.Change {
		c := runningIn(i)
		c.Names = append(c.Names, named("main"), named("release"))
		for n := range 500 {
			c.Names = append(c.Names, named(fmt.Sprintf("main-%d-%d", i, n)), named(fmt.Sprintf("release-%d-%d", i, n)))
		}
		return c
	})
	for _, text := range []query.FindQuery{"main", "release"} {
		f.meter.Take()
		page, err := f.Find(t.Context(), text, query.Paging{})
		used := f.meter.Take()
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("find %s: %d rows, %v", text, len(page.Items), err)
		}
		if used.RCU > 8 {
			t.Errorf("find %s among 10,000: %+v, want at most 8 read capacity units", text, used)
		}
	}
}
