package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

const (
	samples  = "../../events/testdata/"
	shortARN = samples + "ecs-deployment-completed-short-arn.json" // names no cluster at all
)

// answers is what the ledger says after a replay.
type answers struct{ running, history, tags string }

// replayed replays files into an empty ledger, and asks it.
func replayed(t *testing.T, files []string) (*stage, answers) {
	t.Helper()
	st, _ := sandboxed(t, "untold")
	must(t, append([]string{"replay"}, files...)...)
	must(t, "tags", "--check")
	return st, answers{
		running: must(t, "running", "-o", "json"),
		history: must(t, "history", "-o", "json"),
		tags:    must(t, "tags", "-o", "json"),
	}
}

func sampleEvents(t *testing.T) (files []string) {
	t.Helper()
	all, err := filepath.Glob(samples + "ecs-deployment-*.json")
	if err != nil || len(all) < 11 {
		t.Fatalf("%d sample events, %v", len(all), err)
	}
	for _, file := range all {
		if file != filepath.Clean(shortARN) {
			files = append(files, file)
		}
	}
	return files
}

// shuffled returns the files in a random order, some of them twice.
func shuffled(files []string, seed uint64) []string {
	random := rand.New(rand.NewPCG(seed, 20260304))
	order := append([]string{}, files...)
	for range 4 {
		order = append(order, files[random.IntN(len(files))])
	}
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

func testOrders(t *testing.T, files []string) {
	var want answers
	for seed := range uint64(10) {
		order := shuffled(files, seed)
		st, got := replayed(t, order)
		if seed == 0 {
			want = got
			checkRunning(t, st, got)
		}
		if got != want {
			t.Errorf("order %s\ngives %s\n%s\n%s\nanother gave %s\n%s\n%s", strings.Join(order, " "), got.running, got.history, got.tags, want.running, want.history, want.tags)
		}
	}
}

// checkRunning looks whether the ledger has what ECS and ECR have.
func checkRunning(t *testing.T, st *stage, got answers) {
	t.Helper()
	var rows []query.RunningRow
	if err := json.Unmarshal([]byte(got.running), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4 {
		t.Fatalf("%d rows, want two containers in two services: %s", len(rows), got.running)
	}
	for _, row := range rows {
		if row.Container == repository && row.Digest != st.images.Tag(row.Environment) {
			t.Errorf("%s runs in %s, the tag is on %s", row.Digest, row.Environment, st.images.Tag(row.Environment))
		}
		if row.Environment == "prod" && row.Deployment != "ecs-svc/"+build42 {
			t.Errorf("%s runs in prod", row.Deployment)
		}
	}
}

func TestReplayInAnyOrder(t *testing.T) {
	t.Run("clusters are named", func(t *testing.T) { testOrders(t, sampleEvents(t)) })
	t.Run("one is not", func(t *testing.T) { testOrders(t, append(sampleEvents(t), filepath.Clean(shortARN))) })
}

// TestReplayOfPipelinesInAnyOrder replays all that ECS and CodePipeline have told of
// the story: whatever comes first, the releases are the same. The worker is left out,
// whose immutable tag stays where it was put first.
func TestReplayOfPipelinesInAnyOrder(t *testing.T) {
	var want string
	for seed := range uint64(5) {
		st, _ := sandboxed(t, "untold")
		var files []string
		for i, event := range slices.Concat(st.aws.ECS.Events(), st.aws.CodePipeline.Events()) {
			file := filepath.Join(t.TempDir(), fmt.Sprintf("%d.json", i))
			if err := os.WriteFile(file, event, 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		said := must(t, append([]string{"replay"}, shuffled(files, seed)...)...)
		if !strings.Contains(said, "FAILED checkout-release/DeployProd of prod-cluster/checkout-api: recorded") {
			t.Errorf("replay says\n%s", said)
		}
		got := must(t, "history", "-o", "json") + must(t, "running", "-s", "checkout-api", "-o", "json") +
			must(t, "release", st.releaseOf("build-42")) + must(t, "release", st.releaseOf("build-43"))
		if seed == 0 {
			want = got
			if n := strings.Count(got, `"stage": "DeployProd"`); n < 3 {
				t.Errorf("%d rollouts by the stage for prod: %s", n, got)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("another order (-first +this):\n%s", diff)
		}
	}
}
