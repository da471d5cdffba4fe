package dynamodb

import (
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Options configure a DB. The zero value works.
type Options struct {
	Now        func() time.Time // the clock, time.Now when nil
	Throughput Throughput       // what there is in a second
}

// DB is a DynamoDB in memory, with tables of its own for each account and Region.
// Its methods may be called from several goroutines.
type DB struct {
	now        func() time.Time
	throughput Throughput
	mu         sync.Mutex // guards scopes
	scopes     map[wire.Scope]*scope
}

// New makes an empty DB.
func New(opts Options) *DB {
	db := &DB{now: opts.Now, throughput: opts.Throughput, scopes: map[wire.Scope]*scope{}}
	if db.now == nil {
		db.now = time.Now
	}
	return db
}

var operations = wire.Operations[*scope]{
	"BatchGetItem":       op((*scope).batchGetItem),
	"BatchWriteItem":     op((*scope).batchWriteItem),
	"CreateTable":        op((*scope).createTable),
	"DeleteItem":         op((*scope).deleteItem),
	"DeleteTable":        op((*scope).deleteTable),
	"DescribeTable":      op((*scope).describeTable),
	"DescribeTimeToLive": op((*scope).describeTimeToLive),
	"GetItem":            op((*scope).getItem),
	"ListTables":         op((*scope).listTables),
	"PutItem":            op((*scope).putItem),
	"Query":              op((*scope).query),
	"Scan":               op((*scope).scan),
	"TransactWriteItems": op((*scope).transactWriteItems),
	"UpdateItem":         op((*scope).updateItem),
	"UpdateTimeToLive":   op((*scope).updateTimeToLive),
}

// op leaves out the caller, whose scope has been chosen.
func op[In, Out any](f func(*scope, *In) (Out, error)) func(*scope, wire.Caller, []byte) (any, error) {
	return wire.Op(func(s *scope, _ wire.Caller, in In) (Out, error) { return f(s, &in) })
}

// Call answers one request, as wire.Service asks.
func (db *DB) Call(caller wire.Caller, operation string, body []byte) (any, error) {
	return operations.Call(db.scope(caller.Scope), caller, operation, body)
}

// scope is the tables of one account and Region.
type scope struct {
	wire.Scope
	now      func() time.Time
	throttle *throttle

	mu     sync.RWMutex // guards what follows, tables' contents included
	tables map[string]*table
	tokens map[string]tokenUse

	tokenSweep int // number of tokens at which old ones are dropped
}

func (db *DB) scope(of wire.Scope) *scope {
	db.mu.Lock()
	defer db.mu.Unlock()
	s, ok := db.scopes[of]
	if !ok {
		s = &scope{Scope: of, now: db.now, throttle: newThrottle(db.throughput, db.now), tables: map[string]*table{}, tokens: map[string]tokenUse{}}
		db.scopes[of] = s
	}
	return s
}

// table finds a table for an operation on items. The caller holds the lock.
func (s *scope) table(name string) (*table, error) {
	if t, ok := s.tables[name]; ok {
		return t, nil
	}
	return nil, wire.Errorf(codeTableNotFound, "Requested resource not found")
}
