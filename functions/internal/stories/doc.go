// Package stories holds the tests of the rooms together, and no other code: random
// stories of deployments, whose events are lost, late, doubled and interleaved, must end
// in the same ledger and the same tags.
package stories
