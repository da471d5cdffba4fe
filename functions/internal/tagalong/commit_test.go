package tagalong

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
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
			if got := (Release{}).Of(service, test.containers).Commit; got != test.want {
				t.Errorf("commit %q, want %q", got, test.want)
			}
		})
	}
}

func TestTheVersionOfAnImageIsATagOrNone(t *testing.T) {
	for version, want := range map[string]string{"1.0.4": "1.0.4", "v1": "v1", "build 42": "", "1.0+dirty": "", "-1": "", "": "", strings.Repeat("9", 129): "", "\x1b[31m": ""} {
		m := Manifest{MediaType: specs.MediaTypeImageManifest, Bytes: fmt.Appendf(nil, `{"annotations": {"org.opencontainers.image.version": %q}}`, version)}
		if version == "\x1b[31m" {
			m.Bytes = []byte(`{"annotations": {"org.opencontainers.image.version": "\u001b[31m"}}`)
		}
		if got := m.version(); got != want {
			t.Errorf("version %q: tag %q, want %q", version, got, want)
		}
	}
}

// A tag that a digest is known by is shown, and nothing is deployed from it.
func TestTheTagThatIsShown(t *testing.T) {
	one, index := digest.FromString("one"), digest.FromString("index")
	taken := Release{Images: "other@" + digest.FromString("other").String() + " build-1@" + one.String()}
	for name, test := range map[string]struct {
		release Release
		c       Container
		want    string
	}{
		"the one that is named":         {taken, Container{ImageTag: "live", Digest: one, KnownTag: "1.0"}, "live"},
		"the pipeline's":                {taken, Container{Digest: one, KnownTag: "1.0"}, "build-1"},
		"the pipeline's, for the index": {Release{Images: "build-1@" + index.String()}, Container{Digest: one, Index: index}, "build-1"},
		"the image's own":               {Release{}, Container{Digest: one, KnownTag: "1.0"}, "1.0"},
		"none":                          {taken, Container{Digest: index}, ""},
		"no digest":                     {taken, Container{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.release.ImageTag(test.c); got != test.want {
				t.Errorf("tag %q, want %q", got, test.want)
			}
		})
	}
	if at := (Images{Tags: map[string]digest.Digest{"1.0": index}}).index(Container{Digest: one, KnownTag: "1.0"}); at != "" {
		t.Errorf("a tag that is only known proves %s", at)
	}
}
