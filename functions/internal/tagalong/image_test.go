package tagalong_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	hex64 = "cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17"
	sum64 = "sha256:" + hex64
)

// imageForms are the forms in which people and tools write images, and what each
// means in the plain form.
var imageForms = map[string]string{
	"Harbor:443/app": "harbor:443/app",
	// docker, podman, crane, nerdctl, ECS, kubectl.
	"nginx":                                     "nginx",
	"library/nginx:1.27":                        "library/nginx:1.27",
	"checkout-api@" + sum64:                     "checkout-api@" + sum64,
	"checkout-api:prod@" + sum64:                "checkout-api@" + sum64,
	"localhost/app:v1":                          "localhost/app:v1",
	"localhost:5000/app:v1":                     "localhost:5000/app:v1",
	"[2001:db8::1]:5000/app:v1":                 "[2001:db8::1]:5000/app:v1",
	"docker.io/library/nginx":                   "docker.io/library/nginx",
	"docker.io/nginx":                           "docker.io/library/nginx",
	"docker:27-dind":                            "docker:27-dind",
	"registry:2":                                "registry:2",
	"registry:2@" + sum64:                       "registry@" + sum64,
	"oci:1.0":                                   "oci:1.0",
	"dir:latest":                                "dir:latest",
	"aws/codebuild/standard:7.0":                "aws/codebuild/standard:7.0",
	"public.ecr.aws/docker/library/nginx:1.27":  "public.ecr.aws/docker/library/nginx:1.27",
	home + "/shop/api:sha256-" + hex64 + ".sig": home + "/shop/api:sha256-" + hex64 + ".sig",

	// Digests, as they stand behind an @ and as shells cut them out.
	sum64:                                  "" + sum64,
	"@" + sum64:                            sum64,
	"SHA256:" + strings.ToUpper(hex64):     sum64,
	"app@sha256:" + strings.ToUpper(hex64): "app@" + sum64,
	" " + sum64 + "\n":                     sum64,
	`"app:v1"`:                             "app:v1",
	`'app@` + sum64 + `'`:                  "app@" + sum64,

	// One host by several names.
	"index.docker.io/library/nginx":                                 "docker.io/library/nginx",
	"index.docker.io/nginx":                                         "docker.io/library/nginx",
	"index.docker.io/library/nginx@" + sum64:                        "docker.io/library/nginx@" + sum64,
	"registry-1.docker.io/library/nginx:1.27":                       "docker.io/library/nginx:1.27",
	"registry-1.docker.io/nginx":                                    "docker.io/library/nginx",
	"registry.hub.docker.com/bitnami/redis":                         "docker.io/bitnami/redis",
	"Index.Docker.IO:443/library/nginx":                             "docker.io/library/nginx",
	"docker.io./library/nginx":                                      "docker.io/library/nginx",
	home + ":443/shop/api:v1":                                       home + "/shop/api:v1",
	"GHCR.io/acme/app":                                              "ghcr.io/acme/app",
	"LOCALHOST/app":                                                 "localhost/app",
	"111122223333.DKR.ECR.US-EAST-1.amazonaws.com/shop/api":         home + "/shop/api",
	"111122223333.dkr-ecr.us-east-1.on.aws:443/shop/api":            home + "/shop/api",
	"111122223333.dkr.ecr-fips.US-EAST-1.AMAZONAWS.COM/shop/api:v1": home + "/shop/api:v1",
	home + "/shop/api/":                                             home + "/shop/api",
	home + "//shop/api":                                             home + "/shop/api",
	"shop/api/":                                                     "shop/api",

	// Schemes and transports: skopeo, kubectl, BuildKit, Helm, Flux, Syft, Grype.
	"docker://" + home + "/shop/api:v1":            home + "/shop/api:v1",
	"docker://nginx":                               "nginx",
	"DOCKER://nginx":                               "nginx",
	"docker-pullable://" + home + "/app@" + sum64:  home + "/app@" + sum64,
	"docker-pullable://nginx@" + sum64:             "nginx@" + sum64,
	"docker-image://docker.io/library/alpine:3.20": "docker.io/library/alpine:3.20",
	"oci://" + home + "/charts/app:1.2.3":          home + "/charts/app:1.2.3",
	"docker:library/nginx:1.27":                    "library/nginx:1.27",
	"podman:acme/app:v1":                           "acme/app:v1",
	"registry:" + home + "/shop/api:v1":            home + "/shop/api:v1",
	"containerd:docker.io/library/nginx:1.27":      "docker.io/library/nginx:1.27",

	// Addresses.
	"https://" + home + "/shop/api:v1":                          home + "/shop/api:v1",
	"https://" + home + ":443/shop/api@" + sum64:                home + "/shop/api@" + sum64,
	"HTTPS://" + home + "/shop/api/":                            home + "/shop/api",
	"http://localhost:5000/app:v1":                              "localhost:5000/app:v1",
	"http://registry.example:80/app:v1":                         "registry.example/app:v1",
	"https://" + home + "/v2/shop/api/manifests/v1":             home + "/shop/api:v1",
	"https://" + home + "/v2/shop/api/manifests/" + sum64:       home + "/shop/api@" + sum64,
	"https://registry-1.docker.io/v2/library/nginx/manifests/1": "docker.io/library/nginx:1",
	"https://gallery.ecr.aws/nginx/nginx":                       "public.ecr.aws/nginx/nginx",
	"https://hub.docker.com/_/nginx":                            "docker.io/library/nginx",
	"https://hub.docker.com/_/nginx/tags":                       "docker.io/library/nginx",
	"https://hub.docker.com/r/bitnami/redis/tags?page=2":        "docker.io/bitnami/redis",
	"https://us-east-1.console.aws.amazon.com/ecr/repositories/private/111122223333/shop/api?region=us-east-1":                               home + "/shop/api",
	"https://us-east-1.console.aws.amazon.com/ecr/repositories/private/111122223333/shop/api":                                                home + "/shop/api",
	"https://console.aws.amazon.com/ecr/repositories/private/111122223333/shop/api/_/details?region=us-east-1":                               home + "/shop/api",
	"https://us-east-1.console.aws.amazon.com/ecr/repositories/private/111122223333/shop/api/_/image/" + sum64 + "/details?region=us-east-1": home + "/shop/api@" + sum64,
	"https://us-east-1.console.aws.amazon.com/ecr/repositories/private/111122223333/shop/api/image/sha256%3A" + hex64 + "/scan-results/":     home + "/shop/api@" + sum64,
	"https://cn-north-1.console.amazonaws.cn/ecr/repositories/private/111122223333/shop/api":                                                 "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/api",

	// ARNs: ECR's own, and those of images in Inspector, Security Hub and EventBridge.
	"arn:aws:ecr:us-east-1:111122223333:repository/shop/api":             home + "/shop/api",
	"arn:aws:ecr:us-east-1:111122223333:repository/shop/api/" + sum64:    home + "/shop/api@" + sum64,
	"arn:aws:ecr:US-EAST-1:111122223333:repository/shop/api/" + sum64:    home + "/shop/api@" + sum64,
	"arn:aws-cn:ecr:cn-north-1:111122223333:repository/shop/api":         "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/api",
	"arn:aws-us-gov:ecr:us-gov-west-1:444455556666:repository/shop/api/": "444455556666.dkr.ecr.us-gov-west-1.amazonaws.com/shop/api",

	"arn:aws-eusc:ecr:eusc-de-east-1:111122223333:repository/shop/api": "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu/shop/api",

	// Package URLs: CycloneDX, SPDX, Trivy, Docker Scout.
	"pkg:oci/api@sha256%3A" + hex64 + "?arch=amd64&repository_url=" + home + "%2Fshop%2Fapi": home + "/shop/api@" + sum64,
	"pkg:oci/debian@" + sum64 + "?repository_url=index.docker.io/library/debian":             "docker.io/library/debian@" + sum64,
	"pkg:oci/api@" + sum64: sum64,
	"pkg:oci/api?tag=v1&repository_url=https://" + home + "/shop/api": home + "/shop/api:v1",
	"pkg:oci/api?tag=v1":    "api:v1",
	"pkg:docker/nginx@1.27": "docker.io/library/nginx:1.27",
	"pkg:docker/acme/app@sha256%3A" + hex64 + "?repository_url=gcr.io": "gcr.io/acme/app@" + sum64,
	"PKG:OCI/api@" + sum64: sum64,
}

