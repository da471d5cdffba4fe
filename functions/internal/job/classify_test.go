package job

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/hashicorp/go-multierror"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// calls are one of each kind that the actions make, through the SDK's own clients.
var calls = map[string]func(ctx context.Context, cfg aws.Config) error{
	"BatchGetImage": func(ctx context.Context, cfg aws.Config) error {
		_, err := ecr.NewFromConfig(cfg).BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: aws.String("r"), ImageIds: []ecrtypes.ImageIdentifier{}})
		return err
	},
	"PutImage": func(ctx context.Context, cfg aws.Config) error {
		_, err := ecr.NewFromConfig(cfg).PutImage(ctx, &ecr.PutImageInput{RepositoryName: aws.String("r"), ImageManifest: aws.String("{}")})
		return err
	},
	"DescribeServices": func(ctx context.Context, cfg aws.Config) error {
		_, err := ecs.NewFromConfig(cfg).DescribeServices(ctx, &ecs.DescribeServicesInput{Services: []string{"s"}})
		return err
	},
	"Query": func(ctx context.Context, cfg aws.Config) error {
		_, err := dynamodb.NewFromConfig(cfg).Query(ctx, &dynamodb.QueryInput{TableName: aws.String("ledger")})
		return err
	},
	"TransactWriteItems": func(ctx context.Context, cfg aws.Config) error {
		_, err := dynamodb.NewFromConfig(cfg).TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{}})
		return err
	},
	"ListActionExecutions": func(ctx context.Context, cfg aws.Config) error {
		_, err := codepipeline.NewFromConfig(cfg).ListActionExecutions(ctx, &codepipeline.ListActionExecutionsInput{PipelineName: aws.String("p")})
		return err
	},
	"PutJobSuccessResult": func(ctx context.Context, cfg aws.Config) error {
		_, err := codepipeline.NewFromConfig(cfg).PutJobSuccessResult(ctx, &codepipeline.PutJobSuccessResultInput{JobId: aws.String(id)})
		return err
	},
	"GetObject": func(ctx context.Context, cfg aws.Config) error {
		_, err := s3.NewFromConfig(cfg, pathStyle).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
		return err
	},
	"AssumeRole": func(ctx context.Context, cfg aws.Config) error {
		cfg.Credentials = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), "arn:aws:iam::111122223333:role/tagalong")
		_, err := ecs.NewFromConfig(cfg).DescribeServices(ctx, &ecs.DescribeServicesInput{Services: []string{"s"}})
		return err
	},
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

// answering returns a configuration whose every call gets one answer, in the
// protocol of each service.
func answering(t *testing.T, status int, code, message string) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		switch {
		case r.Header.Get("X-Amz-Target") != "":
			_, _ = fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, message)
		case r.Method == http.MethodGet:
			_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
		default:
			_, _ = fmt.Fprintf(w, "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>", code, message)
		}
	}))
	t.Cleanup(server.Close)
	return configOf(server.URL)
}

