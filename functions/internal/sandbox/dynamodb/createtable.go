package dynamodb

import (
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type attributeDefinition struct {
	AttributeName string
	AttributeType kind
}

type keyElement struct {
	AttributeName string
	KeyType       string
}

type projectionInput struct {
	ProjectionType   string
	NonKeyAttributes []string `json:",omitempty"`
}

type indexInput struct {
	IndexName  *string
	KeySchema  []keyElement
	Projection *projectionInput
}

type createTableInput struct {
	TableName              *string
	AttributeDefinitions   []attributeDefinition
	KeySchema              []keyElement
	GlobalSecondaryIndexes []indexInput
	BillingMode            string
}

const (
	maxIndexes = 20
	onDemand   = "PAY_PER_REQUEST" // the one BillingMode of the sandbox
)

// table makes the table asked for, or says what is wrong with it.
func (in *createTableInput) table(s *scope) (*table, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	types := map[string]kind{}
	for _, a := range in.AttributeDefinitions {
		if !a.AttributeType.ordered() {
			return nil, oneOf("attributeDefinitions.member.attributeType", string(a.AttributeType), "S", "N", "B")
		}
		if _, ok := types[a.AttributeName]; ok {
			return nil, invalidValue("Duplicate AttributeName in AttributeDefinitions: %s", a.AttributeName)
		}
		types[a.AttributeName] = a.AttributeType
	}
	keys, err := newKeySchema(in.KeySchema, types)
	if err != nil {
		return nil, err
	}
	t := &table{name: *in.TableName, created: s.now(), keys: keys, items: newCollection()}
	t.arn = s.ARN("dynamodb", "table/"+t.name)
	t.id = wire.UUID(t.arn, fmt.Sprint(t.created.UnixNano()))
	used := keys.attributes()
	for _, one := range in.GlobalSecondaryIndexes {
		x, err := one.index(t, types)
		if err != nil {
			return nil, err
		}
		t.indexes = append(t.indexes, x)
		used = append(used, x.keys.attributes()...)
	}
	return t, checkDefinitions(types, used)
}

func (in *createTableInput) check() error {
	return firstError(
		checkTableName(in.TableName),
		required("attributeDefinitions", in.AttributeDefinitions != nil),
		required("keySchema", in.KeySchema != nil),
		in.checkBilling(),
		in.checkIndexes(),
	)
}

func (in *createTableInput) checkBilling() error {
	if in.BillingMode != onDemand {
		return invalidValue("BillingMode %q is not known to the sandbox, which has %s alone", in.BillingMode, onDemand)
	}
	return nil
}

func (in *createTableInput) checkIndexes() error {
	if in.GlobalSecondaryIndexes != nil && len(in.GlobalSecondaryIndexes) == 0 {
		return invalidValue("List of GlobalSecondaryIndexes is empty")
	}
	if len(in.GlobalSecondaryIndexes) > maxIndexes {
		return wire.Errorf("LimitExceededException", "GlobalSecondaryIndex count exceeds the per-table limit of %d", maxIndexes)
	}
	return nil
}

func newKeySchema(elements []keyElement, types map[string]kind) (keySchema, error) {
	var keys keySchema
	wanted := []string{"HASH", "RANGE"}
	if len(elements) < 1 || len(elements) > 2 {
		return keys, validationf("1 validation error detected: Value at 'keySchema' failed to satisfy constraint: Member must have length between 1 and 2")
	}
	for i, e := range elements {
		if e.KeyType != wanted[i] {
			return keys, invalidValue("Invalid KeySchema: element %d is %q, not %s", i, e.KeyType, wanted[i])
		}
		k, ok := types[e.AttributeName]
		if !ok {
			return keys, invalidValue("Some index key attributes are not defined in AttributeDefinitions. Keys: [%s]", e.AttributeName)
		}
		a := keyAttribute{e.AttributeName, k}
		if i == 0 {
			keys.partition = a
		} else {
			keys.sort = &a
		}
	}
	if keys.sort != nil && keys.sort.name == keys.partition.name {
		return keys, invalidValue("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	}
	return keys, nil
}

// index makes one global secondary index.
func (in *indexInput) index(t *table, types map[string]kind) (*index, error) {
	if err := firstError(checkName("indexName", in.IndexName), required("projection", in.Projection != nil)); err != nil {
		return nil, err
	}
	if t.index(*in.IndexName) != nil {
		return nil, invalidValue("Duplicate index name: %s", *in.IndexName)
	}
	keys, err := newKeySchema(in.KeySchema, types)
	if err != nil {
		return nil, err
	}
	x := &index{name: *in.IndexName, keys: keys, table: t.keys, items: newCollection()}
	x.projection = projection{kind: in.Projection.ProjectionType, attributes: in.Projection.NonKeyAttributes}
	return x, x.projection.check()
}

func (p projection) check() error {
	switch {
	case p.kind == "":
		return invalidValue("Unknown ProjectionType: null")
	case p.kind == "INCLUDE" && len(p.attributes) == 0:
		return invalidValue("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
	case p.kind != "INCLUDE" && p.attributes != nil:
		return invalidValue("ProjectionType is %s, but NonKeyAttributes is specified", p.kind)
	}
	return oneOf("projection.projectionType", p.kind, "ALL", "KEYS_ONLY", "INCLUDE")
}

// checkDefinitions refuses attributes that are no key of anything.
func checkDefinitions(types map[string]kind, used []keyAttribute) error {
	for name := range types {
		if !slices.ContainsFunc(used, func(a keyAttribute) bool { return a.name == name }) {
			return invalidValue("Some AttributeDefinitions are not used. AttributeDefinitions: %s", name)
		}
	}
	return nil
}
