package dynamodb

// keyAttribute is one attribute of a key.
type keyAttribute struct {
	name string
	kind kind
}

// keySchema is the key of a table or an index; sort may be nil.
type keySchema struct {
	partition keyAttribute
	sort      *keyAttribute
}

// attributes are the partition key and, if there is one, the sort key.
func (k keySchema) attributes() []keyAttribute {
	if k.sort == nil {
		return []keyAttribute{k.partition}
	}
	return []keyAttribute{k.partition, *k.sort}
}

func (k keySchema) has(name string) bool {
	return name == k.partition.name || k.sort != nil && name == k.sort.name
}

// keyOf is the key attributes of an item that has them.
func (k keySchema) keyOf(it item) item {
	key := item{}
	for _, a := range k.attributes() {
		key[a.name] = it[a.name]
	}
	return key
}

const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
)

// checkKey refuses a Key parameter that is not exactly the key.
func (k keySchema) checkKey(key item) error {
	if len(key) != len(k.attributes()) {
		return keyMismatch()
	}
	for _, a := range k.attributes() {
		v, ok := key[a.name]
		if !ok || v.kind != a.kind {
			return keyMismatch()
		}
		if err := k.checkContent(a, v); err != nil {
			return err
		}
	}
	return nil
}

func keyMismatch() error {
	return validationf("The provided key element does not match the schema")
}

// checkContent refuses empty and oversized key values.
func (k keySchema) checkContent(a keyAttribute, v value) error {
	if v.kind != kindN && v.text == "" {
		return validationf("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kindNoun(v.kind), a.name)
	}
	return k.checkSize(a, v)
}

func (k keySchema) checkSize(a keyAttribute, v value) error {
	noun, limit := "hashkey", maxPartitionKey
	if a != k.partition {
		noun, limit = "rangekey", maxSortKey
	}
	if v.size() > limit {
		return invalidValue("Size of %s has exceeded the maximum size limit of %d bytes", noun, limit)
	}
	return nil
}

func kindNoun(k kind) string {
	switch k {
	case kindB:
		return "binary"
	case kindN:
		return "number"
	default:
		return "string"
	}
}

// checkItem refuses an item without a proper key.
func (k keySchema) checkItem(it item) error {
	for _, a := range k.attributes() {
		v, ok := it[a.name]
		if !ok {
			return invalidValue("Missing the key %s in the item", a.name)
		}
		if v.kind != a.kind {
			return invalidValue("Type mismatch for key %s expected: %s actual: %s", a.name, a.kind, v.kind)
		}
		if err := k.checkContent(a, v); err != nil {
			return err
		}
	}
	return nil
}

// checkTerm refuses a value of a key condition that no key can have.
func (k keySchema) checkTerm(term keyTerm, v value) error {
	for _, a := range k.attributes() {
		if a.name != term.name {
			continue
		}
		if v.kind != a.kind {
			return invalidValue("Condition parameter type does not match schema type")
		}
		if term.operator == "begins_with" && v.kind == kindN {
			return invalidValue("begins_with is not supported on keys of type N")
		}
		if v.kind != kindN && v.text == "" {
			return validationf("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kindNoun(v.kind), a.name)
		}
		return k.checkSize(a, v)
	}
	return nil
}
