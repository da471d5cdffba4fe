package stream

import (
	"context"
	"iter"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
)

// Empty is the empty sequence, or the one that ends with an error.
func Empty[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err != nil {
			var zero T
			yield(zero, err)
		}
	}
}

// Filter leaves out what does not satisfy keep.
func Filter[T any](seq iter.Seq2[T, error], keep func(T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for t, err := range seq {
			if (err != nil || keep(t)) && !yield(t, err) {
				return
			}
		}
	}
}

// FromSlice is a sequence of what is at hand.
func FromSlice[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, t := range all {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// Collect takes the whole sequence.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for t, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// source is a sequence that is being merged: its next element, if it has one.
type source[T any] struct {
	next func() (T, error, bool)
	head T
	err  error
	ok   bool
}

func (s *source[T]) advance() { s.head, s.err, s.ok = s.next() }

// Merge returns the elements of sorted sequences in order: first the one for which
// compare is below zero. The first elements are read several at a time.
func Merge[T any](seqs []iter.Seq2[T, error], compare func(a, b T) int) iter.Seq2[T, error] {
	if len(seqs) == 1 {
		return seqs[0]
	}
	return func(yield func(T, error) bool) {
		sources := make([]*source[T], len(seqs))
		for i, seq := range seqs {
			next, stop := iter.Pull2(seq)
			defer stop()
			sources[i] = &source[T]{next: next}
		}
		parallel.ForEach(len(sources), parallel.Limit, func(i int) { sources[i].advance() })
		for {
			first := foremost(sources, compare)
			if first == nil || !yield(first.head, first.err) || first.err != nil {
				return
			}
			first.advance()
		}
	}
}

// foremost returns the source whose head comes first; one that failed goes before all.
func foremost[T any](sources []*source[T], compare func(a, b T) int) (first *source[T]) {
	for _, s := range sources {
		switch {
		case !s.ok:
		case s.err != nil:
			return s
		case first == nil || compare(s.head, first.head) < 0:
			first = s
		}
	}
	return first
}

// MapParallel maps a sequence in order, with a number of calls of f under way at a
// time: as many as rows are wanted, at most parallel.Limit.
func MapParallel[A, B any](ctx context.Context, seq iter.Seq2[A, error], hint int, f func(context.Context, A) (B, error)) iter.Seq2[B, error] {
	width := parallel.Limit
	if hint > 0 {
		width = min(width, hint)
	}
	return func(yield func(B, error) bool) {
		batch := make([]A, 0, width)
		flush := func() bool {
			results, errs := make([]B, len(batch)), make([]error, len(batch))
			parallel.ForEach(len(batch), parallel.Limit, func(i int) { results[i], errs[i] = f(ctx, batch[i]) })
			batch = batch[:0]
			for i := range results {
				if !yield(results[i], errs[i]) || errs[i] != nil {
					return false
				}
			}
			return true
		}
		for a, err := range seq {
			if err != nil {
				var zero B
				_ = flush() && yield(zero, err)
				return
			}
			if batch = append(batch, a); len(batch) == width && !flush() {
				return
			}
		}
		flush()
	}
}
