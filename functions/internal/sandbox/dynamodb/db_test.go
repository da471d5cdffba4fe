package dynamodb_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	fake "github.com/tagalong-aws/tagalong/functions/internal/sandbox/dynamodb"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// post calls an operation with a body that no SDK need have written, and gives
// the answer, or the error.
func post(db *fake.DB, operation, body string) (string, error) {
	return postAs(db, wire.Caller{}, operation, body)
}

func postAs(db *fake.DB, caller wire.Caller, operation, body string) (string, error) {
	out, err := db.Call(caller, operation, []byte(body))
	if err != nil {
		return "", err
	}
	answer, err := json.Marshal(out)
	return string(answer), err
}

// must is post where nothing may be refused.
func must(tb testing.TB, db *fake.DB, operation, body string) string {
	tb.Helper()
	answer, err := post(db, operation, body)
	if err != nil {
		tb.Fatal(err)
	}
	return answer
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
	{"UnknownMemberInList", "TransactWriteItems", `{"TransactItems":[{"Delete":{"TableName":"tab","Key":{"pk":{"S":"a"}},"X":1}}]}`, "ValidationException", "TransactItems.Delete.X"},
	{"LegacyExpected", "PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}},"Expected":{}}`, "ValidationException", "Expected"},
	{"LegacyKeyConditions", "Query", `{"TableName":"tab","KeyConditions":{}}`, "ValidationException", "KeyConditions"},
	{"LegacyAttributesToGet", "BatchGetItem", `{"RequestItems":{"tab":{"Keys":[{"pk":{"S":"a"}}],"AttributesToGet":["a"]}}}`, "ValidationException", "AttributesToGet"},
	{"LocalIndexes", "CreateTable", `{"TableName":"two","LocalSecondaryIndexes":[]}`, "ValidationException", "LocalSecondaryIndexes"},
	{"Streams", "CreateTable", `{"TableName":"two","StreamSpecification":{"StreamEnabled":true}}`, "ValidationException", "StreamSpecification"},
	{"Tags", "CreateTable", `{"TableName":"two","Tags":[]}`, "ValidationException", "Tags"},
	{"Provisioned", "CreateTable", strings.Replace(createBody, "PAY_PER_REQUEST", "PROVISIONED", 1), "ValidationException", "PROVISIONED"},
	{"UnknownOperation", "ExecuteStatement", `{}`, "UnknownOperationException", "ExecuteStatement"},
	{"UpdateTable", "UpdateTable", `{"TableName":"tab"}`, "UnknownOperationException", "UpdateTable"},
	{"TransactGetItems", "TransactGetItems", `{"TransactItems":[]}`, "UnknownOperationException", "TransactGetItems"},
	{"DocumentPath", "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"ProjectionExpression":"a.b"}`, "ValidationException", "a.b"},
	{"ListIndex", "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"ProjectionExpression":"a[1]"}`, "ValidationException", "a[1]"},
	{"Sum", "UpdateItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n = n + n"}`, "ValidationException", "n + n"},
	{"UpdateFunction", "UpdateItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n = if_not_exists(n, q)"}`, "ValidationException", "if_not_exists"},
	{"Add", "UpdateItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD n :n","ExpressionAttributeValues":{":n":{"N":"1"}}}`, "ValidationException", "ADD"},
	{"ConditionFunction", "DeleteItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"ConditionExpression":"contains(n, q)"}`, "ValidationException", "contains"},
	{"Segments", "Scan", `{"TableName":"tab","Segment":0,"TotalSegments":1}`, "ValidationException", "egment"},
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
	must(t, db, "CreateTable", createBody)
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			answer, err := post(db, c.operation, c.body)
			if refused, ok := errors.AsType[*wire.Error](err); !ok || refused.Code != c.code || !strings.Contains(refused.Message, c.names) {
				t.Errorf("got %s %v, want %s naming %q", answer, err, c.code, c.names)
			}
		})
	}
}

