package ecs

import "sync"

// cacheSize bounds what a warm function keeps of each kind.
const cacheSize = 256

// cache keeps the values that were put last. The zero value is an empty one; it
// is safe for concurrent use.
type cache[T any] struct {
	mu     sync.Mutex
	values map[string]T
	order  []string // keys, the oldest first
}

func (c *cache[T]) get(key string) (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, ok = c.values[key]
	return value, ok
}

func (c *cache[T]) put(key string, value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = map[string]T{}
	}
	if _, there := c.values[key]; !there {
		if len(c.order) == cacheSize {
			delete(c.values, c.order[0])
			c.order = c.order[1:]
		}
		c.order = append(c.order, key)
	}
	c.values[key] = value
}
