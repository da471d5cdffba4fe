package boot

import (
	"os/exec"
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
	"deployment":       {"s3"},
	"history":          {"codepipeline", "ecs", "eventbridge", "s3"},
	"tagimage":         {"ecs", "eventbridge", "s3"},
	"imagedefinitions": {"eventbridge"},
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
	for _, dep := range slices.Concat(deps("./..."), deps("../../deployment"), deps("../../pipeline"), deps("../../history"), deps("../../tagimage"), deps("../../imagedefinitions"), deps("../../sweep")) {
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
