package tagimage

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the README tells people to copy works, once CodePipeline has resolved the
// variables.
func TestReadmesParametersWork(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	w := start(t)
	values := strings.NewReplacer("#{ImageVariables.RepositoryName}", "checkout-api", "#{ImageVariables.ImageTag}", "build-1",
		"#{ImageVariables.ImageDigest}", w.older.String(), "#{ImageVariables.ImageURI}", host+"/checkout-api@"+w.older.String())
	found := regexp.MustCompile(`(?s)\{"RepositoryName": "#\{.*?"\}\n`).FindAllString(string(readme), -1)
	if len(found) != 1 {
		t.Fatalf("%d recipes in the README", len(found))
	}
	for _, example := range append(found, schema.Example) {
		if s, err := w.do(t, values.Replace(example)); err != nil || s.Variables["ImageTag"] != "prod" {
			t.Errorf("%+v, error %v", s, err)
		}
	}
}
