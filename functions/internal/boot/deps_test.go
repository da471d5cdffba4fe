package boot

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forbidden are packages that a function must not link, and why.
var forbidden = map[string]string{
	"github.com/aws/aws-sdk-go-v2/config":      "2 MB and 2 ms of each cold start: AWSConfig does what a function needs",
	"github.com/aws/aws-sdk-go-v2/service/sso": "comes with config",
	"net/rpc":       "comes without -tags lambda.norpc, and keeps the linker from leaving methods out",
	"text/template": "1.5 MB",
}

// unasked are the services that a function does not ask: each client costs all of
// its cold starts.
var unasked = map[string][]string{
	"deployment":       {"inspector2", "s3"},
	"pipeline":         {"inspector2"},
	"history":          {"codepipeline", "ecs", "eventbridge", "inspector2", "s3"},
	"tagimage":         {"ecs", "eventbridge", "inspector2", "s3"},
	"imagedefinitions": {"eventbridge", "inspector2"},
	"sweep":            {"codepipeline", "s3"},
}

func TestDependencies(t *testing.T) {
	deps := func(pattern string) []string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "lambda.norpc,nethttpomithttp2", pattern).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	// The page's gomponents imports html/template for one function that escapes: the linker
	// leaves out the rest, see TestHistoryLinksNoTemplates.
	history := slices.DeleteFunc(deps("../../history"), func(dep string) bool { return dep == "text/template" })
	for _, dep := range slices.Concat(history, deps("./..."), deps("../../deployment"), deps("../../pipeline"), deps("../../tagimage"), deps("../../imagedefinitions"), deps("../../sweep")) {
		if why, no := forbidden[dep]; no {
			t.Errorf("imports %s: %s", dep, why)
		}
	}
	for function, clients := range unasked {
		linked := deps("../../" + function)
		for _, client := range clients {
			if slices.Contains(linked, "github.com/aws/aws-sdk-go-v2/service/"+client) {
				t.Errorf("%s imports the client of %s, which it does not ask", function, client)
			}
		}
	}
	for _, dep := range deps(".") {
		if strings.HasPrefix(dep, "github.com/aws/aws-sdk-go-v2/service/") && !strings.Contains(dep, "/internal/") {
			t.Errorf("imports %s: each client costs every function; it belongs below accounts or wiring", dep)
		}
	}
}

// A template calls methods by their names, so that the linker keeps every exported method
// of every type: 1.3 MB of the archive.
func TestHistoryLinksNoTemplates(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "bootstrap")
	for _, command := range [][]string{
		{"go", "build", "-tags", "lambda.norpc,nethttpomithttp2", "-o", binary, "../../history"},
		{"go", "tool", "nm", binary},
	} {
		out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
		if strings.Contains(string(out), "text/template.(*state)") {
			t.Error("the binary executes templates")
		}
	}
}
