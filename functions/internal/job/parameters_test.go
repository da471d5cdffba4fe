package job

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var schema = Schema{
	Texts:   append([]string{"NewImageTag", "Pin"}, ImageKeys...),
	Objects: []string{"Images"},
	Example: `{"RepositoryName": "#{ImageVariables.RepositoryName}", "NewImageTag": "prod"}`,
}

func TestSamples(t *testing.T) {
	const missing = "UserParameters missing: want JSON such as {\"RepositoryName\""
	for name, want := range map[string]string{
		"job": "", "job-continuation": "", "job-artifacts-kms": "", "job-no-userparameters": missing,
		"job-bad-userparameters": "UserParameters \"not json\": no legal JSON",
	} {
		j := Job(knownOf(t, name))
		if j.ID == "" || j.Account != "111122223333" {
			t.Errorf("%s: %+v", name, j)
		}
		if _, err := j.ArtifactStore(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p, err := j.Parameters(schema)
		if want == "" && (err != nil || p.Text("NewImageTag") != "prod" || p.Text("Pin") != "") {
			t.Errorf("%s: %+v, error %v", name, p, err)
		}
		if want != "" && (classify(err).Type != tagalong.ConfigurationError || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStoreOfASample(t *testing.T) {
	s, err := Job(knownOf(t, "job-artifacts-kms")).ArtifactStore()
	if err != nil {
		t.Fatal(err)
	}
	const bucket = "codepipeline-us-east-1-518273640912"
	if !slices.Equal(s.Inputs, []tagalong.Artifact{{Name: "EcrImage", Bucket: bucket, Object: "checkout-release/EcrImage/Zt7Pq1M"}}) ||
		!slices.Equal(s.Outputs, []tagalong.Artifact{{Name: "Promoted", Bucket: bucket, Object: "checkout-release/Promoted/9YcWv3K"}}) ||
		s.Key != "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" {
		t.Errorf("store %+v", s)
	}
	if s.Credentials.Reveal() != (tagalong.Keys{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: marker, SessionToken: "FAKE-SESSION-TOKEN-FOR-TESTS-ONLY"}) {
		t.Error("the credentials are other ones")
	}
}

func TestCredentialsAreNeverShown(t *testing.T) {
	j := Job(knownOf(t, "job-artifacts-kms"))
	s, _ := j.ArtifactStore()
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("x", "job", j, "store", s, "credentials", s.Credentials)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "job", j, "store", s, "credentials", s.Credentials)
	for _, v := range []any{j, &j, s, &s, s.Credentials, &s.Credentials} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		log.Write(text)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb, v)
		}
	}
	for _, secret := range []string{marker, "FAKE-SESSION-TOKEN", fmt.Sprintf("%x", marker)} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s is shown", secret)
		}
	}
}

func TestArtifactsThatAreWrongAreNamed(t *testing.T) {
	for want, spoil := range map[string]func(s *tagalong.ArtifactStore){
		`inputArtifacts[0].location.s3Location.bucketName "../x"`:   func(s *tagalong.ArtifactStore) { s.Inputs[0].Bucket = "../x" },
		`inputArtifacts[0].location.s3Location.objectKey ""`:        func(s *tagalong.ArtifactStore) { s.Inputs[0].Object = "" },
		`outputArtifacts[0].location.s3Location.objectKey "kk`:      func(s *tagalong.ArtifactStore) { s.Outputs[0].Object = strings.Repeat("k", 1025) },
		`inputArtifacts[0].name "a b": want 1 to 100 letters`:       func(s *tagalong.ArtifactStore) { s.Inputs[0].Name = "a b" },
		"encryptionKey.id \"\\nx\": want the id":                    func(s *tagalong.ArtifactStore) { s.Key = "\nx" },
		`artifactCredentials: want accessKeyId and secretAccessKey`: func(s *tagalong.ArtifactStore) { s.Credentials = tagalong.Credentials{} },
	} {
		known := knownOf(t, "job-artifacts-kms")
		spoil(&known.Store)
		if _, err := Job(known).ArtifactStore(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), marker) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

func TestParametersThatAreWrongAreNamedAtOnce(t *testing.T) {
	for raw, want := range map[string][]string{
		``:                             {"missing"},
		` `:                            {"missing"},
		`{`:                            {"no legal JSON", "A quote inside a variable's value", schema.Example},
		`{"NewImageTag": "a "quote""}`: {"no legal JSON", "A quote inside"},
		`[]`:                           {"no JSON object"},
		`"prod"`:                       {"no JSON object"},
		`{} {}`:                        {"text after the JSON object"},
		`{"NewImageTag": "a"} x`:       {"text after the JSON object"},
		`{"newImageTag": "prod", "Pin": true, "ImageTag": null, "ImageURI": "#{Image.URI}", "Images": [], "Tags": {}, "NewImageTag": "x", "NewImageTag": "y"}`: {
			"UserParameters.newImageTag: not known; want some of NewImageTag, Pin, RepositoryName, ImageTag, ImageDigest, ImageURI, Images",
			"UserParameters.Pin is true: want a string",
			"UserParameters.ImageTag is null: want a string",
			`UserParameters.ImageURI "#{Image.URI}": the variable has no value`,
			"UserParameters.Images is []: want an object of strings",
			"UserParameters.Tags: not known",
			"UserParameters.NewImageTag: given twice",
		},
		`{"Images": {"app": 7, "envoy": "x", "envoy": "y"}}`: {"UserParameters.Images.app is 7: want a string", "UserParameters.Images.envoy: given twice"},
	} {
		_, err := Job{UserParameters: raw}.Parameters(schema)
		if classify(fmt.Errorf("%w", err)).Type != tagalong.ConfigurationError {
			t.Errorf("%s: %v", raw, err)
		}
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q is not in %v", raw, text, err)
			}
		}
	}
}

