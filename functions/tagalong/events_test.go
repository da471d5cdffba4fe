package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// textsOf returns events as texts, one after the other.
func textsOf(events []json.RawMessage) string {
	texts := make([]string, len(events))
	for i, event := range events {
		texts[i] = string(event)
	}
	return strings.Join(texts, " ")
}

func TestUnwrap(t *testing.T) {
	body := func(text string) string { return `{"MessageId":"m","Body":` + strconv.Quote(text) + `}` }
	deep := `{"detail":{}}`
	for range 6 {
		deep = body(`{"requestPayload":[` + deep + `]}`)
	}
	tests := []struct{ name, value, want string }{
		{"an event", `{"detail":{}}`, `{"detail":{}}`},
		{"an event that looks like a letter", `{"detail":{},"Body":"x","Records":[]}`, `{"detail":{},"Body":"x","Records":[]}`},
		{"something else", `{"a":1}`, `{"a":1}`},
		{"no object", `"text"`, `"text"`},
		{"null", `null`, `null`},
		{"an array", `[{"a":1},{"b":2}]`, `{"a":1} {"b":2}`},
		{"arrays in arrays", `[[],[{"a":1},[[{"b":2}]]],[[]]]`, `{"a":1} {"b":2}`},
		{"an empty array", `[]`, ``},
		{"a failure record", `{"version":"1.0","requestPayload":{"detail":{}},"responsePayload":{}}`, `{"detail":{}}`},
		{"a failure record without an event", `{"requestPayload":null}`, `null`},
		{"a message", body(`{"a":1}`), `{"a":1}`},
		{"a message of Lambda's event", `{"Records":[{"messageId":"m","body":"{\"a\":1}"}]}`, `{"a":1}`},
		{"messages", `{"Messages":[` + body(`{"a":1}`) + `,` + body(`{"b":2}`) + `]}`, `{"a":1} {"b":2}`},
		{"no messages", `{"Messages":[]}`, ``},
		{"a message with several events", body("{\"a\":1}\n[{\"b\":2}]"), `{"a":1} {"b":2}`},
		{"a body that is no JSON", body(`hello`), `hello`},
		{"a body that is cut off", body(`{"a":1} {"b"`), `{"a":1} {"b"`},
		{"an empty body", body(``), ``},
		{"a body that is no text", `{"Body":{"a":1}}`, `{"Body":{"a":1}}`},
		{"one in the other in the other", deep, `{"detail":{}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := textsOf(unwrap(json.RawMessage(test.value))); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// An empty body is an event too, which nobody can read: it must not vanish.
func TestAnEmptyBodyIsNamed(t *testing.T) {
	if events := unwrap(json.RawMessage(`{"Body":""}`)); len(events) != 1 {
		t.Errorf("%d events, want 1", len(events))
	}
}

func TestDeepArrays(t *testing.T) {
	for _, depth := range []int{1, 50, 1000} {
		value := strings.Repeat("[", depth) + `{"a":1}` + strings.Repeat("]", depth)
		events, problems := splitEvents([]byte(value))
		if textsOf(events) != `{"a":1}` || problems != nil {
			t.Errorf("depth %d: %d events, %v", depth, len(events), problems)
		}
	}
	if _, problems := splitEvents([]byte(strings.Repeat("[", 20000))); len(problems) != 1 {
		t.Errorf("too deep: %v", problems)
	}
}

func TestSplitEvents(t *testing.T) {
	tests := []struct {
		name, text, want string
		problems         []string // how each begins
	}{
		{"nothing", " \n\t", "", nil},
		{"one", `{"a":1}`, `{"a":1}`, nil},
		{"lines", "{\"a\":1}\r\n{\"b\":2}\n\n", `{"a":1} {"b":2}`, nil},
		{"on one line", `{"a":1}{"b":2} [{"c":3}]`, `{"a":1} {"b":2} {"c":3}`, nil},
		{"no JSON", "hello\nworld\n", "", []string{"line 1: "}},
		{"a line between", "{\"a\":1}\n\nhello\n{\"b\":2}\n", `{"a":1} {"b":2}`, []string{"line 3: "}},
		{"cut off", "{\"a\":1}\n{\"b\":", `{"a":1}`, []string{"line 2: unexpected EOF"}},
		{"cut off, and another", "{\"b\":\n{\"a\":1}\n", `{"a":1}`, []string{"line 1: "}},
		{"broken over lines", "{\n  \"a\": 1,\n}\n[\n  {\"b\": 2}\n]\n", `{"b": 2}`, []string{"line 1: "}},
		{"several", "x\n{\"a\":1}\ny\n[{\"b\":2}]\n{\"c\n{\"d\":4}\nz", `{"a":1} {"b":2} {"d":4}`, []string{"line 1: ", "line 3: ", "line 5: ", "line 7: "}},
		{"after an event on its line", "{\"a\":1} hello\n{\"b\":2}", `{"a":1} {"b":2}`, []string{"line 1: "}},
		{"no UTF-8", "\xff\n{\"a\":1}", `{"a":1}`, []string{"line 1: "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			events, problems := splitEvents([]byte(test.text))
			if got := textsOf(events); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if len(problems) != len(test.problems) {
				t.Fatalf("problems %v, want %q", problems, test.problems)
			}
			for i, problem := range problems {
				if !strings.HasPrefix(problem.Error(), test.problems[i]) {
					t.Errorf("problem %q, want %q", problem, test.problems[i])
				}
			}
		})
	}
}

func TestReadUpTo(t *testing.T) {
	for _, test := range []struct {
		size int
		want string
	}{{0, ""}, {2 << 20, ""}, {2<<20 + 1, "more than 2 MB: want smaller files"}, {5 << 20, "more than 2 MB: want smaller files"}} {
		raw, err := readUpTo(io.LimitReader(endless{}, int64(test.size)), 2<<20)
		if err == nil && len(raw) != test.size || err != nil && err.Error() != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%d bytes: %d read, error %v, want %q", test.size, len(raw), err, test.want)
		}
	}
	broken := errors.New("broken pipe")
	if _, err := readUpTo(iotest.ErrReader(broken), 10); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// endless is white space without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestReadEvents(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "events.json")
	if err := os.WriteFile(file, []byte("{\"a\":1}\nx\ny\n{\"b\":2}\nz"), 0o600); err != nil {
		t.Fatal(err)
	}
	events, err := readEvents(file, nil)
	if want := file + ": line 2: "; textsOf(events) != `{"a":1} {"b":2}` || err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "\n"+file+": line 5: ") {
		t.Errorf("%s, error %v", textsOf(events), err)
	}
	for name, want := range map[string]string{
		dir:         dir + ": is a directory",
		file + "-":  file + "-: no such file or directory",
		"-":         "-: no event: want an EventBridge event as JSON",
		os.DevNull:  os.DevNull + ": no event: want an EventBridge event as JSON",
		"nonsense-": "nonsense-: no such file or directory",
	} {
		if _, err := readEvents(name, strings.NewReader("  ")); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
	if events, err := readEvents("-", strings.NewReader(`[{"a":1}]`)); textsOf(events) != `{"a":1}` || err != nil {
		t.Errorf("standard input: %s, %v", textsOf(events), err)
	}
	if _, err := readEvents("-", io.LimitReader(endless{}, maxInput+1)); err == nil || err.Error() != "-: more than 64 MB: want smaller files" {
		t.Errorf("too much: %v", err)
	}
}

func FuzzSplitEvents(f *testing.F) {
	for _, seed := range []string{`{"detail":{}}`, "x\n{\"Body\":\"[1]\"}\n", `[[{"requestPayload":null}]]`, "{\n[\n{", `{"Messages":[{"Body":""}]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		events, problems := splitEvents([]byte(text))
		if len(events)+len(problems) > len(text) {
			t.Errorf("%d events and %d problems in %q", len(events), len(problems), text)
		}
	})
}
