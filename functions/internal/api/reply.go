package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/exchange"
)

// reply is a whole answer: none has more than maxLimit rows.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func newReply(status int, contentType, cacheControl string) reply {
	return reply{status: status, header: http.Header{
		"Content-Type":           {contentType},
		"Cache-Control":          {cacheControl},
		"Vary":                   {"Accept-Encoding"},
		"X-Content-Type-Options": {"nosniff"},
	}}
}

// completeSince is the header for what a page's rows cannot say: that the ledger
// knows some services only since a later time than was asked for.
const completeSince = "Tagalong-Complete-Since"

// note says from which time on the ledger knows all services of an answer, on each page of it.
func (r reply) note(since time.Time) {
	if !since.IsZero() {
		r.header.Set(completeSince, since.UTC().Format(time.RFC3339Nano))
	}
}

func pageReply(page any) (reply, error) {
	r := newReply(http.StatusOK, "application/json", "private, no-cache")
	var err error
	if r.body, err = json.Marshal(page); err != nil {
		return reply{}, fmt.Errorf("page: %w", err)
	}
	return r, nil
}

// write sends the answer and returns its status.
func (r reply) write(w http.ResponseWriter, request *http.Request) int {
	if r.status == http.StatusOK {
		sum := sha256.Sum256(r.body)
		r.header.Set("ETag", exchange.ETag(sum[:]))
		r = r.unlessKnown(request.Header)
	}
	r = r.compressed(request.Header)
	maps.Copy(w.Header(), r.header)
	if r.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if request.Method != http.MethodHead {
		_, _ = w.Write(r.body) // who does not read it has gone
	}
	return r.status
}

// unlessKnown leaves out the body if the client has it.
func (r reply) unlessKnown(request http.Header) reply {
	if exchange.Knows(request, r.header.Get("ETag")) {
		r.status, r.body = http.StatusNotModified, nil
		r.header.Del("Content-Type")
	}
	return r
}

// minCompressed is what fits one packet anyway.
const minCompressed = 1024

// compressed makes the body smaller if the client takes that. A library would do
// it while it writes, and HEAD could not give the length that GET has.
func (r reply) compressed(request http.Header) reply {
	if len(r.body) < minCompressed || !exchange.TakesGzip(request) {
		return r
	}
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	_, _ = z.Write(r.body) // a buffer takes everything
	_ = z.Close()
	r.header.Set("Content-Encoding", "gzip")
	r.body = small.Bytes()
	return r
}
