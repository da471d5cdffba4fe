package dynamodb

import (
	"math/bits"
	"sort"
)

type scanInput struct {
	selectInput
	Segment       *int
	TotalSegments *int
}

func (s *scope) scan(in *scanInput) (*selectOutput, error) {
	if err := firstError(in.check(), in.checkSegments()); err != nil {
		return nil, err
	}
	sel, holders, err := newSelection(&in.selectInput)
	if err != nil {
		return nil, err
	}
	if err := holders.checkUsed(present(in.FilterExpression, in.ProjectionExpression)); err != nil {
		return nil, err
	}
	s.mu.Lock() // for the order, which a scan may have to make
	defer s.mu.Unlock()
	src, err := s.source(&in.selectInput)
	if err != nil {
		return nil, err
	}
	if err := sel.bind(src, &in.selectInput, false); err != nil {
		return nil, err
	}
	if in.ExclusiveStartKey != nil {
		if err := src.checkStartKey(in.ExclusiveStartKey); err != nil {
			return nil, err
		}
	}
	p := newPage(sel, src)
	p.walkAll(in)
	return p.output(in.ReturnConsumedCapacity), nil
}

func (in *scanInput) checkSegments() error {
	switch {
	case (in.Segment == nil) != (in.TotalSegments == nil):
		return validationf("The Segment and TotalSegments parameters must be given together")
	case in.Segment == nil:
		return nil
	case *in.TotalSegments < 1 || *in.TotalSegments > 1000000:
		return validationf("1 validation error detected: Value '%d' at 'totalSegments' failed to satisfy constraint: Member must have value between 1 and 1000000", *in.TotalSegments)
	case *in.Segment < 0 || *in.Segment >= *in.TotalSegments:
		return validationf("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d", *in.Segment, *in.TotalSegments)
	}
	return nil
}

// wants reports whether a partition lies in the segment asked for.
func (in *scanInput) wants(id string) bool {
	if in.Segment == nil {
		return true
	}
	segment, _ := bits.Mul64(hashOf(id), uint64(*in.TotalSegments))
	return segment == uint64(*in.Segment)
}

// walkAll reads partition after partition, from the start key on.
func (p *page) walkAll(in *scanInput) {
	order := p.src.items.scanOrder()
	first, startID := 0, ""
	if in.ExclusiveStartKey != nil {
		startID = partitionID(in.ExclusiveStartKey[p.src.keys.partition.name])
		first = sort.Search(len(order), func(i int) bool { return compareScan(order[i], startID) >= 0 })
	}
	for _, id := range order[first:] {
		if !in.wants(id) {
			continue
		}
		entries := p.src.items.partitions[id]
		c := entries.start()
		if in.ExclusiveStartKey != nil && id == startID {
			c = entries.behind(p.src.position(in.ExclusiveStartKey))
		}
		for ; c.less(entries.end()); c = entries.next(c) {
			if p.full {
				return
			}
			p.add(entries.at(c).item)
		}
	}
}
