package boot

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// lambdaEnv are the variables that Lambda sets, and more.
func lambdaEnv(pairs ...string) func(string) string {
	return env(append([]string{
		"AWS_REGION", "eu-central-1",
		"AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "secret", "AWS_SESSION_TOKEN", "token",
	}, pairs...)...)
}

func awsConfig(t *testing.T, getenv func(string) string) aws.Config {
	t.Helper()
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECS", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_STS"} {
		if value := getenv(name); value != "" {
			t.Setenv(name, value) // the SDK's clients look there too which of them is set
		}
	}
	cfg, err := AWSConfig(getenv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// hosts returns the host that a call of each service is sent to.
func hosts(t *testing.T, cfg aws.Config) map[string]string {
	t.Helper()
	found := map[string]string{}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	note := func(service string) aws.Config {
		cfg := cfg.Copy()
		cfg.HTTPClient = doFunc(func(r *http.Request) (*http.Response, error) {
			found[service] = r.URL.Scheme + "://" + r.URL.Host
			return nil, errOpened
		})
		return cfg
	}
	table := aws.String("ledger")
	_, _ = ecr.NewFromConfig(note("ecr")).DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{})
	_, _ = ecs.NewFromConfig(note("ecs")).ListClusters(t.Context(), &ecs.ListClustersInput{})
	_, _ = dynamodb.NewFromConfig(note("dynamodb")).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: table})
	_, _ = sts.NewFromConfig(note("sts")).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	return found
}

type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestEndpoints(t *testing.T) {
	for name, c := range map[string]struct {
		getenv func(string) string
		want   map[string]string
	}{
		"none": {lambdaEnv(), map[string]string{
			"ecr": "https://api.ecr.eu-central-1.amazonaws.com", "ecs": "https://ecs.eu-central-1.amazonaws.com",
			"dynamodb": "https://dynamodb.eu-central-1.amazonaws.com", "sts": "https://sts.eu-central-1.amazonaws.com",
		}},
		"one for all": {lambdaEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"), map[string]string{
			"ecr": "http://127.0.0.1:4566", "ecs": "http://127.0.0.1:4566", "dynamodb": "http://127.0.0.1:4566", "sts": "http://127.0.0.1:4566",
		}},
		"one each": {lambdaEnv("AWS_ENDPOINT_URL_ECR", "http://ecr.test", "AWS_ENDPOINT_URL_ECS", "http://ecs.test",
			"AWS_ENDPOINT_URL_DYNAMODB", "http://dynamodb.test", "AWS_ENDPOINT_URL_STS", "http://sts.test"), map[string]string{
			"ecr": "http://ecr.test", "ecs": "http://ecs.test", "dynamodb": "http://dynamodb.test", "sts": "http://sts.test",
		}},
		"one beside the one for all": {lambdaEnv("AWS_ENDPOINT_URL", "http://all.test", "AWS_ENDPOINT_URL_DYNAMODB", "http://dynamodb.test"), map[string]string{
			"ecr": "http://all.test", "ecs": "http://all.test", "dynamodb": "http://dynamodb.test", "sts": "http://all.test",
		}},
		"FIPS": {lambdaEnv("AWS_REGION", "us-east-1", "AWS_USE_FIPS_ENDPOINT", "true"), map[string]string{
			"ecr": "https://api.ecr-fips.us-east-1.amazonaws.com", "ecs": "https://ecs-fips.us-east-1.amazonaws.com",
			"dynamodb": "https://dynamodb-fips.us-east-1.amazonaws.com", "sts": "https://sts-fips.us-east-1.amazonaws.com",
		}},
		"dual stack": {lambdaEnv("AWS_USE_DUALSTACK_ENDPOINT", "true"), map[string]string{
			"ecr": "https://ecr.eu-central-1.api.aws", "ecs": "https://ecs.eu-central-1.api.aws",
			"dynamodb": "https://dynamodb.eu-central-1.api.aws", "sts": "https://sts.eu-central-1.api.aws",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := hosts(t, awsConfig(t, c.getenv))
			for service, want := range c.want {
				if got[service] != want {
					t.Errorf("%s: %s instead of %s", service, got[service], want)
				}
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	cfg := awsConfig(t, lambdaEnv())
	got, err := cfg.Credentials.Retrieve(context.Background())
	if err != nil || got.AccessKeyID != "AKID" || got.SecretAccessKey != "secret" || got.SessionToken != "token" {
		t.Errorf("key %s, error %v", got.AccessKeyID, err)
	}
}

func TestAWSProblemsAreReportedAtOnce(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := AWSConfig(env("AWS_REGION", "mars", "AWS_ENDPOINT_URL", "localhost:4566", "AWS_ENDPOINT_URL_ECR", "ftp://x",
		"AWS_USE_FIPS_ENDPOINT", "on", "AWS_USE_DUALSTACK_ENDPOINT", "1", "AWS_CA_BUNDLE", empty))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`AWS_REGION "mars"`, "AWS_ACCESS_KEY_ID missing", "AWS_SECRET_ACCESS_KEY missing", `AWS_ENDPOINT_URL "localhost:4566"`,
		`AWS_ENDPOINT_URL_ECR "ftp://x"`, "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_CA_BUNDLE",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if _, err := AWSConfig(lambdaEnv("AWS_CA_BUNDLE", empty+".gone")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no bundle: %v", err)
	}
}

func TestFunctionReportsBothKindsOfProblems(t *testing.T) {
	_, _, err := Function(env(), EnvTable)
	if err == nil || !strings.Contains(err.Error(), EnvTable) || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("error %v", err)
	}
}

func TestCABundle(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it is to be refused once
	server.StartTLS()
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		getenv  func(string) string
		trusted bool
	}{{lambdaEnv("AWS_CA_BUNDLE", bundle), true}, {lambdaEnv(), false}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := awsConfig(t, c.getenv).HTTPClient.Do(request)
		if c.trusted != (err == nil) {
			t.Errorf("trusted %v: %v", c.trusted, err)
		}
		if err == nil {
			_ = reply.Body.Close()
		}
	}
}
