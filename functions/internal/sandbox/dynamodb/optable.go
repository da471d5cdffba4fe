package dynamodb

import (
	"maps"
	"regexp"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

var tableNamePattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

func checkTableName(name *string) error {
	return checkName("tableName", name)
}

func checkName(member string, name *string) error {
	if name == nil {
		return required(member, false)
	}
	if !tableNamePattern.MatchString(*name) {
		return validationf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+, length 3 to 255", *name, member)
	}
	return nil
}

type tableInput struct {
	TableName *string
}

type createTableOutput struct {
	TableDescription *tableDescription
}

func (s *scope) createTable(in *createTableInput) (*createTableOutput, error) {
	t, err := in.table(s)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tables[t.name] != nil {
		return nil, wire.Errorf(codeTableInUse, "Table already exists: %s", t.name)
	}
	s.tables[t.name] = t
	return &createTableOutput{t.describe("CREATING")}, nil
}

type describeTableOutput struct {
	Table *tableDescription
}

func (s *scope) describeTable(in *tableInput) (*describeTableOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.tableNamed(in.TableName)
	if err != nil {
		return nil, err
	}
	return &describeTableOutput{t.describe("ACTIVE")}, nil
}

// tableNamed finds a table for an operation on the table itself, whose errors
// name it. The caller holds the lock.
func (s *scope) tableNamed(name *string) (*table, error) {
	if err := checkTableName(name); err != nil {
		return nil, err
	}
	if t, ok := s.tables[*name]; ok {
		return t, nil
	}
	return nil, wire.Errorf(codeTableNotFound, "Requested resource not found: Table: %s not found", *name)
}

func (s *scope) deleteTable(in *tableInput) (*createTableOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.tableNamed(in.TableName)
	if err != nil {
		return nil, err
	}
	delete(s.tables, t.name)
	return &createTableOutput{t.describe("DELETING")}, nil
}

type listTablesInput struct {
	ExclusiveStartTableName *string
	Limit                   *int
}

type listTablesOutput struct {
	TableNames             []string
	LastEvaluatedTableName string `json:",omitempty"`
}

func (s *scope) listTables(in *listTablesInput) (*listTablesOutput, error) {
	limit := 100
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 1 || limit > 100 {
		return nil, validationf("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and 100", limit)
	}
	s.mu.RLock()
	names := slices.Sorted(maps.Keys(s.tables))
	s.mu.RUnlock()
	if start := in.ExclusiveStartTableName; start != nil {
		if err := checkName("exclusiveStartTableName", start); err != nil {
			return nil, err
		}
		from, found := slices.BinarySearch(names, *start)
		if found {
			from++
		}
		names = names[from:]
	}
	out := &listTablesOutput{TableNames: append([]string{}, names...)}
	if len(names) > limit {
		out.TableNames = names[:limit]
		out.LastEvaluatedTableName = names[limit-1]
	}
	return out, nil
}
