package sandbox_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	ecrTarget     = "AmazonEC2ContainerRegistry_V20150921."
	authorization = "AWS4-HMAC-SHA256 Credential=AKID/20260304/us-east-1/ecr/aws4_request, SignedHeaders=host, Signature=00"
)

// post sends a request as no SDK would, and gives the reply's body.
func post(t *testing.T, url string, header map[string]string, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(data)
}

func TestRefusals(t *testing.T) {
	s := sandboxtest.Start(t)
	const contentType = wire.ContentType
	tests := []struct {
		name   string
		path   string
		header map[string]string
		body   string
		want   string // in the reply
	}{
		{"no authorization", "", map[string]string{"X-Amz-Target": ecrTarget + "BatchGetImage"}, "{}", "MissingAuthenticationTokenException"},
		{"a malformed authorization", "", map[string]string{"X-Amz-Target": ecrTarget + "BatchGetImage", "Authorization": "Basic x"}, "{}", "IncompleteSignatureException"},
		{"signed for another service", "", map[string]string{"X-Amz-Target": "DynamoDB_20120810.ListTables", "Authorization": authorization}, "{}", "InvalidSignatureException"},
		{"an unknown service", "", map[string]string{"X-Amz-Target": "Kinesis_20131202.ListStreams", "Authorization": authorization}, "{}", "Kinesis_20131202.ListStreams"},
		{"an unknown operation", "", map[string]string{"X-Amz-Target": ecrTarget + "PutLifecyclePolicy", "Authorization": authorization, "Content-Type": contentType}, "{}", "UnknownOperationException"},
		{"an unknown member", "", map[string]string{"X-Amz-Target": ecrTarget + "BatchGetImage", "Authorization": authorization, "Content-Type": contentType}, `{"colour":"red"}`, `request member \"colour\" is not known`},
		{"a member in another case", "", map[string]string{"X-Amz-Target": ecrTarget + "BatchGetImage", "Authorization": authorization, "Content-Type": contentType}, `{"RegistryId":"111122223333"}`, `request member \"RegistryId\" is not known`},
		{"no JSON", "", map[string]string{"X-Amz-Target": ecrTarget + "BatchGetImage", "Authorization": authorization, "Content-Type": contentType}, `<x/>`, "SerializationException"},
		{"another content type", "", map[string]string{"X-Amz-Target": ecrTarget + "BatchGetImage", "Authorization": authorization, "Content-Type": "text/plain"}, `{}`, "SerializationException"},
		{"another path", "/v2/", map[string]string{"X-Amz-Target": ecrTarget + "BatchGetImage", "Authorization": authorization, "Content-Type": contentType}, `{}`, "UnknownOperationException"},
		{"nothing at all", "", nil, "", "MissingAuthenticationToken"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.ResetCalls()
			status, got := post(t, s.URL+test.path, test.header, test.body)
			if status < 400 || !strings.Contains(got, test.want) {
				t.Errorf("status %d, %s, want %s", status, got, test.want)
			}
			if calls := s.Calls(); len(calls) != 1 || calls[0].Err == "" {
				t.Errorf("calls %+v", calls)
			}
		})
	}
}

// TestUnknownOperationsAreNamed: whoever asks for more than the sandbox has is
// told what it lacks.
func TestUnknownOperationsAreNamed(t *testing.T) {
	config, ctx := sandboxtest.Start(t).Config(), t.Context()
	name := aws.String("name")
	for operation, ask := range map[string]func() error{
		"ListApplications": func() error {
			_, err := codedeploy.NewFromConfig(config).ListApplications(ctx, &codedeploy.ListApplicationsInput{})
			return err
		},
		"ListPipelines": func() error {
			_, err := codepipeline.NewFromConfig(config).ListPipelines(ctx, &codepipeline.ListPipelinesInput{})
			return err
		},
		"UpdateTable": func() error {
			_, err := dynamodb.NewFromConfig(config).UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: name})
			return err
		},
		"CreateRepository": func() error {
			_, err := ecr.NewFromConfig(config).CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: name})
			return err
		},
		"CreateService": func() error {
			_, err := ecs.NewFromConfig(config).CreateService(ctx, &ecs.CreateServiceInput{ServiceName: name})
			return err
		},
		"ListRules": func() error {
			_, err := eventbridge.NewFromConfig(config).ListRules(ctx, &eventbridge.ListRulesInput{})
			return err
		},
		"DELETE /name/name": func() error {
			_, err := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: name})
			return err
		},
		"GetSessionToken": func() error {
			_, err := sts.NewFromConfig(config).GetSessionToken(ctx, &sts.GetSessionTokenInput{})
			return err
		},
	} {
		t.Run(operation, func(t *testing.T) {
			refused, ok := errors.AsType[smithy.APIError](ask())
			if !ok || !strings.Contains(refused.ErrorMessage(), operation) {
				t.Errorf("%v, want one that names %s", refused, operation)
			}
		})
	}
}

