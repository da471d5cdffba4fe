//go:build conformance

package dynamo_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheContractElsewhere(t *testing.T) {
	found := false
	for _, variable := range []string{"DYNAMODB_LOCAL_URL", "MINISTACK_URL"} {
		url := os.Getenv(variable)
		if url == "" {
			continue
		}
		found = true
		t.Run(variable, func(t *testing.T) {
			client := dynamodb.NewFromConfig(aws.Config{
				Region:       "us-east-1",
				BaseEndpoint: &url,
				Credentials:  credentials.NewStaticCredentialsProvider("AKIDCONFORMANCE", "secret", ""),
				HTTPClient:   boot.HTTPClient(nil),
			})
			tagalongtest.LedgerSuite(t, opened(client))
			settings(t, client)
		})
	}
	if !found {
		t.Fatal("neither DYNAMODB_LOCAL_URL nor MINISTACK_URL is set: run this under .ci/dynamodb-local or .ci/ministack")
	}
}
