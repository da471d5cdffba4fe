package main

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
)

// What the command says of a release as JSON is what HTTP says of it.
func TestTheJSONOfAReleaseIsThatOfHTTP(t *testing.T) {
	st, _ := sandboxed(t, "told")
	const execution = "checkout-release/d1ce6a96-aafe-41c5-b0ac-6c396a9989a3"
	answer := httptest.NewRecorder()
	api.Handler(st.queries, slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequest("GET", "/v1/releases/"+execution, nil))
	var want, got map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &want); err != nil || len(want) < 3 {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	if err := json.Unmarshal([]byte(must(t, "release", execution, "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-HTTP +command:\n%s", diff)
	}
}