func configOf(url string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// One row for each error of CodePipeline, ECR, ECS, S3, STS and DynamoDB that is
// documented for the operations that the actions call.
func TestEveryErrorHasItsType(t *testing.T) {
	const (
		config  = tagalong.ConfigurationError
		denied  = tagalong.PermissionError
		gone    = tagalong.RevisionUnavailable
		failed  = tagalong.JobFailed
		later   = tagalong.SystemUnavailable
		refused = "AccessDeniedException"
		unable  = "User: arn:aws:sts::111122223333:assumed-role/f/f is not authorized"
	)
	for _, c := range []struct {
		call   string
		status int
		code   string
		text   string
		want   tagalong.FailureType
		says   string
	}{
		{"ListActionExecutions", 400, "ValidationException", "x", failed, "ValidationException"},
		{"ListActionExecutions", 400, "PipelineNotFoundException", "x", failed, ""},
		{"ListActionExecutions", 400, "InvalidNextTokenException", "x", failed, ""},
		{"ListActionExecutions", 400, "PipelineExecutionNotFoundException", "x", failed, ""},
		{"ListActionExecutions", 400, refused, unable, denied, "allow the function's role codepipeline:ListActionExecutions"},

		{"PutJobSuccessResult", 400, "ValidationException", "x", failed, ""},
		{"PutJobSuccessResult", 400, "JobNotFoundException", "x", failed, ""},     // ErrNoJob at the edge
		{"PutJobSuccessResult", 400, "InvalidJobStateException", "x", failed, ""}, // ErrJobOver at the edge
		{"PutJobSuccessResult", 400, "OutputVariablesSizeExceededException", "x", failed, "too large"},
		{"PutJobSuccessResult", 400, refused, unable, denied, "codepipeline:PutJobSuccessResult"},

		{"BatchGetImage", 500, "ServerException", "x", later, "retry the action"},
		{"BatchGetImage", 400, "InvalidParameterException", "x", config, ""},
		{"BatchGetImage", 400, "RepositoryNotFoundException", "x", config, "check the name"},
		{"BatchGetImage", 400, "LimitExceededException", "x", config, ""},
		{"BatchGetImage", 400, "UnableToGetUpstreamImageException", "x", later, "retry the action"},
		{"BatchGetImage", 400, "ImageNotFoundException", "x", config, ""},
		{"BatchGetImage", 400, "ThrottlingException", "Rate exceeded", later, "throttles"},
		{"BatchGetImage", 400, refused, unable, denied, "allow the function's role ecr:BatchGetImage on the repository"},
		{"PutImage", 400, "ImageTagAlreadyExistsException", "x", config, "immutability"},
		{"PutImage", 400, "ImageDigestDoesNotMatchException", "x", failed, ""},
		{"PutImage", 400, "LayersNotFoundException", "x", gone, "push it again"},
		{"PutImage", 400, "ReferencedImagesNotFoundException", "x", gone, "push them again"},
		{"PutImage", 400, "LimitExceededException", "1000 tags", config, "remove some"},
		{"PutImage", 400, "RepositoryNotFoundException", "x", config, ""},
		{"PutImage", 400, "InvalidParameterException", "x", config, ""},
		{"PutImage", 400, "InvalidTagParameterException", "x", config, ""},
		{"PutImage", 400, "KmsException", "x", config, "KMS key"},
		{"PutImage", 500, "ServerException", "x", later, ""},
		{"PutImage", 400, refused, unable, denied, "ecr:PutImage"},

		{"DescribeServices", 400, "ClusterNotFoundException", "x", config, "ClusterName"},
		{"DescribeServices", 400, "ServiceNotFoundException", "x", config, "ServiceName"},
		{"DescribeServices", 400, "ServiceNotActiveException", "x", config, "deleted"},
		{"DescribeServices", 400, refused, unable, denied, "ecs:DescribeServices"},
		{"DescribeServices", 400, "ThrottlingException", "Rate exceeded", later, ""},
		{"DescribeServices", 400, "UnrecognizedClientException", "x", denied, "credentials"},
		{"DescribeServices", 400, "ExpiredTokenException", "x", later, "retry the action"},
		{"AssumeRole", 403, "AccessDenied", unable, denied, "allow the function's role sts:AssumeRole"},

		{"Query", 400, "ResourceNotFoundException", "Requested resource not found", config, "TAGALONG_TABLE"},
		{"Query", 400, "ValidationException", "x", failed, ""},
		{"Query", 400, refused, unable, denied, "allow the function's role dynamodb:Query"},
		{"TransactWriteItems", 400, "TransactionCanceledException", "specific reasons [None, TransactionConflict]", later, "retry the action"},
		{"TransactWriteItems", 400, "TransactionCanceledException", "specific reasons [None, ValidationError]", failed, ""},
		{"TransactWriteItems", 400, "TransactionCanceledException", "specific reasons [ItemCollectionSizeLimitExceeded]", failed, ""},
		{"TransactWriteItems", 400, "TransactionInProgressException", "x", later, ""},
		{"TransactWriteItems", 400, "TransactionConflictException", "x", later, ""},
		{"TransactWriteItems", 400, "IdempotentParameterMismatchException", "x", failed, ""},
		{"TransactWriteItems", 400, "ProvisionedThroughputExceededException", "x", later, "throttles"},
		{"TransactWriteItems", 400, "RequestLimitExceeded", "x", later, "throttles"},
		{"TransactWriteItems", 500, "InternalServerError", "x", later, ""},
		{"TransactWriteItems", 400, "ThrottlingException", "x", later, ""},
		{"TransactWriteItems", 400, refused, unable, denied, "dynamodb:ConditionCheckItem"},

		{"GetObject", 404, "NoSuchKey", "x", gone, "release the change again"},
		{"GetObject", 404, "NoSuchBucket", "x", config, ""},
		{"GetObject", 403, "AccessDenied", "Access Denied", denied, "allow the pipeline's role s3:GetObject on the artifact bucket"},
		{"GetObject", 400, "ExpiredToken", "x", later, "retry the action"},
		{"GetObject", 400, "KMS.DisabledException", "x", config, "disabled"},
		{"GetObject", 503, "SlowDown", "x", later, ""},
		{"GetObject", 301, "PermanentRedirect", "x", config, "another Region"},

		{"Query", 503, "", "", later, "retry the action"},
		{"Query", 429, "", "", later, ""},
		{"Query", 418, "TeapotException", "x", failed, ""},
	} {
		t.Run(c.call+" "+c.code, func(t *testing.T) {
			err := calls[c.call](t.Context(), answering(t, c.status, c.code, c.text))
			if err == nil {
				t.Fatal("no error")
			}
			f := classify(fmt.Errorf("doing it: %w", err))
			if f.Type != c.want || !strings.Contains(f.Message, c.says) || !strings.HasPrefix(f.Message, "doing it: ") {
				t.Errorf("%s: %s", f.Type, f.Message)
			}
		})
	}
}

func TestWhatCannotBeReachedMayBeLater(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(server.Close)
	for name, url := range map[string]string{"nobody there": "http://127.0.0.1:1", "connection lost": server.URL} {
		for call, make := range calls {
			if f := classify(make(t.Context(), configOf(url))); f.Type != tagalong.SystemUnavailable {
				t.Errorf("%s, %s: %+v", name, call, f)
			}
		}
	}
}

func TestTheCoresWordsHaveTheirTypes(t *testing.T) {
	for want, errs := range map[tagalong.FailureType][]error{
		tagalong.ConfigurationError:  {ledger.ErrNoTable, tagalong.ErrTaken, tagalong.ErrFull, tagalong.ErrNotFound, tagalong.ErrElsewhere},
		tagalong.RevisionUnavailable: {tagalong.ErrGone},
		tagalong.PermissionError:     {tagalong.ErrDenied},
		tagalong.SystemUnavailable: {tagalong.ErrUnanswered, tagalong.ErrBusy, tagalong.ErrOutOfOrder, ledger.ErrInDoubt, ledger.ErrConflict,
			context.DeadlineExceeded, context.Canceled},
		tagalong.JobFailed: {pipeline.ErrNoExecution, fmt.Errorf("anything")},
	} {
		for _, err := range errs {
			if f := classify(fmt.Errorf("doing it: %w", err)); f.Type != want {
				t.Errorf("%v: %+v", err, f)
			}
		}
	}
}

func TestTheGravestProblemCounts(t *testing.T) {
	err := Together([]error{Unavailable("later"), Gone("gone"), Misconfigured("wrong"), fmt.Errorf("broken")})
	if f := classify(err); f.Type != tagalong.ConfigurationError || f.Message != "later; gone; wrong; broken" {
		t.Errorf("%+v", f)
	}
	if err := Together([]error{Unavailable("later"), Gone("gone")}); classify(err).Type != tagalong.RevisionUnavailable {
		t.Error(err)
	}
	if Together(nil) != nil || Problems(nil) != nil {
		t.Error("an error of nothing")
	}
}

func TestARemarkComesBehindTheAdvice(t *testing.T) {
	f := classify(Remarked(fmt.Errorf("putting: %w", tagalong.ErrBusy), "the claim stays"))
	if f.Type != tagalong.SystemUnavailable || f.Message != "putting: "+tagalong.ErrBusy.Error()+": retry the action; the claim stays" {
		t.Errorf("%s: %s", f.Type, f.Message)
	}
}

// What the core gathers is a list of lines, and lists in lists.
func TestSeveralErrorsAreSaidInOneLine(t *testing.T) {
	inner := multierror.Append(nil, errors.New("a"), tagalong.ErrTaken)
	list := multierror.Append(nil, fmt.Errorf("repository x: %w", inner), errors.New("b"))
	for want, err := range map[string]error{
		"tagging: repository x: a; " + tagalong.ErrTaken.Error() + "; b: exclude the tag from the repository's immutability": fmt.Errorf("tagging: %w", list),
		"one: wrong": fmt.Errorf("one: %w", multierror.Append(nil, Misconfigured("wrong"))),
	} {
		if f := classify(err); f.Type != tagalong.ConfigurationError || f.Message != want {
			t.Errorf("%s: %q", f.Type, f.Message)
		}
	}
}
