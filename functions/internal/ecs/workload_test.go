package ecs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/opencontainers/go-digest"

	ecrbox "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var (
	now     = sandboxtest.Epoch
	service = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: "checkout-api"}
)

// world is a sandbox with one image and one service, and a Workload on it.
type world struct {
	*sandboxtest.Sandbox
	*Workload
	image   string
	digest  digest.Digest
	cluster *ecs.Cluster
	service *ecs.Service
}

func start(t *testing.T, options ecs.ServiceOptions) *world {
	t.Helper()
	w := &world{Sandbox: sandboxtest.Start(t)}
	w.Workload = New(func(_ context.Context, account, region string) (aws.Config, error) {
		if account != service.Account {
			return aws.Config{}, tagalong.ErrElsewhere
		}
		cfg := w.Config()
		cfg.Region = region
		return cfg, nil
	})
	repository := w.ECR.Repository(wire.Scope{}, "checkout-api")
	d, err := repository.Push(ecrbox.Image{Seed: "v1", Tags: []string{"build-1"}})
	if err != nil {
		t.Fatal(err)
	}
	w.image, w.digest = repository.URI()+":build-1", d
	w.cluster = w.ECS.Cluster(wire.Scope{}, service.Cluster)
	w.service = w.cluster.CreateService(service.Name, options)
	return w
}

// deploy rolls out a container of the world's image.
func (w *world) deploy(t *testing.T, containers ...ecs.Container) *ecs.Deployment {
	t.Helper()
	if len(containers) == 0 {
		containers = []ecs.Container{{Name: "app", Image: w.image}}
	}
	d, _, err := w.service.Release(now, containers...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w *world) calls() (names []string) {
	for _, c := range w.Calls() {
		names = append(names, c.Operation)
	}
	w.ResetCalls()
	return names
}

func wantCalls(t *testing.T, w *world, want ...string) {
	t.Helper()
	if got := w.calls(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("calls %v instead of %v", got, want)
	}
}

// answering returns a Workload that always gets one answer.
func answering(t *testing.T, status int, body string) *Workload {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return New(func(_ context.Context, _, region string) (aws.Config, error) {
		return aws.Config{
			Region: region, BaseEndpoint: aws.String(server.URL),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, nil
			}),
			Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		}, nil
	})
}

func TestRevisionGivesTheDigests(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	d := w.deploy(t)
	w.ResetCalls()
	spec, err := w.Revision(t.Context(), service, d.ID())
	if err != nil {
		t.Fatal(err)
	}
	want := tagalong.Ran{Name: "app", Image: w.image, Digest: w.digest}
	if len(spec.Containers) != 1 || spec.Containers[0] != want || !strings.Contains(spec.TaskDefinition, ":task-definition/checkout-api:1") {
		t.Errorf("spec %+v", spec)
	}
	spec.Containers[0].Name = "changed by the caller"
	again, err := w.Revision(t.Context(), service, d.ID())
	if err != nil || again.Containers[0] != want {
		t.Errorf("again: %+v, error %v", again, err)
	}
	wantCalls(t, w, "DescribeServiceRevisions")
}

func TestRevisionThatMayChangeIsNotKept(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	d := w.deploy(t, ecs.Container{Name: "app", Image: w.image}, ecs.Container{Name: "free", Image: w.image, Inconsistent: true})
	w.ResetCalls()
	for range 2 {
		spec, err := w.Revision(t.Context(), service, d.ID())
		if err != nil || len(spec.Containers) != 2 || spec.Containers[1].Digest != "" {
			t.Errorf("spec %+v, error %v", spec, err)
		}
	}
	d.SetRevision(ecs.Unfilled)
	if spec, err := w.Revision(t.Context(), service, d.ID()); err != nil || len(spec.Containers) != 0 {
		t.Errorf("unfilled: spec %+v, error %v", spec, err)
	}
	wantCalls(t, w, "DescribeServiceRevisions", "DescribeServiceRevisions", "DescribeServiceRevisions")
}

func TestRevisionKnowsItsServiceByItsShortARN(t *testing.T) {
	w := start(t, ecs.ServiceOptions{ShortARN: true})
	d := w.deploy(t)
	if _, err := w.Revision(t.Context(), service, d.ID()); err != nil {
		t.Error(err)
	}
}

