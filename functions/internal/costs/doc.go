// Package costs holds the tests of what grows: the calls, the items and the capacity that
// an event, an answer and a sweep take of DynamoDB, counted at 10, 100, 1,000 and 5,000 of
// what a ledger may have many of. They are constant, or in line with the answer.
package costs
