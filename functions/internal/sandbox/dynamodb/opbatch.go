package dynamodb

import (
	"maps"
	"slices"
)

const maxBatchGet = 100

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
	var used usages
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		request := in.RequestItems[name]
		items, u, err := s.batchGetTable(name, request)
		if err != nil {
			return nil, err
		}
		out.Responses[name] = items
		used.add(name, u, 1)
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

func (s *scope) batchGetTable(name string, in keysAndAttributes) ([]item, usage, error) {
	var used usage
	attributes, err := parseProjection(in.ProjectionExpression, in.ExpressionAttributeNames)
	if err != nil {
		return nil, used, err
	}
	t, err := s.table(name)
	if err != nil {
		return nil, used, err
	}
	if err := checkDistinct(t, in.Keys); err != nil {
		return nil, used, err
	}
	items := []item{}
	for _, key := range in.Keys {
		found := t.get(key)
		used.table += readUnits(found.size(), in.ConsistentRead)
		if found != nil {
			items = append(items, projected(found, attributes))
		}
	}
	return items, used, nil
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
