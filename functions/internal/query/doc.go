// Package query answers the questions that people and tools ask of the ledger.
package query
