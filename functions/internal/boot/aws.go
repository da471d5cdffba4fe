package boot

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/clients"
)

// The variables of the AWS SDK that functions honour, see
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html.
const (
	envRegion      = "AWS_REGION"
	envAccessKeyID = "AWS_ACCESS_KEY_ID"
	envSecretKey   = "AWS_SECRET_ACCESS_KEY"
	envSession     = "AWS_SESSION_TOKEN"
	envEndpoint    = "AWS_ENDPOINT_URL" // and AWS_ENDPOINT_URL_<SERVICE>
	envFIPS        = "AWS_USE_FIPS_ENDPOINT"
	envDualStack   = "AWS_USE_DUALSTACK_ENDPOINT"
	envCABundle    = "AWS_CA_BUNDLE"
)

// endpointServices are the services whose AWS_ENDPOINT_URL_<SERVICE> is checked at start.
var endpointServices = []string{"CODEDEPLOY", "CODEPIPELINE", "DYNAMODB", "ECR", "ECS", "EVENTBRIDGE", "S3", "STS"}

// longestWait is between two attempts of a call that is throttled. Who waits longer gets
// his turn no later, but sees later that it has come; the SDK's own is 20 s.
const longestWait = 5 * time.Second

// AWSConfig builds the configuration of a function's clients from the variables
// that Lambda sets. config.LoadDefaultConfig would do the same and more, for
// 2 MB of code and 2 ms of every cold start.
func AWSConfig(getenv func(string) string) (aws.Config, error) {
	r := reader{getenv: getenv, need: []string{envRegion, envAccessKeyID, envSecretKey}}
	region := r.text(envRegion, events.IsRegion, "the name of an AWS Region, such as us-east-1")
	key, _ := r.get(envAccessKeyID, "the access key id that Lambda sets")
	secret, _ := r.get(envSecretKey, "the secret access key that Lambda sets")
	source := environment{getenv: getenv, fips: r.truth(envFIPS), dualStack: r.truth(envDualStack)}
	cfg := aws.Config{
		Region:        region,
		Credentials:   credentials.NewStaticCredentialsProvider(key, secret, getenv(envSession)),
		HTTPClient:    HTTPClient(r.certificates(envCABundle)),
		Retryer:       func() aws.Retryer { return clients.NewRetryer(longestWait) },
		ConfigSources: []any{source},
	}
	if endpoint := r.endpoint(envEndpoint); endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	for _, service := range endpointServices {
		r.endpoint(envEndpoint + "_" + service)
	}
	return cfg, errors.Join(r.problems...)
}

func (r *reader) endpoint(name string) string {
	const want = "a URL such as https://example.com"
	value, ok := r.get(name, want)
	if !ok {
		return ""
	}
	if u, err := url.Parse(value); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		r.problem(name, value, want)
	}
	return value
}

// certificates returns a client that trusts the authorities of a bundle and no
// others, nil if none is named.
func (r *reader) certificates(name string) aws.HTTPClient {
	const want = "a file of certificates in PEM"
	path, ok := r.get(name, want)
	if !ok {
		return nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("%s %q: want %s: %w", name, path, want, err))
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		r.problem(name, path, want)
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.RootCAs = pool })
}

// environment answers what the service clients ask of a configuration's
// sources; the interfaces are those of the SDK's internal/configsources.
type environment struct {
	getenv          func(string) string
	fips, dualStack bool
}

// GetServiceBaseEndpoint returns AWS_ENDPOINT_URL_<SERVICE>.
func (e environment) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	name := strings.ReplaceAll(strings.ToUpper(sdkID), " ", "_")
	value := strings.TrimSpace(e.getenv(envEndpoint + "_" + name))
	return value, value != "", nil
}

// GetUseFIPSEndpoint returns AWS_USE_FIPS_ENDPOINT.
func (e environment) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, e.fips, nil
}

// GetUseDualStackEndpoint returns AWS_USE_DUALSTACK_ENDPOINT.
func (e environment) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, e.dualStack, nil
}