func TestParametersOfAnObject(t *testing.T) {
	p, err := Job{UserParameters: " {\"Images\": {\"app\": \"r:1\", \"envoy\": \"e:2\"}, \"Pin\": \"\"}\n"}.Parameters(schema)
	if err != nil || p.Object("Images")["app"] != "r:1" || len(p.Object("Images")) != 2 || p.Text("Pin") != "" {
		t.Errorf("%+v, error %v", p, err)
	}
}

const (
	digestA = "sha256:89966b648e537b6990d14a2e44e8075ac2ca0ff4250bf7d8bbfe0abdccf67a7d"
	digestB = "sha256:d40494446bfc3b0c0d0a76d6dd0e9a1b6a7d64da3ef0d4bd0d2a5e0f5c9c1f3e"
	host    = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
)

var here = Home{Account: "111122223333", Region: "us-east-1"}

func TestImageOfParameters(t *testing.T) {
	for _, c := range []struct {
		named Named
		want  string
		tags  string
	}{
		{Named{RepositoryName: "checkout-api", ImageTag: "build-42"}, host + "/checkout-api:build-42", "build-42"},
		{Named{RepositoryName: "team/checkout-api", ImageDigest: digestA}, host + "/team/checkout-api@" + digestA, ""},
		{Named{ImageURI: host + "/checkout-api:build-42"}, host + "/checkout-api:build-42", "build-42"},
		{Named{ImageURI: host + "/checkout-api@" + digestA}, host + "/checkout-api@" + digestA, ""},
		{Named{ImageURI: host + "/checkout-api", ImageTag: "build-42"}, host + "/checkout-api:build-42", "build-42"},
		{Named{ImageURI: host + "/checkout-api:build-42", ImageTag: "build-42"}, host + "/checkout-api:build-42", "build-42"},
		{Named{ImageURI: host + "/checkout-api:build-42@" + digestA}, host + "/checkout-api@" + digestA, "build-42"},
		// the ECR source action as its pages show it: its ImageURI may say latest
		{Named{"checkout-api", "build-42", digestA, host + "/checkout-api:latest"}, host + "/checkout-api@" + digestA, "latest build-42"},
		{Named{"checkout-api", "build-42", digestA, host + "/checkout-api@" + digestA}, host + "/checkout-api@" + digestA, "build-42"},
		{Named{ImageURI: "public.ecr.aws/x/y:1"}, "public.ecr.aws/x/y:1", "1"},
		// other forms, and what of them is written for ECS
		{Named{ImageURI: "https://" + host + "/checkout-api:build-42"}, host + "/checkout-api:build-42", "build-42"},
		{Named{ImageURI: "docker://" + host + "/checkout-api@" + digestA}, host + "/checkout-api@" + digestA, ""},
		{Named{ImageURI: "arn:aws:ecr:us-east-1:111122223333:repository/checkout-api/" + digestA}, host + "/checkout-api@" + digestA, ""},
		{Named{ImageURI: host + "/checkout-api/", ImageTag: "build-42"}, host + "/checkout-api:build-42", "build-42"},
		{Named{ImageURI: host + ":443/checkout-api:build-42"}, host + ":443/checkout-api:build-42", "build-42"},
		{Named{ImageURI: "index.docker.io/library/nginx:1.27"}, "index.docker.io/library/nginx:1.27", "1.27"},
	} {
		image, problems := c.named.Image("UserParameters", here)
		if len(problems) > 0 || image.String() != c.want || strings.Join(image.Tags, " ") != c.tags {
			t.Errorf("%+v: %s, tags %q, problems %v", c.named, image, image.Tags, problems)
		}
	}
	fips, problems := Named{ImageURI: "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/a@" + digestA}.Image("", here)
	if len(problems) > 0 || fips.Registry != "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com" || !strings.HasPrefix(fips.String(), "111122223333.dkr.ecr-fips") {
		t.Errorf("%+v, problems %v", fips, problems)
	}
	for region, want := range map[string]string{
		"cn-north-1": ".amazonaws.com.cn", "eusc-de-east-1": ".amazonaws.eu", "us-iso-east-1": ".c2s.ic.gov", "us-isob-east-1": ".sc2s.sgov.gov",
	} {
		image, _ := Named{RepositoryName: "app", ImageTag: "1"}.Image("", Home{"111122223333", region})
		if _, of, ok := image.ECR(); !ok || of != region || image.String() != "111122223333.dkr.ecr."+region+want+"/app:1" {
			t.Errorf("%s: %s", region, image)
		}
		byURI, problems := Named{ImageURI: image.String()}.Image("", here)
		if byURI.Repository != image.Repository || len(problems) > 0 {
			t.Errorf("%s by its URI: %s, problems %v", region, byURI, problems)
		}
		_, problems = Named{RepositoryName: image.Repository.String(), ImageTag: "1"}.Image("", here)
		if err := Problems(problems); err == nil || !strings.Contains(err.Error(), "its registry belongs in ImageURI") {
			t.Errorf("%s as a name: %v", region, problems)
		}
	}
}

