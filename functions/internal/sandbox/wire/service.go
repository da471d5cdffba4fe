package wire

import (
	"io"
	"net/http"
	"strings"
)

// The content types of requests and replies: awsJson 1.1, and 1.0, which DynamoDB
// speaks.
const (
	ContentType   = "application/x-amz-json-1.1"
	contentType10 = "application/x-amz-json-1.0"
)

// maxBody bounds a request: a layer part of ECR may have 20 MiB, in base64.
const maxBody = 32 << 20

// Service is one AWS service of the JSON protocol. Call answers one request:
// a value that is marshalled into the reply, or an *Error.
type Service interface {
	Call(caller Caller, operation string, body []byte) (any, error)
}

// Operations are the operations of a service S by name.
type Operations[S any] map[string]func(S, Caller, []byte) (any, error)

// Op adapts a typed operation: its input is decoded by Decode.
func Op[S, In, Out any](f func(S, Caller, In) (Out, error)) func(S, Caller, []byte) (any, error) {
	return func(s S, caller Caller, body []byte) (any, error) {
		var in In
		if err := Decode(body, &in); err != nil {
			return nil, err
		}
		return f(s, caller, in)
	}
}

// Call runs the named operation. A service knows nothing of the others.
func (ops Operations[S]) Call(s S, caller Caller, operation string, body []byte) (any, error) {
	op, ok := ops[operation]
	if !ok {
		return nil, Errorf("UnknownOperationException", "operation %q is not known to the sandbox", operation)
	}
	return op(s, caller, body)
}

// Serve answers one HTTP request with a service's operation.
func Serve(w http.ResponseWriter, r *http.Request, s Service, caller Caller, operation string) {
	if err := checkRequest(r); err != nil {
		WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type")) // the version that was asked in
	serve(w, r, s, caller, operation)
}

// ServeREST answers one HTTP request of the REST protocol whose operation has a path of its
// own, and all of its input in the body:
// https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html.
func ServeREST(w http.ResponseWriter, r *http.Request, s Service, caller Caller, operation string) {
	if r.Method != http.MethodPost {
		WriteError(w, Errorf("UnknownOperationException", "%s %s: want POST", r.Method, r.URL.Path))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	serve(w, r, s, caller, operation)
}

func serve(w http.ResponseWriter, r *http.Request, s Service, caller Caller, operation string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		WriteError(w, Errorf("SerializationException", "request body: %v", err))
		return
	}
	out, err := s.Call(caller, operation, body)
	if err != nil {
		WriteError(w, err)
		return
	}
	write(w, http.StatusOK, out)
}

// WriteREST sends what an operation of the REST protocol answers.
func WriteREST(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/json")
	write(w, http.StatusOK, out)
}

func checkRequest(r *http.Request) error {
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		return Errorf("UnknownOperationException", "%s %s: the JSON protocol is POST /", r.Method, r.URL.Path)
	}
	if got := r.Header.Get("Content-Type"); !strings.EqualFold(got, ContentType) && !strings.EqualFold(got, contentType10) {
		return Errorf("SerializationException", "content type %q instead of %q", got, ContentType)
	}
	return nil
}
