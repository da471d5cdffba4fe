package dynamodb

// singleInput is what PutItem, UpdateItem and DeleteItem have in common.
type singleInput struct {
	writeInput
	ReturnValues                string
	ReturnConsumedCapacity      string
	ReturnItemCollectionMetrics string
}

type putItemInput struct {
	singleInput
	Item item
}

type updateItemInput struct {
	singleInput
	Key              item
	UpdateExpression *string
}

type deleteItemInput struct {
	singleInput
	Key item
}

type writeOutput struct {
	Attributes       item              `json:",omitempty"`
	ConsumedCapacity *consumedCapacity `json:",omitempty"`
}

func (s *scope) putItem(in *putItemInput) (*writeOutput, error) {
	if err := in.check("ALL_OLD"); err != nil {
		return nil, err
	}
	return s.writeOne(putVerb, &in.singleInput, in.Item, nil)
}

func (s *scope) updateItem(in *updateItemInput) (*writeOutput, error) {
	if err := in.check("ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"); err != nil {
		return nil, err
	}
	return s.writeOne(updateVerb, &in.singleInput, in.Key, in.UpdateExpression)
}

func (s *scope) deleteItem(in *deleteItemInput) (*writeOutput, error) {
	if err := in.check("ALL_OLD"); err != nil {
		return nil, err
	}
	return s.writeOne(deleteVerb, &in.singleInput, in.Key, nil)
}

// check refuses settings outside the enumerations; returnValues are those
// allowed besides NONE.
func (in *singleInput) check(returnValues ...string) error {
	return firstError(
		oneOf("returnValues", in.ReturnValues, append(returnValues, "NONE")...),
		checkCapacityMode(in.ReturnConsumedCapacity),
		checkMetricsMode(in.ReturnItemCollectionMetrics),
	)
}

// checkMetricsMode takes SIZE too: only tables with local secondary indexes
// have item collections, so there is nothing to return.
func checkMetricsMode(mode string) error {
	return oneOf("returnItemCollectionMetrics", mode, "SIZE", "NONE")
}

func (s *scope) writeOne(v verb, in *singleInput, subject item, updateExpression *string) (*writeOutput, error) {
	w, err := newWrite(v, &in.writeInput, subject, updateExpression)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.table(w.table)
	if err != nil {
		return nil, err
	}
	if err := w.check(t); err != nil {
		return nil, err
	}
	p, err := w.plan(t)
	if err != nil {
		return nil, err
	}
	used := p.shares()
	if err := s.throttle.write(used); err != nil {
		return nil, err
	}
	p.commit()
	return &writeOutput{
		Attributes:       w.returned(p, in.ReturnValues),
		ConsumedCapacity: used.of(t.name).report(t.name, in.ReturnConsumedCapacity, undirected),
	}, nil
}
