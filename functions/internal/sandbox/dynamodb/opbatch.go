package dynamodb

import (
	"maps"
	"slices"
)

const (
	maxBatchGet   = 100
	maxBatchWrite = 25
)

type keysAndAttributes struct {
	Keys                     []item
	ConsistentRead           bool
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
}

type batchGetItemInput struct {
	RequestItems           map[string]keysAndAttributes
	ReturnConsumedCapacity string
}

type batchGetItemOutput struct {
	Responses        map[string][]item
	UnprocessedKeys  struct{}
	ConsumedCapacity []*consumedCapacity `json:",omitempty"`
}

func (s *scope) batchGetItem(in *batchGetItemInput) (*batchGetItemOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &batchGetItemOutput{Responses: map[string][]item{}}
	used := shares{}
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		request := in.RequestItems[name]
		items, err := s.batchGetTable(name, request, used)
		if err != nil {
			return nil, err
		}
		out.Responses[name] = items
	}
	if err := s.throttle.read(used); err != nil {
		return nil, err
	}
	out.ConsumedCapacity = used.report(in.ReturnConsumedCapacity, undirected)
	return out, nil
}

func (in *batchGetItemInput) check() error {
	if err := firstError(required("requestItems", in.RequestItems != nil), checkCapacityMode(in.ReturnConsumedCapacity)); err != nil {
		return err
	}
	total := 0
	for name, request := range in.RequestItems {
		if err := checkTableName(&name); err != nil {
			return err
		}
		if len(request.Keys) == 0 {
			return validationf("1 validation error detected: Value '[]' at 'requestItems.%s.member.keys' failed to satisfy constraint: Member must have length greater than or equal to 1", name)
		}
		total += len(request.Keys)
	}
	if total == 0 || total > maxBatchGet {
		return validationf("Too many items requested for the BatchGetItem call: %d, between 1 and %d are allowed", total, maxBatchGet)
	}
	return nil
}

func (s *scope) batchGetTable(name string, in keysAndAttributes, used shares) ([]item, error) {
	attributes, err := parseProjection(in.ProjectionExpression, in.ExpressionAttributeNames)
	if err != nil {
		return nil, err
	}
	t, err := s.table(name)
	if err != nil {
		return nil, err
	}
	if err := checkDistinct(t, in.Keys); err != nil {
		return nil, err
	}
	items := []item{}
	for _, key := range in.Keys {
		found := t.get(key)
		used.add(name, "", key[t.keys.partition.name], readUnits(found.size(), in.ConsistentRead))
		if found != nil {
			items = append(items, projected(found, attributes))
		}
	}
	return items, nil
}

// checkDistinct refuses malformed and repeated keys.
func checkDistinct(t *table, keys []item) error {
	seen := map[string]bool{}
	for _, key := range keys {
		if err := t.keys.checkKey(key); err != nil {
			return err
		}
		id := string(key.append(nil))
		if seen[id] {
			return validationf("Provided list of item keys contains duplicates")
		}
		seen[id] = true
	}
	return nil
}

// writeRequest is a put: nobody deletes in batches.
type writeRequest struct {
	PutRequest *struct{ Item item }
}

type batchWriteItemInput struct {
	RequestItems                map[string][]writeRequest
	ReturnConsumedCapacity      string
	ReturnItemCollectionMetrics string
}

type batchWriteItemOutput struct {
	UnprocessedItems struct{}
	ConsumedCapacity []*consumedCapacity `json:",omitempty"`
}

func (s *scope) batchWriteItem(in *batchWriteItemInput) (*batchWriteItemOutput, error) {
	writes, err := in.writes()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkBatch(writes); err != nil {
		return nil, err
	}
	plans, used := make([]planned, len(writes)), shares{}
	for i, w := range writes {
		p, err := w.plan(s.tables[w.table])
		if err != nil {
			return nil, err // never: puts and deletes without conditions
		}
		plans[i] = p
		used.addAll(p.shares())
	}
	if err := s.throttle.write(used); err != nil {
		return nil, err
	}
	for _, p := range plans {
		p.commit()
	}
	return &batchWriteItemOutput{ConsumedCapacity: used.report(in.ReturnConsumedCapacity, undirected)}, nil
}

// writes parses the requests, tables in order of their names.
func (in *batchWriteItemInput) writes() ([]*write, error) {
	err := firstError(
		required("requestItems", in.RequestItems != nil),
		checkCapacityMode(in.ReturnConsumedCapacity),
		checkMetricsMode(in.ReturnItemCollectionMetrics),
	)
	if err != nil {
		return nil, err
	}
	var writes []*write
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		if len(in.RequestItems[name]) == 0 {
			return nil, validationf("1 validation error detected: Value '[]' at 'requestItems.%s.member' failed to satisfy constraint: Member must have length greater than or equal to 1", name)
		}
		for _, request := range in.RequestItems[name] {
			w, err := request.write(name)
			if err != nil {
				return nil, err
			}
			writes = append(writes, w)
		}
	}
	if len(writes) == 0 || len(writes) > maxBatchWrite {
		return nil, validationf("Too many items requested for the BatchWriteItem call: %d, between 1 and %d are allowed", len(writes), maxBatchWrite)
	}
	return writes, nil
}

func (r writeRequest) write(table string) (*write, error) {
	if r.PutRequest == nil {
		return nil, validationf("Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest")
	}
	return newWrite(putVerb, &writeInput{TableName: &table}, r.PutRequest.Item, nil)
}

// checkBatch refuses the batch as a whole, before anything is written.
func (s *scope) checkBatch(writes []*write) error {
	keys := map[*table][]item{}
	for _, w := range writes {
		t, err := s.table(w.table)
		if err != nil {
			return err
		}
		if err := w.check(t); err != nil {
			return err
		}
		keys[t] = append(keys[t], t.keys.keyOf(w.item))
	}
	for t, list := range keys {
		if err := checkDistinct(t, list); err != nil {
			return err
		}
	}
	return nil
}
