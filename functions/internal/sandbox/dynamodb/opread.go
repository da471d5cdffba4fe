package dynamodb

// readInput is a read of one item, in GetItem and TransactGetItems.
type readInput struct {
	TableName                *string
	Key                      item
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
}

// read is a parsed read of one item.
type read struct {
	table string
	key   item
	paths []path
}

func newRead(in *readInput) (*read, error) {
	if err := firstError(checkTableName(in.TableName), required("key", in.Key != nil)); err != nil {
		return nil, err
	}
	paths, err := parseProjection(in.ProjectionExpression, in.ExpressionAttributeNames)
	return &read{table: *in.TableName, key: in.Key, paths: paths}, err
}

// parseProjection parses the only expression of a request.
func parseProjection(expression *string, names map[string]string) ([]path, error) {
	holders, err := newPlaceholders(names, nil)
	if err != nil {
		return nil, err
	}
	paths, err := parse("ProjectionExpression", expression, holders, (*parser).projection)
	if err != nil {
		return nil, err
	}
	return paths, holders.checkUsed(present(expression))
}

// projected is the part of an item wanted; nil paths want all.
func projected(it item, paths []path) item {
	if it == nil || paths == nil {
		return it
	}
	return project(it, paths)
}

type getItemInput struct {
	readInput
	ConsistentRead         bool
	ReturnConsumedCapacity string
}

type getItemOutput struct {
	Item             *item             `json:",omitempty"`
	ConsumedCapacity *consumedCapacity `json:",omitempty"`
}

func (s *scope) getItem(in *getItemInput) (*getItemOutput, error) {
	if err := checkCapacityMode(in.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	r, err := newRead(&in.readInput)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(r.table)
	if err != nil {
		return nil, err
	}
	if err := t.keys.checkKey(r.key); err != nil {
		return nil, err
	}
	found := t.get(r.key)
	used := usage{table: readUnits(found.size(), in.ConsistentRead)}
	return &getItemOutput{
		Item:             optional(projected(found, r.paths)),
		ConsumedCapacity: used.report(t.name, in.ReturnConsumedCapacity, undirected),
	}, nil
}

// optional keeps an item without attributes, which a projection may leave,
// apart from none.
func optional(it item) *item {
	if it == nil {
		return nil
	}
	return &it
}
