package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// functionURL and httpAPI are the events of AWS's own documentation, shortened.
const (
	functionURL = `{"version":"2.0","routeKey":"$default","rawPath":"PATH","rawQueryString":"QUERY","cookies":["a=b"],
		"headers":{"accept-encoding":"ENCODING","host":"abcdefghij.lambda-url.us-east-1.on.aws","x-forwarded-proto":"https","if-none-match":"\"x\",\"y\""},
		"requestContext":{"accountId":"anonymous","apiId":"abcdefghij","domainName":"abcdefghij.lambda-url.us-east-1.on.aws","domainPrefix":"abcdefghij",
			"http":{"method":"METHOD","path":"PATH","protocol":"HTTP/1.1","sourceIp":"203.0.113.7","userAgent":"curl/8.5.0"},
			"requestId":"e1506fd5","routeKey":"$default","stage":"$default","time":"04/Mar/2026:12:00:00 +0000","timeEpoch":1772625600000},"isBase64Encoded":false}`
	httpAPI = `{"version":"2.0","routeKey":"ANY /{proxy+}","rawPath":"PATH","rawQueryString":"QUERY",
		"headers":{"accept-encoding":"ENCODING","host":"abcdefghij.execute-api.us-east-1.amazonaws.com","if-none-match":"\"x\",\"y\""},
		"requestContext":{"accountId":"111122223333","apiId":"abcdefghij","domainName":"abcdefghij.execute-api.us-east-1.amazonaws.com",
			"http":{"method":"METHOD","path":"PATH","protocol":"HTTP/1.1","sourceIp":"203.0.113.7","userAgent":"curl/8.5.0"},
			"requestId":"JKJaXmPLvHcESHA=","routeKey":"ANY /{proxy+}","stage":"STAGE","time":"04/Mar/2026:12:00:00 +0000","timeEpoch":1772625600000},
		"pathParameters":{"proxy":"v1/tags"},"isBase64Encoded":false}`
)

// event fills in a sample event.
func event(sample, method, path, query, encoding, stage string) json.RawMessage {
	quoted := func(text string) string {
		b, _ := json.Marshal(text)
		return strings.Trim(string(b), `"`)
	}
	return json.RawMessage(strings.NewReplacer("METHOD", method, "PATH", quoted(path), "QUERY", quoted(query), "ENCODING", encoding, "STAGE", stage).Replace(sample))
}

func invoke(t *testing.T, h http.Handler, event json.RawMessage) response {
	t.Helper()
	answer, err := Lambda(h)(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return answer.(response)
}

func TestLambdaAnswersLikeAServer(t *testing.T) {
	w := story(t)
	for _, target := range []string{
		"/v1/environments/prod/running", "/v1/images?image=shop%3Av2", "/v1/tags?limit=0", "/nowhere", "/openapi.json", "/v1/environments/a%20b/history",
	} {
		path, query, _ := strings.Cut(target, "?")
		want := w.get(t, target)
		for _, e := range []json.RawMessage{
			event(functionURL, "GET", path, query, "identity", ""),
			event(httpAPI, "GET", path, query, "identity", "$default"),
			event(httpAPI, "GET", "/v1"+path, query, "identity", "v1"),
			event(httpAPI, "GET", "/live"+strings.ReplaceAll(path, "%20", " "), query, "identity", "live"), // an HTTP API unescapes paths
		} {
			got := invoke(t, w, e)
			if got.StatusCode != want.Code || withoutID(got.Body) != withoutID(want.Body.String()) || got.IsBase64Encoded || got.Headers["Etag"] != want.Header().Get("ETag") {
				t.Errorf("%s: %+v, want %d: %s", e, got, want.Code, want.Body)
			}
		}
	}
}

func TestLambdaLeavesOutTheStage(t *testing.T) {
	for _, test := range []struct{ stage, path, want string }{
		{"v1", "/v1/v1/environments", "/v1/environments"},
		{"v1", "/v1/openapi.json", "/openapi.json"},
		{"v1", "/v1/environments", "/v1/environments"},
		{"v1", "/v1/environments/v1/running", "/v1/environments/v1/running"},
		{"v1", "/openapi.json", "/openapi.json"},
		{"live", "/live/v1/tags", "/v1/tags"},
		{"live", "/live/nowhere", "/live/nowhere"},
		{"live", "/v1/tags", "/v1/tags"},
		{"liv", "/live/v1/tags", "/live/v1/tags"},
		{"$default", "/v1/tags", "/v1/tags"},
	} {
		var seen string
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.URL.EscapedPath() })
		if invoke(t, h, event(httpAPI, "GET", test.path, "", "", test.stage)); seen != test.want {
			t.Errorf("%s of stage %q: %s, want %s", test.path, test.stage, seen, test.want)
		}
	}
}

