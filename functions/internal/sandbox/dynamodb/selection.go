package dynamodb

// selection is what Query and Scan return of the items they come across.
type selection struct {
	filter     condition
	filtered   []string // attributes that the filter names
	attributes []string // nil for all
	count      bool     // numbers only
	limit      int      // 0 for none
	consistent bool
}

// newSelection parses all but the key condition, whose placeholders are to be
// used before the caller checks for unused ones.
func newSelection(in *selectInput) (*selection, *placeholders, error) {
	holders, err := newPlaceholders(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return nil, nil, err
	}
	sel := &selection{count: in.Select == "COUNT", consistent: in.ConsistentRead}
	if in.Limit != nil {
		sel.limit = *in.Limit
	}
	filter, err := parse("FilterExpression", in.FilterExpression, holders, (*parser).namingCondition)
	if err != nil {
		return nil, nil, err
	}
	sel.filter, sel.filtered = filter.condition, filter.named
	sel.attributes, err = parse("ProjectionExpression", in.ProjectionExpression, holders, (*parser).projection)
	if err != nil {
		return nil, nil, err
	}
	return sel, holders, checkSelect(in)
}

// naming is a condition and the attributes it names.
type naming struct {
	condition condition
	named     []string
}

func (p *parser) namingCondition() (naming, error) {
	c, err := p.condition()
	return naming{c, p.named}, err
}

// checkSelect refuses contradictions of Select and ProjectionExpression.
func checkSelect(in *selectInput) error {
	switch {
	case in.ProjectionExpression != nil && in.Select != "" && in.Select != "SPECIFIC_ATTRIBUTES":
		return validationf("Cannot specify the ProjectionExpression when choosing to get %s", in.Select)
	case in.ProjectionExpression == nil && in.Select == "SPECIFIC_ATTRIBUTES":
		return validationf("Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case in.IndexName == nil && in.Select == "ALL_PROJECTED_ATTRIBUTES":
		return validationf("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	}
	return nil
}

// bind checks the selection against what it reads from.
func (sel *selection) bind(src *source, in *selectInput, query bool) error {
	for _, name := range sel.filtered {
		if query && src.keys.has(name) {
			return validationf("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", name)
		}
	}
	if src.index == nil {
		return nil
	}
	if in.ConsistentRead {
		return validationf("Consistent reads are not supported on global secondary indexes")
	}
	if in.Select == "ALL_ATTRIBUTES" && src.index.projection.kind != "ALL" {
		return invalidValue("Select type ALL_ATTRIBUTES is not supported for global secondary index %s because its projection type is not ALL", src.index.name)
	}
	for _, name := range sel.filtered {
		if !src.index.holds(name) {
			return invalidValue("Secondary index %s does not project one or more filter attributes: [%s]", src.index.name, name)
		}
	}
	for _, name := range sel.attributes {
		if !src.index.holds(name) {
			return invalidValue("Global secondary index %s does not project [%s]", src.index.name, name)
		}
	}
	return nil
}

// source is the table or index that Query and Scan read.
type source struct {
	table *table
	index *index // nil for the table itself
	keys  keySchema
	items *collection
}

// source finds what a request reads. The caller holds the lock.
func (s *scope) source(in *selectInput) (*source, error) {
	t, err := s.table(*in.TableName)
	if err != nil {
		return nil, err
	}
	if in.IndexName == nil {
		return &source{table: t, keys: t.keys, items: t.items}, nil
	}
	x := t.index(*in.IndexName)
	if x == nil {
		return nil, validationf("The table does not have the specified index: %s", *in.IndexName)
	}
	return &source{table: t, index: x, keys: x.keys, items: x.items}, nil
}

// position is where an item, or its LastEvaluatedKey, stands in its partition.
func (s *source) position(it item) []value {
	if s.index != nil {
		return s.index.position(it)
	}
	return s.keys.position(it)
}

// lastKey is the LastEvaluatedKey after an item.
func (s *source) lastKey(it item) item {
	key := s.table.keys.keyOf(it)
	for _, a := range s.keys.attributes() {
		key[a.name] = it[a.name]
	}
	return key
}

// checkStartKey refuses an ExclusiveStartKey of another form than lastKey gives.
func (s *source) checkStartKey(start item) error {
	names := map[string]keyAttribute{}
	for _, a := range append(s.table.keys.attributes(), s.keys.attributes()...) {
		names[a.name] = a
	}
	if len(start) != len(names) {
		return validationf("The provided starting key is invalid")
	}
	for name, a := range names {
		v, ok := start[name]
		if !ok || v.kind != a.kind {
			return validationf("The provided starting key is invalid: The provided key element does not match the schema")
		}
		if v.kind != kindN && v.text == "" {
			return validationf("The provided starting key is invalid: One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kindNoun(v.kind), name)
		}
	}
	return nil
}

// checkStart refuses an ExclusiveStartKey that the query could not have given.
func (s *source) checkStart(start item, keys keyRange) error {
	if start == nil {
		return nil
	}
	if err := s.checkStartKey(start); err != nil {
		return err
	}
	if !start[s.keys.partition.name].equal(keys.partition) {
		return validationf("The provided starting key is outside query boundaries based on provided conditions")
	}
	if keys.sort != nil {
		v := start[s.keys.sort.name]
		if keys.sort.before(v) || keys.sort.after(v) {
			return validationf("The provided starting key does not match the range key predicate")
		}
	}
	return nil
}
