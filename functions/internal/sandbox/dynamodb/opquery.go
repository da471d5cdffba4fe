package dynamodb

// selectInput is what Query and Scan have in common.
type selectInput struct {
	TableName                 *string
	IndexName                 *string
	Select                    string
	ConsistentRead            bool
	Limit                     *int
	ExclusiveStartKey         item
	FilterExpression          *string
	ProjectionExpression      *string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues item
	ReturnConsumedCapacity    string
}

type queryInput struct {
	selectInput
	KeyConditionExpression *string
	ScanIndexForward       *bool
}

type selectOutput struct {
	Items            []item            `json:",omitzero"`
	Count            int               // after the filter
	ScannedCount     int               // before it
	LastEvaluatedKey item              `json:",omitempty"`
	ConsumedCapacity *consumedCapacity `json:",omitempty"`
}

func (s *scope) query(in *queryInput) (*selectOutput, error) {
	if err := firstError(in.check(), required("keyConditionExpression", in.KeyConditionExpression != nil)); err != nil {
		return nil, err
	}
	sel, holders, err := newSelection(&in.selectInput)
	if err != nil {
		return nil, err
	}
	terms, err := parse("KeyConditionExpression", in.KeyConditionExpression, holders, (*parser).keyCondition)
	if err != nil {
		return nil, err
	}
	if err := holders.checkUsed(1); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	src, err := s.source(&in.selectInput)
	if err != nil {
		return nil, err
	}
	if err := sel.bind(src, &in.selectInput, true); err != nil {
		return nil, err
	}
	keys, err := resolveKeys(terms, src.keys)
	if err != nil {
		return nil, err
	}
	if err := src.checkStart(in.ExclusiveStartKey, keys); err != nil {
		return nil, err
	}
	p := newPage(sel, src)
	p.walk(keys, in.ExclusiveStartKey, in.ScanIndexForward == nil || *in.ScanIndexForward)
	if err := s.throttle.read(p.shares(keys.partition)); err != nil {
		return nil, err
	}
	return p.output(in.ReturnConsumedCapacity), nil
}

func (in *selectInput) check() error {
	err := firstError(
		checkTableName(in.TableName),
		oneOf("select", in.Select, "SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"),
		checkCapacityMode(in.ReturnConsumedCapacity),
	)
	if err == nil && in.Limit != nil && *in.Limit < 1 {
		err = validationf("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", *in.Limit)
	}
	return err
}

// walk reads the entries of a key range.
func (p *page) walk(keys keyRange, start item, forward bool) {
	entries := p.src.items.partition(keys.partition)
	// Where there is no range, any position will do as the sort key.
	low := entries.search(func(e *entry) bool { return keys.sort != nil && keys.sort.before(e.position[0]) })
	high := entries.search(func(e *entry) bool { return keys.sort == nil || !keys.sort.after(e.position[0]) })
	if start != nil && forward {
		if c := entries.behind(p.src.position(start)); low.less(c) {
			low = c
		}
	}
	if start != nil && !forward {
		if c := entries.from(p.src.position(start)); c.less(high) {
			high = c
		}
	}
	if forward {
		for ; low.less(high) && !p.full; low = entries.next(low) {
			p.add(entries.at(low).item)
		}
		return
	}
	for low.less(high) && !p.full {
		high = entries.previous(high)
		p.add(entries.at(high).item)
	}
}
