package stories_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestAReleaseIsNamedByPipelineAndExecution(t *testing.T) {
	id := uuid(7)
	for _, text := range []string{id, id[:7]} {
		if q, err := query.ParseReleaseQuery(text); err != nil || q != (query.ReleaseQuery{Execution: text}) {
			t.Errorf("%s is read as %+v, error %v", text, q, err)
		}
	}
	for _, text := range []string{"p/" + id, "p/" + id[1:], "Checkout.release@2_x-/" + id, strings.Repeat("p", 100) + "/" + id} {
		pipeline, execution, _ := strings.Cut(text, "/")
		if q, err := query.ParseReleaseQuery(text); err != nil || q != (query.ReleaseQuery{Pipeline: pipeline, Execution: execution}) {
			t.Errorf("%s is read as %+v, error %v", text, q, err)
		}
	}
	for _, text := range []string{
		"", "/", id[:6], "/" + id, "p/", "p", "p/" + id[:6], "p/" + id + "/", "p/" + id + "0", "p/" + strings.ToUpper("abcdef00") + id[8:],
		strings.Repeat("p", 101) + "/" + id, "p q/" + id, "p#/" + id, "p/q/" + id, "p/" + id + "\n", "ä/" + id,
	} {
		if q, err := query.ParseReleaseQuery(text); err == nil || !strings.Contains(err.Error(), "want PIPELINE/EXECUTION") {
			t.Errorf("%q is read as %+v, error %v", text, q, err)
		}
	}
}

func TestAReleaseSaysWhatItWas(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "prod"}})
	commit := strings.Repeat("c0ffee12", 5)
	image := imageOf(shopAPI, 1)
	began := tagalong.Execution{
		Revisions: []tagalong.Revised{{Name: "Source", ID: commit, Summary: "Charge a card once", URL: "https://example.com/" + commit}, {Name: "Image", ID: image.Digest.String()}},
		Trigger:   "ManualRollback", TriggeredBy: "arn:aws:iam::111122223333:user/pat", Rollback: true, RollbackOf: uuid(1),
	}
	later := noon.Add(time.Minute)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.ledger.NoteExecution(t.Context(), checkoutPipeline, uuid(2), began, time.Time{}))
	must(w.ledger.NoteStage(t.Context(), checkoutPipeline.Name, uuid(2), ledger.StageChange{Stage: "Prod", State: "SUCCEEDED", At: later, Attempt: 2}, time.Time{}))
	must(w.ledger.NoteStage(t.Context(), checkoutPipeline.Name, uuid(2), ledger.StageChange{Stage: "Prod", State: "FAILED", At: noon}, time.Time{}))
	_, err := w.Promote(t.Context(), reactor.Promotion{
		Job: uuid(3), Repository: shopAPI, Digest: image.Digest, Tags: []string{"approved"}, At: noon,
		Release: tagalong.Release{Pipeline: checkoutPipeline.Name, Execution: uuid(2), Stage: "Prod"},
	})
	must(err)

	queries := query.Queries{Records: w.ledger}
	got, err := queries.Release(t.Context(), query.ReleaseQuery{Pipeline: checkoutPipeline.Name, Execution: uuid(2)}, query.Paging{})
	must(err)
	want := query.ReleaseFacts{
		Pipeline: "checkout-release", Account: "111122223333", Region: "us-east-1", Execution: uuid(2), Commit: commit,
		Trigger: "ManualRollback", TriggeredBy: "arn:aws:iam::111122223333:user/pat", Rollback: true, RollbackOf: uuid(1),
		Revisions: []query.ReleaseRevision{
			{Name: "Source", ID: commit, Summary: "Charge a card once", URL: "https://example.com/" + commit},
			{Name: "Image", ID: image.Digest.String()},
		},
		Stages: []query.ReleaseStage{{Stage: "Prod", State: "FAILED", At: &noon}, {Stage: "Prod", State: "SUCCEEDED", At: &later, Attempt: 2}},
		Promotions: []query.ReleasePromotion{
			{Stage: "Prod", Registry: shopAPI.Registry, Repository: shopAPI.Name, Tag: "approved", Digest: image.Digest, At: &noon, Job: uuid(3)},
		},
	}
	if diff := cmp.Diff(query.ReleasePage{Items: []ledger.HistoryRow{}, Release: want, Watched: got.Watched}, got); diff != "" {
		t.Errorf("release (-want +got):\n%s", diff)
	}

	if got.Watched == "" {
		t.Error("no rollouts, and nothing is said of what is watched")
	}

	var unknown *tagalong.UnknownNameError
	_, err = queries.Release(t.Context(), query.ReleaseQuery{Pipeline: checkoutPipeline.Name, Execution: uuid(9)}, query.Paging{})
	if !errors.As(err, &unknown) || unknown.Kind != tagalong.ReleaseName || unknown.Name != "checkout-release/"+uuid(9) {
		t.Errorf("a release that nobody knows: %v", err)
	}
}
