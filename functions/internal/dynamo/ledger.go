// Package dynamo keeps the ledger in one DynamoDB table. Each record has a file that says
// all about it: what it is, its keys, an example of it as it lies in the table, how it is
// read and written, and under which condition.
//
//	pk                    sk                                 gsi1            gsi2                  file
//	SVC#service           F#time#name#subject#source                                               fact.go
//	                      HEAD                                                                     head.go
//	                      PROGRESS                                                                 progress.go
//	                      R#time#deployment                  E#environment   X#pipeline/execution  rollout.go
//	ENV#environment       NOW#service                                                              running.go
//	                      GONE#until#service                                                       past.go
//	REPO#repository       IDLE#…, NEXT#…, NOW#…              I#tag           D#digest              placement.go
//	                      DRAIN#since#…, WAS#since#…                         D#digest
//	                      PREV#registry#service#container                                          previous.go
//	                      PROMO#registry#tag                                                       promotion.go
//	                      READ#…#tag                         I#tag                                 unmanaged.go
//	                      TAG#registry#tag                   T#environment                         tag.go
//	D#digest              index#registry#repository                                                child.go
//	X#pipeline/execution  ORIGIN                                                                   execution.go
//	                      STAGE#time#stage#state#attempt                                           stage.go
//	                      PROMO#registry#repository#tag#job                                        promotion.go
//	JOB#job               JOB                                                                      job.go
//	DIR                   S#service, E#environment, ES#…                                           directory.go
//	                      R#repository#registry                                                    name.go
//	NAME#beginning        text#kind#what it leads to                                               name.go
//	FIND#digest           SCAN                                                                     finding.go
//	                      V#finding#package
//	CVE#finding           digest#finding
//	EXPOSED               environment#finding
//	OUT                   recordedAt#service#rollout                                               outbox.go
//	STALE                 service#id                                                               untag.go
//	UNMANAGED             service                                                                  unmanaged.go
//	TASKS                 account/region/cluster/task:family                                       taskfamily.go
//	SWEEP                 UNTAG                                                                    untaglock.go
//	                      CURSOR                                                                   cursor.go
//	                      SWEPT                                                                    swept.go
//	@setting              SETTING                                                                  setting.go
//
// Several records hold the same parts: container.go, release.go, claim.go, timeline.go and
// rest.go have those. commit.go says which records a change writes, write.go what it is to
// write one, transaction.go how they are written together and what a refusal means, read.go
// how they are read.
package dynamo

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// Ledger is a table with the ledger in it.
type Ledger struct {
	client *dynamodb.Client
	table  string
	now    func() time.Time
	// written are the names, and the lines of the directory, that this process has put.
	written *memory
}

var (
	_ ledger.Ledger  = (*Ledger)(nil)
	_ ledger.Records = (*Ledger)(nil)
)

// New returns the ledger in a table.
func New(client *dynamodb.Client, table string) *Ledger {
	return &Ledger{client: client, table: table, now: time.Now, written: new(memory)}
}

// At returns the same ledger with another clock.
func (l *Ledger) At(now func() time.Time) *Ledger {
	return &Ledger{client: l.client, table: l.table, now: now, written: l.written}
}