func TestRevisionOfAnotherServiceIsRefused(t *testing.T) {
	for name, arns := range map[string]string{
		"another service":           `"serviceArn":"arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/other","clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster"`,
		"another cluster":           `"serviceArn":"arn:aws:ecs:us-east-1:111122223333:service/other/checkout-api","clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/other"`,
		"short ARN, other cluster":  `"serviceArn":"arn:aws:ecs:us-east-1:111122223333:service/checkout-api","clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/other"`,
		"short ARN without cluster": `"serviceArn":"arn:aws:ecs:us-east-1:111122223333:service/checkout-api"`,
		"no service":                `"taskDefinition":"arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:1"`,
	} {
		w := answering(t, 200, `{"serviceRevisions":[{`+arns+`}],"failures":[]}`)
		if _, err := w.Revision(t.Context(), service, "ecs-svc/1"); !errors.Is(err, tagalong.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevisionOfAnUnreadableDigestIsUnknown(t *testing.T) {
	w := answering(t, 200, `{"serviceRevisions":[{"serviceArn":"arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api",
		"containerImages":[{"containerName":"app","image":"nginx","imageDigest":"sha256:short"}]}]}`)
	spec, err := w.Revision(t.Context(), service, "ecs-svc/1")
	if err != nil || spec.Containers[0].Digest != "" {
		t.Errorf("spec %+v, error %v", spec, err)
	}
}

func TestRevisionAnswers(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	d := w.deploy(t)
	for state, want := range map[ecs.RevisionState]error{ecs.Expired: tagalong.ErrNotFound, ecs.Denied: tagalong.ErrDenied} {
		d.SetRevision(state)
		if _, err := w.Revision(t.Context(), service, d.ID()); !errors.Is(err, want) {
			t.Errorf("state %d: %v", state, err)
		}
	}
	w.ResetCalls()
	for _, id := range []string{"", "7", "ecs-svc/", "ecs-svc/x", "ecs-svc/1/2", "ecs-svc/123456789012345678901"} {
		if _, err := w.Revision(t.Context(), service, id); !errors.Is(err, tagalong.ErrNotFound) {
			t.Errorf("deployment %q: %v", id, err)
		}
	}
	elsewhere := service
	elsewhere.Account = "444455556666"
	if _, err := w.Revision(t.Context(), elsewhere, d.ID()); !errors.Is(err, tagalong.ErrElsewhere) {
		t.Errorf("elsewhere: %v", err)
	}
	wantCalls(t, w)
}

func TestRevisionTranslatesEveryError(t *testing.T) {
	for code, want := range map[string]error{
		"AccessDeniedException":       tagalong.ErrDenied,
		"UnsupportedFeatureException": tagalong.ErrNotFound,
		"InvalidParameterException":   tagalong.ErrNotFound,
		"ServiceNotFoundException":    tagalong.ErrNotFound,
		"ClusterNotFoundException":    tagalong.ErrNotFound,
		"ServerException":             nil,
		"ClientException":             nil,
		"ThrottlingException":         nil,
	} {
		_, err := answering(t, 400, `{"__type":"`+code+`","message":"words"}`).Revision(t.Context(), service, "ecs-svc/1")
		known := errors.Is(err, tagalong.ErrDenied) || errors.Is(err, tagalong.ErrNotFound)
		if err == nil || want != nil && !errors.Is(err, want) || want == nil && known {
			t.Errorf("%s: %v", code, err)
			continue
		}
		for _, part := range []string{code, "DescribeServiceRevisions", "service-revision/prod-cluster/checkout-api/1"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not in %v", code, part, err)
			}
		}
	}
}

func TestNamesAreCheckedBeforeAnyCall(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	for _, s := range []tagalong.Service{
		{Account: "1111", Region: "us-east-1", Cluster: "c", Name: "s"},
		{Account: service.Account, Region: "us-east-1.evil.example/", Cluster: "c", Name: "s"},
		{Account: service.Account, Region: "us-east-1", Cluster: "c/d", Name: "s"},
		{Account: service.Account, Region: "us-east-1", Cluster: "c", Name: ""},
	} {
		_, err1 := w.Revision(t.Context(), s, "ecs-svc/1")
		_, err2 := w.Tasks(t.Context(), s, "ecs-svc/1")
		_, err3 := w.Definition(t.Context(), s, "ecs-svc/1", "")
		if err1 == nil || err2 == nil || err3 == nil {
			t.Errorf("%s: %v, %v, %v", s, err1, err2, err3)
		}
	}
	if _, err := w.Workload.Cluster(t.Context(), tagalong.Service{Account: service.Account, Region: service.Region, Name: "a/b"}, "ecs-svc/1"); err == nil {
		t.Error("cluster of a/b: no error")
	}
	wantCalls(t, w)
}

func TestPartitionFollowsTheRegion(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "aws", "eu-central-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov",
		"eusc-de-east-1": "aws-eusc", "us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b",
		"eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f",
	} {
		h := home{"111122223333", region}
		if got := h.arn("cluster/prod"); got != "arn:"+want+":ecs:"+region+":111122223333:cluster/prod" || h.check() != nil {
			t.Errorf("%s: %s, %v", region, got, h.check())
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c cache[int]
	for i := range 2 * cacheSize {
		c.put(fmt.Sprint(i), i)
		c.put(fmt.Sprint(i), i)
	}
	if _, old := c.get("0"); old || len(c.values) != cacheSize || len(c.order) != cacheSize {
		t.Errorf("%d values, %d keys", len(c.values), len(c.order))
	}
	if v, ok := c.get(fmt.Sprint(2*cacheSize - 1)); !ok || v != 2*cacheSize-1 {
		t.Errorf("the newest is %d, %v", v, ok)
	}
}
