//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

const (
	root   = "../../.."
	region = "eu-west-1" // .ci/ministack starts it there
	// The key of MiniStack's account itself.
	rootKey, rootSecret = "test", "test"
)

// world is MiniStack with the module installed, and the sandbox beside it.
type world struct {
	*sandbox.Sandbox
	*terraform
	recorder             sandboxtest.Recorder
	dist                 string // the zips and the command
	endpoint, sandboxURL string // of MiniStack and of the sandbox
	out                  outputs

	dynamodb    *dynamodb.Client
	ecr         *ecr.Client
	eventbridge *eventbridge.Client
	iam         *iam.Client
	lambda      *lambda.Client
	sqs         *sqs.Client
}

// outputs are those of infra/tests/e2e/main.tf.
type outputs struct {
	Tagalong struct {
		Value struct {
			TableName           string            `json:"table_name"`
			Command             string            `json:"command"`
			HistoryURL          string            `json:"history_url"`
			DeadLetterQueueURLs map[string]string `json:"dead_letter_queue_urls"`
			FunctionARNs        map[string]string `json:"function_arns"`
			RoleARNs            map[string]string `json:"role_arns"`
			QueueARNs           map[string]string `json:"queue_arns"`
			RuleARNs            map[string]string `json:"rule_arns"`
		} `json:"value"`
	} `json:"tagalong"`
	Heard struct {
		Value string `json:"value"`
	} `json:"heard"`
	PipelineRole struct {
		Value string `json:"value"`
	} `json:"pipeline_role"`
	Keys struct {
		Value map[string]struct{ ID, Secret string } `json:"value"`
	} `json:"keys"`
}

func newWorld(t *testing.T) *world {
	t.Helper()
	endpoint := os.Getenv("MINISTACK_URL")
	if endpoint == "" {
		t.Fatal("MINISTACK_URL is not set: run this with make e2e")
	}
	dist, err := filepath.Abs(filepath.Join(root, ".cache/e2e"))
	check(t, err)
	w := &world{Sandbox: sandbox.New(sandbox.Options{Region: region}), dist: dist, endpoint: endpoint}
	url, stop, err := w.Sandbox.Start()
	check(t, err)
	t.Cleanup(stop)
	w.sandboxURL = url
	w.terraform = newTerraform(t, "infra/tests/e2e", rootVariables(region), "dist="+dist, "endpoints="+w.endpoints(t))
	w.terraform.init(t)

	cfg := w.config()
	w.dynamodb, w.ecr = dynamodb.NewFromConfig(cfg), ecr.NewFromConfig(cfg)
	w.eventbridge, w.iam = eventbridge.NewFromConfig(cfg), iam.NewFromConfig(cfg)
	w.lambda, w.sqs = lambda.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	return w
}

// config is that of MiniStack's account itself.
func (w *world) config() aws.Config { return config(w.endpoint, rootKey, rootSecret) }

// sandboxConfig is that of the sandbox's account.
func (w *world) sandboxConfig() aws.Config { return config(w.sandboxURL, "AKIDSANDBOX", "secret") }

func config(endpoint, key, secret string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &endpoint, HTTPClient: boot.HTTPClient(nil),
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
	}
}

// endpoints are the variables that send the functions' calls through the
// recorder, to MiniStack what it has and to the sandbox the rest.
func (w *world) endpoints(t *testing.T) string {
	t.Helper()
	ministack, box := w.before(t, w.endpoint), w.before(t, w.sandboxURL)
	variables, err := json.Marshal(map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": ministack, "AWS_ENDPOINT_URL_ECR": ministack,
		"AWS_ENDPOINT_URL_EVENTBRIDGE": ministack,
		"AWS_ENDPOINT_URL_ECS":         box, "AWS_ENDPOINT_URL_STS": box, "AWS_ENDPOINT_URL_CODEPIPELINE": box, "AWS_ENDPOINT_URL_CODEDEPLOY": box, "AWS_ENDPOINT_URL_S3": box,
	})
	check(t, err)
	return string(variables)
}

// rootVariables point Terraform and the command at MiniStack, in a Region.
func rootVariables(region string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + os.Getenv("MINISTACK_URL"), "AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + rootKey, "AWS_SECRET_ACCESS_KEY=" + rootSecret, "AWS_SESSION_TOKEN=", "AWS_PROFILE=",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}
}

// put sends events together, as an AWS service does, to the default bus.
func (w *world) put(t *testing.T, events ...[]byte) {
	t.Helper()
	w.putOn(t, "default", events...)
}

// putOn sends events together to a bus.
func (w *world) putOn(t *testing.T, bus string, events ...[]byte) {
	t.Helper()
	var entries []eventtypes.PutEventsRequestEntry
	for _, event := range events {
		var e struct {
			Source     string
			DetailType string `json:"detail-type"`
			Time       time.Time
			Resources  []string
			Detail     json.RawMessage
		}
		check(t, json.Unmarshal(event, &e))
		entries = append(entries, eventtypes.PutEventsRequestEntry{
			EventBusName: &bus, Source: &e.Source, DetailType: &e.DetailType, Time: &e.Time, Resources: e.Resources, Detail: aws.String(string(e.Detail)),
		})
	}
	answer, err := w.eventbridge.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
	check(t, err)
	if answer.FailedEntryCount > 0 {
		t.Fatalf("PutEvents: %+v", answer.Entries)
	}
}

// effectTimeout is how long an effect may take to show. Each takes less than two
// seconds; the rest is for machines that are busy.
const effectTimeout = 20 * time.Second

// await asks until the answer is there. What it last was is said if it never is.
func await[T any](t *testing.T, what string, ask func(context.Context) (answer T, there bool, err error)) T {
	t.Helper()
	var last T
	for end := time.Now().Add(effectTimeout); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		answer, there, err := ask(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if there {
			return answer
		}
		last = answer
	}
	t.Fatalf("%s: not after %s; last seen: %v\n%s", what, effectTimeout, last, logEnd())
	return last
}

// awaitLog waits until a function has logged a line with all of these parts.
func awaitLog(t *testing.T, parts ...string) {
	t.Helper()
	await(t, fmt.Sprintf("a line with %q", parts), func(context.Context) (string, bool, error) {
		for line := range strings.Lines(log()) {
			if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
				return line, true, nil
			}
		}
		return "", false, nil
	})
}

// log is what MiniStack and the functions in it said.
func log() string {
	data, err := os.ReadFile(os.Getenv("MINISTACK_LOG"))
	if err != nil {
		return fmt.Sprintf("no log of MiniStack: %v", err)
	}
	return string(data)
}

// logEnd is the end of it.
func logEnd() string {
	all := log()
	return all[max(0, len(all)-4_000):]
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
