package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type inner struct {
	Name string          `json:"name"`
	Raw  json.RawMessage `json:"raw"`
}

type common struct {
	ID string `json:"id"`
}

type input struct {
	common
	At     *wire.Time        `json:"at"`
	List   []inner           `json:"list"`
	One    *inner            `json:"one"`
	Labels map[string]string `json:"labels"`
	hidden string
}

func TestDecode(t *testing.T) {
	const good = `{"id":"x","at":1783015783.454,"list":[{"name":"a","raw":{"any":[{"thing":1}]}}],"one":{"name":"b"},"labels":{"k":"v"}}`
	var in input
	if err := wire.Decode([]byte(good), &in); err != nil {
		t.Fatal(err)
	}
	if in.ID != "x" || in.At.UnixMilli() != 1783015783454 || string(in.List[0].Raw) != `{"any":[{"thing":1}]}` || in.One.Name != "b" || in.hidden != "" {
		t.Errorf("%+v", in)
	}
	for body, want := range map[string]string{
		`{"nope":1}`:             `"nope"`,
		`{"ID":"x"}`:             `"ID"`,
		`{"hidden":"x"}`:         `"hidden"`,
		`{"common":{"id":"x"}}`:  `"common"`,
		`{"one":{"nope":1}}`:     `"one.nope"`,
		`{"list":[{},{"no":1}]}`: `"list.no"`,
		`{"at":"yesterday"}`:     "request body",
		`{"id":7}`:               "request body",
		`[]`:                     "request body",
		`null`:                   "no JSON object",
		`{} {}`:                  "request body",
		``:                       "request body",
	} {
		if err := wire.Decode([]byte(body), &input{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

func TestTime(t *testing.T) {
	at := time.Date(2026, 3, 4, 9, 15, 2, 318e6, time.UTC)
	data, err := json.Marshal(wire.At(at))
	if err != nil || string(data) != "1772615702.318" {
		t.Errorf("%s: %v", data, err)
	}
	if wire.At(time.Time{}) != nil {
		t.Error("the zero time is a time")
	}
	rapid.Check(t, func(rt *rapid.T) {
		want := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(rt, "milliseconds"))
		data, err := json.Marshal(wire.At(want))
		var got wire.Time
		if err != nil || json.Unmarshal(data, &got) != nil || !got.Equal(want) {
			rt.Fatalf("%s became %s: %v", want, data, err)
		}
	})
}

func TestPages(t *testing.T) {
	pager := wire.Pager[string]{Name: "list", Max: 5, Size: 3, Key: func(s string) string { return s }}
	rapid.Check(t, func(rt *rapid.T) {
		items := rapid.SliceOfDistinct(rapid.StringN(1, 5, -1), rapid.ID).Draw(rt, "items")
		size := rapid.IntRange(1, 5).Draw(rt, "size")
		seen, token := map[string]bool{}, ""
		for {
			page, next, ok := pager.Page(items, &size, token)
			if !ok || len(page) > size {
				rt.Fatalf("page %q, %v", page, ok)
			}
			for _, item := range page {
				if seen[item] {
					rt.Fatalf("%q comes twice", item)
				}
				seen[item] = true
			}
			if token = next; token == "" {
				break
			}
		}
		if len(seen) != len(items) {
			rt.Fatalf("%d of %d items", len(seen), len(items))
		}
	})
	_, token, _ := pager.Page([]string{"a", "b", "c", "d"}, nil, "")
	other := wire.Pager[string]{Name: "other", Max: 5, Size: 3, Key: pager.Key}
	if _, _, ok := other.Page(nil, nil, token); ok || token == "" {
		t.Error("the token of another list is taken")
	}
	if _, _, ok := pager.Page(nil, nil, "%"); ok {
		t.Error("a forged token is taken")
	}
	if _, _, ok := pager.Page(nil, new(6), ""); ok {
		t.Error("too large a page is given")
	}
}

func TestIDs(t *testing.T) {
	if got := wire.UUID("a", "b"); got != wire.UUID("a", "b") || got == wire.UUID("ab") || len(got) != 36 || got[14] != '4' {
		t.Errorf("UUID %s", got)
	}
	rapid.Check(t, func(rt *rapid.T) {
		if got := wire.Decimal(rapid.String().Draw(rt, "seed")); len(got) != 19 {
			rt.Fatalf("%s has %d digits", got, len(got))
		}
	})
	if got := wire.Hex(40, "x"); len(got) != 40 {
		t.Errorf("hex %s", got)
	}
	if got := wire.Text(21, "ab", "x"); len(got) != 21 || strings.Trim(got, "ab") != "" {
		t.Errorf("text %s", got)
	}
}

func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1":      "arn:aws:ecs:us-east-1:1:x 1.dkr.ecr.us-east-1.amazonaws.com",
		"cn-north-1":     "arn:aws-cn:ecs:cn-north-1:1:x 1.dkr.ecr.cn-north-1.amazonaws.com.cn",
		"us-gov-west-1":  "arn:aws-us-gov:ecs:us-gov-west-1:1:x 1.dkr.ecr.us-gov-west-1.amazonaws.com",
		"eusc-de-east-1": "arn:aws-eusc:ecs:eusc-de-east-1:1:x 1.dkr.ecr.eusc-de-east-1.amazonaws.eu",
		"us-iso-east-1":  "arn:aws-iso:ecs:us-iso-east-1:1:x 1.dkr.ecr.us-iso-east-1.c2s.ic.gov",
	} {
		s := wire.Scope{Account: "1", Region: region}
		if got := s.ARN("ecs", "x") + " " + s.RegistryHost(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestUnexpectedError(t *testing.T) {
	w := httptest.NewRecorder()
	wire.WriteError(w, fmt.Errorf("reading: %w", errors.New("disk on fire")))
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"ServerException"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	wire.WriteError(w, fmt.Errorf("looking: %w", wire.Errorf("ImageNotFoundException", "no %s", "image")))
	if w.Code != 400 || w.Body.String() != `{"__type":"ImageNotFoundException","message":"no image"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
