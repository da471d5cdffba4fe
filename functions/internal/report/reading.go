package report

import (
	_ "crypto/sha256" // without it go-digest takes no sha256 digest for one
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// What a report may hold. Beyond it something else than a report was given, or one that
// was made to fill the memory.
const (
	maxValue = 16 << 20 // bytes of one value that is read whole, such as a finding
	maxDepth = 1000     // of what is skipped
	maxText  = 4096     // bytes of a name or a version
)

// format is how one scanner writes.
type format struct {
	name    string
	must    string // the field that a report of a scan has
	ofMany  bool   // each finding names its image
	noImage string // why it may name no image
	fields  map[string]func(*reading) error
}

// formats are all that are known. No field is in two of them: one is enough to know which.
var formats = []*format{grype, trivy, cycloneDX, inspector, ecrScan, sarif}

// reading is a report that is being read.
type reading struct {
	json   *json.Decoder
	source *bounded
	wanted Wanted

	format *format
	seen   map[string]bool // fields of the report
	read   int
	whole  Image // the one that the report is of
	images map[digest.Digest]*Image
	order  []digest.Digest

	components map[string]component // of CycloneDX, by their references

	runs int    // of SARIF
	tool string // that wrote it
}

func newReading(r io.Reader, wanted Wanted) *reading {
	source := &bounded{r: r, left: maxValue}
	return &reading{json: json.NewDecoder(source), source: source, wanted: wanted, images: map[digest.Digest]*Image{}, components: map[string]component{}}
}

// bounded reads no more than so many bytes for one value.
type bounded struct {
	r    io.Reader
	left int
}

var errTooLong = fmt.Errorf("one value is longer than %d MiB", maxValue>>20)

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// all reads the one object that a report is.
func (r *reading) all() error {
	fields := map[string]func() error{}
	for _, f := range formats {
		for name, read := range f.fields {
			fields[name] = func() error { return r.of(f, name, read) }
		}
	}
	r.seen = map[string]bool{}
	if err := r.object(fields); err != nil {
		return err
	}
	if _, err := r.token(); err != io.EOF {
		return errors.Join(errSecond, err)
	}
	return nil
}

var errSecond = errors.New("something follows behind the report: want one report in a file")

// of reads a field that is of one format, and of no other.
func (r *reading) of(f *format, field string, read func(*reading) error) error {
	if r.format != nil && r.format != f {
		return fmt.Errorf("it is of %s, and other fields are of %s: want one report in a file", f.name, r.format.name)
	}
	r.format = f
	r.seen[field] = true
	return read(r)
}

// object reads the fields of an object, and skips the others; null is one without any.
func (r *reading) object(fields map[string]func() error) error {
	if null, err := r.opens('{'); err != nil || null {
		return err
	}
	seen := map[string]bool{}
	for r.json.More() {
		name, err := r.token()
		if err != nil {
			return err
		}
		field, _ := name.(string)
		read := fields[field]
		if read == nil {
			read = r.skip
		} else if seen[field] {
			return fmt.Errorf("field %q is there twice: want one report in a file", field)
		} else {
			seen[field] = true
		}
		if err := read(); err != nil {
			return within(field, err)
		}
	}
	_, err := r.token()
	return err
}

// array reads the elements of an array; null is one without any.
func (r *reading) array(element func() error) error {
	if null, err := r.opens('['); err != nil || null {
		return err
	}
	for i := 0; r.json.More(); i++ {
		if err := element(); err != nil {
			return within(fmt.Sprintf("[%d]", i), err)
		}
	}
	_, err := r.token()
	return err
}

// opens reads what an object or an array begins with.
func (r *reading) opens(want json.Delim) (null bool, err error) {
	token, err := r.token()
	if err != nil || token == nil {
		return token == nil, err
	}
	if token != want {
		return false, fmt.Errorf("%.40q: want %q", fmt.Sprint(token), want.String())
	}
	return false, nil
}

func (r *reading) token() (json.Token, error) {
	r.source.left = maxValue
	return r.json.Token()
}

// value reads a value whole.
func (r *reading) value(v any) error {
	r.source.left = maxValue
	return r.json.Decode(v)
}

// skip passes over a value, however long it is.
func (r *reading) skip() error {
	for depth := 0; ; {
		token, err := r.token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if depth > maxDepth {
			return fmt.Errorf("it is nested more than %d deep", maxDepth)
		}
	}
}

// add takes a finding of an image, if it is wanted.
func (r *reading) add(image *Image, f Finding) error {
	r.read++
	if f.ID == "" {
		return errors.New("the finding has no id")
	}
	for _, text := range []string{f.ID, f.Package, f.Installed, f.FixedIn} {
		if len(text) > maxText {
			return fmt.Errorf("%.40q…: want names and versions of at most %d bytes", text, maxText)
		}
	}
	if f.EPSS != nil && (*f.EPSS < 0 || *f.EPSS > 1) {
		return fmt.Errorf("EPSS %g: want a probability, 0 to 1", *f.EPSS)
	}
	if r.wanted.Takes(f) {
		image.Findings = append(image.Findings, f)
	}
	return nil
}

// image returns the one of a digest, in a report of many.
func (r *reading) image(text string) (*Image, error) {
	d, err := digestOf(text)
	if err != nil {
		return nil, err
	}
	if r.images[d] == nil {
		r.images[d] = &Image{Names: []digest.Digest{d}}
		r.order = append(r.order, d)
	}
	return r.images[d], nil
}

// names takes digests by which registries know the image, alone or as NAME@DIGEST.
func (r *reading) names(texts []string) error {
	for _, text := range texts {
		d, err := digestOf(text[strings.LastIndexByte(text, '@')+1:])
		if err != nil {
			return err
		}
		r.whole.Names = append(r.whole.Names, d)
	}
	return nil
}

func digestOf(text string) (digest.Digest, error) {
	d, err := digest.Parse(text)
	if err != nil {
		return "", fmt.Errorf("digest %.100q: want sha256: and 64 digits", text)
	}
	return d, nil
}

// pathError is an error at a place in the report.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// within says in which field or element an error is.
func within(step string, err error) error {
	inner, ok := err.(*pathError)
	switch {
	case !ok:
		return &pathError{step, err}
	case strings.HasPrefix(inner.path, "["):
		return &pathError{step + inner.path, inner.err}
	}
	return &pathError{step + "." + inner.path, inner.err}
}

// explain says what is the matter with a report that cannot be read, and where.
func (r *reading) explain(err error) error {
	syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
	kind, isKind := errors.AsType[*json.UnmarshalTypeError](err)
	at := r.json.InputOffset()
	switch {
	case at == 0 && errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isSyntax && syntax.Error() == "unexpected end of JSON input":
		return fmt.Errorf("it ends in the middle, behind byte %d: want a whole report", at)
	case errors.Is(err, errSecond):
		return errSecond
	case isSyntax:
		return fmt.Errorf("it is not JSON, about byte %d: %w", at, syntax)
	case isKind:
		return fmt.Errorf("%sa %s, and not what such a report has there", placed(err), kind.Value)
	}
	return err
}

// placed is where an error is.
func placed(err error) string {
	if at, ok := errors.AsType[*pathError](err); ok {
		return at.path + ": "
	}
	return ""
}

// ptr is for what a report may leave open.
func ptr[T any](v T) *T { return &v }

// worst returns the highest of some probabilities; nil if there is none.
func worst(all []float64) *float64 {
	if len(all) == 0 {
		return nil
	}
	return ptr(slices.Max(all))
}
