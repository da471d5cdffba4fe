package dynamodb

import (
	"slices"
	"sort"
)

// entry is an item at its position in a partition: the values it is sorted by.
type entry struct {
	position []value
	item     item
}

func comparePositions(a, b []value) int { return slices.CompareFunc(a, b, value.compare) }

// maxChunk bounds the cost of an insertion into a long partition.
const maxChunk = 512

// sorted holds the entries of one partition in order, in chunks that are never
// empty.
type sorted struct {
	chunks [][]*entry
}

// cursor is a place in sorted. A cursor behind the end is {len(chunks), 0}.
type cursor struct{ chunk, index int }

func (c cursor) less(d cursor) bool {
	return c.chunk < d.chunk || c.chunk == d.chunk && c.index < d.index
}

// search is the first entry for which before is false; entries for which it is
// true come first.
func (s *sorted) search(before func(*entry) bool) cursor {
	chunk := sort.Search(len(s.chunks), func(i int) bool {
		return !before(s.chunks[i][len(s.chunks[i])-1])
	})
	if chunk == len(s.chunks) {
		return cursor{chunk, 0}
	}
	entries := s.chunks[chunk]
	return cursor{chunk, sort.Search(len(entries), func(i int) bool { return !before(entries[i]) })}
}

// from is the first entry at the position or behind it.
func (s *sorted) from(position []value) cursor {
	return s.search(func(e *entry) bool { return comparePositions(e.position, position) < 0 })
}

// behind is the first entry behind the position.
func (s *sorted) behind(position []value) cursor {
	return s.search(func(e *entry) bool { return comparePositions(e.position, position) <= 0 })
}

func (s *sorted) start() cursor { return cursor{} }

func (s *sorted) end() cursor { return cursor{chunk: len(s.chunks)} }

func (s *sorted) at(c cursor) *entry { return s.chunks[c.chunk][c.index] }

func (s *sorted) next(c cursor) cursor {
	if c.index+1 < len(s.chunks[c.chunk]) {
		return cursor{c.chunk, c.index + 1}
	}
	return cursor{c.chunk + 1, 0}
}

func (s *sorted) previous(c cursor) cursor {
	if c.index > 0 {
		return cursor{c.chunk, c.index - 1}
	}
	return cursor{c.chunk - 1, len(s.chunks[c.chunk-1]) - 1}
}

// get is the entry at the position, or nil.
func (s *sorted) get(position []value) *entry {
	c := s.from(position)
	if c.chunk == len(s.chunks) || comparePositions(s.at(c).position, position) != 0 {
		return nil
	}
	return s.at(c)
}

// put inserts the entry or replaces the one at its position.
func (s *sorted) put(e *entry) {
	c := s.from(e.position)
	if c.chunk == len(s.chunks) {
		s.append(e)
		return
	}
	entries := s.chunks[c.chunk]
	if comparePositions(entries[c.index].position, e.position) == 0 {
		entries[c.index] = e
		return
	}
	s.chunks[c.chunk] = slices.Insert(entries, c.index, e)
	s.split(c.chunk)
}

// append puts an entry behind all others.
func (s *sorted) append(e *entry) {
	last := len(s.chunks) - 1
	if last < 0 || len(s.chunks[last]) >= maxChunk {
		s.chunks = append(s.chunks, []*entry{e})
		return
	}
	s.chunks[last] = append(s.chunks[last], e)
}

// split halves a chunk that has grown too long.
func (s *sorted) split(chunk int) {
	entries := s.chunks[chunk]
	if len(entries) <= maxChunk {
		return
	}
	half := len(entries) / 2
	s.chunks[chunk] = entries[:half:half]
	s.chunks = slices.Insert(s.chunks, chunk+1, slices.Clone(entries[half:]))
}

// remove deletes the entry at the position.
func (s *sorted) remove(position []value) {
	c := s.from(position)
	if c.chunk == len(s.chunks) || comparePositions(s.at(c).position, position) != 0 {
		return
	}
	s.chunks[c.chunk] = slices.Delete(s.chunks[c.chunk], c.index, c.index+1)
	if len(s.chunks[c.chunk]) == 0 {
		s.chunks = slices.Delete(s.chunks, c.chunk, c.chunk+1)
	}
}
