package page

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"

	"github.com/tagalong-aws/tagalong/functions/internal/exchange"
)

// reply sends a page as it is made: its head is out before the last query. Its ETag is
// known only then, and comes as a trailer (RFC 9110, 8.8.3). To who has a page, or asks for
// its head, nothing is sent before the whole is known, and neither by a Lambda, whose answer
// is kept back anyway: they get the ETag as a header, and the status of an error as it is.
type reply struct {
	w       http.ResponseWriter
	request *http.Request
	id      string
	status  int
	begun   bool
	sum     hash.Hash
}

func newReply(w http.ResponseWriter, r *http.Request) *reply {
	return &reply{w: w, request: r, id: exchange.RequestID(r.Context()), status: http.StatusOK, sum: sha256.New()}
}

// whole reports whether the client wants to know what the page is before it begins, or
// would not see that it begins.
func (o *reply) whole() bool {
	_, streams := o.w.(http.Flusher)
	return !streams || o.request.Method == http.MethodHead || o.request.Header.Get("If-None-Match") != "" || o.status != http.StatusOK
}

func (o *reply) head(contentType string) {
	h := o.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Content-Security-Policy", contentSecurityPolicy())
}

// page sends a page. An error is said in it, and returned; it is the status as long as
// nothing is out.
func (o *reply) page(ctx context.Context, a asked, page shown) error {
	var broken error
	err := o.send("text/html; charset=utf-8", func(w io.Writer, flush func()) error {
		return document(a, page, func() node {
			flush()
			var body node
			if body, broken = page.body(ctx); broken != nil && body == nil {
				return failure(o.failed(broken))
			}
			return body
		}).Render(w)
	}, func() bool { return broken == nil })
	if broken != nil {
		return broken
	}
	return err
}

// failed says what went wrong.
func (o *reply) failed(err error) (title string, texts []string) {
	status, title, texts := told(err, o.id)
	if !o.begun {
		o.status = status
	}
	return title, texts
}

var formats = map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json"}

// file sends the rows behind a page, before of which nothing is sent.
func (o *reply) file(ctx context.Context, page shown, format string) error {
	rows, err := page.rows(ctx)
	if err != nil {
		return err
	}
	return o.send(formats[format], func(w io.Writer, _ func()) error { return rows.write(w, format) }, func() bool { return true })
}

// send writes a body, compressed if the client takes that; known reports in the end
// whether the body may have a tag.
func (o *reply) send(contentType string, write func(w io.Writer, flush func()) error, known func() bool) error {
	o.head(contentType)
	if o.whole() {
		return o.sendWhole(write, known)
	}
	o.begun = true
	to := io.Writer(o.w)
	var z *gzip.Writer
	if exchange.TakesGzip(o.request.Header) {
		o.w.Header().Set("Content-Encoding", "gzip")
		z = gzip.NewWriter(o.w)
		to = z
	}
	buffer := bufio.NewWriterSize(io.MultiWriter(o.sum, to), 32<<10)
	err := write(buffer, func() { o.flush(buffer, z) })
	err = cmpErrors(err, buffer.Flush())
	if z != nil {
		err = cmpErrors(err, z.Close())
	}
	if known() && err == nil {
		o.w.Header().Set(http.TrailerPrefix+"Etag", exchange.ETag(o.sum.Sum(nil)))
	}
	return err
}

// flush sends what there is.
func (o *reply) flush(buffer *bufio.Writer, z *gzip.Writer) {
	_ = buffer.Flush()
	if z != nil {
		_ = z.Flush()
	}
	_ = http.NewResponseController(o.w).Flush()
}

func (o *reply) sendWhole(write func(w io.Writer, flush func()) error, known func() bool) error {
	var body bytes.Buffer
	if err := write(io.MultiWriter(o.sum, &body), func() {}); err != nil {
		return err
	}
	o.begun = true
	if tag := exchange.ETag(o.sum.Sum(nil)); known() && o.status == http.StatusOK {
		o.w.Header().Set("ETag", tag)
		if exchange.Knows(o.request.Header, tag) {
			o.status = http.StatusNotModified
			o.w.Header().Del("Content-Type")
			o.w.WriteHeader(o.status)
			return nil
		}
	}
	raw := body.Bytes()
	if exchange.TakesGzip(o.request.Header) {
		o.w.Header().Set("Content-Encoding", "gzip")
		raw = compressed(raw)
	}
	o.w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
	o.w.WriteHeader(o.status)
	if o.request.Method != http.MethodHead {
		_, _ = o.w.Write(raw) // who does not read it has gone
	}
	return nil
}

func compressed(body []byte) []byte {
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	_, _ = z.Write(body) // a buffer takes everything
	_ = z.Close()
	return small.Bytes()
}

func cmpErrors(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
