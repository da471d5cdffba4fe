package dynamodb

// maxPage is the size of items after which Query and Scan stop.
const maxPage = 1024 * 1024

// page collects the answer of one Query or Scan.
type page struct {
	sel     *selection
	src     *source
	items   []item
	count   int
	scanned int
	bytes   int
	last    item // read last
	full    bool
}

func newPage(sel *selection, src *source) *page {
	return &page{sel: sel, src: src, items: []item{}}
}

// add reads one item. Limit and size count before the filter.
func (p *page) add(it item) {
	p.scanned++
	p.bytes += it.size()
	p.last = it
	p.full = p.scanned == p.sel.limit || p.bytes > maxPage
	if p.sel.filter != nil && !p.sel.filter.holds(it) {
		return
	}
	p.count++
	if !p.sel.count {
		p.items = append(p.items, projected(it, p.sel.attributes))
	}
}

// output is the answer. A full page has a LastEvaluatedKey, even if nothing
// follows: AWS does not look ahead either.
func (p *page) output(mode string) *selectOutput {
	out := &selectOutput{Items: p.items, Count: p.count, ScannedCount: p.scanned}
	if p.sel.count {
		out.Items = nil
	}
	if p.full {
		out.LastEvaluatedKey = p.src.lastKey(p.last)
	}
	out.ConsumedCapacity = p.usage().report(p.src.table.name, mode, undirected)
	return out
}

func (p *page) usage() usage {
	return p.shares(value{}).of(p.src.table.name)
}

// shares are what was read of one partition.
func (p *page) shares(partition value) shares {
	s, index := shares{}, ""
	if p.src.index != nil {
		index = p.src.index.name
	}
	s.add(p.src.table.name, index, partition, readUnits(p.bytes, p.sel.consistent))
	return s
}