func TestImagesThatContradictThemselves(t *testing.T) {
	for _, c := range []struct {
		named Named
		want  []string
	}{
		{Named{}, []string{"neither RepositoryName nor ImageURI"}},
		{Named{RepositoryName: "checkout-api"}, []string{"neither ImageTag nor ImageDigest"}},
		{Named{ImageURI: host + "/checkout-api"}, []string{"neither ImageTag nor ImageDigest"}},
		{Named{RepositoryName: "checkout-api", ImageURI: host + "/other:1"}, []string{`UserParameters.RepositoryName "checkout-api" and ImageURI "` + host + `/other:1": two repositories`}},
		{Named{ImageDigest: digestB, ImageURI: host + "/a@" + digestA}, []string{"two digests"}},
		{Named{ImageTag: "1", ImageURI: host + "/a:2"}, []string{"two tags, and no digest"}},
		{Named{"Bad", ".x", "sha256:1", ":x"}, []string{`UserParameters.RepositoryName "Bad": want the name`, `UserParameters.ImageTag ".x"`, `UserParameters.ImageDigest "sha256:1"`, `UserParameters.ImageURI ":x"`}},
		{Named{RepositoryName: host + "/a", ImageTag: "1"}, []string{"its registry belongs in ImageURI"}},
		{Named{ImageURI: "docker-archive:app.tar"}, []string{`UserParameters.ImageURI "docker-archive:app.tar": want REPOSITORY:TAG`, "on somebody's disk"}},
		{Named{ImageURI: "joe:hunter2@" + host + "/a:1"}, []string{"UserParameters.ImageURI with a user or a password"}},
		{Named{ImageTag: strings.Repeat("x", 129), RepositoryName: "ab"}, []string{"1 to 128 letters"}},
		{Named{ImageURI: strings.Repeat("x", 1001)}, []string{"1001 characters"}},
		{Named{RepositoryName: "ab", ImageDigest: "sha512:" + strings.Repeat("a", 128)}, []string{"want sha256:"}},
	} {
		_, problems := c.named.Image("UserParameters", here)
		err := Problems(problems)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %q is not in %v", c.named, want, err)
			}
		}
	}
}
