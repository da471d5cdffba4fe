package accounts

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Self gives the id of our own account.
type Self func(ctx context.Context) (string, error)

// OwnAccount knows our own account from the invoked function's ARN; outside of
// an invocation it asks STS once.
func OwnAccount(cfg aws.Config) Self {
	var (
		mu    sync.Mutex
		known string
	)
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if known == "" {
			known = invoked(ctx)
		}
		if known != "" {
			return known, nil
		}
		identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", fmt.Errorf("own account: %w", err)
		}
		known = aws.ToString(identity.Account)
		return known, nil
	}
}

// invoked returns the account of the function that is at work, "" outside of one:
// arn:aws:lambda:us-east-1:111122223333:function:NAME.
func invoked(ctx context.Context) string {
	invocation, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return ""
	}
	parts := strings.Split(invocation.InvokedFunctionArn, ":")
	if len(parts) < 7 || parts[2] != "lambda" {
		return ""
	}
	return parts[4]
}
