package ecr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var shop = tagalong.Repository{Registry: "111122223333.dkr.ecr.us-east-1.amazonaws.com", Name: "shop/checkout"}

// start returns a Registry on a sandbox with an empty repository.
func start(t *testing.T) (*Registry, *sandboxtest.Sandbox, *ecr.Repository) {
	t.Helper()
	s := sandboxtest.Start(t)
	r := New(func(_ context.Context, _, region string) (aws.Config, error) {
		cfg := s.Config()
		cfg.Region = region
		return cfg, nil
	})
	return r, s, s.ECR.Repository(wire.Scope{}, shop.Name)
}

func push(t *testing.T, h *ecr.Repository, seed string, tags ...string) digest.Digest {
	t.Helper()
	d, err := h.Push(ecr.Image{Seed: seed, Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReadGivesManifestsAndTagsInOneCall(t *testing.T) {
	r, s, h := start(t)
	v1 := push(t, h, "v1", "build-1", "prod")
	index, err := h.PushIndex(ecr.Index{Seed: "v2", Tags: []string{"build-2"}})
	if err != nil {
		t.Fatal(err)
	}
	absent := digest.FromString("absent")
	images, err := r.Read(t.Context(), shop, []digest.Digest{v1, index.ARM64, absent}, []string{"prod", "build-2", "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	if len(images.Tags) != 2 || images.Tags["prod"] != v1 || images.Tags["build-2"] != index.Digest {
		t.Errorf("tags: %v", images.Tags)
	}
	if len(images.Manifests) != 3 {
		t.Errorf("%d manifests instead of 3", len(images.Manifests))
	}
	for d, m := range images.Manifests {
		if m.Digest != d || digest.FromBytes(m.Bytes) != d {
			t.Errorf("manifest of %s is not its own", d)
		}
	}
	if got := images.Manifests[index.Digest].MediaType; got != ecr.OCIIndex {
		t.Errorf("media type of the index: %q", got)
	}
	if n := len(s.Calls()); n != 1 {
		t.Errorf("%d calls instead of 1", n)
	}
}

func TestReadOfNothingAsksNothing(t *testing.T) {
	r, s, _ := start(t)
	images, err := r.Read(t.Context(), shop, nil, nil)
	if err != nil || len(images.Manifests) != 0 || len(s.Calls()) != 0 {
		t.Errorf("images %v, error %v, %d calls", images, err, len(s.Calls()))
	}
}

func TestReadOfAnAbsentRepositoryIsEmpty(t *testing.T) {
	r, _, _ := start(t)
	images, err := r.Read(t.Context(), tagalong.Repository{Registry: shop.Registry, Name: "gone"}, nil, []string{"prod"})
	if err != nil || images.Tags == nil || len(images.Tags) != 0 {
		t.Errorf("images %v, error %v", images, err)
	}
}

func TestReadAsksInHundreds(t *testing.T) {
	r, s, h := start(t)
	d := push(t, h, "v1", "t-205")
	var tags []string
	for i := range 250 {
		tags = append(tags, fmt.Sprintf("t-%d", i))
	}
	images, err := r.Read(t.Context(), shop, []digest.Digest{d}, tags)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Calls()); n != 3 || images.Tags["t-205"] != d {
		t.Errorf("%d calls, tags %v", n, images.Tags)
	}
}

func TestReadNamesWhatIsRefused(t *testing.T) {
	r, s, h := start(t)
	push(t, h, "v1", "prod")
	if read, err := r.Read(t.Context(), shop, nil, []string{"not legal"}); err != nil || !strings.Contains(fmt.Sprint(read.Refused["not legal"]), `"not legal": api error InvalidImageTag: `) {
		t.Errorf("illegal tag: %v, error %v", read.Refused, err)
	}
	s.ECR.Deny("BatchGetImage")
	if _, err := r.Read(t.Context(), shop, nil, []string{"prod"}); err == nil || !strings.Contains(err.Error(), "BatchGetImage") || !strings.Contains(err.Error(), shop.String()) {
		t.Errorf("denied: %v", err)
	}
}

func TestReadTakesFailuresApart(t *testing.T) {
	const absent, unasked, refused, hopeless = "absent", "unasked", "refused", "refused for good"
	for code, want := range map[string]struct{ tag, digest string }{
		"ImageNotFound":                 {absent, absent},
		"ImageInaccessible":             {absent, absent},
		"UpstreamAccessDenied":          {unasked, refused},
		"UpstreamTooManyRequests":       {unasked, refused},
		"UpstreamUnavailable":           {unasked, refused},
		"KmsError":                      {hopeless, hopeless},
		"InvalidImageDigest":            {hopeless, hopeless},
		"InvalidImageTag":               {hopeless, hopeless},
		"ImageTagDoesNotMatchDigest":    {hopeless, hopeless},
		"MissingDigestAndTag":           {hopeless, hopeless},
		"ImageReferencedByManifestList": {hopeless, hopeless},
	} {
		r, _, h := start(t)
		d := push(t, h, "v1", "prod")
		h.Refuse("prod", code)
		h.Refuse(d.String(), code)
		for asked, want := range map[string]string{"prod": want.tag, d.String(): want.digest} {
			tags, digests := []string{"prod"}, []digest.Digest(nil)
			if asked != "prod" {
				tags, digests = nil, []digest.Digest{d}
			}
			images, err := r.Read(t.Context(), shop, digests, tags)
			known := cmp.Or(err, images.Unasked["prod"], images.Refused[asked])
			if (err != nil) != (want == refused) || (known == nil) != (want == absent) || len(images.Tags)+len(images.Manifests) > 0 || (len(images.Refused) > 0) != (want == hopeless) {
				t.Errorf("%s of %s: images %v, error %v", code, asked, images, err)
			}
			if known != nil && (sandboxtest.Code(known) != code || !strings.Contains(known.Error(), asked)) {
				t.Errorf("%s of %s: %v", code, asked, known)
			}
		}
	}
}

func TestReadRefusesAnUnusableReply(t *testing.T) {
	for _, body := range []string{`{"images":[{"imageManifest":"{}"}]}`, `{"images":[{"imageId":{"imageDigest":"sha256:no"}}]}`} {
		if _, err := answering(t, 200, body).Read(t.Context(), shop, nil, []string{"prod"}); err == nil {
			t.Errorf("%s: no error", body)
		}
	}
}

func TestOnlyPrivateRegistriesAreAsked(t *testing.T) {
	r, s, _ := start(t)
	for _, repository := range []tagalong.Repository{
		{Registry: "docker.io", Name: "library/nginx"},
		{Registry: shop.Registry, Name: "Upper"},
		{Registry: shop.Registry, Name: "a"},
		{Registry: shop.Registry, Name: ""},
	} {
		images, err := r.Read(t.Context(), repository, nil, []string{"prod"})
		if _, _, private := repository.ECR(); private != images.NoRepository || private != (err == nil) {
			t.Errorf("%s: %+v, error %v", repository, images, err)
		}
		if err := r.Tag(t.Context(), repository, tagalong.Manifest{}, "prod"); err == nil {
			t.Errorf("%s: no error", repository)
		}
	}
	if n := len(s.Calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestRegistryAsksInTheImagesRegionAndAccount(t *testing.T) {
	r, s, _ := start(t)
	elsewhere := tagalong.Repository{Registry: "444455556666.dkr.ecr.eu-central-1.amazonaws.com", Name: "shop"}
	h := s.ECR.Repository(wire.Scope{Account: "444455556666", Region: "eu-central-1"}, "shop")
	d := push(t, h, "v1")
	if _, err := r.Read(t.Context(), elsewhere, []digest.Digest{d}, nil); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("without a repository policy: %v", err)
	}
	s.ECR.Allow("444455556666", "shop", "111122223333")
	images, err := r.Read(t.Context(), elsewhere, []digest.Digest{d}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Tag(t.Context(), elsewhere, images.Manifests[d], "prod"); err != nil || h.Tag("prod") != d {
		t.Errorf("tag on %s, error %v", h.Tag("prod"), err)
	}
	if !slices.ContainsFunc(s.Calls(), func(c sandboxCall) bool { return c.Region == "eu-central-1" }) {
		t.Errorf("calls: %v", s.Calls())
	}
}

func TestErrorOfConfigsIsKept(t *testing.T) {
	broken := errors.New("no such role")
	r := New(func(context.Context, string, string) (aws.Config, error) { return aws.Config{}, broken })
	if _, err := r.Read(t.Context(), shop, nil, []string{"prod"}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// answering returns a Registry that always gets one answer.
func answering(t *testing.T, status int, body string) *Registry {
	t.Helper()
	return serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

func serving(t *testing.T, handler http.HandlerFunc) *Registry {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return at(server.URL, credentials.NewStaticCredentialsProvider("AKID", "secret", ""))
}

func at(url string, p aws.CredentialsProvider) *Registry {
	return New(func(_ context.Context, _, region string) (aws.Config, error) {
		return aws.Config{
			Region: region, BaseEndpoint: aws.String(url), Credentials: p,
			HTTPClient: &http.Client{Timeout: 200 * time.Millisecond},
		}, nil
	})
}