// TestLambdaLeadsToTheRootOfAStage is for the page, whose links are relative.
func TestLambdaLeadsToTheRootOfAStage(t *testing.T) {
	for path, want := range map[string]string{"/live": "/live/", "/live/": "", "/": "", "/liv": ""} {
		asked := false
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true })
		got := invoke(t, h, event(httpAPI, "GET", path, "", "", "live"))
		if got.Headers["Location"] != want || asked != (want == "") || want != "" && got.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// withoutID cuts a problem after what is the same each time.
func withoutID(body string) string {
	before, _, _ := strings.Cut(body, `"requestId"`)
	return before
}

func TestLambdaGivesWhatIsNoTextInBase64(t *testing.T) {
	w := story(t)
	got := invoke(t, w, event(functionURL, "GET", "/v1/environments/prod/running", "", "br, gzip", ""))
	raw, err := base64.StdEncoding.DecodeString(got.Body)
	if err != nil || !got.IsBase64Encoded || got.Headers["Content-Encoding"] != "gzip" {
		t.Fatalf("%+v, error %v", got, err)
	}
	unzipped := httptest.NewRecorder()
	unzipped.Body.Write(raw)
	checkUnzipped(t, unzipped, w.get(t, "/v1/environments/prod/running").Body.Bytes())
}

func TestLambdaLeavesTheLengthToWhoSendsTheBody(t *testing.T) {
	w := story(t)
	for _, method := range []string{"GET", "HEAD"} {
		for _, encoding := range []string{"identity", "gzip"} {
			got := invoke(t, w, event(functionURL, method, "/v1/environments/prod/running", "", encoding, ""))
			if _, counted := got.Headers["Content-Length"]; counted || got.StatusCode != 200 || (got.Body == "") != (method == "HEAD") {
				t.Errorf("%s: %+v", method, got)
			}
		}
	}
}

func TestLambdaDropsABodyThatNobodyWants(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\xff")) })
	if got := invoke(t, h, event(functionURL, "HEAD", "/", "", "", "")); got.Body != "" || got.IsBase64Encoded {
		t.Errorf("%+v", got)
	}
}

func TestLambdaTakesAPathThatIsUnescapedAlready(t *testing.T) {
	w := story(t)
	got := invoke(t, w, event(httpAPI, "GET", "/v1/environments/100%/running", "", "", "$default"))
	if got.StatusCode != 400 || !strings.Contains(got.Body, `"parameter":"environment","value":"100%"`) {
		t.Errorf("%+v", got)
	}
}

func TestLambdaPassesEverythingOn(t *testing.T) {
	var seen *http.Request
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
	})
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	answer, err := Lambda(h)(ctx, event(functionURL, "PUT", "/a%2Fb/c%zz", "x=%20&y", "gzip", ""))
	if err != nil {
		t.Fatal(err)
	}
	if seen.Method != "PUT" || seen.URL.RawQuery != "x=%20&y" || seen.Host != "abcdefghij.lambda-url.us-east-1.on.aws" || seen.Context().Value(key{}) != "value" || seen.Header.Get("If-None-Match") != `"x","y"` {
		t.Errorf("%+v", seen)
	}
	want := response{StatusCode: 200, Headers: map[string]string{"X-Two": "1, 2"}}
	if !reflect.DeepEqual(answer, want) {
		t.Errorf("%+v", answer)
	}
}

func TestLambdaRefusesOtherEvents(t *testing.T) {
	for e, want := range map[string]string{
		`{"version":"1.0","path":"/v1/tags"}`: `event.version "1.0": want the payload format 2.0`,
		`{"Records":[]}`:                      `event.version "": want the payload format 2.0`,
		`{"version":2}`:                       "event: ",
		``:                                    "event: ",
	} {
		if _, err := Lambda(http.NotFoundHandler())(t.Context(), json.RawMessage(e)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", e, err)
		}
	}
}
