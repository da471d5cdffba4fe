package dynamodb

import "time"

// table is a table with its items and indexes.
type table struct {
	name    string
	id      string
	arn     string
	created time.Time
	keys    keySchema
	items   *collection
	indexes []*index

	ttlAttribute string // "" when time to live is off
}

// index is a global secondary index, kept in step with its table.
type index struct {
	name       string
	keys       keySchema
	table      keySchema
	projection projection
	items      *collection
}

// projection is what an index holds of an item.
type projection struct {
	kind       string // ALL, KEYS_ONLY or INCLUDE
	attributes []string
}

// position is where an item stands in its partition of the table.
func (k keySchema) position(it item) []value {
	if k.sort == nil {
		return nil
	}
	return []value{it[k.sort.name]}
}

// get is the item with the key, or nil.
func (t *table) get(key item) item {
	e := t.items.get(key[t.keys.partition.name], t.keys.position(key))
	if e == nil {
		return nil
	}
	return e.item
}

// replace stores next in place of old, either of which may be nil, here and in
// the indexes. Both have the same key.
func (t *table) replace(old, next item) {
	switch {
	case next != nil:
		e := &entry{position: t.keys.position(next), item: next}
		t.items.put(next[t.keys.partition.name], e, old)
	case old != nil:
		t.items.remove(old[t.keys.partition.name], t.keys.position(old), old)
	}
	for _, x := range t.indexes {
		x.replace(old, next)
	}
}

// index is the index with the name, or nil.
func (t *table) index(name string) *index {
	for _, x := range t.indexes {
		if x.name == name {
			return x
		}
	}
	return nil
}

// has reports whether an item belongs in the index.
func (x *index) has(it item) bool {
	for _, a := range x.keys.attributes() {
		if _, ok := it[a.name]; !ok {
			return false
		}
	}
	return it != nil
}

// position is where an item stands in its partition of the index: by the
// index's sort key, and among equals by the table's key.
func (x *index) position(it item) []value {
	position := x.keys.position(it)
	for _, a := range x.table.attributes() {
		position = append(position, it[a.name])
	}
	return position
}

// replace follows a change of the table.
func (x *index) replace(old, next item) {
	before, after := x.project(old), x.project(next)
	partition := x.keys.partition.name
	moved := before != nil && (after == nil || !before[partition].equal(after[partition]) ||
		comparePositions(x.position(before), x.position(after)) != 0)
	if moved {
		x.items.remove(before[partition], x.position(before), before)
		before = nil
	}
	if after != nil {
		x.items.put(after[partition], &entry{position: x.position(after), item: after}, before)
	}
}

// project is what the index holds of an item, or nil if it does not belong in it.
func (x *index) project(it item) item {
	if !x.has(it) {
		return nil
	}
	if x.projection.kind == "ALL" {
		return it
	}
	out := item{}
	for name, v := range it {
		if x.holds(name) {
			out[name] = v
		}
	}
	return out
}

// holds reports whether the index holds an attribute.
func (x *index) holds(name string) bool {
	if x.projection.kind == "ALL" || x.keys.has(name) || x.table.has(name) {
		return true
	}
	for _, attribute := range x.projection.attributes {
		if attribute == name {
			return true
		}
	}
	return false
}

const (
	maxItem  = 400 * 1024
	maxDepth = 31
)

// check refuses an item that the table or one of its indexes cannot hold.
func (t *table) check(it item, tooLarge string) error {
	for name, v := range it {
		if v.depth() > maxDepth {
			return validationf("Nesting Levels have exceeded supported limits: Attributes of %q are nested deeper than %d levels", name, maxDepth)
		}
		if name == "" || v.hasEmptyName() {
			return validationf("Empty attribute name")
		}
	}
	if it.size() > maxItem {
		return validationf("%s", tooLarge)
	}
	for _, x := range t.indexes {
		if err := x.check(it); err != nil {
			return err
		}
	}
	return nil
}

// check refuses an item whose attributes cannot be keys of the index.
func (x *index) check(it item) error {
	for _, a := range x.keys.attributes() {
		v, ok := it[a.name]
		if !ok {
			continue
		}
		if v.kind != a.kind {
			return invalidValue("Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", a.name, a.kind, v.kind, x.name)
		}
		if v.kind != kindN && v.text == "" {
			return validationf("One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty %s value. IndexName: %s, IndexKey: %s", kindNoun(v.kind), x.name, a.name)
		}
		if err := x.keys.checkSize(a, v); err != nil {
			return err
		}
	}
	return nil
}
