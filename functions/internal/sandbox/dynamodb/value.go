package dynamodb

import (
	"slices"
	"strings"
)

// kind is the type of an attribute value, as the wire and attribute_type name it.
type kind string

const (
	kindS    kind = "S"
	kindN    kind = "N"
	kindB    kind = "B"
	kindBool kind = "BOOL"
	kindNull kind = "NULL"
	kindM    kind = "M"
	kindL    kind = "L"
	kindSS   kind = "SS"
	kindNS   kind = "NS"
	kindBS   kind = "BS"
)

// value is one attribute value. It is never changed once made; updates copy
// the maps and lists on their way.
type value struct {
	kind    kind
	text    string // of S; the bytes of B
	number  decimal
	boolean bool
	fields  item    // of M
	list    []value // of L; of a set, sorted and without duplicates
}

// item is a row, or the content of a map.
type item map[string]value

func stringValue(text string) value { return value{kind: kindS, text: text} }

func numberValue(n decimal) value { return value{kind: kindN, number: n} }

// element is the kind of a set's members, or "" if k is no set.
func (k kind) element() kind {
	switch k {
	case kindSS:
		return kindS
	case kindNS:
		return kindN
	case kindBS:
		return kindB
	default:
		return ""
	}
}

// textual reports whether a value of kind k is text or bytes.
func (k kind) textual() bool { return k == kindS || k == kindB }

// ordered reports whether < is defined on values of kind k.
func (k kind) ordered() bool { return k.textual() || k == kindN }

// compare orders two values of the same ordered kind.
func (v value) compare(w value) int {
	if v.kind == kindN {
		return v.number.compare(w.number)
	}
	return strings.Compare(v.text, w.text)
}

// equal is deep equality; numbers by value, sets without order.
func (v value) equal(w value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case kindBool:
		return v.boolean == w.boolean
	case kindNull:
		return true
	case kindM:
		return v.fields.equal(w.fields)
	case kindS, kindN, kindB:
		return v.compare(w) == 0
	default:
		return slices.EqualFunc(v.list, w.list, value.equal)
	}
}

func (it item) equal(other item) bool {
	if len(it) != len(other) {
		return false
	}
	for name, v := range it {
		w, ok := other[name]
		if !ok || !v.equal(w) {
			return false
		}
	}
	return true
}

// newSet makes a set of elements, which must be of one ordered kind.
func newSet(k kind, elements []value) (value, error) {
	if len(elements) == 0 {
		return value{}, invalidValue("An %s set  may not be empty", setNoun(k))
	}
	sorted := slices.Clone(elements)
	slices.SortFunc(sorted, value.compare)
	unique := slices.CompactFunc(slices.Clone(sorted), value.equal)
	if len(unique) != len(sorted) {
		return value{}, invalidValue("Input collection contains duplicates.")
	}
	return value{kind: k, list: sorted}, nil
}

func setNoun(k kind) string {
	switch k {
	case kindNS:
		return "number"
	case kindBS:
		return "binary"
	default:
		return "string"
	}
}

// size is the storage of a value in bytes, as AWS counts it.
func (v value) size() int {
	switch v.kind {
	case kindS, kindB:
		return len(v.text)
	case kindN:
		return v.number.size()
	case kindBool, kindNull:
		return 1
	case kindM:
		return 3 + len(v.fields) + v.fields.size()
	case kindL:
		return 3 + len(v.list) + sizeOf(v.list)
	default:
		return sizeOf(v.list)
	}
}

func sizeOf(list []value) int {
	n := 0
	for _, v := range list {
		n += v.size()
	}
	return n
}

// size is the storage of an item in bytes, names included.
func (it item) size() int {
	n := 0
	for name, v := range it {
		n += len(name) + v.size()
	}
	return n
}

// depth is how deep maps and lists are nested in v.
func (v value) depth() int {
	deepest := 0
	for _, w := range v.fields {
		deepest = max(deepest, w.depth())
	}
	if v.kind == kindL {
		for _, w := range v.list {
			deepest = max(deepest, w.depth())
		}
	}
	if v.kind == kindM || v.kind == kindL {
		return deepest + 1
	}
	return 0
}

// hasEmptyName reports whether a map in v has an attribute without a name.
func (v value) hasEmptyName() bool {
	for name, w := range v.fields {
		if name == "" || w.hasEmptyName() {
			return true
		}
	}
	return v.kind == kindL && slices.ContainsFunc(v.list, value.hasEmptyName)
}
