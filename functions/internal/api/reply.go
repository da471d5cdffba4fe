package api

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
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

// note says of which time on the ledger knows all services of a page.
func (r reply) note(gaps []query.Gap) {
	if len(gaps) > 0 {
		latest := slices.MaxFunc(gaps, func(a, b query.Gap) int { return a.CompleteSince.Compare(b.CompleteSince) })
		r.header.Set(completeSince, latest.CompleteSince.UTC().Format(time.RFC3339Nano))
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
		r.header.Set("ETag", fmt.Sprintf(`W/"%x"`, sum[:12]))
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

// unlessKnown leaves out the body if the client has it,
// https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match.
func (r reply) unlessKnown(request http.Header) reply {
	tag := strings.TrimPrefix(r.header.Get("ETag"), "W/")
	for known := range strings.SplitSeq(strings.Join(request.Values("If-None-Match"), ","), ",") {
		if known = strings.TrimSpace(known); known == "*" || strings.TrimPrefix(known, "W/") == tag {
			r.status, r.body = http.StatusNotModified, nil
			r.header.Del("Content-Type")
			return r
		}
	}
	return r
}

// minCompressed is what fits one packet anyway.
const minCompressed = 1024

// compressed makes the body smaller if the client takes that. A library would do
// it while it writes, and HEAD could not give the length that GET has.
func (r reply) compressed(request http.Header) reply {
	if len(r.body) < minCompressed || !takesGzip(request.Values("Accept-Encoding")) {
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

// takesGzip reads Accept-Encoding: gzip counts before *, and weight 0 is a no,
// https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding.
func takesGzip(accept []string) bool {
	weights := map[string]string{}
	for one := range strings.SplitSeq(strings.ToLower(strings.Join(accept, ",")), ",") {
		coding, parameters, _ := strings.Cut(one, ";")
		_, weight, _ := strings.Cut(parameters, "q=")
		weights[strings.TrimSpace(coding)] = cmp.Or(strings.TrimSpace(weight), "1")
	}
	weight, err := strconv.ParseFloat(cmp.Or(weights["gzip"], weights["x-gzip"], weights["*"]), 64)
	return err == nil && weight > 0
}
