package dynamodb

import "time"

// seconds is a time as awsJson carries it: epoch seconds with a fraction.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

type throughputDescription struct {
	NumberOfDecreasesToday int
	ReadCapacityUnits      int
	WriteCapacityUnits     int
}

type indexDescription struct {
	IndexName             string
	IndexArn              string
	IndexStatus           string
	KeySchema             []keyElement
	Projection            projectionInput
	ProvisionedThroughput throughputDescription
	ItemCount             int
	IndexSizeBytes        int
}

type billingSummary struct {
	BillingMode                       string
	LastUpdateToPayPerRequestDateTime float64 `json:",omitempty"`
}

type classSummary struct {
	TableClass string
}

type tableDescription struct {
	TableName                 string
	TableArn                  string
	TableId                   string
	TableStatus               string
	CreationDateTime          float64
	AttributeDefinitions      []attributeDefinition
	KeySchema                 []keyElement
	GlobalSecondaryIndexes    []indexDescription `json:",omitempty"`
	BillingModeSummary        *billingSummary    `json:",omitempty"`
	TableClassSummary         *classSummary      `json:",omitempty"`
	ProvisionedThroughput     throughputDescription
	DeletionProtectionEnabled bool
	ItemCount                 int
	TableSizeBytes            int
}

// describe is the table as DescribeTable shows it. Counts are exact, where
// AWS's are some hours old.
func (t *table) describe(status string) *tableDescription {
	d := &tableDescription{
		TableName:                 t.name,
		TableArn:                  t.arn,
		TableId:                   t.id,
		TableStatus:               status,
		CreationDateTime:          seconds(t.created),
		AttributeDefinitions:      t.definitions(),
		KeySchema:                 t.keys.elements(),
		ProvisionedThroughput:     t.settings.throughput.describe(),
		DeletionProtectionEnabled: t.settings.deletionProtection,
		ItemCount:                 t.items.items,
		TableSizeBytes:            t.items.bytes,
	}
	if t.settings.billing == "PAY_PER_REQUEST" {
		d.BillingModeSummary = &billingSummary{"PAY_PER_REQUEST", seconds(t.created)}
	}
	if t.settings.class != "" {
		d.TableClassSummary = &classSummary{t.settings.class}
	}
	for _, x := range t.indexes {
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, x.describe(t.arn, status))
	}
	return d
}

func (x *index) describe(tableARN, status string) indexDescription {
	return indexDescription{
		IndexName:             x.name,
		IndexArn:              tableARN + "/index/" + x.name,
		IndexStatus:           status,
		KeySchema:             x.keys.elements(),
		Projection:            projectionInput{x.projection.kind, x.projection.attributes},
		ProvisionedThroughput: x.throughput.describe(),
		ItemCount:             x.items.items,
		IndexSizeBytes:        x.items.bytes,
	}
}

func (in *throughputInput) describe() throughputDescription {
	if in == nil {
		return throughputDescription{}
	}
	return throughputDescription{ReadCapacityUnits: in.ReadCapacityUnits, WriteCapacityUnits: in.WriteCapacityUnits}
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
