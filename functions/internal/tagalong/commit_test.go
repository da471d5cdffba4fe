package tagalong

import (
	"fmt"
	"strings"
	"testing"

	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestTheCommitOfAnImage(t *testing.T) {
	const child = `{"digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17", "platform": {"os": "linux", "architecture": %q}, "annotations": {%q: %q}}`
	of := func(architecture, commit string) string {
		return fmt.Sprintf(child, architecture, specs.AnnotationRevision, commit)
	}
	annotated := func(commit string) string {
		return fmt.Sprintf(`{"annotations": {"org.opencontainers.image.revision": %q}}`, commit)
	}
	for name, test := range map[string]struct {
		mediaType, manifest, want string
	}{
		"an image":                    {specs.MediaTypeImageManifest, annotated("c0ffee1"), "c0ffee1"},
		"an index":                    {specs.MediaTypeImageIndex, annotated("c0ffee1"), "c0ffee1"},
		"Docker's list":               {dockerList, annotated("c0ffee1"), "c0ffee1"},
		"no annotations":              {specs.MediaTypeImageManifest, `{}`, ""},
		"no manifest":                 {specs.MediaTypeImageManifest, `?`, ""},
		"annotations of another kind": {specs.MediaTypeImageManifest, `{"annotations": ["c0ffee1"]}`, ""},
		"all children agree":          {specs.MediaTypeImageIndex, `{"manifests": [` + of("amd64", "c0ffee1") + `,` + of("arm64", "c0ffee1") + `]}`, "c0ffee1"},
		"children disagree":           {specs.MediaTypeImageIndex, `{"manifests": [` + of("amd64", "c0ffee1") + `,` + of("arm64", "c0ffee2") + `]}`, ""},
		"one child is silent":         {specs.MediaTypeImageIndex, `{"manifests": [` + of("amd64", "c0ffee1") + `,` + of("arm64", "") + `]}`, ""},
		"a line break":                {specs.MediaTypeImageManifest, annotated("c0ffee1\nINFO all is well"), ""},
		"a novel":                     {specs.MediaTypeImageManifest, annotated(strings.Repeat("c", 129)), ""},
		"an escape sequence":          {specs.MediaTypeImageManifest, annotated("\x1b[31mred"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := Manifest{MediaType: test.mediaType, Bytes: []byte(test.manifest)}
			if got := m.commit(); got != test.want {
				t.Errorf("commit %q, want %q", got, test.want)
			}
		})
	}
}

func TestTheCommitOfARollout(t *testing.T) {
	service := Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
	for name, test := range map[string]struct {
		containers []Container
		want       string
	}{
		"none":                        {[]Container{{Name: "api"}}, ""},
		"one, and one that is silent": {[]Container{{Name: "app", Commit: "a"}, {Name: "log"}}, "a"},
		"the same":                    {[]Container{{Name: "app", Commit: "a"}, {Name: "log", Commit: "a"}}, "a"},
		"several":                     {[]Container{{Name: "app", Commit: "a"}, {Name: "log", Commit: "b"}}, ""},
		"one that ECS added":          {[]Container{{Name: "agent", Added: true, Commit: "b"}, {Name: "app", Commit: "a"}}, "a"},
		"the service's namesake":      {[]Container{{Name: "agent", Commit: "b"}, {Name: "api", Commit: "a"}}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Release{}).of(service, test.containers).Commit; got != test.want {
				t.Errorf("commit %q, want %q", got, test.want)
			}
		})
	}
}
