package dynamodb

import (
	"cmp"
	"hash/fnv"
	"slices"
)

// collection is a table or an index: sorted partitions by partition key.
type collection struct {
	partitions map[string]*sorted
	items      int
	bytes      int
	order      []string // partition keys in the order of a scan; nil when stale
}

func newCollection() *collection {
	return &collection{partitions: map[string]*sorted{}}
}

// partitionID is the text of a partition key; keys of one schema have one kind.
func partitionID(v value) string {
	if v.kind == kindN {
		return v.number.String()
	}
	return v.text
}

// partition is the entries of one partition key, possibly none.
func (c *collection) partition(key value) *sorted {
	if s, ok := c.partitions[partitionID(key)]; ok {
		return s
	}
	return &sorted{}
}

func (c *collection) get(key value, position []value) *entry {
	return c.partition(key).get(position)
}

// put stores an entry that replaces old, which is nil for a new position.
func (c *collection) put(key value, e *entry, old item) {
	id := partitionID(key)
	s, ok := c.partitions[id]
	if !ok {
		s = &sorted{}
		c.partitions[id] = s
		c.order = nil
	}
	s.put(e)
	if old == nil {
		c.items++
	}
	c.bytes += e.item.size() - old.size()
}

func (c *collection) remove(key value, position []value, old item) {
	id := partitionID(key)
	s := c.partitions[id]
	s.remove(position)
	if len(s.chunks) == 0 {
		delete(c.partitions, id)
		c.order = nil
	}
	c.items--
	c.bytes -= old.size()
}

// hashOf places a partition in a scan, as AWS does by a hash of its own.
func hashOf(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// compareScan orders partitions in a scan.
func compareScan(a, b string) int {
	return cmp.Or(cmp.Compare(hashOf(a), hashOf(b)), cmp.Compare(a, b))
}

// scanOrder is all partition keys in the order of a scan. The caller must hold
// the lock for writing, since the order is kept.
func (c *collection) scanOrder() []string {
	if c.order == nil {
		c.order = make([]string, 0, len(c.partitions))
		for id := range c.partitions {
			c.order = append(c.order, id)
		}
		slices.SortFunc(c.order, compareScan)
	}
	return c.order
}
