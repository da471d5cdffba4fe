package storm_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/dynamodb"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// cloud is AWS as the function reaches it: the sandbox, whose calls take time, keep to
// rates, are refused while a service is down, and whose transactions are in each other's way.
type cloud struct {
	*sandbox.Sandbox

	mu     sync.Mutex
	dice   *rand.Rand
	rates  []*rate
	down   outage
	locked map[itemKey]bool // what a transaction under way is about
	seen   counts
}

// outage refuses a service's operations, those of an empty list all, until a time.
type outage struct {
	service    string // the prefix of X-Amz-Target
	operations []string
	until      time.Time
}

func (o outage) refuses(target string, now time.Time) bool {
	service, operation, _ := strings.Cut(target, ".")
	return o.service != "" && strings.HasPrefix(service, o.service) && now.Before(o.until) &&
		(len(o.operations) == 0 || slices.Contains(o.operations, operation))
}

// counts are the calls that were answered, and why others were not.
type counts struct {
	calls      int
	overRate   int // of ECR or ECS
	throughput int // of DynamoDB
	conflicts  int // of transactions
	stale      int // transactions whose condition did not hold
}

// rate is a token bucket that some operations share.
type rate struct {
	name          string
	operations    []string
	burst, second float64

	tokens float64
	at     time.Time
	taken  int
}

// rates are those of an account in a Region,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html and
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html.
// That a second's puts may come at once is a guess.
func rates() []*rate {
	return []*rate{
		{name: "ECR's puts", operations: []string{"PutImage"}, burst: 10, second: 10},
		{name: "ECR's reads", operations: []string{"BatchGetImage"}, burst: 2000, second: 2000},
		{name: "ECS's service revisions", operations: []string{"DescribeServiceRevisions"}, burst: 50, second: 20},
		{name: "ECS's tasks", operations: []string{"DescribeTasks", "ListTasks"}, burst: 100, second: 20},
		{name: "ECS's task definitions", operations: []string{"DescribeTaskDefinition"}, burst: 50, second: 20},
	}
}

func (r *rate) take(now time.Time) bool {
	if r.at.IsZero() {
		r.tokens, r.at = r.burst, now
	}
	r.tokens, r.at = min(r.burst, r.tokens+r.second*now.Sub(r.at).Seconds()), now
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	r.taken++
	return true
}

// shortest is how long an operation takes at least; it takes up to three times as long.
var shortest = map[string]time.Duration{
	"BatchGetItem": 4 * time.Millisecond, "Query": 4 * time.Millisecond, "UpdateItem": 5 * time.Millisecond,
	"PutItem": 5 * time.Millisecond, "DeleteItem": 5 * time.Millisecond, "BatchWriteItem": 6 * time.Millisecond, "TransactWriteItems": 10 * time.Millisecond,
	"BatchGetImage": 15 * time.Millisecond, "PutImage": 60 * time.Millisecond, "DescribeServiceRevisions": 40 * time.Millisecond,
}

func newCloud(seed uint64) *cloud {
	return &cloud{
		Sandbox: sandbox.New(sandbox.Options{Region: region, Account: account, Throughput: dynamodb.OnDemand}),
		dice:    rand.New(rand.NewPCG(seed, 1)), locked: map[itemKey]bool{},
	}
}

// begin has the rates hold from now on, and a service be down.
func (c *cloud) begin(down outage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rates, c.down, c.seen = rates(), down, counts{}
}

// Do implements aws.HTTPClient. A call that its context ends may have been done all the same.
func (c *cloud) Do(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	target := r.Header.Get("X-Amz-Target")
	_, operation, _ := strings.Cut(target, ".")
	there, back := c.delays(operation)
	items := itemsOf(operation, body)
	refusal := c.admit(target, operation, items)
	if refusal == nil {
		defer c.release(operation, items)
	}
	if err := wait.For(r.Context(), there); err != nil {
		return nil, err
	}
	reply := httptest.NewRecorder()
	if refusal != nil {
		reply.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		wire.WriteError(reply, refusal)
	} else {
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.ServeHTTP(reply, r)
		c.note(reply)
	}
	if err := wait.For(r.Context(), back); err != nil {
		return nil, err
	}
	return reply.Result(), nil
}

// delays draws how long a request and its answer take.
func (c *cloud) delays(operation string) (there, back time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rates == nil {
		return 0, 0
	}
	least, known := shortest[operation]
	if !known {
		least = 20 * time.Millisecond
	}
	all := least + time.Duration(c.dice.Int64N(int64(2*least)))
	return all / 2, all - all/2
}

// admit refuses a call that comes too soon, at a bad time, or into another's transaction.
func (c *cloud) admit(target, operation string, items []itemKey) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.seen.calls++; c.seen.calls%10_000 == 0 {
		c.ResetCalls() // the sandbox would keep them all
	}
	if c.down.refuses(target, now) {
		return wire.Errorf("ThrottlingException", "Rate exceeded")
	}
	for _, r := range c.rates {
		if slices.Contains(r.operations, operation) && !r.take(now) {
			c.seen.overRate++
			return wire.Errorf("ThrottlingException", "Rate exceeded")
		}
	}
	if err := conflictOf(operation, items, c.locked); err != nil {
		c.seen.conflicts++
		return err
	}
	if operation == transact {
		for _, i := range items {
			c.locked[i] = true
		}
	}
	return nil
}

func (c *cloud) release(operation string, items []itemKey) {
	if operation != transact {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range items {
		delete(c.locked, i)
	}
}

// note counts what DynamoDB has refused by itself.
func (c *cloud) note(reply *httptest.ResponseRecorder) {
	if reply.Code != http.StatusBadRequest {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	body := reply.Body.Bytes()
	switch {
	case bytes.Contains(body, []byte("ThrottlingError")), bytes.Contains(body, []byte("ThroughputExceeded")):
		c.seen.throughput++
	case bytes.Contains(body, []byte("TransactionCanceled")):
		c.seen.stale++
	}
}

const transact = "TransactWriteItems"

// itemKey is the key of an item of the ledger.
type itemKey struct {
	PK struct{ S string } `json:"pk"`
	SK struct{ S string } `json:"sk"`
}

// write is an action of a transaction, or a write by itself.
type write struct{ Key, Item itemKey }

func (w write) item() itemKey {
	if w.Item != (itemKey{}) {
		return w.Item
	}
	return w.Key
}

// itemsOf returns what a call writes or checks.
func itemsOf(operation string, body []byte) (items []itemKey) {
	switch operation {
	case transact:
		var in struct{ TransactItems []map[string]write }
		_ = json.Unmarshal(body, &in) // what is malformed the sandbox refuses
		for _, action := range in.TransactItems {
			for _, w := range action {
				items = append(items, w.item())
			}
		}
	case "UpdateItem", "PutItem", "DeleteItem":
		var in write
		_ = json.Unmarshal(body, &in)
		items = []itemKey{in.item()}
	}
	return items
}

// conflictOf refuses to write what a transaction under way is about,
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html.
func conflictOf(operation string, items []itemKey, locked map[itemKey]bool) error {
	reasons, conflict := make([]map[string]string, len(items)), false
	for i, item := range items {
		reasons[i] = map[string]string{"Code": "None"}
		if locked[item] {
			conflict, reasons[i] = true, map[string]string{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
		}
	}
	switch {
	case !conflict:
		return nil
	case operation != transact:
		return wire.Errorf("TransactionConflictException", "Transaction is ongoing for the item")
	}
	err := wire.Errorf("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons")
	err.Members = map[string]any{"CancellationReasons": reasons}
	return err
}
