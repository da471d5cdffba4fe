package dynamodb_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	fake "github.com/tagalong-aws/tagalong/functions/internal/sandbox/dynamodb"
)

// connect makes an SDK client that does not retry.
func connect(url string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &url,
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer:      aws.NopRetryer{},
	})
}

// post sends a raw body, as no SDK would, and gives status and answer.
func post(db *fake.DB, operation, body string, change ...func(*http.Request)) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	db.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

const createBody = `{"TableName":"tab","BillingMode":"PAY_PER_REQUEST",
	"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}`

// refusals are requests that AWS or this package refuses, and what the answer
// must name.
var refusals = []struct{ name, operation, body, code, names string }{
	{"UnknownOperation", "ExecuteStatement", `{}`, "UnknownOperationException", "ExecuteStatement"},
	{"UnknownMember", "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"Consistent":true}`, "ValidationException", "Consistent"},
	{"MemberInOtherCase", "GetItem", `{"tableName":"tab","Key":{"pk":{"S":"a"}}}`, "ValidationException", "tableName"},
	{"UnknownMemberBelow", "BatchGetItem", `{"RequestItems":{"tab":{"Keys":[{"pk":{"S":"a"}}],"Limit":1}}}`, "ValidationException", "Limit"},
	{"UnknownMemberInList", "TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"tab","Key":{"pk":{"S":"a"}},"X":1}}]}`, "ValidationException", "X"},
	{"LegacyExpected", "PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}},"Expected":{}}`, "ValidationException", "Expected"},
	{"LegacyKeyConditions", "Query", `{"TableName":"tab","KeyConditions":{}}`, "ValidationException", "KeyConditions"},
	{"LegacyAttributesToGet", "BatchGetItem", `{"RequestItems":{"tab":{"Keys":[{"pk":{"S":"a"}}],"AttributesToGet":["a"]}}}`, "ValidationException", "AttributesToGet"},
	{"LocalIndexes", "CreateTable", `{"TableName":"two","LocalSecondaryIndexes":[]}`, "ValidationException", "LocalSecondaryIndexes"},
	{"Streams", "CreateTable", `{"TableName":"two","StreamSpecification":{"StreamEnabled":true}}`, "ValidationException", "StreamSpecification"},
	{"IndexesOfUpdateTable", "UpdateTable", `{"TableName":"tab","GlobalSecondaryIndexUpdates":[]}`, "ValidationException", "GlobalSecondaryIndexUpdates"},
	{"NotJSON", "GetItem", `{"TableName":`, "SerializationException", ""},
	{"NotAnObject", "GetItem", `[]`, "SerializationException", ""},
	{"WrongTypeOfMember", "GetItem", `{"TableName":1,"Key":{"pk":{"S":"a"}}}`, "SerializationException", ""},
	{"NoTable", "GetItem", `{"Key":{"pk":{"S":"a"}}}`, "ValidationException", "tableName"},
	{"NoKey", "GetItem", `{"TableName":"tab"}`, "ValidationException", "key"},
	{"EmptyValue", "GetItem", `{"TableName":"tab","Key":{"pk":{}}}`, "ValidationException", "empty"},
	{"NullValue", "GetItem", `{"TableName":"tab","Key":{"pk":null}}`, "ValidationException", "empty"},
	{"TwoTypes", "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a","N":"1"}}}`, "ValidationException", "more than one"},
	{"UnknownType", "GetItem", `{"TableName":"tab","Key":{"pk":{"T":"a"}}}`, "ValidationException", "T"},
	{"NumberAsNumber", "GetItem", `{"TableName":"tab","Key":{"pk":{"N":1}}}`, "SerializationException", ""},
	{"NotBase64", "PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"b":{"B":"?"}}}`, "SerializationException", ""},
	{"BadValueBelow", "PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"l":{"L":[{"M":{"x":{"NULL":false}}}]}}}`, "ValidationException", "Null"},
	{"EnumOfReturnValues", "PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}},"ReturnValues":"all_old"}`, "ValidationException", "all_old"},
	{"EnumOfCapacity", "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"ReturnConsumedCapacity":"ALL"}`, "ValidationException", "ALL"},
	{"TableNameTooShort", "GetItem", `{"TableName":"t","Key":{"pk":{"S":"a"}}}`, "ValidationException", "tableName"},
	{"ReturnValuesInTransaction", "TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"tab","Item":{"pk":{"S":"a"}},"ReturnValues":"NONE"}}]}`, "ValidationException", "ReturnValues"},
	{"NoActionInTransaction", "TransactWriteItems", `{"TransactItems":[{}]}`, "ValidationException", ""},
}

func TestRefusals(t *testing.T) {
	db := fake.New(fake.Options{})
	if status, answer := post(db, "CreateTable", createBody); status != http.StatusOK {
		t.Fatal(answer)
	}
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			status, answer := post(db, c.operation, c.body)
			if status != http.StatusBadRequest || !strings.Contains(answer, "#"+c.code+`"`) || !strings.Contains(answer, c.names) {
				t.Errorf("got %d %s, want %s naming %q", status, answer, c.code, c.names)
			}
		})
	}
}

func TestTransportRefusals(t *testing.T) {
	db := fake.New(fake.Options{})
	for name, change := range map[string]func(*http.Request){
		"method":       func(r *http.Request) { r.Method = http.MethodGet },
		"target":       func(r *http.Request) { r.Header.Set("X-Amz-Target", "ListTables") },
		"no target":    func(r *http.Request) { r.Header.Del("X-Amz-Target") },
		"content type": func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
		"cut off":      func(r *http.Request) { r.Body = io.NopCloser(io.MultiReader(bytes.NewReader([]byte("{")), failing{})) },
	} {
		if status, answer := post(db, "ListTables", `{}`, change); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", name, status, answer)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestScopes(t *testing.T) {
	db := fake.New(fake.Options{Scope: func(r *http.Request) string { return r.Header.Get("Scope") }})
	in := func(scope string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Scope", scope) }
	}
	if _, answer := post(db, "CreateTable", createBody, in("111122223333/eu-west-1")); !strings.Contains(answer, "arn:aws:dynamodb:eu-west-1:111122223333:table/tab") {
		t.Errorf("ARN of another scope: %s", answer)
	}
	if _, answer := post(db, "ListTables", `{}`, in("111122223333/us-east-1")); answer != `{"TableNames":[]}` {
		t.Errorf("tables of another Region: %s", answer)
	}
	if status, answer := post(db, "CreateTable", createBody, in("444455556666/eu-west-1")); status != http.StatusOK {
		t.Errorf("table of another account is in the way: %s", answer)
	}
}

// TestTokenExpires: after ten minutes a token is new again.
func TestTokenExpires(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	db := fake.New(fake.Options{Now: func() time.Time { return now }})
	post(db, "CreateTable", createBody)
	increment := func() {
		status, answer := post(db, "TransactWriteItems", `{"ClientRequestToken":"t","TransactItems":[{"Update":{"TableName":"tab","Key":{"pk":{"S":"a"}},
			"UpdateExpression":"ADD n :v","ExpressionAttributeValues":{":v":{"N":"1"}}}}]}`)
		if status != http.StatusOK {
			t.Fatal(answer)
		}
	}
	for _, step := range []struct {
		wait time.Duration
		want string
	}{{0, "1"}, {9 * time.Minute, "1"}, {time.Minute, "2"}} {
		now = now.Add(step.wait)
		increment()
		_, answer := post(db, "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}}}`)
		if !strings.Contains(answer, `"n":{"N":"`+step.want+`"}`) {
			t.Errorf("after %v: %s, want n = %s", step.wait, answer, step.want)
		}
	}
}

// TestRepeatedTransactionCapacity: a repetition reads what the first has written.
func TestRepeatedTransactionCapacity(t *testing.T) {
	db := fake.New(fake.Options{})
	post(db, "CreateTable", createBody)
	body := `{"ClientRequestToken":"t","ReturnConsumedCapacity":"TOTAL","TransactItems":[{"Put":{"TableName":"tab","Item":{"pk":{"S":"a"}}}}]}`
	for _, want := range []string{`"WriteCapacityUnits":2`, `"ReadCapacityUnits":2`} {
		if _, answer := post(db, "TransactWriteItems", body); !strings.Contains(answer, want) {
			t.Errorf("got %s, want %s", answer, want)
		}
	}
}

// TestConcurrentTransactions moves an amount between accounts from many sides;
// every transactional read must see the same sum. Run it with -race.
func TestConcurrentTransactions(t *testing.T) {
	server := httptest.NewServer(fake.New(fake.Options{}))
	defer server.Close()
	db := connect(server.URL)
	ctx := context.Background()
	table := aws.String("accounts")
	_, err := db.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: definitions("pk", "S", "sk", "S"), KeySchema: schema("pk", "sk"),
	})
	if err != nil {
		t.Fatal(err)
	}
	add := func(sk string, n int) types.TransactWriteItem {
		return types.TransactWriteItem{Update: &types.Update{
			TableName: table, Key: keyOf("a", sk), UpdateExpression: aws.String("ADD n :n"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":n": number(n)},
		}}
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 50 {
				from, to := fmt.Sprint((worker+i)%5), fmt.Sprint((worker+i+1)%5)
				if _, err := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{add(from, -i), add(to, i)}}); err != nil {
					t.Error(err)
				}
				if sum := total(ctx, t, db, *table); sum != 0 {
					t.Errorf("sum is %d in the middle of a transaction", sum)
				}
			}
		})
	}
	group.Wait()
}

func total(ctx context.Context, t *testing.T, db *dynamodb.Client, table string) int {
	in := &dynamodb.TransactGetItemsInput{}
	for i := range 5 {
		in.TransactItems = append(in.TransactItems, types.TransactGetItem{Get: &types.Get{TableName: &table, Key: keyOf("a", fmt.Sprint(i))}})
	}
	out, err := db.TransactGetItems(ctx, in)
	if err != nil {
		t.Error(err)
		return 0
	}
	sum := 0
	for _, response := range out.Responses {
		if response.Item != nil {
			sum += rowOf(response.Item).n
		}
	}
	return sum
}
