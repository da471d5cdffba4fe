package tagalong_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestParsingAnImage(t *testing.T) {
	const sum = "sha256:89966b648e537b6990d14a2e44e8075ac2ca0ff4250bf7d8bbfe0abdccf67a7d"
	hub := func(name string) tagalong.Repository { return tagalong.Repository{Registry: "docker.io", Name: name} }
	china := tagalong.Repository{Registry: "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", Name: "shop/api"}
	for text, want := range map[string]tagalong.Image{
		"nginx":                              {Repository: hub("library/nginx"), Tag: "latest"},
		"nginx:1.27":                         {Repository: hub("library/nginx"), Tag: "1.27"},
		"library/nginx:1.27":                 {Repository: hub("library/nginx"), Tag: "1.27"},
		"docker.io/library/nginx":            {Repository: hub("library/nginx"), Tag: "latest"},
		"docker.io/nginx":                    {Repository: hub("library/nginx"), Tag: "latest"},
		"index.docker.io/nginx":              {Repository: hub("library/nginx"), Tag: "latest"},
		"acme/app:v1":                        {Repository: hub("acme/app"), Tag: "v1"},
		"nginx@" + sum:                       {Repository: hub("library/nginx"), Digest: sum},
		"nginx:1.27@" + sum:                  {Repository: hub("library/nginx"), Tag: "1.27", Digest: sum},
		"localhost:5000/app:v1":              {Repository: tagalong.Repository{Registry: "localhost:5000", Name: "app"}, Tag: "v1"},
		"public.ecr.aws/nginx/nginx":         {Repository: tagalong.Repository{Registry: "public.ecr.aws", Name: "nginx/nginx"}, Tag: "latest"},
		home + "/shop/api":                   {Repository: shopAPI, Tag: "latest"},
		home + "/shop/api:build-42":          {Repository: shopAPI, Tag: "build-42"},
		home + "/shop/api@" + sum:            {Repository: shopAPI, Digest: sum},
		home + "/shop/api:build-42@" + sum:   {Repository: shopAPI, Tag: "build-42", Digest: sum},
		china.String() + ":v1":               {Repository: china, Tag: "v1"},
		"ghcr.io/acme/app:v1":                {Repository: tagalong.Repository{Registry: "ghcr.io", Name: "acme/app"}, Tag: "v1"},
		"[2001:db8::1]:5000/app:v1":          {Repository: tagalong.Repository{Registry: "[2001:db8::1]:5000", Name: "app"}, Tag: "v1"},
		"111122223333.dkr.ecr.x.example/app": {Repository: tagalong.Repository{Registry: "111122223333.dkr.ecr.x.example", Name: "app"}, Tag: "latest"},

		// Other names of the same registries.
		"111122223333.dkr.ecr-fips.us-east-1.amazonaws.com/shop/api:v1":           {Repository: shopAPI, Tag: "v1"},
		"111122223333.dkr-ecr.us-east-1.on.aws/shop/api:v1":                       {Repository: shopAPI, Tag: "v1"},
		"111122223333.dkr-ecr-fips.us-east-1.on.aws/shop/api:v1":                  {Repository: shopAPI, Tag: "v1"},
		"111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn/shop/api:v1": {Repository: china, Tag: "v1"},
		"444455556666.dkr.ecr-fips.us-gov-west-1.amazonaws.com/shop/api:v1":       {Repository: tagalong.Repository{Registry: "444455556666.dkr.ecr.us-gov-west-1.amazonaws.com", Name: "shop/api"}, Tag: "v1"},
		"111122223333.dkr.ecr.us-east-1.amazonaws.com.evil.example/shop/api:v1":   {Repository: tagalong.Repository{Registry: "111122223333.dkr.ecr.us-east-1.amazonaws.com.evil.example", Name: "shop/api"}, Tag: "v1"},
		"evil.example/111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/api:v1":   {Repository: tagalong.Repository{Registry: "evil.example", Name: "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/api"}, Tag: "v1"},
		"1111222233334.dkr.ecr.us-east-1.amazonaws.com/shop/api:v1":               {Repository: tagalong.Repository{Registry: "1111222233334.dkr.ecr.us-east-1.amazonaws.com", Name: "shop/api"}, Tag: "v1"},
	} {
		got, err := tagalong.ParseImage(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "acme/UPPER", "nginx:", "nginx:-x", "nginx@sha256:short", "nginx@md5:89966b648e537b6990d14a2e44e8075a", "a b", "https://nginx", "/nginx", "nginx:1:2",
		"89966b648e537b6990d14a2e44e8075ac2ca0ff4250bf7d8bbfe0abdccf67a7d",
	} {
		if image, err := tagalong.ParseImage(text); err == nil {
			t.Errorf("%q gives %+v", text, image)
		}
	}
}

func TestPrivateRegistriesTellAccountAndRegion(t *testing.T) {
	for registry, want := range map[string][2]string{
		home: {"111122223333", "us-east-1"},
		away: {"444455556666", "eu-west-1"},
		"111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn": {"111122223333", "cn-north-1"},
		"111122223333.dkr.ecr.us-gov-west-1.amazonaws.com": {"111122223333", "us-gov-west-1"},
		"public.ecr.aws": {},
		"docker.io":      {},
		"x" + home:       {},
		home + ":443":    {},
	} {
		account, region, ok := tagalong.Repository{Registry: registry, Name: "app"}.ECR()
		if account != want[0] || region != want[1] || ok != (want[0] != "") {
			t.Errorf("%s: %q, %q, %t", registry, account, region, ok)
		}
	}
}

func TestAServiceIsWrittenAndRead(t *testing.T) {
	got, err := tagalong.ParseService(prodAPI.String())
	if err != nil || got != prodAPI {
		t.Errorf("%q gives %+v, error %v", prodAPI.String(), got, err)
	}
	for _, text := range []string{"", "a/b/c", "a/b/c/d/e", "a//c/d"} {
		if s, err := tagalong.ParseService(text); err == nil {
			t.Errorf("%q gives %+v", text, s)
		}
	}
}
