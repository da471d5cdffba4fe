package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Implementation is what a suite runs against.
type Implementation string

const (
	// AWS stands for the documented behaviour, without deviations.
	AWS           Implementation = "AWS"
	DynamoDBLocal Implementation = "DynamoDB Local"
	MiniStack     Implementation = "MiniStack"
)

// testCase is one named case; run panics through env where it fails.
type testCase struct {
	name string
	run  func(*env)
}

// Suite runs all cases against what the client is connected to, which must
// behave as documented by AWS.
func Suite(t *testing.T, client *dynamodb.Client) {
	SuiteOf(t, client, AWS)
}

// SuiteOf runs all cases against an implementation whose known deviations are
// in the table of this package. A case listed there must fail: once it passes,
// its entry is out of date.
func SuiteOf(t *testing.T, client *dynamodb.Client, implementation Implementation) {
	all := cases()
	reasons := known(implementation)
	for name := range reasons {
		if !slices.ContainsFunc(all, func(c testCase) bool { return c.name == name }) {
			t.Errorf("deviation of a case that does not exist: %q", name)
		}
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			err := runCase(t, client, c)
			why, deviates := reasons[c.name]
			switch {
			case deviates && err == nil:
				t.Errorf("%s conforms here, its entry is out of date: %s", implementation, why)
			case deviates:
				t.Logf("%s deviates: %s\n%v", implementation, why, err)
			case err != nil:
				t.Error(err)
			}
		})
	}
}

// cases are all cases of the suite.
func cases() []testCase {
	return slices.Concat(
		tableCases(),
		itemCases(),
		valueCases(),
		numberCases(),
		limitCases(),
		conditionCases(),
		updateCases(),
		returnCases(),
		projectionCases(),
		queryCases(),
		pagingCases(),
		indexCases(),
		scanCases(),
		batchCases(),
		transactionCases(),
		tokenCases(),
		capacityCases(),
		settingsCases(),
	)
}

// failure is what a failed case panics with.
type failure struct{ message string }

// runCase runs one case in a table of its own and returns why it failed.
func runCase(t *testing.T, client *dynamodb.Client, c testCase) (err error) {
	e := &env{ctx: t.Context(), client: client, table: tableName(c.name)}
	defer e.deleteTables()
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			err = errors.New(f.message)
		}
	}()
	c.run(e)
	return nil
}

var notInTableName = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)

// tableName makes a name that is unique, since names of cases are, and the
// same in every run.
func tableName(name string) string {
	return "conformance." + notInTableName.ReplaceAllString(name, ".")
}

// env is what a case works with: a client and the case's own tables.
type env struct {
	ctx    context.Context
	client *dynamodb.Client
	table  string
	tables []string // made so far
}

func (e *env) fatalf(format string, args ...any) {
	panic(failure{fmt.Sprintf(format, args...)})
}

// ok ends the case unless err is nil.
func (e *env) ok(err error) {
	if err != nil {
		e.fatalf("unexpected error: %v", err)
	}
}

// equal ends the case unless both texts are the same.
func (e *env) equal(what, got, want string) {
	if got != want {
		e.fatalf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// code ends the case unless err is an API error with the code.
func (e *env) code(err error, want string) {
	if got := errorCode(err); got != want {
		e.fatalf("error code: got %q, want %q (%v)", got, want, err)
	}
}

// deleteTables deletes what the case made, whatever became of the case.
func (e *env) deleteTables() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), time.Minute)
	defer cancel()
	for _, name := range e.tables {
		_, _ = e.client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}) // may be gone already
	}
}
