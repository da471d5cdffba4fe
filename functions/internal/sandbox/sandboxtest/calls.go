package sandboxtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/inspector"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// EnvCalls may name a folder: then the calls that functions make of a test's
// sandbox are written there, for make e2e, which holds them against the
// functions' policies.
const EnvCalls = "SANDBOX_CALLS"

// Call is a request that somebody signed and sent to an AWS service.
type Call struct {
	Key       string // the access key id
	Region    string
	Service   string // as the signature names it
	Operation string
	Body      []byte
}

const functionKey = "AKIDFUNCTION_"

// KeyOf is the access key id under which a function makes its calls in tests. It
// tells them from the test's own.
func KeyOf(function string) string { return functionKey + function }

// Function is a client configuration for what stands for a function.
func (s *Sandbox) Function(name string) aws.Config {
	config := s.Config()
	config.Credentials = credentials.NewStaticCredentialsProvider(KeyOf(name), "secret", "")
	return config
}

// Function gives the function that made a call, "" if none did.
func (c Call) Function() string {
	name, ok := strings.CutPrefix(c.Key, functionKey)
	if !ok {
		return ""
	}
	return name
}

// Recorder stands before AWS and keeps what goes by. The zero value is ready, and
// safe for concurrent use.
type Recorder struct {
	mu    sync.Mutex
	calls []Call
}

// Before gives a handler that keeps each signed request and hands it on.
func (rec *Recorder) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		rec.keep(r, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func (rec *Recorder) keep(r *http.Request, body []byte) {
	credential, err := wire.ParseCredential(r)
	if err != nil {
		return // nobody's
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if form, err := url.ParseQuery(string(body)); err == nil && operation == "" {
		operation = form.Get("Action") // of the Query protocol, which STS speaks
	}
	operation = cmp.Or(operation, inspector.Paths[r.URL.Path])
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.calls = append(rec.calls, Call{credential.AccessKeyID, credential.Region, credential.Service, operation, body})
}

// Kept gives the calls so far.
func (rec *Recorder) Kept() []Call {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]Call(nil), rec.calls...)
}

// Written are the calls of functions in one test.
type Written struct {
	Test  string
	Calls []Call
}

// recorded lets a sandbox's calls be written, if EnvCalls says where to.
func recorded(t testing.TB, sandbox http.Handler) http.Handler {
	folder := os.Getenv(EnvCalls)
	if folder == "" {
		return sandbox
	}
	rec := &Recorder{}
	t.Cleanup(func() { write(t, folder, rec.Kept()) })
	return rec.Before(sandbox)
}

func write(t testing.TB, folder string, kept []Call) {
	written := Written{Test: t.Name()}
	for _, c := range kept {
		if c.Function() != "" {
			written.Calls = append(written.Calls, c)
		}
	}
	if len(written.Calls) == 0 {
		return
	}
	if err := store(folder, written); err != nil {
		t.Errorf("%s: %v", EnvCalls, err)
	}
}

// store puts what was written into a file of its own, since packages are tested
// side by side.
func store(folder string, written Written) error {
	data, err := json.Marshal(written)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, "*.json")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if closing := file.Close(); err == nil {
		err = closing
	}
	return err
}

// ReadCalls reads what the tests of a folder have written.
func ReadCalls(folder string) (all []Written, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var written Written
		if err := json.Unmarshal(data, &written); err != nil {
			return nil, err
		}
		all = append(all, written)
	}
	return all, nil
}
