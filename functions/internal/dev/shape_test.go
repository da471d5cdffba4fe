package dev_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../../.."
	module = "github.com/tagalong-aws/tagalong"
)

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Name       string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Name,GoFiles,Imports", "./...")
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// layers are the parts of the tree in the order in which they may import each
// other: each only what stands before it.
var layers = []*regexp.Regexp{
	regexp.MustCompile(`^events$`),
	regexp.MustCompile(`^functions/internal/(marshal|parallel|pattern|report|stream|wait)$`),
	regexp.MustCompile(`^functions/internal/tagalong$`),
	regexp.MustCompile(`^functions/internal/timeline$`),
	regexp.MustCompile(`^functions/internal/ledger$`),
	regexp.MustCompile(`^functions/internal/decide$`),
	regexp.MustCompile(`^functions/internal/reactor$`),
	regexp.MustCompile(`^functions/internal/(pipeline|query)$`),
	regexp.MustCompile(`^functions/internal/sweep$`),
	regexp.MustCompile(`^functions/internal/exchange$`),
	regexp.MustCompile(`^functions/internal/(api|page|batch|clients|codedeploy|codepipeline|dynamo|ecr|ecs|eventbridge|inspector|lambda|ratelimit|boot|boot/accounts|doctor)$`),
	regexp.MustCompile(`^functions/internal/(artifact|imagedefinitions|job|tagimage)$`),
	regexp.MustCompile(`^functions/internal/(boot/wiring.*|sandbox.*|tagalongtest.*|job/jobtest|lambdatest|e2e|costs|fence|questions|stories|storm)$`),
	regexp.MustCompile(`^functions/internal/dev.*$`),
	regexp.MustCompile(`^functions/[a-z]+$`),
}

func layer(t *testing.T, path string) int {
	t.Helper()
	at := slices.IndexFunc(layers, func(r *regexp.Regexp) bool { return r.MatchString(path) })
	if at < 0 {
		t.Errorf("package %s is in no layer: say in this test where it belongs", path)
	}
	return at
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		at := layer(t, path)
		for _, imported := range p.Imports {
			own, ok := strings.CutPrefix(imported, module+"/")
			if ok && layer(t, own) > at {
				t.Errorf("%s imports %s, which stands above it", path, own)
			}
		}
	}
}

// testSupport is what only tests and measurements run.
var testSupport = regexp.MustCompile(`^functions/internal/(dev|tagalongtest|lambdatest|job/jobtest)(/|$)`)

// TestGoroutinesBeginInOnePlace keeps the promise of parallel.Group everywhere: a
// panic reaches who waits.
func TestGoroutinesBeginInOnePlace(t *testing.T) {
	onlyIn(t, "functions/internal/parallel", func(n ast.Node) string {
		switch n := n.(type) {
		case *ast.GoStmt:
			return "a go statement"
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && (of.Name == "errgroup" || of.Name == "sync" && n.Sel.Name == "WaitGroup") {
				return of.Name + "." + n.Sel.Name
			}
		}
		return ""
	})
}

// timers are what waits without heeding a context.
var timers = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"}

// TestWaitsAreInOnePlace keeps every wait one that ends with its context.
func TestWaitsAreInOnePlace(t *testing.T) {
	onlyIn(t, "functions/internal/wait", func(n ast.Node) string {
		if selected, ok := n.(*ast.SelectorExpr); ok && slices.Contains(timers, selected.Sel.Name) {
			if of, ok := selected.X.(*ast.Ident); ok && of.Name == "time" {
				return "time." + selected.Sel.Name
			}
		}
		return ""
	})
}

// onlyIn fails where another package than the one at a path has what a function names.
func onlyIn(t *testing.T, path string, name func(ast.Node) string) {
	t.Helper()
	there := 0
	for _, p := range packages(t) {
		at := strings.TrimPrefix(p.ImportPath, module+"/")
		if testSupport.MatchString(at) {
			continue
		}
		for _, file := range p.GoFiles {
			found := nodes(t, filepath.Join(p.Dir, file), name)
			if at == path {
				there += len(found)
				continue
			}
			for _, one := range found {
				t.Errorf("%s: want %s instead", one, path)
			}
		}
	}
	if there == 0 {
		t.Errorf("%s has none of it either", path)
	}
}

// nodes returns where a file has what a function names.
func nodes(t *testing.T, path string, name func(ast.Node) string) (found []string) {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if what := name(n); what != "" {
			found = append(found, files.Position(n.Pos()).String()+": "+what)
		}
		return true
	})
	return found
}

// rooms are the core: everything that says what Tagalong does, and nothing of how AWS is
// asked.
var rooms = regexp.MustCompile(`^functions/internal/(parallel|wait|stream|report|tagalong|timeline|ledger|decide|reactor|pipeline|query|sweep)$`)

func TestTheCoreKnowsNoAWSSDK(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imported := range p.Imports {
			switch {
			case path == "events" && strings.Contains(imported, "."):
				t.Errorf("events imports %s: it is for everybody, and has the standard library only", imported)
			case rooms.MatchString(path) && strings.HasPrefix(imported, "github.com/aws/"):
				t.Errorf("%s imports %s: technologies are behind the core's interfaces", path, imported)
			}
		}
	}
}

func TestEveryPackageSaysOnceWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		comments := 0
		for _, file := range p.GoFiles {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Doc != nil {
				comments++
			}
		}
		if comments != 1 {
			t.Errorf("%s has %d package comments, want 1", p.ImportPath, comments)
		}
	}
}

func TestTheTopLevelHoldsWhatTheReadmeSays(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"functions", "events", "infra", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "dist"}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && !slices.Contains(known, entry.Name()) {
			t.Errorf("%s stands at the top level, outside of the layout", entry.Name())
		}
	}
}

func TestGoModReplacesNothing(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mod), "replace ") {
		t.Error("go.mod has a replace: go install would ignore it")
	}
}
