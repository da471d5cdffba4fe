package imagedefinitions

import (
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/job/jobtest"
)

// What the README and the messages tell people to copy works.
func TestExamplesWork(t *testing.T) {
	w := start(t)
	uri := host + "/checkout-api@" + w.older.String()
	w.bucket["EcrImage"] = map[string]string{detailFile: detailOf("checkout-api", w.older, uri, "build-1")}
	values := strings.NewReplacer("#{ImageVariables.ImageURI}", uri, "#{ImageVariables.ImageDigest}", w.older.String(),
		"prod-cluster", "prod", `"ContainerName": "checkout-api"`, `"ContainerName": "app"`, `"ServiceName": "checkout-api"`, `"ServiceName": "checkout"`)
	for _, example := range append(jobtest.Recipes(t, "imagedefinitions"), schema.Example) {
		s, err := w.Do(t.Context(), jobOf(values.Replace(example), artifacts{"EcrImage"}, artifacts{"Definitions"}))
		if err != nil || s.Variables["ImageURI"] != uri {
			t.Errorf("%s: %+v, error %v", example, s, err)
		}
	}
}
