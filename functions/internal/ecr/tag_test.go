package ecr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type sandboxCall = sandbox.Call

func read(t *testing.T, r *Registry, d digest.Digest) tagalong.Manifest {
	t.Helper()
	images, err := r.Read(t.Context(), shop, []digest.Digest{d}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return images.Manifests[d]
}

func TestTagMovesAndIsIdempotent(t *testing.T) {
	r, s, h := start(t)
	v1, v2 := push(t, h, "v1", "prod"), push(t, h, "v2")
	m := read(t, r, v2)
	s.ResetCalls()
	for range 2 { // the second is ImageAlreadyExistsException
		if err := r.Tag(t.Context(), shop, m, "prod"); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.History("prod"); len(got) != 2 || got[0] != v1 || got[1] != v2 {
		t.Errorf("history %v", got)
	}
	if calls := s.Calls(); len(calls) != 2 || calls[1].Err != "ImageAlreadyExistsException" {
		t.Errorf("calls %v", calls)
	}
}

func TestTagPassesEveryMediaTypeThrough(t *testing.T) {
	r, _, h := start(t)
	var digests []digest.Digest
	for i, image := range []ecr.Image{{}, {Docker: true}, {NoMediaType: true}} {
		image.Seed = fmt.Sprint("image", i)
		d, err := h.Push(image)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, d)
	}
	for i, index := range []ecr.Index{{}, {Docker: true}, {NoMediaType: true}} {
		index.Seed = fmt.Sprint("index", i)
		pushed, err := h.PushIndex(index)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, pushed.Digest)
	}
	for _, d := range digests {
		if err := r.Tag(t.Context(), shop, read(t, r, d), "prod"); err != nil || h.Tag("prod") != d {
			t.Errorf("%s: tag on %s, error %v", d, h.Tag("prod"), err)
		}
	}
}

func TestTagTranslatesWhatNoRetryMends(t *testing.T) {
	r, s, h := start(t)
	d := push(t, h, "v1", "prod")
	other := push(t, h, "v2")
	m, mOther := read(t, r, d), read(t, r, other)
	if err := h.SetMutability("IMMUTABLE"); err != nil {
		t.Fatal(err)
	}
	if err := r.Tag(t.Context(), shop, mOther, "prod"); !errors.Is(err, tagalong.ErrTaken) {
		t.Errorf("immutable: %v", err)
	}
	gone := tagalong.Repository{Registry: shop.Registry, Name: "gone"}
	if err := r.Tag(t.Context(), gone, m, "prod"); !errors.Is(err, tagalong.ErrGone) {
		t.Errorf("repository gone: %v", err)
	}
	s.ECR.Repository(s.Home(), "foreign")
	if err := r.Tag(t.Context(), tagalong.Repository{Registry: shop.Registry, Name: "foreign"}, m, "prod"); !errors.Is(err, tagalong.ErrGone) {
		t.Errorf("layers not there: %v", err)
	}
	s.ECR.Deny("PutImage")
	err := r.Tag(t.Context(), shop, m, "prod2")
	if kinds(err) != 0 || !strings.Contains(err.Error(), "PutImage") || !strings.Contains(err.Error(), shop.String()) {
		t.Errorf("denied: %v", err)
	}
}

// kinds counts the core's words in an error.
func kinds(err error) (n int) {
	for _, kind := range []error{tagalong.ErrTaken, tagalong.ErrFull, tagalong.ErrGone, tagalong.ErrUnanswered, tagalong.ErrBusy, tagalong.ErrOutOfOrder} {
		if errors.Is(err, kind) {
			n++
		}
	}
	return n
}

