// Package tagalongtest holds in-memory implementations of what the core needs:
// a ledger, a registry, a workload and pipelines that keep state, and no mocks.
// Beside them stand the contract suites that every implementation of these
// interfaces must pass, whatever it stores its things in.
package tagalongtest