// refusedForms are those that are not understood, and what their refusal says.
var refusedForms = map[string]string{
	"":                         "want a digest",
	" ":                        "want a digest",
	"sha256:abc":               "want a digest",
	"SHA256:abc":               "want a digest",
	"sha256-" + hex64:          "want a digest with a colon",
	"sha256-" + hex64 + ".sig": "want a digest with a colon",
	"nginx@sha256:abc":         "want a digest",
	"nginx@md5:" + hex64[:32]:  "want a digest",
	"nginx@latest":             "want a digest",
	"nginx:":                   "want a digest",
	"nginx:-x":                 "want a digest",
	"nginx:1:2":                "want a digest",
	"/nginx":                   "want a digest",
	"../nginx":                 "want a digest",
	"registry./app":            "want a digest",
	"app:v1 app:v2":            "want one image",
	"app:v1,app:v2":            "want a digest",
	"app\u202e:v1":             "a control character",
	"[app@" + sum64 + "]":      "want a digest",
	"Digest: " + sum64:         "want one image",
	"acme/UPPER:v1":            "no capitals: want acme/upper",
	home + "/Shop/API":         "no capitals: want shop/api",
	home:                       "a registry alone",
	home + "/":                 "a registry alone",
	"https://" + home:          "a registry alone",
	"docker.io":                "a registry alone",
	"public.ecr.aws/":          "a registry alone",
	"https://" + home + "/v2/": "a registry's API",
	"https://nginx/app":        "no host of a registry",
	"https://" + home + "/v2/app/blobs/" + sum64: "of no manifest",
	"containerd://" + hex64:                      "id of a container",
	"cri-o://" + hex64:                           "id of a container",
	"docker://" + hex64:                          "id of a container",
	"docker://" + sum64:                          "id of a container or an image on its node",
	"docker-archive:app.tar":                     "on somebody's disk",
	"docker-daemon:app:v1":                       "on somebody's disk",
	"docker-daemon://app":                        "on somebody's disk",
	"oci-archive:/tmp/app.tar":                   "on somebody's disk",
	"oci-layout:///tmp/app":                      "on somebody's disk",
	"oci:/tmp/app:v1":                            "on somebody's disk",
	"dir:./app":                                  "on somebody's disk",
	"containers-storage:localhost/app":           "on somebody's disk",
	"sbom:app.json":                              "on somebody's disk",
	"s3://bucket/app":                            "the scheme s3:// is none of an image",
	"arn:aws:ecs:us-east-1:111122223333:task-definition/app:2":                 "none of a private ECR repository",
	"arn:aws:ecr-public::111122223333:repository/app":                          "public.ecr.aws/ALIAS/NAME",
	"arn:aws:lambda:us-east-1:111122223333:function:app":                       "none of a private ECR repository",
	"pkg:deb/debian/curl@7.50.3":                                               `a package of type "deb"`,
	"pkg:oci":                                                                  "cannot be read",
	"pkg:oci/%zz":                                                              "cannot be read",
	"https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/prod":            "that page of the AWS console",
	"https://console.aws.amazon.com/ecr/repositories/private/111122223333/app": "in a Region",
	"https://us-east-1.console.aws.amazon.com/ecr/repositories/public/1/app":   "that page of the AWS console",
	"https://hub.docker.com/u/acme":                                            "that page of Docker Hub",
	"https://joe:hunter2@" + home + "/app":                                     "image with a user or a password: there is a user or a password in it",
	"joe:hunter2@" + home + "/app":                                             "image with a user or a password: want a digest",
	strings.Repeat("a", tagalong.MaxImage+1):                                   "want at most 1000",
}

