package api

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
)

// openAPI is as much of the document as can be compared with the code.
type openAPI struct {
	t          *testing.T
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Parameters map[string]documented `json:"parameters"`
		Responses  map[string]answered   `json:"responses"`
		Schemas    map[string]schema     `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	OperationID string              `json:"operationId"`
	Parameters  []documented        `json:"parameters"`
	Responses   map[string]answered `json:"responses"`
}

// documented is a parameter.
type documented struct {
	Ref      string `json:"$ref"`
	Name     string `json:"name"`
	In       string `json:"in"`
	Required bool   `json:"required"`
	Schema   schema `json:"schema"`
}

// answered is a response.
type answered struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema schema `json:"schema"`
	} `json:"content"`
}

type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"`
	Format     string            `json:"format"`
	Pattern    string            `json:"pattern"`
	Enum       []string          `json:"enum"`
	MaxLength  int               `json:"maxLength"`
	Minimum    int               `json:"minimum"`
	Maximum    int               `json:"maximum"`
	Default    any               `json:"default"`
	Items      *schema           `json:"items"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
}

func readDocument(t *testing.T) *openAPI {
	t.Helper()
	d := openAPI{t: t}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

func resolve[T any](d *openAPI, ref string, all map[string]T) T {
	d.t.Helper()
	found, ok := all[path.Base(ref)]
	if !ok {
		d.t.Fatalf("%s is not in the document", ref)
	}
	return found
}

func (d *openAPI) parameter(p documented) documented {
	if p.Ref != "" {
		return resolve(d, p.Ref, d.Components.Parameters)
	}
	return p
}

func (d *openAPI) response(a answered) answered {
	if a.Ref != "" {
		return resolve(d, a.Ref, d.Components.Responses)
	}
	return a
}

func (d *openAPI) schema(s schema) schema {
	if s.Ref != "" {
		return resolve(d, s.Ref, d.Components.Schemas)
	}
	return s
}

func TestEveryRouteIsDocumentedAndNothingElse(t *testing.T) {
	d := readDocument(t)
	var patterns []string
	for _, r := range routes {
		patterns = append(patterns, r.pattern)
	}
	slices.Sort(patterns)
	if diff := cmp.Diff(patterns, slices.Sorted(maps.Keys(d.Paths))); diff != "" {
		t.Errorf("paths (-code +document):\n%s", diff)
	}
	ids := map[string]bool{}
	for pattern, methods := range d.Paths {
		get, ok := methods["get"]
		if !ok || len(methods) != 1 || get.OperationID == "" || ids[get.OperationID] {
			t.Errorf("%s: want get alone, with an operationId of its own", pattern)
		}
		ids[get.OperationID] = true
	}
}

func TestEveryParameterIsDocumentedWithItsBounds(t *testing.T) {
	d := readDocument(t)
	for _, r := range routes {
		given := map[string]documented{}
		for _, p := range d.Paths[r.pattern]["get"].Parameters {
			p = d.parameter(p)
			given[p.In+" "+p.Name] = p
		}
		for _, p := range r.parameters {
			in := "query"
			if r.inPath(p) {
				in = "path"
			}
			name := in + " " + p.name
			if said, ok := given[name]; !ok || said.Required != p.required || !bounded(said.Schema, p) {
				t.Errorf("%s, %s: %+v, code %+v", r.pattern, name, said, p)
			}
			delete(given, name)
		}
		for name := range given {
			t.Errorf("%s: the code does not know %s", r.pattern, name)
		}
	}
}

// takesTimes reports whether a pattern takes times as the core does: points in time, and how
// long ago.
func takesTimes(pattern string) bool {
	for _, text := range []string{
		"2026-03-04T10:00:00Z", "2026-03-04T10:00Z", "2026-03-04T10:00:00.123456789+01:00", "2h", "90m", "1d12h", "3d", "1.5h", "2w", "10ms",
		"", "yesterday", "2026-03-04", "2026-03-04T10:00:00", "-2h", "2", "2x", "h", "2 h",
	} {
		_, err := query.ParseTimeOrAge(text, noon)
		if matched, _ := regexp.MatchString(pattern, text); matched != (err == nil) {
			return false
		}
	}
	return true
}

// takesAges reports whether a pattern takes how long something is as the core does.
func takesAges(pattern string) bool {
	return !slices.ContainsFunc([]string{"2h", "90m", "1d12h", "3d", "1.5h", "2w", "10ms", "", "2", "-2h", "2x", "h", "2 h"}, func(text string) bool {
		_, err := query.ParseDuration(text)
		matched, _ := regexp.MatchString(pattern, text)
		return matched != (err == nil)
	})
}

// bounded reports whether the document bounds a parameter as the code does.
func bounded(said schema, p parameter) bool {
	switch p.name {
	case limit.name:
		return said.Type == "integer" && said.Minimum == minLimit && said.Maximum == maxLimit && said.Default == float64(defaultLimit)
	case previous.name:
		return said.Type == "integer" && said.Minimum == 0 && said.Maximum == 100 && said.Default == 1.0
	case severity.name, noNew.name:
		return said.Type == "string" && len(said.Enum) > 0 && !slices.ContainsFunc(said.Enum, func(value string) bool { _, err := report.ParseSeverity(value); return err != nil })
	case pending.name, incomplete.name, fixable.name, ever.name:
		return said.Type == "boolean" && said.Default == false
	case at.name, since.name, until.name:
		return said.Type == "string" && said.MaxLength == p.max && takesTimes(said.Pattern)
	}
	if p.name == ranFor.name && !takesAges(said.Pattern) {
		return false
	}
	return said.Type == "string" && said.MaxLength == p.max && (p.pattern == nil || p.pattern.String() == said.Pattern)
}

func TestTheEnvironmentsPatternIsTheCores(t *testing.T) {
	pattern := regexp.MustCompile(readDocument(t).Components.Parameters["environment"].Schema.Pattern)
	for _, name := range []string{"prod", "_", "9", "a.b-c_D", strings.Repeat("e", 255), strings.Repeat("e", 256), "", "-a", ".a", "a/b", "a b", "ä", "a\n"} {
		if _, err := query.ParseEnvironment(name); (err == nil) != pattern.MatchString(name) {
			t.Errorf("%q: the core says %v, the document %v", name, err, pattern.MatchString(name))
		}
	}
}

func TestTheNamesOfReleasesAreTheCores(t *testing.T) {
	const id = "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38"
	for _, name := range []string{"checkout-release", "A.b@c_9", strings.Repeat("p", 100), strings.Repeat("p", 101), "", "a b", "a#b", "ä", "a\n"} {
		if _, err := query.ParseReleaseQuery(name + "/" + id); (err == nil) != pipeline.pattern.MatchString(name) {
			t.Errorf("pipeline %q: the core says %v", name, err)
		}
	}
	for _, text := range []string{id, strings.ToUpper(id), id + "0", id[1:], "", id + "\n", strings.ReplaceAll(id, "-", "")} {
		if _, err := query.ParseReleaseQuery("p/" + text); (err == nil) != execution.pattern.MatchString(text) {
			t.Errorf("execution %q: the core says %v", text, err)
		}
	}
}

func TestEveryRowIsDocumented(t *testing.T) {
	d := readDocument(t)
	for _, r := range routes {
		if r.page == nil {
			continue
		}
		content := d.response(d.Paths[r.pattern]["get"].Responses["200"]).Content["application/json"].Schema
		d.checkObject(r.pattern, content, fields(reflect.TypeOf(r.page)))
	}
}

// TestResponsesMayGetFurtherFields keeps clients that validate answers, or are
// generated, from breaking with each new field.
func TestResponsesMayGetFurtherFields(t *testing.T) {
	for _, closed := range []string{"additionalProperties", "unevaluatedProperties", "maxProperties", "propertyNames"} {
		if bytes.Contains(document, []byte(`"`+closed+`"`)) {
			t.Errorf("the document has %s: a new field would break clients", closed)
		}
	}
}

func TestEveryProblemIsDocumented(t *testing.T) {
	d := readDocument(t)
	plain, bad := fields(reflect.TypeFor[problem]()), fields(reflect.TypeFor[blamed]())
	d.checkObject("Problem", d.Components.Schemas["Problem"], plain)
	maps.Copy(bad, plain)
	d.checkObject("BadRequest", d.Components.Schemas["BadRequest"], bad)
	name := fields(reflect.TypeFor[unknown]())
	d.checkOptional("NotFound", d.Components.Schemas["NotFound"], plain, name)
	if got := d.schema(d.Components.Schemas["ParameterValue"]).MaxLength; got != maxEchoed {
		t.Errorf("values are cut after %d characters, the document says %d", maxEchoed, got)
	}
}

// checkObject compares an object with the fields of a struct: those that are always
// there, and those that are left out where they say nothing.
func (d *openAPI) checkObject(at string, s schema, all map[string]reflect.Type) {
	d.t.Helper()
	always, sometimes := map[string]reflect.Type{}, map[string]reflect.Type{}
	for tag, kind := range all {
		if name, optional := strings.CutSuffix(tag, ",omitempty"); optional {
			sometimes[name] = kind
		} else {
			always[name] = kind
		}
	}
	d.checkOptional(at, s, always, sometimes)
}

// checkOptional compares an object with fields that it always has, and others.
func (d *openAPI) checkOptional(at string, s schema, always, sometimes map[string]reflect.Type) {
	d.t.Helper()
	s = d.schema(s)
	want := maps.Clone(always)
	maps.Copy(want, sometimes)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(s.Properties))); diff != "" {
		d.t.Errorf("%s: properties (-code +document):\n%s", at, diff)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(always)), slices.Sorted(slices.Values(s.Required))); diff != "" {
		d.t.Errorf("%s: required (-code +document):\n%s", at, diff)
	}
	if s.Type != "object" {
		d.t.Errorf("%s: want an object", at)
	}
	for name, property := range s.Properties {
		if kind, ok := want[name]; ok {
			d.check(at+"."+name, property, kind)
		}
	}
}

// check compares a property with a field's type.
func (d *openAPI) check(at string, s schema, kind reflect.Type) {
	d.t.Helper()
	s = d.schema(s)
	switch {
	case kind == reflect.TypeFor[*time.Time]():
		d.want(at, s, reflect.DeepEqual(s.Type, []any{"string", "null"}) && s.Format == "date-time")
	case kind == reflect.TypeFor[*float64]():
		d.want(at, s, reflect.DeepEqual(s.Type, []any{"number", "null"}))
	case kind == reflect.TypeFor[digest.Digest]():
		d.want(at, s, s.Type == "string" && takesDigests(s.Pattern))
	case kind.Kind() == reflect.String && kind.PkgPath() != "":
		known := slices.DeleteFunc(slices.Clone(s.Enum), func(value string) bool { return value == "" })
		d.want(at, s, s.Type == "string" && reflect.DeepEqual(slices.Sorted(slices.Values(known)), constants(d.t, kind.Name())))
	case kind.Kind() == reflect.String:
		d.want(at, s, s.Type == "string")
	case kind == reflect.TypeFor[*bool]():
		d.want(at, s, reflect.DeepEqual(s.Type, []any{"boolean", "null"}))
	case kind == reflect.TypeFor[*float64]():
		d.want(at, s, reflect.DeepEqual(s.Type, []any{"number", "null"}))
	case kind.Kind() == reflect.Int:
		d.want(at, s, s.Type == "integer")
	case kind.Kind() == reflect.Bool:
		d.want(at, s, s.Type == "boolean")
	case kind.Kind() == reflect.Slice:
		if d.want(at, s, s.Type == "array" && s.Items != nil); s.Items != nil {
			d.check(at+"[]", *s.Items, kind.Elem())
		}
	default:
		d.checkObject(at, s, fields(kind))
	}
}

func (d *openAPI) want(at string, s schema, ok bool) {
	d.t.Helper()
	if !ok {
		d.t.Errorf("%s: the document says %+v", at, s)
	}
}

// takesDigests reports whether a pattern takes what the core may give, and no more.
func takesDigests(pattern string) bool {
	r, err := regexp.Compile(pattern)
	if err != nil || !r.MatchString("") || r.MatchString("sha256:abc") || r.MatchString("x") {
		return false
	}
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA384, digest.SHA512} {
		if d := algorithm.FromString("image"); !r.MatchString(d.String()) || r.MatchString(d.String()+"0") || r.MatchString(" "+d.String()) {
			return false
		}
	}
	return true
}

// fields returns what a struct has in JSON, with the rows that it embeds; what else it
// embeds is left out.
func fields(kind reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for i := range kind.NumField() {
		switch f := kind.Field(i); {
		case f.Anonymous && f.Type.PkgPath() == reflect.TypeFor[query.WhereRow]().PkgPath():
			maps.Copy(all, fields(f.Type))
		case !f.Anonymous && f.Tag.Get("json") != "-":
			all[f.Tag.Get("json")] = f.Type
		}
	}
	return all
}

// constants returns the values of the rooms' constants of a type, sorted.
func constants(t *testing.T, kind string) (values []string) {
	t.Helper()
	var names []string
	for _, room := range []string{"tagalong", "timeline", "ledger", "query", "report"} {
		files, err := fs.Glob(os.DirFS(".."), room+"/*.go")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, files...)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), "../"+name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				if named, ok := spec.Type.(*ast.Ident); ok && named.Name == kind {
					values = append(values, texts(t, spec)...)
				}
			}
			return true
		})
	}
	slices.Sort(values)
	return values
}

func texts(t *testing.T, spec *ast.ValueSpec) (values []string) {
	t.Helper()
	for _, v := range spec.Values {
		literal, ok := v.(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s is no literal", spec.Names[0])
		}
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	return values
}
