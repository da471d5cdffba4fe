package tagalong_test

import (
	"testing"

	"github.com/distribution/reference"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Names are drawn from pieces that make sense, with one character of any kind between them.
var (
	hosts  = rapid.SampledFrom([]string{"", "docker.io/", "localhost/", "LOCALHOST/", "ghcr.io/", "Registry.Example.com:5000/", "a-.example/", "[::1]:5000/", "[::g]/", "example..com/", "host:/", "host:x/", "x:1/"})
	paths  = rapid.SampledFrom([]string{"nginx", "library/nginx", "shop/api", "shop__web", "shop___web", "a--b", "a.-b", "-a", "a/", "shop//api", "9", "Shop", "7485ca1c2acd22248a2ed6c52e96aecc4a30a6c35f8b8714ce858e3b43f15a3d"})
	pieces = rapid.SampledFrom([]string{"", "", "", ".", "-", "_", "/", "a", "A", "é", " "})
)

func drawName(t *rapid.T) string {
	return hosts.Draw(t, "host") + pieces.Draw(t, "before") + paths.Draw(t, "path") + pieces.Draw(t, "after")
}

func TestANameIsWhatDockerTakesForOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := drawName(t)
		_, err := reference.ParseNormalizedNamed(name)
		if got := tagalong.IsName(name); got != (err == nil) {
			t.Errorf("%q: %v, and Docker says %v", name, got, err)
		}
	})
}

func TestAnImageLiesWhereDockerFindsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := drawName(t)
		image, err := tagalong.ParseImage(name)
		if err != nil {
			return
		}
		named, err := reference.ParseNormalizedNamed(image.Repository.String())
		if err != nil || reference.Domain(named) != image.Registry || reference.Path(named) != image.Name {
			t.Errorf("%q: %+v, and Docker says %v, error %v", name, image, named, err)
		}
	})
}