func TestEveryFormOfAnImageIsUnderstoodOrRefusedByName(t *testing.T) {
	for text, want := range imageForms {
		got, err := tagalong.ParseImageQuery(text)
		if err != nil || got.String() != want {
			t.Errorf("%s is read as %s, want %s; %v", text, got, want, err)
		}
		plain, err := tagalong.ParseImageQuery(want)
		if err != nil || plain != got {
			t.Errorf("%s is read as %+v, %s as %+v; %v", text, got, want, plain, err)
		}
		if run, err := tagalong.ParseImage(text); got.Repository == "" {
			if err == nil {
				t.Errorf("%s is run as %+v", text, run)
			}
		} else if plain, errPlain := tagalong.ParseImage(want); err != nil || errPlain != nil || run.Repository != plain.Repository || run.Digest != plain.Digest {
			t.Errorf("%s is run as %+v, %s as %+v; %v", text, run, want, plain, err)
		}
	}
	for text, want := range refusedForms {
		for what, parse := range map[string]func(string) error{
			"asked": func(s string) error { _, err := tagalong.ParseImageQuery(s); return err },
			"run":   func(s string) error { _, err := tagalong.ParseImage(s); return err },
		} {
			if err := parse(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q is refused, %s, with %v, want %q", text, what, err, want)
			}
		}
	}
}

func TestAnImageIsReadBackAsItIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`(https://|docker://|oci:)?([a-zA-Z]{1,3}[.:/@]){0,5}[a-z0-9:/@_.-]{0,6}`), rapid.String()).Draw(t, "image")
		first, err := tagalong.ParseImageQuery(text)
		if err != nil {
			return
		}
		if again, err := tagalong.ParseImageQuery(first.String()); err != nil || again != first {
			t.Fatalf("%q is read as %+v, and that as %+v, %v", text, first, again, err)
		}
	})
}
