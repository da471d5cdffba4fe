package dynamodb

type getItemInput struct {
	TableName                *string
	Key                      item
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
	ConsistentRead           bool
	ReturnConsumedCapacity   string
}

type getItemOutput struct {
	Item             *item             `json:",omitempty"`
	ConsumedCapacity *consumedCapacity `json:",omitempty"`
}

func (s *scope) getItem(in *getItemInput) (*getItemOutput, error) {
	err := firstError(checkTableName(in.TableName), required("key", in.Key != nil), checkCapacityMode(in.ReturnConsumedCapacity))
	if err != nil {
		return nil, err
	}
	attributes, err := parseProjection(in.ProjectionExpression, in.ExpressionAttributeNames)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(*in.TableName)
	if err != nil {
		return nil, err
	}
	if err := t.keys.checkKey(in.Key); err != nil {
		return nil, err
	}
	found := t.get(in.Key)
	used := shares{}
	used.add(t.name, "", in.Key[t.keys.partition.name], readUnits(found.size(), in.ConsistentRead))
	if err := s.throttle.read(used); err != nil {
		return nil, err
	}
	return &getItemOutput{
		Item:             optional(projected(found, attributes)),
		ConsumedCapacity: used.of(t.name).report(t.name, in.ReturnConsumedCapacity, undirected),
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

// parseProjection parses the only expression of a request.
func parseProjection(expression *string, names map[string]string) ([]string, error) {
	holders, err := newPlaceholders(names, nil)
	if err != nil {
		return nil, err
	}
	attributes, err := parse("ProjectionExpression", expression, holders, (*parser).projection)
	if err != nil {
		return nil, err
	}
	return attributes, holders.checkUsed(present(expression))
}

// projected is the part of an item wanted; nil attributes want all.
func projected(it item, attributes []string) item {
	if it == nil || attributes == nil {
		return it
	}
	part := item{}
	for _, name := range attributes {
		if v, ok := it[name]; ok {
			part[name] = v
		}
	}
	return part
}