func TestScopes(t *testing.T) {
	db := fake.New(fake.Options{})
	in := func(account, region string) wire.Caller {
		return wire.Caller{Scope: wire.Scope{Account: account, Region: region}}
	}
	if answer, err := postAs(db, in("111122223333", "eu-west-1"), "CreateTable", createBody); !strings.Contains(answer, "arn:aws:dynamodb:eu-west-1:111122223333:table/tab") {
		t.Errorf("ARN of another scope: %s %v", answer, err)
	}
	if answer, err := postAs(db, in("111122223333", "us-east-1"), "ListTables", `{}`); answer != `{"TableNames":[]}` {
		t.Errorf("tables of another Region: %s %v", answer, err)
	}
	if _, err := postAs(db, in("444455556666", "eu-west-1"), "CreateTable", createBody); err != nil {
		t.Errorf("table of another account is in the way: %v", err)
	}
}

// TestTokenExpires: after ten minutes a token is new again.
func TestTokenExpires(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	db := fake.New(fake.Options{Now: func() time.Time { return now }})
	must(t, db, "CreateTable", createBody)
	const key = `"TableName":"tab","Key":{"pk":{"S":"a"}}`
	for _, step := range []struct {
		wait    time.Duration
		written bool
	}{{0, true}, {9 * time.Minute, false}, {time.Minute, true}} {
		now = now.Add(step.wait)
		must(t, db, "DeleteItem", `{`+key+`}`)
		must(t, db, "TransactWriteItems", `{"ClientRequestToken":"t","TransactItems":[{"Put":{"TableName":"tab","Item":{"pk":{"S":"a"}}}}]}`)
		if answer := must(t, db, "GetItem", `{`+key+`}`); strings.Contains(answer, `"pk"`) != step.written {
			t.Errorf("after %v: %s, want it written: %v", step.wait, answer, step.written)
		}
	}
}

// TestRepeatedTransactionCapacity: a repetition reads what the first has written.
func TestRepeatedTransactionCapacity(t *testing.T) {
	db := fake.New(fake.Options{})
	must(t, db, "CreateTable", createBody)
	body := `{"ClientRequestToken":"t","ReturnConsumedCapacity":"TOTAL","TransactItems":[{"Put":{"TableName":"tab","Item":{"pk":{"S":"a"}}}}]}`
	for _, want := range []string{`"WriteCapacityUnits":2`, `"ReadCapacityUnits":2`} {
		if answer := must(t, db, "TransactWriteItems", body); !strings.Contains(answer, want) {
			t.Errorf("got %s, want %s", answer, want)
		}
	}
}

// TestATransactionCostsItsItemsTwiceAndTheirIndexesOnce: an index follows what was
// committed. That it does so for the price of any write was measured of AWS.
func TestATransactionCostsItsItemsTwiceAndTheirIndexesOnce(t *testing.T) {
	db := fake.New(fake.Options{})
	must(t, db, "CreateTable", `{"TableName":"tab","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"g","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
		"GlobalSecondaryIndexes":[{"IndexName":"byg","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`)
	text := strings.Repeat("x", 1500)
	for _, step := range []struct{ name, action, table, index string }{
		{"made", `"Put":{"TableName":"tab","Item":{"pk":{"S":"a"},"g":{"S":"1"}}}`, "2", "1"},
		{"moved", `"Put":{"TableName":"tab","Item":{"pk":{"S":"a"},"g":{"S":"2"},"text":{"S":"` + text + `"}}}`, "4", "3"},
		{"removed", `"Delete":{"TableName":"tab","Key":{"pk":{"S":"a"}}}`, "4", "2"},
	} {
		answer := must(t, db, "TransactWriteItems", `{"ReturnConsumedCapacity":"INDEXES","TransactItems":[{`+step.action+`}]}`)
		for _, want := range []string{`"Table":{"CapacityUnits":` + step.table + `,`, `"byg":{"CapacityUnits":` + step.index + `,`} {
			if !strings.Contains(answer, want) {
				t.Errorf("%s: got %s, want %s", step.name, answer, want)
			}
		}
	}
}

