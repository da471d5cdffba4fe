// Package dynamodb is a small, strict DynamoDB in memory that speaks the real
// wire protocol, so that the unmodified AWS SDK can be pointed at it.
//
// It is a test double and a sandbox: a program under test uses the SDK as it
// does against AWS, and this package answers as AWS does, down to error codes,
// cancellation reasons, paging and consumed capacity. It has what the ledger and
// its neighbours use of DynamoDB. What it does not know it refuses and names (an
// operation, a member of a request, a function of an expression, the legacy
// parameters of 2012); nothing is ignored in silence.
//
// Items of a partition and of an index's partition are kept sorted, so a query
// costs the search for its start plus what it returns, and a transaction costs
// the items it touches. Values are never changed in place: a reader may hold
// what it was given while writers go on.
//
// Not covered: of expressions document paths, sums, ADD, DELETE, IN and all
// functions but attribute_exists, attribute_not_exists and begins_with;
// transactional reads, changes of a table, provisioned capacity, local secondary
// indexes, tags, streams, backups, global tables, PartiQL, import and export. Time to
// live is a setting only: expired items stay readable, as they may for days in AWS.
// What is read by Scan counts against no throughput, and a batch that is too much is
// refused as a whole.
package dynamodb
