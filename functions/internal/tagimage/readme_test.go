package tagimage

import (
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/job/jobtest"
)

// What the README and the messages tell people to copy works, once CodePipeline has
// resolved the variables.
func TestReadmesParametersWork(t *testing.T) {
	w := start(t)
	values := strings.NewReplacer("#{ImageVariables.RepositoryName}", "checkout-api", "#{ImageVariables.ImageTag}", "build-1",
		"#{ImageVariables.ImageDigest}", w.older.String(), "#{ImageVariables.ImageURI}", host+"/checkout-api@"+w.older.String())
	for _, example := range append(jobtest.Recipes(t, "tagimage"), schema.Example) {
		if s, err := w.do(t, values.Replace(example)); err != nil || s.Variables["ImageTag"] != "prod-candidate" {
			t.Errorf("%s: %+v, error %v", example, s, err)
		}
	}
}
