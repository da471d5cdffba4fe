package tagalongtest

import (
	"errors"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func (l suiteLedger) setUnmanaged(was, is ledger.UnmanagedService) ledger.UnmanagedService {
	l.t.Helper()
	if err := l.SetUnmanaged(l.t.Context(), was, is); err != nil {
		l.t.Fatalf("setting what is kept of %s: %v", is.Service, err)
	}
	return is
}

// wantUnmanaged checks what is kept, one by one and all together, and who reads tags.
func (l suiteLedger) wantUnmanaged(what string, want ...ledger.UnmanagedService) {
	l.t.Helper()
	kept, readers := map[tagalong.Service]ledger.UnmanagedService{}, ledger.Readers{}
	for _, u := range want {
		kept[u.Service] = u
		for _, i := range u.Inputs() {
			readers.AddInput(u.Service, i)
		}
		one, err := l.Unmanaged(l.t.Context(), u.Service)
		l.must(err)
		same(l.t, what, u, one)
	}
	all := map[tagalong.Service]ledger.UnmanagedService{}
	for _, u := range read(l.t, l.AllUnmanaged(l.t.Context())) {
		all[u.Service] = u
	}
	same(l.t, what+", all", kept, all)
	claims, err := l.Claims(l.t.Context(), suiteRepo)
	l.must(err)
	same(l.t, what+", beside the claims", readers, claims.Readers)
	indexed, err := l.Readers(l.t.Context(), []tagalong.TagID{suiteTag("live"), suiteTag("next"), suiteTag("both")}, tagalong.Service{})
	l.must(err)
	for id := range readers {
		if len(indexed[id]) == 0 {
			l.t.Errorf("%s: the index has no reader of %s", what, id)
		}
	}
	same(l.t, what+", in the index", len(readers), len(indexed))
}

func unmanagedRoundTrip(t *testing.T, l suiteLedger) {
	input := func(container, tag string) ledger.Input {
		return ledger.Input{Container: container, Tag: suiteTag(tag)}
	}
	api, web := suiteService("api"), suiteService("web")
	nobody, err := l.Unmanaged(t.Context(), api)
	l.must(err)
	same(t, "what is kept at first", ledger.UnmanagedService{Service: api}, nobody)
	one := l.setUnmanaged(nobody, ledger.UnmanagedService{Service: api, Version: "1", Deployments: []ledger.DeploymentInputs{
		{Deployment: "ecs-svc/2", At: second(2), Inputs: []ledger.Input{input("app", "next"), input("log", "both")}},
		{Deployment: "ecs-svc/1", At: second(1), Completed: true, Inputs: []ledger.Input{input("app", "live"), input("log", "both")}},
	}})
	l.wantUnmanaged("one service", one)
	two := l.setUnmanaged(ledger.UnmanagedService{Service: web}, ledger.UnmanagedService{Service: web, Version: "1", Deployments: []ledger.DeploymentInputs{
		{Deployment: "ecs-svc/1", At: second(3), Inputs: []ledger.Input{input("log", "both")}},
	}})
	l.wantUnmanaged("two services", one, two)
	next, err := l.Readers(t.Context(), []tagalong.TagID{suiteTag("next")}, api)
	l.must(err)
	same(t, "what one read itself while it was unmanaged", ledger.Readers{suiteTag("next"): {{Service: api, Container: "app"}}}, next)

	for _, version := range []string{"", "0"} {
		late := ledger.UnmanagedService{Service: api, Version: version}
		if err := l.SetUnmanaged(t.Context(), late, one); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("over version %q: %v, want a conflict", version, err)
		}
	}
	less := one
	less.Version, less.Deployments = "2", one.Deployments[:1]
	l.setUnmanaged(one, less)
	l.wantUnmanaged("less", less, two)
	silent := two
	silent.Version, silent.Deployments = "2", []ledger.DeploymentInputs{{Deployment: "ecs-svc/5", At: second(5)}}
	l.setUnmanaged(two, silent)
	l.wantUnmanaged("one that reads nothing", less, silent)
	l.setUnmanaged(less, ledger.UnmanagedService{Service: api, Version: "3"})
	l.wantUnmanaged("gone", silent)
	if rows := read(t, l.OpenPlacements(t.Context(), suiteRepo.Name)); len(rows) != 0 {
		t.Errorf("they are in placements: %+v", rows)
	}
}
