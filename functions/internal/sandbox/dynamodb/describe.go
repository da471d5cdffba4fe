package dynamodb

import "github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"

type indexDescription struct {
	IndexName      string
	IndexArn       string
	IndexStatus    string
	KeySchema      []keyElement
	Projection     projectionInput
	ItemCount      int
	IndexSizeBytes int
}

type billingSummary struct {
	BillingMode                       string
	LastUpdateToPayPerRequestDateTime *wire.Time
}

type tableDescription struct {
	TableName              string
	TableArn               string
	TableId                string
	TableStatus            string
	CreationDateTime       *wire.Time
	AttributeDefinitions   []attributeDefinition
	KeySchema              []keyElement
	GlobalSecondaryIndexes []indexDescription `json:",omitempty"`
	BillingModeSummary     billingSummary
	ItemCount              int
	TableSizeBytes         int
}

// describe is the table as DescribeTable shows it. Counts are exact, where
// AWS's are some hours old.
func (t *table) describe(status string) *tableDescription {
	d := &tableDescription{
		TableName:            t.name,
		TableArn:             t.arn,
		TableId:              t.id,
		TableStatus:          status,
		CreationDateTime:     wire.At(t.created),
		AttributeDefinitions: t.definitions(),
		KeySchema:            t.keys.elements(),
		BillingModeSummary:   billingSummary{onDemand, wire.At(t.created)},
		ItemCount:            t.items.items,
		TableSizeBytes:       t.items.bytes,
	}
	for _, x := range t.indexes {
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, x.describe(t.arn, status))
	}
	return d
}

func (x *index) describe(tableARN, status string) indexDescription {
	return indexDescription{
		IndexName:      x.name,
		IndexArn:       tableARN + "/index/" + x.name,
		IndexStatus:    status,
		KeySchema:      x.keys.elements(),
		Projection:     projectionInput{x.projection.kind, x.projection.attributes},
		ItemCount:      x.items.items,
		IndexSizeBytes: x.items.bytes,
	}
}

func (k keySchema) elements() []keyElement {
	elements := []keyElement{{k.partition.name, "HASH"}}
	if k.sort != nil {
		elements = append(elements, keyElement{k.sort.name, "RANGE"})
	}
	return elements
}

// definitions are the key attributes of the table and its indexes, each once.
func (t *table) definitions() []attributeDefinition {
	var list []attributeDefinition
	seen := map[string]bool{}
	add := func(keys keySchema) {
		for _, a := range keys.attributes() {
			if !seen[a.name] {
				seen[a.name] = true
				list = append(list, attributeDefinition{a.name, a.kind})
			}
		}
	}
	add(t.keys)
	for _, x := range t.indexes {
		add(x.keys)
	}
	return list
}
