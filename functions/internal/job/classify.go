package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// classify is the one place that says whose matter an error is. Its own word
// counts first, then what AWS says, then the core's word for it.
func classify(err error) tagalong.Failure {
	if e, ok := errors.AsType[*Error](err); ok {
		return tagalong.Failure{Type: e.Type, Message: said(err)}
	}
	for _, known := range []func(error) (tagalong.FailureType, string){byCode, bySentinel, byTransport} {
		if kind, advice := known(err); kind != "" {
			return tagalong.Failure{Type: kind, Message: withAdvice(err, advice)}
		}
	}
	return tagalong.Failure{Type: tagalong.JobFailed, Message: said(err)}
}

func withAdvice(err error, advice string) string {
	if advice == "" {
		return said(err)
	}
	return said(err) + ": " + advice
}

// byCode judges what AWS answered.
func byCode(err error) (tagalong.FailureType, string) {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return "", ""
	}
	code := api.ErrorCode()
	if strings.HasPrefix(code, "AccessDenied") || code == "UnauthorizedOperation" {
		return tagalong.PermissionError, grant(err)
	}
	if code == "TransactionCanceledException" {
		return canceled(api.ErrorMessage())
	}
	if known, ok := codes[code]; ok {
		return known.kind, known.advice
	}
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled {
		return tagalong.SystemUnavailable, "AWS throttles the calls: " + retryAction
	}
	return "", ""
}

// canceled judges a transaction of DynamoDB by the reasons that its message
// lists: busy items and tables can do better, an illegal write cannot.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html#API_TransactWriteItems_Errors
func canceled(message string) (tagalong.FailureType, string) {
	if strings.Contains(message, "ValidationError") || strings.Contains(message, "ItemCollectionSizeLimitExceeded") {
		return tagalong.JobFailed, ""
	}
	return tagalong.SystemUnavailable, retryAction
}

// prefixes are how IAM's actions begin, by the SDK's names of the services.
var prefixes = map[string]string{
	"CodePipeline": "codepipeline", "DynamoDB": "dynamodb", "ECR": "ecr", "ECS": "ecs", "S3": "s3", "STS": "sts",
}

// grant says what to allow, and to whom.
func grant(err error) string {
	op := innermost(err)
	if op == nil {
		return "allow it to the function's role"
	}
	action := prefixes[op.ServiceID] + ":" + op.OperationName
	switch {
	case op.ServiceID == "S3": // with the job's credentials, which come from there
		return fmt.Sprintf("allow the pipeline's role %s on the artifact bucket, and the use of the artifact store's KMS key", action)
	case op.ServiceID == "STS":
		return fmt.Sprintf("allow the function's role %s, and let the role's trust policy name it", action)
	case op.OperationName == "TransactWriteItems":
		return "allow the function's role dynamodb:PutItem, dynamodb:UpdateItem, dynamodb:DeleteItem and dynamodb:ConditionCheckItem on the table"
	case op.ServiceID == "ECR":
		return fmt.Sprintf("allow the function's role %s on the repository; in another account its policy must allow it, too", action)
	}
	return "allow the function's role " + action
}

// innermost returns the operation that failed: one that needs another account's
// credentials fails by the operation that fetches them.
func innermost(err error) (last *smithy.OperationError) {
	for {
		op, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			return last
		}
		last, err = op, op.Err
	}
}

func bySentinel(err error) (tagalong.FailureType, string) {
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.kind, s.advice
		}
	}
	return "", ""
}

// byTransport knows what time may mend: services that are out of order, slow or
// not to be reached.
func byTransport(err error) (tagalong.FailureType, string) {
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](err)
	_, network := errors.AsType[net.Error](err)
	reply, replied := errors.AsType[*smithyhttp.ResponseError](err)
	switch {
	case replied && (reply.HTTPStatusCode() >= http.StatusInternalServerError || reply.HTTPStatusCode() == http.StatusTooManyRequests),
		unsent, network, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return tagalong.SystemUnavailable, retryAction
	}
	return "", ""
}
