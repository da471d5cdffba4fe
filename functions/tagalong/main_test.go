package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

var update = flag.Bool("update", false, "write what the scripts compare with from what they get")

// testNow is the clock of the commands in tests: half an hour after the story.
var testNow = at(11, 21, 0, 0)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tagalong": func() {
			os.Exit(run(context.Background(), os.Args[1:], world{os.Stdin, os.Stdout, os.Stderr, os.Getenv, func() time.Time { return testNow }}))
		},
	})
}

// TestScripts runs testdata/script. Beside the commands of testscript the
// scripts have:
//
//   - sandbox told, sandbox found, sandbox untold, sandbox empty: start a sandbox and
//     set the variables that point at it. Its ledger holds the story, or also what was
//     found in its images, or nothing although the story has happened, or there is not
//     even a table.
//   - status N program args...: like exec, with that exit status.
//   - policy REPOSITORY FILE: the repository has the lifecycle policy in the file.
//   - forget SETTING and spoil SETTING TEXT: what the table has of a setting goes, or is
//     another text.
//   - retag IMAGE-TAG TAG, untag TAG and mutable REPOSITORY TAG: what people do
//     by hand, through ECR's API.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			samples, err := absolute("../../events/testdata")
			env.Setenv("EVENTS", samples)
			reports, reportsErr := absolute("../internal/report/testdata")
			env.Setenv("REPORTS", reports)
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			env.Setenv("COLUMNS", "80")
			env.Values[stageKey{}] = new(*stage)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector holds up each command by a second
			return errors.Join(err, reportsErr)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sandbox": scriptSandbox,
			"status":  scriptStatus,
			"retag":   scriptRetag,
			"untag":   scriptUntag,
			"mutable": scriptMutable,
			"policy":  scriptPolicy,
			"forget":  scriptForget,
			"spoil":   scriptSpoil,
		},
	})
}

func absolute(path string) (string, error) {
	dir, err := os.Getwd()
	return dir + "/" + path, err
}

func scriptSandbox(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sandbox told|found|untold|empty")
	}
	st, url, stop, err := startStage(args[0])
	ts.Check(err)
	ts.Defer(stop)
	*ts.Value(stageKey{}).(**stage) = st
	ts.Setenv("SANDBOX", strings.TrimPrefix(url, "http://"))
	for _, v := range st.environment(url) {
		ts.Setenv(v[0], v[1])
	}
}

// stageKey is under what a script has its stage.
type stageKey struct{}

func scriptPolicy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: policy REPOSITORY FILE")
	}
	st := *ts.Value(stageKey{}).(**stage)
	st.aws.ECR.Repository(wire.Scope{Account: account, Region: region}, args[0]).SetLifecyclePolicy(ts.ReadFile(args[1]))
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func scriptRetag(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: retag IMAGE-TAG TAG")
	}
	ts.Check(retag(ts.Getenv("AWS_ENDPOINT_URL"), args[0], args[1]))
}

func scriptUntag(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: untag TAG")
	}
	_, err := registryAt(ts.Getenv("AWS_ENDPOINT_URL")).BatchDeleteImage(context.Background(), &awsecr.BatchDeleteImageInput{
		RepositoryName: aws.String(repository), ImageIds: []types.ImageIdentifier{{ImageTag: &args[0]}},
	})
	ts.Check(err)
}

// scriptMutable lets one tag of a repository move, and no other.
func scriptMutable(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mutable REPOSITORY TAG")
	}
	_, err := registryAt(ts.Getenv("AWS_ENDPOINT_URL")).PutImageTagMutability(context.Background(), &awsecr.PutImageTagMutabilityInput{
		RepositoryName:     &args[0],
		ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion,
		ImageTagMutabilityExclusionFilters: []types.ImageTagMutabilityExclusionFilter{
			{Filter: &args[1], FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard},
		},
	})
	ts.Check(err)
}

func scriptForget(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: forget SETTING")
	}
	_, err := dynamodb.NewFromConfig(configAt(ts.Getenv("AWS_ENDPOINT_URL"))).DeleteItem(context.Background(), &dynamodb.DeleteItemInput{
		TableName: aws.String(sandboxTable), Key: settingItem(args[0]),
	})
	ts.Check(err)
}

func scriptSpoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: spoil SETTING TEXT")
	}
	item := settingItem(args[0])
	item["json"] = &dynamodbtypes.AttributeValueMemberS{Value: args[1]}
	_, err := dynamodb.NewFromConfig(configAt(ts.Getenv("AWS_ENDPOINT_URL"))).PutItem(context.Background(), &dynamodb.PutItemInput{
		TableName: aws.String(sandboxTable), Item: item,
	})
	ts.Check(err)
}

// settingItem is the key of a setting, as infra/settings.tf writes it.
func settingItem(name string) map[string]dynamodbtypes.AttributeValue {
	return map[string]dynamodbtypes.AttributeValue{
		"pk": &dynamodbtypes.AttributeValueMemberS{Value: "@" + name}, "sk": &dynamodbtypes.AttributeValueMemberS{Value: "SETTING"},
	}
}

func registryAt(url string) *awsecr.Client { return awsecr.NewFromConfig(configAt(url)) }

func configAt(url string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider("SANDBOX", "sandbox", ""),
		HTTPClient:   boot.HTTPClient(nil),
	}
}

// retag puts the manifest of one tag under another, as people do it.
func retag(url, from, to string) error {
	client := registryAt(url)
	got, err := client.BatchGetImage(context.Background(), &awsecr.BatchGetImageInput{
		RepositoryName:     aws.String(repository),
		ImageIds:           []types.ImageIdentifier{{ImageTag: &from}},
		AcceptedMediaTypes: []string{ociIndex},
	})
	if err != nil {
		return err
	}
	if len(got.Images) != 1 {
		return errors.New("no image has the tag " + from)
	}
	_, err = client.PutImage(context.Background(), &awsecr.PutImageInput{
		RepositoryName: aws.String(repository), ImageManifest: got.Images[0].ImageManifest, ImageManifestMediaType: aws.String(ociIndex), ImageTag: &to,
	})
	return err
}

const ociIndex = "application/vnd.oci.image.index.v1+json"

// startStage starts the sandbox of the story: told, told to where the finding burns, untold,
// or without a table.
func startStage(how string) (st *stage, url string, stop func(), err error) {
	ctx := context.Background()
	if st, err = newStage(&session{ctx: ctx, world: world{stdout: io.Discard}}); err != nil {
		return nil, "", nil, err
	}
	if url, stop, err = st.aws.Start(); err != nil {
		return nil, "", nil, err
	}
	err = st.connect(ctx, url)
	switch how {
	case "told":
		err = errors.Join(err, st.open(ctx), st.tell(ctx))
	case "found":
		err = errors.Join(err, st.open(ctx), st.tell(ctx), st.find(ctx))
	case "untold":
		err = errors.Join(err, st.open(ctx), st.happen(ctx))
	case "empty":
		err = errors.Join(err, st.happen(ctx))
	default:
		err = errors.New("no sandbox is " + how)
	}
	if err != nil {
		stop()
	}
	return st, url, stop, err
}
