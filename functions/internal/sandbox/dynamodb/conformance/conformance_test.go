//go:build conformance

package conformance

import (
	"os"
	"testing"
)

// endpoints are the variables that name what to run against.
var endpoints = map[Implementation]string{
	DynamoDBLocal: "DYNAMODB_LOCAL_URL",
	MiniStack:     "MINISTACK_URL",
}

func TestConformance(t *testing.T) {
	found := false
	for implementation, variable := range endpoints {
		if url := os.Getenv(variable); url != "" {
			found = true
			t.Run(string(implementation), func(t *testing.T) {
				t.Run("Suite", func(t *testing.T) { SuiteOf(t, connect(url), implementation) })
				t.Run("Differential", func(t *testing.T) {
					Differential(t, embedded(t), connect(url), implementation, 3000)
				})
			})
		}
	}
	if !found {
		t.Fatal("neither DYNAMODB_LOCAL_URL nor MINISTACK_URL is set: run this under .ci/dynamodb-local or .ci/ministack")
	}
}