// TestThroughput: what a key or the table has not left for this second is refused, and
// nothing of it is done.
func TestThroughput(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	db := fake.New(fake.Options{Now: func() time.Time { return now }, Throughput: fake.Throughput{KeyReads: 1, KeyWrites: 2, TableReads: 4, TableWrites: 4}})
	must(t, db, "CreateTable", createBody)
	put := func(key, text string) string {
		return `"Put":{"TableName":"tab","Item":{"pk":{"S":"` + key + `"},"text":{"S":"` + text + `"}}}`
	}
	get := func(key string) string {
		return `{"TableName":"tab","ConsistentRead":true,"Key":{"pk":{"S":"` + key + `"}}}`
	}
	for i, step := range []struct {
		wait            time.Duration
		operation, body string
		refused         string
	}{
		{0, "TransactWriteItems", `{"TransactItems":[{` + put("a", "1") + `}]}`, ""},
		{0, "TransactWriteItems", `{"TransactItems":[{` + put("a", "2") + `},{` + put("b", "2") + `}]}`, "ThrottlingError"},
		{0, "GetItem", get("a"), ""},
		{0, "GetItem", get("a"), "ProvisionedThroughputExceededException"},
		{0, "BatchGetItem", `{"RequestItems":{"tab":{"Keys":[{"pk":{"S":"a"}},{"pk":{"S":"c"}}]}}}`, "ProvisionedThroughputExceededException"},
		{0, "GetItem", get("b"), ""}, // has a rate of its own
		{500 * time.Millisecond, "TransactWriteItems", `{"TransactItems":[{` + put("a", "3") + `},{` + put("b", "3") + `}]}`, ""},
		{0, "PutItem", `{"TableName":"tab","Item":{"pk":{"S":"c"}}}`, "ProvisionedThroughputExceededException"},                        // the table's
		{time.Minute, "PutItem", `{"TableName":"tab","Item":{"pk":{"S":"c"},"text":{"S":"` + strings.Repeat("x", 10_000) + `"}}}`, ""}, // one that is large
		{time.Second, "DeleteItem", `{"TableName":"tab","Key":{"pk":{"S":"c"}}}`, "ProvisionedThroughputExceededException"},
	} {
		now = now.Add(step.wait)
		_, err := post(db, step.operation, step.body)
		if refused := err != nil; refused != (step.refused != "") || refused && !strings.Contains(err.Error(), step.refused) {
			t.Errorf("step %d: %v, want %q", i, err, step.refused)
		}
	}
	now = now.Add(time.Minute)
	if answer := must(t, db, "GetItem", get("b")); !strings.Contains(answer, `"3"`) {
		t.Errorf("b is %s", answer)
	}
}

// TestConcurrentTransactions moves amounts between accounts from many sides, each
// on the condition that both are as they were read; every consistent read must see
// the same sum. Run it with -race.
func TestConcurrentTransactions(t *testing.T) {
	db := dynamodb.NewFromConfig(sandboxtest.Start(t).Config())
	table := aws.String("accounts")
	_, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: definitions("pk", "S", "sk", "S"), KeySchema: schema("pk", "sk"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: modelRow{pk: "a", sk: fmt.Sprint(i)}.item()}); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for moved := 0; moved < 50; {
				accounts := read(t, db, *table)
				if sum(accounts) != 0 {
					t.Errorf("%v in the middle of a transaction", accounts)
				}
				from, to := (worker+moved)%5, (worker+moved+1)%5
				_, err := db.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
					change(*table, from, accounts[from], -1), change(*table, to, accounts[to], 1),
				}})
				switch sandboxtest.Code(err) {
				case "":
					moved++
				case "TransactionCanceledException": // another was faster
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// change adds to an account that has the balance n.
func change(table string, account, n, by int) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &table, Key: keyOf("a", fmt.Sprint(account)), UpdateExpression: aws.String("SET n = :next"), ConditionExpression: aws.String("n = :n"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":n": number(n), ":next": number(n + by)},
	}}
}

// read gives the balances of all accounts.
func read(t *testing.T, db *dynamodb.Client, table string) (balances []int) {
	out, err := db.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :a"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":a": str("a")},
	})
	if err != nil {
		t.Error(err)
		return make([]int, 5)
	}
	for _, it := range out.Items {
		balances = append(balances, rowOf(it).n)
	}
	return balances
}

func sum(numbers []int) (total int) {
	for _, n := range numbers {
		total += n
	}
	return total
}