func TestEveryServiceIsThere(t *testing.T) {
	s := sandboxtest.Start(t)
	config, ctx := s.Config(), t.Context()
	_, errs := sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	_, err := ecr.NewFromConfig(config).DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
	errs = errors.Join(errs, err)
	_, err = ecs.NewFromConfig(config).ListClusters(ctx, &ecs.ListClustersInput{})
	errs = errors.Join(errs, err)
	_, err = codepipeline.NewFromConfig(config).ListActionExecutions(ctx, &codepipeline.ListActionExecutionsInput{PipelineName: aws.String("p")})
	if sandboxtest.Code(err) != "PipelineNotFoundException" {
		t.Error(err)
	}
	_, err = eventbridge.NewFromConfig(config).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{Detail: aws.String("{}")}}})
	errs = errors.Join(errs, err)
	s.S3.CreateBucket("111122223333", "open")
	_, err = s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("open"), Key: aws.String("k")})
	errs = errors.Join(errs, err)
	_, err = dynamodb.NewFromConfig(config).ListTables(ctx, &dynamodb.ListTablesInput{})
	if errs = errors.Join(errs, err); errs != nil {
		t.Fatal(errs)
	}
	var got []string
	for _, c := range s.Calls() {
		got = append(got, c.Service+" "+c.Operation+" "+c.Account+" "+c.Region+" "+c.Err)
	}
	want := []string{
		"sts GetCallerIdentity 111122223333 us-east-1 ", "ecr DescribeRegistry 111122223333 us-east-1 ",
		"ecs ListClusters 111122223333 us-east-1 ", "codepipeline ListActionExecutions 111122223333 us-east-1 PipelineNotFoundException",
		"events PutEvents 111122223333 us-east-1 ",
		"s3 PutObject 111122223333 us-east-1 ", "dynamodb ListTables 111122223333 us-east-1 ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("calls\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDynamoDBIsApartByAccountAndRegion(t *testing.T) {
	s := sandboxtest.Start(t)
	create := func(config aws.Config) *dynamodb.Client {
		client := dynamodb.NewFromConfig(config)
		_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: aws.String("ledger"), BillingMode: ddbtypes.BillingModePayPerRequest,
			AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: "S"}},
			KeySchema:            []ddbtypes.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: "HASH"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	elsewhere := s.Config()
	elsewhere.Region = "eu-west-1"
	client := create(s.Config())
	create(s.As("444455556666"))
	create(elsewhere)
	_, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("other")})
	if code := sandboxtest.Code(err); code != "ResourceNotFoundException" || s.Calls()[3].Err != code {
		t.Errorf("unknown table: %v, recorded %+v", err, s.Calls())
	}
}

func TestListen(t *testing.T) {
	s := sandbox.New(sandbox.Options{})
	if s.Home() != (wire.Scope{Account: "111122223333", Region: "us-east-1"}) {
		t.Errorf("home %s", s.Home())
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "10.0.0.1:80", "example.com:80"} {
		if _, _, err := s.Listen(addr); !errors.Is(err, sandbox.ErrNotLoopback) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if _, _, err := s.Listen("nonsense"); err == nil {
		t.Error("an address without a port was taken")
	}
	url, stop, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Listen(strings.TrimPrefix(url, "http://")); err == nil {
		t.Error("an address was taken twice")
	}
	if status, _ := post(t, url, nil, ""); status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
	if at := s.Calls()[0].Time; time.Since(at) > time.Minute {
		t.Errorf("the default clock says %s", at)
	}
	stop()
	if _, err := http.Get(url); err == nil {
		t.Error("it listens after the stop")
	}
}

func TestManyAtOnce(t *testing.T) {
	s := sandboxtest.Start(t)
	client := dynamodb.NewFromConfig(s.Config())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, _ = client.CreateTable(t.Context(), dynamo.Definition("app"))
			_ = s.Calls()
		})
	}
	wg.Wait()
	refused := 0
	for _, c := range s.Calls() {
		if c.Err == "ResourceInUseException" {
			refused++
		}
	}
	if refused != 19 {
		t.Errorf("%d of 20 refused, want 19", refused)
	}
}
