// Package tagalong is the core: what a deployment means for the ledger and for
// the tags. It knows no AWS SDK; the technologies sit behind the interfaces of
// ledger.go, registry.go and workload.go.
//
// Read it in this order. fact.go and fold.go turn what ECS said into rollouts
// (pure). environment.go and claim.go say which tags a running rollout claims
// (pure). decide.go compares what the ledger holds with what it should hold and
// gives the write set (pure). observe.go takes one event through all of it, and
// converge.go moves the tags under the fence. ending.go says which of it is news, and
// announce.go tells those who hang on it.
package tagalong
