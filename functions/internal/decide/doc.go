// Package decide turns what the ledger holds of a service, and one observation, into the
// change to write. It is pure: what it must know first, it asks for.
package decide
