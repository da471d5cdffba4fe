//go:build conformance

package dynamodbtest_test

import (
	"os"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/dynamodb/dynamodbtest"
)

// endpoints are the variables that name what to run against.
var endpoints = map[dynamodbtest.Implementation]string{
	dynamodbtest.DynamoDBLocal: "DYNAMODB_LOCAL_URL",
	dynamodbtest.MiniStack:     "MINISTACK_URL",
}

func TestConformance(t *testing.T) {
	found := false
	for implementation, variable := range endpoints {
		if url := os.Getenv(variable); url != "" {
			found = true
			t.Run(string(implementation), func(t *testing.T) {
				t.Run("Suite", func(t *testing.T) { dynamodbtest.SuiteOf(t, connect(url), implementation) })
				t.Run("Differential", func(t *testing.T) {
					dynamodbtest.Differential(t, embedded(t), connect(url), implementation, 3000)
				})
			})
		}
	}
	if !found {
		t.Fatal("neither DYNAMODB_LOCAL_URL nor MINISTACK_URL is set: run this under .ci/dynamodb-local or .ci/ministack")
	}
}
