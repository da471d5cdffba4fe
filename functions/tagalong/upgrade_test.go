package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A table that older code has written is read and swept by today's, and says what one does
// that today's code has written from its beginning.

// asked are questions whose answers show all that the ledger has of the story.
var asked = []string{
	"environments",
	"running",
	"running prod@2026-03-04T09:00Z",
	"history --limit 0",
	"where checkout-api",
	"where appmesh/aws-appmesh-envoy",
	"release checkout-release/d1ce6a96-aafe-41c5-b0ac-6c396a9989a3",
	"releases",
	"diff staging prod",
	"tags",
}

// askedOnceSwept are those that need what the first sweep after an upgrade writes: the names
// of what has run, and that all has been looked at.
var askedOnceSwept = append([]string{"in-use --previous 9", "find 8c06be4"}, asked...)

// TestATableOfOlderCode takes each table of testdata/older: .ci/older has made it from the
// code of the commit that the file is named after, and makes others.
func TestATableOfOlderCode(t *testing.T) {
	files, err := filepath.Glob("testdata/older/*.json")
	if err != nil || files == nil {
		t.Fatalf("%v, %v", files, err)
	}
	_, url := sandboxed(t, "told")
	swept(t)
	want := map[string][]row{}
	for _, question := range askedOnceSwept {
		want[question] = rows(t, question)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			replaceTable(t, url, file)
			for _, question := range asked {
				rows(t, question)
			}
			swept(t)
			if again := swept(t); !strings.Contains(again, " 0 facts recorded, 0 tags moved") {
				t.Errorf("the second sweep: %s", again)
			}
			for _, question := range askedOnceSwept {
				compare(t, question, want[question], rows(t, question))
			}
		})
	}
}

// row is one of an answer, by its fields.
type row map[string]any

// compare holds a ledger that older code has begun against one of today's code. It says
// nothing else, and lacks what older code did not keep of what had ended: where rollouts
// ran that never completed.
func compare(t *testing.T, question string, today, older []row) {
	t.Helper()
	have := map[string]bool{}
	for _, r := range older {
		have[r.text()] = true
	}
	for _, r := range today {
		text := r.text()
		if !have[text] && r["phase"] != "ended" {
			t.Errorf("tagalong %s: no longer says %s", question, text)
		}
		delete(have, text)
	}
	for text := range have {
		t.Errorf("tagalong %s: says what is not so: %s", question, text)
	}
}

// text is all that the row says, but for the tag by which a digest is known that was
// pinned: older code did not keep it.
func (r row) text() string {
	forget(map[string]any(r))
	raw, _ := json.Marshal(r) // it was read from JSON
	return string(raw)
}

func forget(value any) {
	switch v := value.(type) {
	case map[string]any:
		if v["evidence"] == "pinned" {
			delete(v, "imageTag")
		}
		for _, field := range v {
			forget(field)
		}
	case []any:
		for _, one := range v {
			forget(one)
		}
	}
}

// rows asks a question, which has an answer.
func rows(t *testing.T, question string) (rows []row) {
	t.Helper()
	r := tagalongIn(t.Context(), "", append(strings.Fields(question), "-o", "json")...)
	var object struct{ Items []row } // the JSON of a release has its rollouts in an object
	err := json.Unmarshal([]byte(r.stdout), &rows)
	if err != nil {
		err = json.Unmarshal([]byte(r.stdout), &object)
		rows = object.Items
	}
	if err != nil || r.status == exitFailed || len(rows) == 0 {
		t.Errorf("tagalong %s: exit status %d, %d rows, %v\n%s", question, r.status, len(rows), err, r.stderr)
	}
	return rows
}

// swept sweeps the whole: what is left is the tag that the story cannot move.
func swept(t *testing.T) string {
	t.Helper()
	r := tagalongIn(t.Context(), "", "sweep", "--whole")
	if r.status != exitDifferences || !strings.Contains(r.stderr, "differences found: 1 left") {
		t.Errorf("sweep: exit status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	return r.stderr
}

// replaceTable has the table hold the items of a file and nothing else.
func replaceTable(t *testing.T, url, file string) {
	t.Helper()
	client := dynamodb.NewFromConfig(configAt(url))
	page, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(sandboxTable)})
	if err != nil || page.LastEvaluatedKey != nil {
		t.Fatalf("%v, %v", page, err)
	}
	for _, item := range page.Items {
		key := map[string]types.AttributeValue{"pk": item["pk"], "sk": item["sk"]}
		if _, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(sandboxTable), Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || len(items) < 50 {
		t.Fatal(fmt.Errorf("%s: %d items: %w", file, len(items), err))
	}
	for _, stored := range items {
		item, err := attributevalue.UnmarshalMapJSON(stored)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(sandboxTable), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
}
