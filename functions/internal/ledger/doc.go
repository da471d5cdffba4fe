// Package ledger says what is kept: the records, the change that one observation makes to
// them, and the interfaces of the store, whose comments are its contract.
package ledger
