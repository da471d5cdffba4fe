package sweep_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// kindsInCode returns the kinds of drift that the code names.
func kindsInCode(t *testing.T) (kinds []sweep.DriftKind) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "drift.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "DriftKind" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, sweep.DriftKind(text))
		}
		return true
	})
	return kinds
}

var kindRow = regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| .* \\| (.*) \\|$")

// TestTheReadmeHasEveryKindOfDrift keeps the table of the sweep's README equal to the code:
// the kinds, and which of them count.
func TestTheReadmeHasEveryKindOfDrift(t *testing.T) {
	readme, err := os.ReadFile("../../sweep/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## What it finds")
	counts := map[sweep.DriftKind]bool{}
	for _, row := range kindRow.FindAllStringSubmatch(table, -1) {
		counts[sweep.DriftKind(row[1])] = !strings.Contains(row[2], "no drift that counts")
	}
	kinds := kindsInCode(t)
	if diff := cmp.Diff(slices.Sorted(slices.Values(kinds)), slices.Sorted(maps.Keys(counts))); diff != "" {
		t.Fatalf("kinds of drift (-code +README):\n%s", diff)
	}
	for _, kind := range kinds {
		if left := (sweep.Drift{Kind: kind}).Left(); left != counts[kind] {
			t.Errorf("%s: that it counts is %v in the code, and %v in the README", kind, left, counts[kind])
		}
	}
}
