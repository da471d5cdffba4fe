// Package meter counts what a client of DynamoDB consumes: its calls, the items that they
// read, and their capacity units, as the server answers them.
package meter

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// Usage is what was consumed.
type Usage struct {
	Calls int
	Items int     // that were read
	RCU   float64 // read capacity units
	WCU   float64 // write capacity units
	// By has the calls of each operation.
	By map[string]int
}

// Meter counts. The zero Meter is ready, and safe for concurrent use.
type Meter struct {
	mu   sync.Mutex
	used Usage
}

// Option has a client counted.
func (m *Meter) Option(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Initialize.Add(m, middleware.Before) })
}

// Take returns what was consumed since the last time, and begins anew.
func (m *Meter) Take() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	used := m.used
	m.used = Usage{}
	return used
}

// ID implements middleware.InitializeMiddleware.
func (*Meter) ID() string { return "meter" }

// HandleInitialize implements middleware.InitializeMiddleware.
func (m *Meter) HandleInitialize(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	ask(in.Parameters)
	out, metadata, err := next.HandleInitialize(ctx, in)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.Calls++
	if m.used.By == nil {
		m.used.By = map[string]int{}
	}
	m.used.By[middleware.GetOperationName(ctx)]++
	m.used.add(out.Result)
	return out, metadata, err
}

// ask has the capacity told that a call consumes. The parameters are the SDK's own copy of
// what the caller gave.
func ask(parameters any) {
	const total = types.ReturnConsumedCapacityTotal
	switch p := parameters.(type) {
	case *dynamodb.QueryInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.BatchGetItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.TransactWriteItemsInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.BatchWriteItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.PutItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.UpdateItemInput:
		p.ReturnConsumedCapacity = total
	case *dynamodb.DeleteItemInput:
		p.ReturnConsumedCapacity = total
	}
}

func (u *Usage) add(result any) {
	switch r := result.(type) {
	case *dynamodb.QueryOutput:
		u.Items += int(r.ScannedCount)
		u.RCU += of(r.ConsumedCapacity)
	case *dynamodb.BatchGetItemOutput:
		for _, items := range r.Responses {
			u.Items += len(items)
		}
		for _, c := range r.ConsumedCapacity {
			u.RCU += of(&c)
		}
	case *dynamodb.TransactWriteItemsOutput:
		for _, c := range r.ConsumedCapacity {
			u.WCU += of(&c)
		}
	case *dynamodb.BatchWriteItemOutput:
		for _, c := range r.ConsumedCapacity {
			u.WCU += of(&c)
		}
	case *dynamodb.PutItemOutput:
		u.WCU += of(r.ConsumedCapacity)
	case *dynamodb.UpdateItemOutput:
		u.WCU += of(r.ConsumedCapacity)
	case *dynamodb.DeleteItemOutput:
		u.WCU += of(r.ConsumedCapacity)
	}
}

func of(c *types.ConsumedCapacity) float64 {
	if c == nil {
		return 0
	}
	return aws.ToFloat64(c.CapacityUnits)
}
