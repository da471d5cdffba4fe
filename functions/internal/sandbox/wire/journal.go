package wire

import (
	"bytes"
	"sync"
)

// Journal keeps the events that a service gives. The zero value is an empty one; it
// is safe for concurrent use.
type Journal struct {
	mu     sync.Mutex
	events [][]byte
}

// Record adds an event.
func (j *Journal) Record(event []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, event)
}

// Events gives every event so far, in order.
func (j *Journal) Events() [][]byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	events := make([][]byte, len(j.events))
	for i, event := range j.events {
		events[i] = bytes.Clone(event)
	}
	return events
}
