// Package reactor takes one fact on its way: it reads the ledger, resolves digests,
// decides, commits, and converges the tags whose wish has changed.
package reactor
