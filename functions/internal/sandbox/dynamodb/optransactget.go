package dynamodb

type transactGetItemsInput struct {
	TransactItems          []struct{ Get *readInput }
	ReturnConsumedCapacity string
}

type itemResponse struct {
	Item *item `json:",omitempty"`
}

type transactGetItemsOutput struct {
	Responses        []itemResponse
	ConsumedCapacity []*consumedCapacity `json:",omitempty"`
}

func (s *scope) transactGetItems(in *transactGetItemsInput) (*transactGetItemsOutput, error) {
	reads, err := in.reads()
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &transactGetItemsOutput{Responses: make([]itemResponse, len(reads))}
	reasons := make([]reason, len(reads))
	seen := map[string]bool{}
	var used usages
	bytes := 0
	for i, r := range reads {
		t, err := s.table(r.table)
		if err != nil {
			return nil, err
		}
		err = t.keys.checkKey(r.key)
		reasons[i] = reasonOf(err)
		if err != nil {
			continue
		}
		id := r.table + string(r.key.append(nil))
		if seen[id] {
			return nil, validationf("Transaction request cannot include multiple operations on one item")
		}
		seen[id] = true
		found := t.get(r.key)
		bytes += found.size()
		used.add(t.name, usage{table: readUnits(found.size(), true)}, 2)
		out.Responses[i].Item = optional(projected(found, r.paths))
	}
	if bytes > maxTransactionBytes {
		return nil, validationf("The transaction exceeds the maximum size of 4 MB")
	}
	out.ConsumedCapacity = used.report(in.ReturnConsumedCapacity, reading)
	return out, cancelled(reasons)
}

func (in *transactGetItemsInput) reads() ([]*read, error) {
	if err := firstError(checkCount(len(in.TransactItems)), checkCapacityMode(in.ReturnConsumedCapacity)); err != nil {
		return nil, err
	}
	reads := make([]*read, len(in.TransactItems))
	for i, one := range in.TransactItems {
		if err := required("transactItems.member.get", one.Get != nil); err != nil {
			return nil, err
		}
		var err error
		if reads[i], err = newRead(one.Get); err != nil {
			return nil, err
		}
	}
	return reads, nil
}
