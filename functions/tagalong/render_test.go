package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// The keys of the rows, which people script against.
const (
	runningKeys = "environment kind account region cluster service container registry repository digest index imageTag evidence phase since lastRan deployment taskDefinition tagState rollingOut rollout.state rollout.weight rollout.stage rollout.until rollback release.pipeline release.execution release.stage release.commit"
	historyKeys = "environment kind account region cluster service deployment taskDefinition state startedAt finishedAt until rollback reason containers release.pipeline release.execution release.stage release.commit"
	whereKeys   = "environment kind account region cluster service container registry repository digest index evidence phase since until lastRan runs"
	diffKeys    = "kind service container from to"
	tagKeys     = "environment registry repository tag digest actual state reason since"
)

// The views of a narrow and of a wide table.
var (
	narrow = view{now: testNow}
	whole  = view{now: testNow, wide: true}
)

func rendered[R any](t *testing.T, format string, rows []R, columns []column[R]) string {
	t.Helper()
	var b bytes.Buffer
	if err := render(output{w: &b, format: format}, rows, columns, "Nothing"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRowsHaveEveryKey(t *testing.T) {
	checkKeys(t, runningKeys, []query.RunningRow{{}})
	checkKeys(t, historyKeys, []ledger.HistoryRow{{Containers: []ledger.HistoryContainer{}}})
	checkKeys(t, whereKeys, []query.WhereRow{{}})
	checkKeys(t, diffKeys, []query.DiffRow{{From: []digest.Digest{}, To: []digest.Digest{}}})
	checkKeys(t, tagKeys, []query.TagRow{{}})
	checkKeys(t, "environment services tasks functions", []query.EnvironmentRow{{}})
	checkKeys(t, "container registry repository digest index imageTag evidence", []ledger.HistoryContainer{{}})
}

// checkKeys renders a row of which nothing is known.
func checkKeys[R any](t *testing.T, want string, rows []R) {
	t.Helper()
	raw := rendered(t, "json", rows, nil)
	var keys []string
	within := "" // which object
	for _, m := range regexp.MustCompile(`(?m)^( +)"(\w+)": (.*?),?$`).FindAllStringSubmatch(raw, -1) {
		name, nested := m[2], len(m[1]) > 4
		switch {
		case m[3] == "{":
			within = name + "."
			continue
		case nested:
			name = within + name
		}
		keys = append(keys, name)
		unknown := map[string]string{"since": "null", "weight": "null", "startedAt": "null", "finishedAt": "null", "until": "null", "rollback": "false", "containers": "[]", "from": "[]", "to": "[]", "services": "0", "tasks": "0", "functions": "0", "lastRan": "null", "runs": "0"}[m[2]]
		if unknown == "" {
			unknown = `""`
		}
		if m[3] != unknown {
			t.Errorf("%T: unknown %s is %s, want %s", rows, m[2], m[3], unknown)
		}
	}
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("%T: JSON has %s, want %s", rows, got, want)
	}
	records, err := csv.NewReader(strings.NewReader(rendered(t, "csv", rows, nil))).ReadAll()
	if err != nil || len(records) != 2 || strings.Join(records[0], " ") != want || len(records[1]) != len(records[0]) {
		t.Errorf("%T: CSV has %q, %v, want %s", rows, records, err, want)
	}
}

func TestColumnsThatSayNothing(t *testing.T) {
	rows := []query.TagRow{{Environment: "prod", Reason: "r"}, {Environment: "prod"}}
	columns := func(plain string) []column[query.TagRow] {
		return []column[query.TagRow]{
			{head: "env", cell: func(r query.TagRow) string { return r.Environment }, plain: plain},
			{head: "registry", cell: func(r query.TagRow) string { return r.Registry }, detail: true},
			{head: "reason", cell: func(r query.TagRow) string { return orDash(r.Reason) }, plain: "-"},
			{head: "lines", cells: func(r query.TagRow) []string { return strings.Split(r.Reason+"\x1b", "") }},
		}
	}
	heads := func(out output, plain string) (heads []string) {
		for _, c := range shown(out, rows, columns(plain)) {
			heads = append(heads, c.head)
		}
		return heads
	}
	if got, want := heads(output{}, "prod"), []string{"reason", "lines"}; !slices.Equal(got, want) {
		t.Errorf("narrow: %q, want %q", got, want)
	}
	if got, want := heads(output{}, "pro"), []string{"env", "reason", "lines"}; !slices.Equal(got, want) {
		t.Errorf("something else was asked for: %q, want %q", got, want)
	}
	if got, want := heads(output{wide: true}, "prod"), []string{"env", "registry", "reason", "lines"}; !slices.Equal(got, want) {
		t.Errorf("wide: %q, want %q", got, want)
	}
	if got, want := columns("")[3].text(rows[0]), "r\n\\u001b"; got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func TestCSVIsReadBackAsItWas(t *testing.T) {
	since := time.Date(2026, 3, 4, 9, 18, 41, 77e6, time.UTC)
	row := query.TagRow{Environment: "prod", Tag: `a,"b"`, Reason: "two\nlines", Since: &since}
	records, err := csv.NewReader(strings.NewReader(rendered(t, "csv", []query.TagRow{row}, nil))).ReadAll()
	if err != nil || len(records) != 2 {
		t.Fatalf("%v, %v", records, err)
	}
	if got, want := strings.Join(records[1], "|"), "prod|||a,\"b\"||||two\nlines|2026-03-04T09:18:41.077Z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRenderNothing(t *testing.T) {
	var none []query.TagRow
	for format, want := range map[string]string{"table": "Nothing.\n", "json": "[]\n", "csv": strings.ReplaceAll(tagKeys, " ", ",") + "\n"} {
		if got := rendered(t, format, none, nil); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

func TestRenderJSONKeepsTheText(t *testing.T) {
	got := rendered(t, "json", []query.TagRow{{Reason: "a < b & c > d, ü"}}, nil)
	if !strings.Contains(got, `"reason": "a < b & c > d, ü"`) || !json.Valid([]byte(got)) {
		t.Error(got)
	}
}

func TestRenderTable(t *testing.T) {
	rows := []query.TagRow{
		{Environment: "prod", Repository: "a", Tag: "prod", State: ledger.TagBlocked, Reason: "two\nlines\x1b[2J\tand a tab"},
		{Environment: "staging", Repository: "long/name", Tag: "ü", State: ledger.TagConfirmed},
	}
	want := strings.Join([]string{
		"ENV      REPOSITORY  TAG   DIGEST  ACTUAL  STATE      SINCE  REASON",
		"prod     a           prod  -       -       blocked    -      two lines\\u001b[2J and a tab",
		"staging  long/name   ü     -       -       confirmed  -      -",
		"",
	}, "\n")
	if got := rendered(t, "table", rows, tagColumns(narrow)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var b bytes.Buffer
	if err := render(output{w: &b, format: "table", color: true}, rows, tagColumns(narrow), ""); err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[0m", "").Replace(b.String())
	if plain != want || !strings.Contains(b.String(), "\x1b[31mblocked\x1b[0m ") || !strings.Contains(b.String(), "\x1b[32mconfirmed\x1b[0m ") {
		t.Errorf("colored: %q", b.String())
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestRenderSaysWhatCouldNotBeWritten(t *testing.T) {
	for _, format := range []string{"table", "json", "csv"} {
		for _, rows := range [][]query.TagRow{{}, {{}}} {
			if err := render(output{w: full{}, format: format}, rows, tagColumns(narrow), "Nothing"); !errors.Is(err, errFull) {
				t.Errorf("%s of %d rows: %v", format, len(rows), err)
			}
		}
	}
}

func TestAge(t *testing.T) {
	for ago, want := range map[time.Duration]string{
		0: "0s ago", 59*time.Second + 999*time.Millisecond: "59s ago", time.Minute: "1m ago", time.Hour - 1: "59m ago",
		time.Hour: "1h00m ago", 24*time.Hour - 1: "23h59m ago", 24 * time.Hour: "1d00h ago", 7*24*time.Hour - 1: "6d23h ago", 7 * 24 * time.Hour: "2026-02-25T11:21Z",
		-time.Second: "2026-03-04T11:21:01Z",
	} {
		then := testNow.Add(-ago)
		if got := age(&then, testNow); got != want {
			t.Errorf("%s: %q, want %q", ago, got, want)
		}
	}
	if got := age(nil, testNow); got != "-" {
		t.Errorf("unknown: %q", got)
	}
}

func TestClock(t *testing.T) {
	elsewhere := testNow.In(time.FixedZone("", 3600))
	if got := clock(&elsewhere); got != "2026-03-04T11:21:00Z" {
		t.Error(got)
	}
	if got := clock(nil); got != "-" {
		t.Error(got)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[digest.Digest]string{
		"": "-", "sha256:0123456789abcdef0123": "0123456789ab", "sha512:abc": "abc", "sha256:": "", "nonsense": "nonsense",
	} {
		if got := short(d); got != want {
			t.Errorf("%q: %q, want %q", d, got, want)
		}
	}
}

func TestCells(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{imageName("", ""), "-"},
		{imageName("app", ""), "app"},
		{imageName("app", "v1"), "app:v1"},
		{narrow.image("docker.io", "app", "v1"), "app:v1"},
		{whole.image("docker.io", "app", "v1"), "docker.io/app:v1"},
		{whole.image("", "app", ""), "app"},
		{whole.image("docker.io", "", ""), "-"},
		{narrow.image("", "team/app", "0123456789abcdef0123456789abcdef01234567"), "team/app:0123456789abcdef0123456789abcdef01234567"},
		{narrow.image("docker.io", "a/repository/of/a/long/name", ""), "a/repository/of/a/long/name"},
		{whole.image("", "a/repository/of/a/long/name", ""), "a/repository/of/a/long/name"},
		{taskDefinition("arn:aws:ecs:us-east-1:111122223333:task-definition/app:2"), "app:2"},
		{taskDefinition(""), "-"},
		{whole.digest("sha256:abc"), "sha256:abc"},
		{whole.digest(""), "-"},
		{whole.time(&theDay), "2026-03-04T00:00:00Z"},
		{narrow.time(&theDay), "11h21m ago"},
		{strings.Join(narrow.digests([]digest.Digest{"", "sha256:abc"}), " "), "unknown abc"},
		{listed([]string{"a", "b", "c", "d"}), "a, b, c, d"},
		{listed([]string{"a", "b", "c", "d", "e"}), "a, b, c and 2 more"},
		{deploymentNumber(""), ""},
		{deploymentNumber("ecs-svc/1"), "1"},
		{failure(ledger.HistoryRow{State: timeline.StateCompleted, Reason: "done"}), "-"},
		{failure(ledger.HistoryRow{State: timeline.StateFailed, Reason: "broken"}), "broken"},
		{failure(ledger.HistoryRow{State: timeline.StateFailed}), "-"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}
