package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// request is what a Function URL and an HTTP API send, payload format 2.0,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html.
type request struct {
	Version        string            `json:"version"`
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Headers        map[string]string `json:"headers"` // of several values with commas between them
	RequestContext struct {
		Stage string `json:"stage"`
		HTTP  struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`
}

// response is what they take.
type response struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// Lambda makes a function of a handler, for the events of a Function URL or an
// HTTP API.
func Lambda(h http.Handler) func(ctx context.Context, event json.RawMessage) (any, error) {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		var r request
		if err := json.Unmarshal(event, &r); err != nil {
			return nil, fmt.Errorf("event: %w", err)
		}
		if r.Version != "2.0" {
			return nil, fmt.Errorf("event.version %q: want the payload format 2.0 of a Function URL or an HTTP API", r.Version)
		}
		w := recorder{header: http.Header{}}
		if r.bareStage() {
			w.header.Set("Location", r.RawPath+"/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		} else {
			h.ServeHTTP(&w, r.http(ctx))
		}
		return w.response(r.RequestContext.HTTP.Method), nil
	}
}

func (r request) http(ctx context.Context) *http.Request {
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, value)
	}
	out := &http.Request{
		Method: r.RequestContext.HTTP.Method,
		URL:    r.url(),
		Header: header,
		Host:   header.Get("Host"),
		Body:   http.NoBody, // nothing here takes one
	}
	return out.WithContext(ctx)
}

// bareStage reports whether the path is a stage of an HTTP API and nothing else: the
// links of the page there would lead out of it.
func (r request) bareStage() bool {
	return r.RequestContext.Stage != "" && r.RawPath == "/"+r.RequestContext.Stage
}

// url leaves out the stage that an HTTP API puts before the path. A path may begin
// like that by itself, as most of ours do if the stage is v1: then nothing of ours
// would be left of it. A Function URL gives the path as the client wrote it, an
// HTTP API unescapes it.
func (r request) url() *url.URL {
	path := r.RawPath
	if below, ok := strings.CutPrefix(path, "/"+r.RequestContext.Stage); ok && ours(below) {
		path = below
	}
	unescaped, err := url.PathUnescape(path)
	if err != nil {
		unescaped = path
	}
	return &url.URL{Path: unescaped, RawPath: path, RawQuery: r.RawQueryString}
}

// ours reports whether a path can be one of the routes'.
func ours(path string) bool {
	return strings.HasPrefix(path, "/v1/") || path == "/openapi.json"
}

// recorder keeps what a handler writes.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// response leaves out the length: whoever sends the body counts it.
func (w *recorder) response(method string) response {
	w.WriteHeader(http.StatusOK)
	w.header.Del("Content-Length")
	out := response{StatusCode: w.status, Headers: map[string]string{}}
	for name, values := range w.header {
		out.Headers[name] = strings.Join(values, ", ")
	}
	switch body := w.body.Bytes(); {
	case method == http.MethodHead:
	case utf8.Valid(body):
		out.Body = string(body)
	default:
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return out
}
