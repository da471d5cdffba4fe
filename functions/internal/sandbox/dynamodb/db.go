package dynamodb

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options configure a DB. The zero value works.
type Options struct {
	// Now is the clock, time.Now when nil.
	Now func() time.Time

	// Scope tells the account and Region that a request belongs to, as
	// "ACCOUNT/REGION"; tables of different scopes know nothing of each other.
	// Nil means that all requests share one scope, "000000000000/us-east-1".
	Scope func(*http.Request) string
}

// DB is a DynamoDB in memory, an http.Handler. Its methods may be called from
// several goroutines.
type DB struct {
	now    func() time.Time
	scope  func(*http.Request) string
	mu     sync.Mutex // guards scopes
	scopes map[string]*scope
}

const defaultScope = "000000000000/us-east-1"

// New makes an empty DB.
func New(opts Options) *DB {
	db := &DB{now: opts.Now, scope: opts.Scope, scopes: map[string]*scope{}}
	if db.now == nil {
		db.now = time.Now
	}
	if db.scope == nil {
		db.scope = func(*http.Request) string { return defaultScope }
	}
	return db
}

// scope is the tables of one account and Region.
type scope struct {
	now     func() time.Time
	account string
	region  string

	mu     sync.RWMutex // guards what follows, tables' contents included
	tables map[string]*table
	tokens map[string]tokenUse

	tokenSweep int // number of tokens at which old ones are dropped
}

func (db *DB) scopeOf(r *http.Request) *scope {
	name := db.scope(r)
	db.mu.Lock()
	defer db.mu.Unlock()
	s, ok := db.scopes[name]
	if !ok {
		account, region, _ := strings.Cut(name, "/")
		s = &scope{now: db.now, account: account, region: region, tables: map[string]*table{}, tokens: map[string]tokenUse{}}
		db.scopes[name] = s
	}
	return s
}

// table finds a table for an operation on items. The caller holds the lock.
func (s *scope) table(name string) (*table, error) {
	if t, ok := s.tables[name]; ok {
		return t, nil
	}
	return nil, errorf(codeTableNotFound, "Requested resource not found")
}
