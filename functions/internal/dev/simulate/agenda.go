package main

import (
	"container/heap"
	"context"
	"time"
)

// agenda is what is still to happen, in the order of its times, and the clock.
type agenda struct {
	now     time.Time
	entries entries
	count   int
}

type entry struct {
	at    time.Time
	order int // of those of one time
	do    func(ctx context.Context) error
}

// in lets something happen after a while.
func (a *agenda) in(d time.Duration, do func(ctx context.Context) error) { a.at(a.now.Add(d), do) }

func (a *agenda) at(t time.Time, do func(ctx context.Context) error) {
	a.count++
	heap.Push(&a.entries, entry{t, a.count, do})
}

// pass lets everything happen, until nothing is left.
func (a *agenda) pass(ctx context.Context) error {
	for len(a.entries) > 0 {
		next := heap.Pop(&a.entries).(entry)
		a.now = next.at
		if err := next.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// entries are a heap.
type entries []entry

func (e entries) Len() int      { return len(e) }
func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e entries) Less(i, j int) bool {
	if e[i].at.Equal(e[j].at) {
		return e[i].order < e[j].order
	}
	return e[i].at.Before(e[j].at)
}

// Push implements heap.Interface.
func (e *entries) Push(x any) { *e = append(*e, x.(entry)) }

// Pop implements heap.Interface.
func (e *entries) Pop() any {
	last := len(*e) - 1
	one := (*e)[last]
	*e = (*e)[:last]
	return one
}
