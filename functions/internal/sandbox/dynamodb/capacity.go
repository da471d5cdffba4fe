package dynamodb

// usage is what an operation consumed of one table.
type usage struct {
	table   float64
	indexes map[string]float64
}

func (u *usage) addIndex(name string, units float64) {
	if units == 0 {
		return
	}
	if u.indexes == nil {
		u.indexes = map[string]float64{}
	}
	u.indexes[name] += units
}

// units is a size in blocks, at least one.
func units(bytes, block int) float64 {
	return float64(max(1, (bytes+block-1)/block))
}

// readUnits is the cost of reading bytes at once.
func readUnits(bytes int, consistent bool) float64 {
	if consistent {
		return units(bytes, 4096)
	}
	return units(bytes, 4096) / 2
}

// writeShares are the cost of replacing old by next, either of which may be nil: of an
// index that follows nothing if the entry stays the same, and two writes if it moves.
func (t *table) writeShares(partition value, old, next item) shares {
	s := shares{}
	s.add(t.name, "", partition, units(max(old.size(), next.size()), 1024))
	for _, x := range t.indexes {
		before, after := x.project(old), x.project(next)
		switch {
		case before != nil && after != nil && before.equal(after):
		case before != nil && after != nil && x.keys.keyOf(before).equal(x.keys.keyOf(after)):
			s.add(t.name, x.name, after[x.keys.partition.name], units(max(before.size(), after.size()), 1024))
		default:
			for _, it := range []item{before, after} {
				if it != nil {
					s.add(t.name, x.name, it[x.keys.partition.name], units(it.size(), 1024))
				}
			}
		}
	}
	return s
}

// capacityUnits is the wire form of one table's or index's share.
type capacityUnits struct {
	CapacityUnits      float64
	ReadCapacityUnits  float64 `json:",omitempty"`
	WriteCapacityUnits float64 `json:",omitempty"`
}

// consumedCapacity is the wire form of a usage.
type consumedCapacity struct {
	TableName string
	capacityUnits
	Table                  *capacityUnits           `json:",omitempty"`
	GlobalSecondaryIndexes map[string]capacityUnits `json:",omitempty"`
}

// direction tells whether units are shown apart as reads or writes, which AWS
// does in transactions.
type direction int

const (
	undirected direction = iota
	reading
	writing
)

func (d direction) units(n float64) capacityUnits {
	u := capacityUnits{CapacityUnits: n}
	switch d {
	case reading:
		u.ReadCapacityUnits = n
	case writing:
		u.WriteCapacityUnits = n
	}
	return u
}

// report is the ConsumedCapacity of an answer in the mode asked for, or nil.
func (u usage) report(table, mode string, d direction) *consumedCapacity {
	if mode != "TOTAL" && mode != "INDEXES" {
		return nil
	}
	total := u.table
	for _, n := range u.indexes {
		total += n
	}
	c := &consumedCapacity{TableName: table, capacityUnits: d.units(total)}
	if mode == "TOTAL" {
		return c
	}
	share := d.units(u.table)
	c.Table = &share
	for name, n := range u.indexes {
		if c.GlobalSecondaryIndexes == nil {
			c.GlobalSecondaryIndexes = map[string]capacityUnits{}
		}
		c.GlobalSecondaryIndexes[name] = d.units(n)
	}
	return c
}

func checkCapacityMode(mode string) error {
	return oneOf("returnConsumedCapacity", mode, "INDEXES", "TOTAL", "NONE")
}
