package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// hostile is what others may have written: it clears the screen, sets the terminal's
// title, goes back to the beginning of the line, by one byte and by two, and turns
// what follows round.
const hostile = "\x1b[2J\x1b]0;title\x07\rdone\x7f\u009b2J\u202ederotser\u2066"

// obeyed returns what a terminal would obey in a text, but for lines and tabs.
func obeyed(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return r
		}
		return -1
	}, text)
}

func TestNothingThatIsPrintedIsObeyed(t *testing.T) {
	event := `{"version":"0","id":"1","detail-type":"ECS Deployment State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T10:31:41Z","region":"us-east-1","resources":["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],
		"detail":{"eventName":` + quoted(t, "SERVICE_DEPLOYMENT_"+hostile) + `,"deploymentId":` + quoted(t, hostile) + `}}`
	variables := map[string]string{"TAGALONG_ENVIRONMENTS": hostile}
	for _, args := range []string{"where " + hostile, "running --at " + hostile, hostile, "replay " + hostile + ".json", "--" + hostile, "sandbox --listen " + hostile, "replay -"} {
		var out bytes.Buffer
		w := world{stdin: strings.NewReader(event), stdout: &out, stderr: &out, now: time.Now, getenv: func(name string) string { return variables[name] }}
		run(t.Context(), append([]string{"--table=ledger"}, strings.SplitN(args, " ", 2)...), w)
		if found := obeyed(out.String()); found != "" || out.Len() == 0 {
			t.Errorf("%q printed %q", args, out.String())
		}
	}
	if line := tell(json.RawMessage(event), reactor.Outcome{}, nil); strings.ContainsAny(line, "\n\r") || obeyed(line) != "" {
		t.Errorf("replay printed %q", line)
	}
	if got := (column[string]{head: hostile, typed: true, cells: func(s string) []string { return []string{s} }}); obeyed(got.title()+got.text(hostile)) != "" {
		t.Errorf("table printed %q", got.title()+got.text(hostile))
	}
}

// quoted returns a text in JSON.
func quoted(t *testing.T, s string) string {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestEveryFormatIsEscapedAndJSONLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := query.TagRow{Reason: rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune(hostile+"\U000e0041\"\\")))).Draw(t, "reason")}
		for _, format := range []string{"table", "json", "csv"} {
			var b bytes.Buffer
			if err := render(output{w: &escaper{to: &b}, format: format}, []query.TagRow{row}, tagColumns(narrow), ""); err != nil {
				t.Fatal(err)
			}
			if found := obeyed(b.String()); found != "" {
				t.Fatalf("%s: %q", format, b.String())
			}
			var read []query.TagRow
			if format != "json" {
				continue
			}
			if err := json.Unmarshal(b.Bytes(), &read); err != nil || read[0].Reason != row.Reason {
				t.Fatalf("%q is read back as %+v, %v", row.Reason, read, err)
			}
		}
	})
}

func TestAnEscaperMayBeWrittenPieceByPiece(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.String().Draw(t, "text") + hostile
		var b bytes.Buffer
		e := &escaper{to: &b}
		for rest := []byte(whole); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "bytes")
			if wrote, err := e.Write(rest[:n]); wrote != n || err != nil {
				t.Fatalf("%d of %d bytes, %v", wrote, n, err)
			}
			rest = rest[n:]
		}
		if b.String() != escaped(whole) {
			t.Fatalf("%q is written as %q", whole, b.String())
		}
	})
}

func TestAProgressObeysNobodyElse(t *testing.T) {
	var b bytes.Buffer
	show, _ := progressOn(&b)
	show(sweep.Progress{Phase: "services", At: hostile, Done: 1})
	if strings.Contains(b.String(), "\x1b[2J") || strings.Contains(b.String(), "\u202e") {
		t.Errorf("%q", b.String())
	}
}
