package dynamodb_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// modelRow is an item of the model: keys, an index key that may be empty for
// none, and a number.
type modelRow struct {
	pk, sk, g string
	n         int
}

// model is the simplest table that could work: a map, searched from end to end.
type model map[[2]string]modelRow

// query is what a query must give: the rows of a partition from a position on,
// in order.
func (m model) query(by func(modelRow) string, partition string, order func(a, b modelRow) int, forward bool) []modelRow {
	var rows []modelRow
	for _, r := range m {
		if by(r) == partition {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, order)
	if !forward {
		slices.Reverse(rows)
	}
	return rows
}

func bySortKey(a, b modelRow) int { return strings.Compare(a.sk, b.sk) }

// byIndex is the order of the index: by number, and among equals by table key,
// which is this implementation's choice.
func byIndex(a, b modelRow) int {
	return cmp.Or(cmp.Compare(a.n, b.n), strings.Compare(a.pk, b.pk), strings.Compare(a.sk, b.sk))
}

func (r modelRow) item() map[string]types.AttributeValue {
	it := keyOf(r.pk, r.sk)
	it["n"] = number(r.n)
	if r.g != "" {
		it["g"] = str(r.g)
	}
	return it
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

func keyOf(pk, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": str(pk), "sk": str(sk)}
}

// machine drives a DB and the model side by side.
type machine struct {
	ctx    context.Context
	client *dynamodb.Client
	table  string
	model  model
}

func newMachine(t *rapid.T, client *dynamodb.Client, table string) *machine {
	m := &machine{ctx: context.Background(), client: client, table: table, model: model{}}
	_, err := client.CreateTable(m.ctx, &dynamodb.CreateTableInput{
		TableName: &m.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: definitions("pk", "S", "sk", "S", "g", "S", "n", "N"),
		KeySchema:            schema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("byg"), KeySchema: schema("g", "n"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func definitions(pairs ...string) []types.AttributeDefinition {
	var list []types.AttributeDefinition
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, types.AttributeDefinition{AttributeName: &pairs[i], AttributeType: types.ScalarAttributeType(pairs[i+1])})
	}
	return list
}

func schema(hash, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &hash, KeyType: types.KeyTypeHash},
		{AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}

var (
	genPK = rapid.SampledFrom([]string{"a", "b", "c"})
	genSK = rapid.StringMatching(`[a-e]{1,3}`)
	genG  = rapid.SampledFrom([]string{"", "x", "y"})
	genN  = rapid.IntRange(-5, 20)
)

func drawRow(t *rapid.T) modelRow {
	return modelRow{genPK.Draw(t, "pk"), genSK.Draw(t, "sk"), genG.Draw(t, "g"), genN.Draw(t, "n")}
}

func (m *machine) Put(t *rapid.T) {
	r := drawRow(t)
	_, err := m.client.PutItem(m.ctx, &dynamodb.PutItemInput{TableName: &m.table, Item: r.item()})
	if err != nil {
		t.Fatal(err)
	}
	m.model[[2]string{r.pk, r.sk}] = r
}

func (m *machine) Delete(t *rapid.T) {
	r := drawRow(t)
	_, err := m.client.DeleteItem(m.ctx, &dynamodb.DeleteItemInput{TableName: &m.table, Key: keyOf(r.pk, r.sk)})
	if err != nil {
		t.Fatal(err)
	}
	delete(m.model, [2]string{r.pk, r.sk})
}

// Increase sets n to a bound where it is less, and drops the index key.
func (m *machine) Increase(t *rapid.T) {
	r := drawRow(t)
	_, err := m.client.UpdateItem(m.ctx, &dynamodb.UpdateItemInput{
		TableName: &m.table, Key: keyOf(r.pk, r.sk),
		UpdateExpression: aws.String("SET n = :bound REMOVE g"), ConditionExpression: aws.String("n < :bound"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":bound": number(r.n)},
	})
	old, ok := m.model[[2]string{r.pk, r.sk}]
	if holds := ok && old.n < r.n; holds != (err == nil) {
		t.Fatalf("condition on %+v: %v", old, err)
	}
	if err == nil {
		m.model[[2]string{r.pk, r.sk}] = modelRow{old.pk, old.sk, "", r.n}
	}
}

// Transact puts one row where there is none and deletes another where there is
// one, or does neither.
func (m *machine) Transact(rt *rapid.T) {
	a, b := drawRow(rt), drawRow(rt)
	if a.pk == b.pk && a.sk == b.sk {
		rt.Skip("one item: another step is drawn")
	}
	_, err := m.client.TransactWriteItems(m.ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &m.table, Item: a.item(), ConditionExpression: aws.String("attribute_not_exists(pk)")}},
		{Delete: &types.Delete{TableName: &m.table, Key: keyOf(b.pk, b.sk), ConditionExpression: aws.String("attribute_exists(pk)")}},
	}})
	_, hasA := m.model[[2]string{a.pk, a.sk}]
	_, hasB := m.model[[2]string{b.pk, b.sk}]
	want := []string{code(!hasA), code(hasB)}
	var cancelled *types.TransactionCanceledException
	switch {
	case errors.As(err, &cancelled):
		got := []string{*cancelled.CancellationReasons[0].Code, *cancelled.CancellationReasons[1].Code}
		if !slices.Equal(got, want) {
			rt.Fatalf("reasons %v, want %v", got, want)
		}
	case err != nil || hasA || !hasB:
		rt.Fatalf("transaction of %+v and %+v: %v, want %v", a, b, err, want)
	default:
		m.model[[2]string{a.pk, a.sk}] = a
		delete(m.model, [2]string{b.pk, b.sk})
	}
}

func code(holds bool) string {
	if holds {
		return "None"
	}
	return "ConditionalCheckFailed"
}

// Check compares the whole table and its counts.
func (m *machine) Check(t *rapid.T) {
	out, err := m.client.DescribeTable(m.ctx, &dynamodb.DescribeTableInput{TableName: &m.table})
	if err != nil {
		t.Fatal(err)
	}
	indexed := 0
	for _, r := range m.model {
		if r.g != "" {
			indexed++
		}
	}
	if int(*out.Table.ItemCount) != len(m.model) || int(*out.Table.GlobalSecondaryIndexes[0].ItemCount) != indexed {
		t.Fatalf("%d items and %d in the index, want %d and %d", *out.Table.ItemCount, *out.Table.GlobalSecondaryIndexes[0].ItemCount, len(m.model), indexed)
	}
}

func TestAgainstModel(t *testing.T) {
	client := dynamodb.NewFromConfig(sandboxtest.Start(t).Config())
	tables := 0
	rapid.Check(t, func(t *rapid.T) {
		tables++
		m := newMachine(t, client, fmt.Sprintf("model-%d", tables))
		t.Repeat(map[string]func(*rapid.T){
			"Put": m.Put, "Delete": m.Delete, "Increase": m.Increase, "Transact": m.Transact,
			"Query": m.Query, "QueryIndex": m.QueryIndex, "": m.Check,
		})
	})
}
