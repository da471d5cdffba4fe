package dynamodb

import "sort"

// scan reads everything, as one segment.
func (s *scope) scan(in *selectInput) (*selectOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	sel, holders, err := newSelection(in)
	if err != nil {
		return nil, err
	}
	if err := holders.checkUsed(present(in.FilterExpression, in.ProjectionExpression)); err != nil {
		return nil, err
	}
	s.mu.Lock() // for the order, which a scan may have to make
	defer s.mu.Unlock()
	src, err := s.source(in)
	if err != nil {
		return nil, err
	}
	if err := sel.bind(src, in, false); err != nil {
		return nil, err
	}
	if in.ExclusiveStartKey != nil {
		if err := src.checkStartKey(in.ExclusiveStartKey); err != nil {
			return nil, err
		}
	}
	p := newPage(sel, src)
	p.walkAll(in.ExclusiveStartKey)
	return p.output(in.ReturnConsumedCapacity), nil
}

// walkAll reads partition after partition, from the start key on.
func (p *page) walkAll(start item) {
	order := p.src.items.scanOrder()
	first, startID := 0, ""
	if start != nil {
		startID = partitionID(start[p.src.keys.partition.name])
		first = sort.Search(len(order), func(i int) bool { return compareScan(order[i], startID) >= 0 })
	}
	for _, id := range order[first:] {
		entries := p.src.items.partitions[id]
		c := entries.start()
		if start != nil && id == startID {
			c = entries.behind(p.src.position(start))
		}
		for ; c.less(entries.end()); c = entries.next(c) {
			if p.full {
				return
			}
			p.add(entries.at(c).item)
		}
	}
}
