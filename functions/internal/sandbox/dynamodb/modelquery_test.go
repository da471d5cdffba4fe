package dynamodb_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"
)

// Query pages through a partition of the table.
func (m *machine) Query(t *rapid.T) {
	pk, low := genPK.Draw(t, "pk"), genSK.Draw(t, "low")
	operator := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "="}).Draw(t, "operator")
	in := &dynamodb.QueryInput{
		TableName: &m.table, KeyConditionExpression: aws.String("pk = :p AND sk " + operator + " :s"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": str(pk), ":s": str(low)},
	}
	got, forward := m.pages(t, in)
	want := slices.DeleteFunc(
		m.model.query(func(r modelRow) string { return r.pk }, pk, bySortKey, forward),
		func(r modelRow) bool { return !satisfies(strings.Compare(r.sk, low), operator) },
	)
	if got != show(want) {
		t.Fatalf("query of %s sk %s %s:\n got %s\nwant %s", pk, operator, low, got, show(want))
	}
}

func satisfies(order int, operator string) bool {
	return order < 0 && operator[0] == '<' || order > 0 && operator[0] == '>' || order == 0 && strings.HasSuffix(operator, "=")
}

// QueryIndex pages through a partition of the index.
func (m *machine) QueryIndex(t *rapid.T) {
	g := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "g")
	got, forward := m.pages(t, &dynamodb.QueryInput{
		TableName: &m.table, IndexName: aws.String("byg"), KeyConditionExpression: aws.String("g = :g"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":g": str(g)},
	})
	want := m.model.query(func(r modelRow) string { return r.g }, g, byIndex, forward)
	if got != show(want) {
		t.Fatalf("query of index %s:\n got %s\nwant %s", g, got, show(want))
	}
}

// pages runs a query with a limit and direction drawn, page by page.
func (m *machine) pages(t *rapid.T, in *dynamodb.QueryInput) (rows string, forward bool) {
	forward = rapid.Bool().Draw(t, "forward")
	in.ScanIndexForward = &forward
	in.Limit = aws.Int32(rapid.Int32Range(1, 8).Draw(t, "limit"))
	var all []modelRow
	for {
		out, err := m.client.Query(m.ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range out.Items {
			all = append(all, rowOf(it))
		}
		if len(out.LastEvaluatedKey) == 0 {
			return show(all), forward
		}
		if out.Count != *in.Limit {
			t.Fatalf("page of %d with a last key, limit %d", out.Count, *in.Limit)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func rowOf(it map[string]types.AttributeValue) modelRow {
	var r modelRow
	r.pk = it["pk"].(*types.AttributeValueMemberS).Value
	r.sk = it["sk"].(*types.AttributeValueMemberS).Value
	if g, ok := it["g"].(*types.AttributeValueMemberS); ok {
		r.g = g.Value
	}
	_, _ = fmt.Sscan(it["n"].(*types.AttributeValueMemberN).Value, &r.n) // an integer, as written
	return r
}

func show(rows []modelRow) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%+v ", r)
	}
	return b.String()
}