func TestTagTranslatesEveryError(t *testing.T) {
	m := tagalong.Manifest{Digest: digest.FromString("m"), MediaType: ecr.OCIManifest, Bytes: []byte("m")}
	for _, c := range []struct {
		code   string
		status int
		want   error
	}{
		{"ImageAlreadyExistsException", 400, nil},
		{"ImageTagAlreadyExistsException", 400, tagalong.ErrTaken},
		{"LimitExceededException", 400, tagalong.ErrFull},
		{"LayersNotFoundException", 400, tagalong.ErrGone},
		{"ReferencedImagesNotFoundException", 400, tagalong.ErrGone},
		{"RepositoryNotFoundException", 400, tagalong.ErrGone},
		{"ThrottlingException", 400, tagalong.ErrBusy},
		{"TooManyRequestsException", 429, tagalong.ErrBusy},
		{"RequestLimitExceeded", 503, tagalong.ErrBusy},
		{"ServerException", 500, tagalong.ErrOutOfOrder},
		{"ServerException", 400, tagalong.ErrOutOfOrder},
		{"InternalFailure", 500, tagalong.ErrOutOfOrder},
		{"Gateway", 502, tagalong.ErrUnanswered},
		{"Gateway", 504, tagalong.ErrUnanswered},
		{"ImageDigestDoesNotMatchException", 400, errOther},
		{"InvalidParameterException", 400, errOther},
		{"KmsException", 400, errOther},
		{"AccessDeniedException", 400, errOther},
	} {
		var calls atomic.Int32
		r := serving(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.Header().Set("X-Amzn-Requestid", "request-id")
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(`{"__type":"` + c.code + `","message":"words"}`))
		})
		err := r.Tag(t.Context(), shop, m, "prod")
		switch api, known := errors.AsType[smithy.APIError](err); {
		case c.want == nil:
			if err != nil {
				t.Errorf("%s: %v", c.code, err)
			}
		case !known || api.ErrorCode() != c.code:
			t.Errorf("%s: the cause is lost: %v", c.code, err)
		case c.want == errOther && kinds(err) != 0, c.want != errOther && (kinds(err) != 1 || !errors.Is(err, c.want)):
			t.Errorf("%s with status %d: %v", c.code, c.status, err)
		}
		if lasting := c.want == tagalong.ErrTaken || c.want == tagalong.ErrFull || c.want == tagalong.ErrGone; lasting &&
			(strings.Contains(err.Error(), "request-id") || !strings.Contains(err.Error(), c.code+": words")) {
			t.Errorf("%s: not the same each time: %v", c.code, err)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%s: %d attempts instead of 1", c.code, n)
		}
	}
}

var errOther = errors.New("none of the core's words")

func TestTagWithoutAnswerIsKnown(t *testing.T) {
	m := tagalong.Manifest{Digest: digest.FromString("m"), MediaType: ecr.OCIManifest, Bytes: []byte("m")}
	release := make(chan struct{})
	defer close(release)
	hangs := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then a server sees that its client has gone
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	hangsUp := serving(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	cancelled, cancel := context.WithCancel(t.Context())
	arrived := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	for name, err := range map[string]error{
		"timeout":   hangs.Tag(t.Context(), shop, m, "prod"),
		"hung up":   hangsUp.Tag(t.Context(), shop, m, "prod"),
		"cancelled": arrived.Tag(cancelled, shop, m, "prod"),
	} {
		if !errors.Is(err, tagalong.ErrUnanswered) || kinds(err) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTagThatNeverLeftIsNotUnanswered(t *testing.T) {
	m := tagalong.Manifest{Digest: digest.FromString("m"), Bytes: []byte("m")}
	broken := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, &smithy.GenericAPIError{Code: "AccessDenied", Message: "not authorized to perform: sts:AssumeRole"}
	})
	busy := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
	})
	if err := at("http://127.0.0.1:1", broken).Tag(t.Context(), shop, m, "prod"); err == nil || kinds(err) != 0 {
		t.Errorf("no credentials: %v", err)
	}
	if err := at("http://127.0.0.1:1", busy).Tag(t.Context(), shop, m, "prod"); !errors.Is(err, tagalong.ErrBusy) {
		t.Errorf("throttled credentials: %v", err)
	}
	if err := at("http://127.0.0.1:1", credentials.NewStaticCredentialsProvider("AKID", "secret", "")).Tag(t.Context(), shop, m, "prod"); !errors.Is(err, tagalong.ErrUnanswered) {
		t.Errorf("transport error: %v", err)
	}
}

func TestThrottledPutIsOneAttempt(t *testing.T) {
	r, s, h := start(t)
	d := push(t, h, "v1")
	m := read(t, r, d)
	s.ECR.Throttle("PutImage", 1)
	s.ResetCalls()
	if err := r.Tag(t.Context(), shop, m, "prod"); !errors.Is(err, tagalong.ErrBusy) || len(s.Calls()) != 1 {
		t.Errorf("%d calls, error %v", len(s.Calls()), err)
	}
	if err := r.Tag(t.Context(), shop, m, "prod"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
