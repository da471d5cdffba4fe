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

func (u *usage) add(other usage, factor float64) {
	u.table += other.table * factor
	for name, units := range other.indexes {
		u.addIndex(name, units*factor)
	}
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

// writeUsage is the cost of replacing old by next, either of which may be nil.
func (t *table) writeUsage(old, next item) usage {
	u := usage{table: units(max(old.size(), next.size()), 1024)}
	for _, x := range t.indexes {
		u.addIndex(x.name, x.writeUnits(old, next))
	}
	return u
}

// writeUnits is the cost of an index following its table: nothing if the entry
// stays the same, two writes if it moves to another key.
func (x *index) writeUnits(old, next item) float64 {
	before, after := x.project(old), x.project(next)
	switch {
	case before == nil && after == nil, before != nil && after != nil && before.equal(after):
		return 0
	case before == nil:
		return units(after.size(), 1024)
	case after == nil:
		return units(before.size(), 1024)
	case x.keys.keyOf(before).equal(x.keys.keyOf(after)):
		return units(max(before.size(), after.size()), 1024)
	default:
		return units(before.size(), 1024) + units(after.size(), 1024)
	}
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

// usages collects what an operation on several tables consumed, in order.
type usages struct {
	names []string
	of    map[string]*usage
}

func (u *usages) add(table string, more usage, factor float64) {
	if u.of == nil {
		u.of = map[string]*usage{}
	}
	if u.of[table] == nil {
		u.of[table] = &usage{}
		u.names = append(u.names, table)
	}
	u.of[table].add(more, factor)
}

func (u *usages) report(mode string, d direction) []*consumedCapacity {
	var list []*consumedCapacity
	for _, name := range u.names {
		if c := u.of[name].report(name, mode, d); c != nil {
			list = append(list, c)
		}
	}
	return list
}

func checkCapacityMode(mode string) error {
	return oneOf("returnConsumedCapacity", mode, "INDEXES", "TOTAL", "NONE")
}
