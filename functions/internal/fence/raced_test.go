//go:build race

package fence_test

// raced leaves out the schedules that stop both handlers: the race detector
// makes them ten times as slow, and looks for something else.
const raced = true
