package dev_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tolerated compile regular expressions as they start, and are worth it: a digest is what
// all of this is about, and the SDK is the SDK.
var tolerated = []string{"github.com/opencontainers/go-digest", "github.com/aws/"}

// linked returns the packages that a function links, but for Go's own and those that are
// tolerated.
func linked(t *testing.T) (all []goPackage) {
	t.Helper()
	mains, err := filepath.Glob(root + "/functions/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatal(mains, err)
	}
	arguments := []string{"list", "-deps", "-json=ImportPath,Dir,GoFiles"}
	for _, main := range mains {
		if name := filepath.Base(filepath.Dir(main)); name != "tagalong" {
			arguments = append(arguments, "./functions/"+name)
		}
	}
	command := exec.CommandContext(t.Context(), "go", arguments...)
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		isGos := !strings.Contains(strings.Split(p.ImportPath, "/")[0], ".")
		if !isGos && !slices.ContainsFunc(tolerated, func(t string) bool { return strings.HasPrefix(p.ImportPath, t) }) {
			all = append(all, p)
		}
	}
}

// TestNoFunctionCompilesARegularExpressionAsItStarts keeps 8 ms of 18 out of every
// cold start.
func TestNoFunctionCompilesARegularExpressionAsItStarts(t *testing.T) {
	for _, p := range linked(t) {
		for _, file := range p.GoFiles {
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, filepath.Join(p.Dir, file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range compiledAtStart(parsed) {
				t.Errorf("%s: want pattern.New or pattern.Run", files.Position(at))
			}
		}
	}
}

func TestCompiledAtStartSeesWhatRunsThen(t *testing.T) {
	for source, want := range map[string]int{
		`var a = regexp.MustCompile("a")`: 1,
		`var a, b = struct{ r *regexp.Regexp }{regexp.MustCompile("a")}, regexp.MustCompile("b")`: 2,
		`var a, err = regexp.CompilePOSIX("a")`:                                                   1,
		`var a *regexp.Regexp; func init() { a = regexp.MustCompile("a") }`:                       1,
		`var a = func() *regexp.Regexp { return regexp.MustCompile("a") }()`:                      1,
		`var a = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("a") })`:        0,
		`func f(s string) bool { return regexp.MustCompile("a").MatchString(s) }`:                 0,
		`var a = pattern.New("a")`: 0,
		`type t struct{}; func (t) init() *regexp.Regexp { return regexp.MustCompile("a") }`: 0,
	} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := compiledAtStart(parsed); len(got) != want {
			t.Errorf("%s: %d, want %d", source, len(got), want)
		}
	}
}

// compiledAtStart returns where a file compiles regular expressions for its
// variables or in init. What such code calls is not followed.
func compiledAtStart(file *ast.File) (found []token.Pos) {
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && (f.Recv != nil || f.Name.Name != "init") {
			continue
		}
		found = append(found, compiled(declaration)...)
	}
	return found
}

// compiled returns where a node compiles, but for the functions in it that are not
// called on the spot.
func compiled(n ast.Node) (found []token.Pos) {
	called := map[ast.Node]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			called[n.Fun] = true
			if of, ok := n.Fun.(*ast.SelectorExpr); ok && isRegexp(of.X) && slices.Contains(compilers, of.Sel.Name) {
				found = append(found, n.Pos())
			}
		case *ast.FuncLit:
			return called[n]
		}
		return true
	})
	return found
}

var compilers = []string{"Compile", "CompilePOSIX", "MustCompile", "MustCompilePOSIX"}

func isRegexp(x ast.Expr) bool {
	name, ok := x.(*ast.Ident)
	return ok && name.Name == "regexp"
}
