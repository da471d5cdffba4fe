package imagedefinitions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/job"
	ecrbox "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	ecsbox "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const host = "111122223333.dkr.ecr.us-east-1.amazonaws.com"

// world is a sandbox with images and a service, a bucket in memory, and the action.
type world struct {
	*sandboxtest.Sandbox
	Action
	bucket
	repository   *ecrbox.Repository
	older, newer digest.Digest // of checkout-api: build-1 and build-2
	envoy        digest.Digest
}

// bucket holds the files of artifacts, by the artifact's object.
type bucket map[string]map[string]string

func (b bucket) File(_ context.Context, a tagalong.Artifact, name string) ([]byte, bool, error) {
	files, ok := b[a.Object]
	if !ok {
		return nil, false, errors.New("no such artifact")
	}
	content, ok := files[name]
	return []byte(content), ok, nil
}

func (b bucket) Put(_ context.Context, a tagalong.Artifact, name string, content []byte) error {
	b[a.Object] = map[string]string{name: string(content)}
	return nil
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{Sandbox: sandboxtest.Start(t), bucket: bucket{}}
	configs := func(_ context.Context, account, region string) (aws.Config, error) {
		cfg := w.Config()
		if cfg.Region = region; account != "111122223333" {
			return cfg, tagalong.ErrElsewhere
		}
		return cfg, nil
	}
	w.Action = Action{
		Region: "us-east-1", Images: ecr.New(configs), Services: ecs.New(configs),
		Open: func(tagalong.ArtifactStore) Artifacts { return w.bucket },
	}
	w.repository = w.ECR.Repository(wire.Scope{}, "checkout-api")
	w.older, w.newer = push(t, w.repository, "v1", "build-1"), push(t, w.repository, "v2", "build-2", "latest")
	w.envoy = push(t, w.ECR.Repository(wire.Scope{}, "team/envoy"), "envoy", "1.30")
	service := w.ECS.Cluster(wire.Scope{}, "prod").CreateService("checkout", ecsbox.ServiceOptions{})
	if _, _, err := service.Release(sandboxtest.Epoch, ecsbox.Container{Name: "app", Image: "x"}, ecsbox.Container{Name: "envoy", Image: "y"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func push(t *testing.T, r *ecrbox.Repository, seed string, tags ...string) digest.Digest {
	t.Helper()
	d, err := r.Push(ecrbox.Image{Seed: seed, Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

type artifacts []string

func (a artifacts) located() (all []tagalong.Artifact) {
	for _, name := range a {
		all = append(all, tagalong.Artifact{Name: name, Bucket: "artifacts", Object: name})
	}
	return all
}

// jobOf makes a job with these parameters and artifacts.
func jobOf(parameters string, inputs, outputs artifacts) job.Job {
	return job.Job{
		ID: "0b9d54e7-2c68-4f13-9a70-e8c1d36b25fa", Account: "111122223333", UserParameters: parameters,
		Store: tagalong.ArtifactStore{
			Inputs: inputs.located(), Outputs: outputs.located(),
			Credentials: tagalong.Hide(tagalong.Keys{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
		},
	}
}

// detailOf is what the ECR source action writes.
func detailOf(repository string, d digest.Digest, uri string, tags ...string) string {
	text, _ := json.Marshal(map[string]any{
		"ImageSizeInBytes": "44728918", "ImageDigest": d, "Version": "1.0", "ImagePushedAt": "Wed Mar 04 09:08:14 UTC 2026",
		"RegistryId": "111122223333", "RepositoryName": repository, "ImageURI": uri, "ImageTags": tags,
	})
	return string(text)
}

func TestDocuments(t *testing.T) {
	w := start(t)
	app := host + "/checkout-api"
	pinned := app + "@" + w.older.String()
	definitions := func(pairs ...string) string {
		var entries []string
		for i := 0; i < len(pairs); i += 2 {
			entries = append(entries, fmt.Sprintf(`{"name":%q,"imageUri":%q}`, pairs[i], pairs[i+1]))
		}
		return "[" + strings.Join(entries, ",") + "]"
	}
	byTag := func(tag string) map[string]string { // what it sits on is not known
		return map[string]string{job.ImageTag: tag, job.ImageURI: app + ":" + tag, job.ImageDigest: ""}
	}
	const foreign = "public.ecr.aws/envoy/envoy@sha256:89966b648e537b6990d14a2e44e8075ac2ca0ff4250bf7d8bbfe0abdccf67a7d"
	for name, c := range map[string]struct {
		parameters string
		detail     string // of the input artifact
		want       string
		variables  map[string]string // beside those of checkout-api's older image
	}{
		"by tag": {
			`{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-1"}`, "",
			definitions("app", pinned), map[string]string{job.ImageTag: "build-1"},
		},
		"by digest, and the tag has moved": {
			`{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"latest","ImageDigest":"` + w.older.String() + `"}`, "",
			definitions("app", pinned), map[string]string{job.ImageTag: "latest"},
		},
		"by URI": {`{"ContainerName":"app","ImageURI":"` + app + `:build-1"}`, "", definitions("app", pinned), map[string]string{job.ImageTag: "build-1"}},
		"by the variables of the ECR source action": {
			`{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-1","ImageDigest":"` + w.older.String() + `","ImageURI":"` + app + `:latest"}`, "",
			definitions("app", pinned), map[string]string{job.ImageTag: "latest"},
		},
		"by the artifact of the ECR source action": {
			`{"ContainerName":"app"}`, detailOf("checkout-api", w.older, pinned, "build-1"),
			definitions("app", pinned), map[string]string{job.ImageTag: "build-1"},
		},
		"by an artifact whose URI has a tag": {
			`{"ContainerName":"app"}`, detailOf("checkout-api", w.older, app+":latest", "build-1", "other"),
			definitions("app", pinned), map[string]string{job.ImageTag: "latest"},
		},
		"by an artifact with several tags": {
			`{"ContainerName":"app"}`, detailOf("checkout-api", w.older, pinned, "build-1", "other"),
			definitions("app", pinned), map[string]string{job.ImageTag: "build-1"},
		},
		"by an artifact without a digest": {
			`{"ContainerName":"app"}`, `{"ImageURI":"` + app + `:build-1","ImageTags":["x","y"]}`,
			definitions("app", pinned), map[string]string{job.ImageTag: "build-1"},
		},
		"by an artifact without a URI": {
			`{"ContainerName":"app"}`, `{"RepositoryName":"checkout-api","ImageTags":["build-1"]}`,
			definitions("app", pinned), map[string]string{job.ImageTag: "build-1"},
		},
		"parameters before the artifact": {
			`{"ContainerName":"app","ImageURI":"` + pinned + `"}`, "no JSON", definitions("app", pinned), nil,
		},
		"names that the service has": {
			`{"ContainerName":"app","ImageURI":"` + pinned + `","ClusterName":"prod","ServiceName":"checkout"}`, "", definitions("app", pinned), nil,
		},
		"not pinned": {
			`{"ContainerName":"app","ImageURI":"` + app + `:build-1","Pin":"false"}`, "",
			definitions("app", app+":build-1"), byTag("build-1"),
		},
		"not pinned, by the variables of the ECR source action": {
			`{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"build-1","ImageDigest":"` + w.older.String() + `","ImageURI":"` + pinned + `","Pin":"false"}`, "",
			definitions("app", app+":build-1"), byTag("build-1"),
		},
		"not pinned, and one tag twice": {
			`{"ContainerName":"app","ImageTag":"build-1","ImageDigest":"` + w.older.String() + `","ImageURI":"` + app + `:build-1","Pin":"false"}`, "",
			definitions("app", app+":build-1"), byTag("build-1"),
		},
		"not pinned, by the artifact of the ECR source action": {
			`{"ContainerName":"app","Pin":"false"}`, detailOf("checkout-api", w.older, pinned, "build-1"),
			definitions("app", app+":build-1"), byTag("build-1"),
		},
		"not pinned, by an artifact whose URI has a tag": {
			`{"ContainerName":"app","Pin":"false"}`, detailOf("checkout-api", w.older, app+":latest", "build-1", "other"),
			definitions("app", app+":latest"), byTag("latest"),
		},
		"not pinned, by an artifact without a tag": {
			`{"ContainerName":"app","Pin":"false"}`, detailOf("checkout-api", w.older, pinned), definitions("app", pinned), nil,
		},
		"several, one of them not pinned already": {
			`{"Images":{"app":"` + app + `:build-1@` + w.older.String() + `","envoy":"` + foreign + `"},"Pin":"false"}`, "",
			definitions("app", app+":build-1", "envoy", foreign),
			map[string]string{
				job.ImageTag: "build-1", job.ImageURI: app + ":build-1", job.ImageDigest: "",
				"ImageURI_app": app + ":build-1", "ImageURI_envoy": foreign,
			},
		},
		"not pinned, and pinned already": {`{"ContainerName":"app","ImageURI":"` + pinned + `","Pin":"false"}`, "", definitions("app", pinned), nil},
		"several": {
			`{"Images":{"envoy":"` + host + `/team/envoy:1.30","app":"` + app + `:build-1","agent":"` + foreign + `"},"Pin":"true"}`, "",
			definitions("agent", foreign, "app", pinned, "envoy", host+"/team/envoy@"+w.envoy.String()),
			map[string]string{
				job.ImageURI: foreign, job.ImageDigest: strings.Split(foreign, "@")[1], job.RepositoryName: "envoy/envoy",
				"ImageURI_agent": foreign, "ImageURI_app": pinned, "ImageURI_envoy": host + "/team/envoy@" + w.envoy.String(),
			},
		},
		"imageDetail": {`{"Output":"imageDetail"}`, detailOf("checkout-api", w.older, pinned), `{"ImageURI":"` + pinned + `"}`, nil},
		"imageDetail by tag": {
			`{"Output":"imageDetail","RepositoryName":"checkout-api","ImageTag":"build-1"}`, "",
			`{"ImageURI":"` + pinned + `"}`, map[string]string{job.ImageTag: "build-1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			clear(w.bucket)
			w.bucket["EcrImage"] = map[string]string{"other": ""}
			if c.detail != "" {
				w.bucket["EcrImage"][detailFile] = c.detail
			}
			s, err := w.Do(t.Context(), jobOf(c.parameters, artifacts{"EcrImage"}, artifacts{"One", "Two"}))
			if err != nil {
				t.Fatal(err)
			}
			file := "imagedefinitions.json"
			if strings.HasPrefix(c.want, "{") {
				file = detailFile
			}
			for _, output := range []string{"One", "Two"} {
				if got := w.bucket[output]; got[file] != c.want || len(got) != 1 {
					t.Errorf("%s: %s\ninstead of %s", output, got, c.want)
				}
			}
			want := map[string]string{job.ImageURI: pinned, job.ImageDigest: w.older.String(), job.RepositoryName: "checkout-api"}
			maps.Copy(want, c.variables)
			maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
			if !maps.Equal(s.Variables, want) || !strings.Contains(s.Summary, want[job.ImageURI]) || !strings.HasPrefix(s.Summary, file+": ") {
				t.Errorf("summary %q, variables %v\ninstead of %v", s.Summary, s.Variables, want)
			}
		})
	}
}

// Each partition has hosts of its own.
func TestDocumentsOfEveryPartition(t *testing.T) {
	w := start(t)
	for region, suffix := range map[string]string{
		"cn-north-1": ".amazonaws.com.cn", "us-gov-west-1": ".amazonaws.com", "eusc-de-east-1": ".amazonaws.eu", "us-iso-east-1": ".c2s.ic.gov",
		"us-isob-east-1": ".sc2s.sgov.gov", "eu-isoe-west-1": ".cloud.adc-e.uk", "us-isof-south-1": ".csp.hci.ic.gov",
	} {
		w.Region = region
		image := push(t, w.ECR.Repository(wire.Scope{Region: region}, "app"), "v1", "build-1")
		uri := "111122223333.dkr.ecr." + region + suffix + "/app"
		for _, parameters := range []string{
			`{"ContainerName":"app","RepositoryName":"app","ImageTag":"build-1"}`,
			`{"ContainerName":"app","ImageURI":"` + uri + `:build-1"}`,
		} {
			clear(w.bucket)
			s, err := w.Do(t.Context(), jobOf(parameters, nil, artifacts{"One"}))
			pinned := uri + "@" + image.String()
			if err != nil || s.Variables[job.ImageURI] != pinned || w.bucket["One"]["imagedefinitions.json"] != `[{"name":"app","imageUri":"`+pinned+`"}]` {
				t.Errorf("%s, %s: %+v, error %v, file %s", region, parameters, s, err, w.bucket["One"])
			}
		}
	}
}

// failureOf returns the type and the message that a job fails with.
func failureOf(t *testing.T, err error) string {
	t.Helper()
	f, ok := errors.AsType[*job.Error](err)
	if !ok {
		return fmt.Sprint(err)
	}
	return string(f.Type) + ": " + err.Error()
}

func TestBadInputFailsWithAWord(t *testing.T) {
	w := start(t)
	app := host + "/checkout-api"
	const image = `"ContainerName":"app","ImageURI":"` + host + `/checkout-api:build-1"`
	d := w.older.String()
	for _, c := range []struct{ parameters, want string }{
		{``, "UserParameters missing"},
		{`x`, "no legal JSON"},
		{`{"Container":"app"}`, "UserParameters.Container: not known; want some of ContainerName, RepositoryName"},
		{`{}`, "neither ContainerName nor Images"},
		{`{"ContainerName":"a b"}`, `UserParameters.ContainerName "a b"`},
		{`{"ContainerName":"app"}`, "no image: want ImageURI or RepositoryName in the UserParameters, or an input artifact with imageDetail.json"},
		{`{"ContainerName":"app","RepositoryName":"checkout-api"}`, "neither ImageTag nor ImageDigest"},
		{`{"ContainerName":"app","RepositoryName":"checkout-api","ImageTag":"gone"}`, app + ":gone: ECR has no such tag"},
		{`{"ContainerName":"app","RepositoryName":"gone","ImageTag":"x"}`, host + "/gone:x: ECR has no such tag or no such repository"},
		{`{"ContainerName":"app","ImageURI":"nginx:1"}`, "image nginx:1 is in no private ECR repository and has no digest"},
		{`{"ContainerName":"app","RepositoryName":"a1","ImageURI":"` + app + `:build-1"}`, "two repositories"},
		{`{"ContainerName":"app","ImageDigest":"` + d + `","ImageURI":"` + app + `@` + w.newer.String() + `"}`, "two digests"},
		{`{"ContainerName":"app","ImageTag":"x","ImageURI":"` + app + `:build-1"}`, "two tags"},
		{
			`{"ContainerName":"app","ImageTag":"build-1","ImageURI":"` + app + `:latest","ImageDigest":"` + d + `","Pin":"false"}`,
			`UserParameters.ImageTag "build-1" and ImageURI "` + app + `:latest": two tags, and with Pin "false" the tag is written; want one`,
		},
		{`{` + image + `,"Images":{"a":"` + app + `:build-1"}}`, "UserParameters.ContainerName and Images: want one of them; UserParameters.ImageURI and Images"},
		{`{"Images":{"a b":"` + app + `:build-1","c":":","d":"` + app + `"}}`, `container "a b": want 1 to 255 letters, digits, underscores or hyphens; UserParameters.Images.c ":": want REPOSITORY:TAG`},
		{`{"Images":{"d":"` + app + `"}}`, `UserParameters.Images.d "` + app + `": want REPOSITORY:TAG or REPOSITORY@DIGEST`},
		{`{"Images":"x"}`, `UserParameters.Images is "x": want an object`},
		{`{` + image + `,"Pin":"no"}`, `UserParameters.Pin "no": want "true" or "false"`},
		{`{` + image + `,"Output":"x"}`, `UserParameters.Output "x": want "imagedefinitions" or "imageDetail"`},
		{`{"Output":"imageDetail","Images":{"a":"` + app + `:build-1","b":"` + app + `:build-1"}}`, `UserParameters.Output "imageDetail": 2 images`},
		{`{"Output":"imageDetail","ImageURI":"` + app + `:build-1","ClusterName":"prod","ServiceName":"checkout"}`, "neither ContainerName nor Images"},
		{`{` + image + `,"ClusterName":"prod"}`, "UserParameters.ServiceName missing: want ClusterName and ServiceName"},
		{`{` + image + `,"ClusterName":"a/b","ServiceName":"x"}`, `UserParameters.ClusterName "a/b": want a name`},
		{`{"Images":{"web":"` + app + `:build-1"},"ClusterName":"prod","ServiceName":"checkout"}`, `container "web" is not in the task definition of service prod/checkout: want one of app, envoy`},
	} {
		clear(w.bucket)
		_, err := w.Do(t.Context(), jobOf(c.parameters, nil, artifacts{"One"}))
		if got := failureOf(t, err); !strings.HasPrefix(got, "ConfigurationError: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.parameters, got)
		}
		if len(w.bucket) > 0 {
			t.Errorf("%s: %v is written", c.parameters, w.bucket)
		}
	}
}

func TestBadArtifactsFailWithAWord(t *testing.T) {
	w := start(t)
	const good = `{"ImageURI":"` + host + `/checkout-api:build-1"}`
	for _, c := range []struct {
		files   []string // imageDetail.json of inputs
		outputs artifacts
		want    string
		unpin   bool
	}{
		{files: []string{good}, want: "the action has no output artifact"},
		{nil, artifacts{"One"}, "no image: want", false},
		{[]string{good, good}, artifacts{"One"}, "input artifacts In0, In1: each has imageDetail.json; want one", false},
		{[]string{"no JSON"}, artifacts{"One"}, `artifact "In0", imageDetail.json: `, false},
		{[]string{`{"ImageTags":"x"}`}, artifacts{"One"}, "want what the ECR source action writes", false},
		{[]string{`{}`}, artifacts{"One"}, `artifact "In0", imageDetail.json: neither RepositoryName nor ImageURI`, false},
		{[]string{`{"RepositoryName":"x1","RegistryId":"1","ImageDigest":"sha256:x"}`}, artifacts{"One"}, `RegistryId "1": want 12 digits`, false},
		{[]string{`{"RepositoryName":"x1","ImageDigest":"sha256:x"}`}, artifacts{"One"}, `.ImageDigest "sha256:x"`, false},
		{[]string{`{"RepositoryName":"x1","ImageURI":"` + host + `/checkout-api:build-1"}`}, artifacts{"One"}, "two repositories", false},
		{[]string{`{"RegistryId":"444455556666","ImageURI":"` + host + `/checkout-api:build-1"}`}, artifacts{"One"}, `imageDetail.json: RegistryId "444455556666" and ImageURI "` + host + `/checkout-api:build-1": two registries; want one`, false},
		{[]string{`{"RegistryId":"444455556666","ImageURI":"docker.io/library/nginx@` + w.older.String() + `"}`}, artifacts{"One"}, "two registries", false},
		{[]string{`{"RepositoryName":"checkout-api","ImageTags":["a","b"]}`}, artifacts{"One"}, `artifact "In0", imageDetail.json: ImageTags ["a" "b"], and none of them in ImageURI: want RepositoryName and ImageTag in the UserParameters`, false},
		{[]string{detailOf("checkout-api", w.older, host+"/checkout-api@"+w.older.String(), "a", "b")}, artifacts{"One"}, `ImageTags ["a" "b"], and none of them in ImageURI`, true},
		{[]string{detailOf("checkout-api", w.older, "", "a", "b")}, artifacts{"One"}, `ImageTags ["a" "b"], and none of them in ImageURI`, true},
	} {
		clear(w.bucket)
		var inputs artifacts
		for i, text := range c.files {
			name := fmt.Sprintf("In%d", i)
			inputs = append(inputs, name)
			w.bucket[name] = map[string]string{detailFile: text}
		}
		parameters := `{"ContainerName":"app"}`
		if c.unpin {
			parameters = `{"ContainerName":"app","Pin":"false"}`
		}
		_, err := w.Do(t.Context(), jobOf(parameters, inputs, c.outputs))
		if got := failureOf(t, err); !strings.HasPrefix(got, "ConfigurationError: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.files, got)
		}
	}
}

func TestWhatAWSRefusesIsTheJobsFailure(t *testing.T) {
	w := start(t)
	run := func() error {
		_, err := w.Do(t.Context(), jobOf(`{"Images":{"app":"`+host+`/checkout-api:build-1"},"ClusterName":"prod","ServiceName":"checkout"}`, nil, artifacts{"One"}))
		return err
	}
	w.ECR.Deny("BatchGetImage")
	if err := run(); sandboxtest.Code(err) != "AccessDeniedException" {
		t.Error(err)
	}
	w.ECS.Throttle("DescribeServices", 1)
	if err := run(); sandboxtest.Code(err) != "ThrottlingException" {
		t.Error(err)
	}
	w.ECR.Permit("BatchGetImage")
	if err := run(); err != nil {
		t.Error(err)
	}
}

// A digest that is given is not looked up, and a repository is asked once.
func TestCalls(t *testing.T) {
	w := start(t)
	for parameters, want := range map[string]int{
		`{"ContainerName":"app","ImageURI":"` + host + `/checkout-api@` + w.older.String() + `"}`:            0,
		`{"Images":{"a":"` + host + `/checkout-api:build-1","b":"` + host + `/checkout-api:build-2"}}`:       1,
		`{"Images":{"a":"` + host + `/checkout-api:build-1","b":"` + host + `/checkout-api:build-1"}}`:       1,
		`{"Images":{"a":"` + host + `/checkout-api:build-1"},"ClusterName":"prod","ServiceName":"checkout"}`: 3,
	} {
		w.ResetCalls()
		if _, err := w.Do(t.Context(), jobOf(strings.ReplaceAll(parameters, `"a"`, `"app"`), nil, artifacts{"One"})); err != nil || len(w.Calls()) != want {
			t.Errorf("%s: %d calls, error %v", parameters, len(w.Calls()), err)
		}
	}
}
