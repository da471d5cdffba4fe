package conformance

// deviation is a way in which an implementation differs from AWS as documented,
// and the cases that therefore fail on it.
type deviation struct {
	why   string
	cases []string
}

// deviations are all that are known. SuiteOf demands that each of these cases
// fails, so that an entry cannot outlive its reason.
var deviations = map[Implementation][]deviation{
	DynamoDBLocal: {
		{
			"a refusal that depends on one action is a ValidationException for the whole transaction, or a list of reasons with that one alone",
			[]string{
				"Transaction/ValidationErrorUpdateOfMissing",
				"Transaction/ValidationErrorUpdateOfKey",
				"Transaction/ValidationErrorPutWithoutKey",
				"Transaction/ValidationErrorPutWithEmptyKey",
				"Transaction/ValidationErrorDeleteWithWrongKey",
			},
		},
		{
			"an update may give an index key another type; the item then is in no index",
			[]string{"Update/IndexKeyOfOtherType", "Transaction/ValidationErrorUpdateOfIndexKey"},
		},
		{"an update that only removes makes an item", []string{"Update/RemoveMakesNoItem"}},
		{"behind a key that is refused the other actions are looked at", []string{"Transaction/OnlyFirstValidationError"}},
		{"the 1 MB of a page are counted after the filter", []string{"Paging/OneMegabyteBeforeFilter"}},
		{"provisioned throughput of a table on demand is ignored", []string{"Table/ThroughputOnDemand"}},
		{"DeleteItem gives ConsumedCapacity unasked", []string{"Capacity/NoneUnaskedOfDelete"}},
		{"a key without an item costs nothing in BatchGetItem", []string{"Capacity/BatchGetMissing"}},
		{"the cost of a transaction's writes is that of its first action, times their number", []string{"Capacity/TransactWrite"}},
	},
	MiniStack: {
		{
			"operands of a condition are not checked for their types and against one another",
			[]string{
				"Condition/LessOfBool",
				"Condition/LessOfSet",
				"Condition/BetweenBool",
				"Condition/BetweenMixed",
				"Condition/SamePathTwice",
			},
		},
		{"begins_with of an attribute that is a number is refused, not false", []string{"Condition/BeginsWithOfNumber"}},
		{"two absent attributes are equal", []string{"Condition/TwoMissingAreNotEqual"}},
		{"functions are known in any case", []string{"Condition/FunctionInUpperCase"}},
		{"text in quotes is taken for an attribute", []string{"Condition/TextLiteral"}},
		{"operators are not counted", []string{"Limit/Operators301"}},
		{
			"the grammar of updates is not checked: trailing commas, empty and repeated clauses",
			[]string{
				"Update/ClauseTwice",
				"Update/NoActions",
				"Update/TrailingComma",
				"Transaction/SyntaxErrorRefusesAll",
			},
		},
		{"paths of an update may overlap", []string{"Update/PathTwice", "Update/PathsOverlapAcrossClauses"}},
		{"an attribute without a name is taken", []string{"Item/PutRefusedEmptyAttributeName"}},
		{
			"the grammar of projections is not checked",
			[]string{
				"Projection/Empty",
				"Projection/Function",
				"Projection/TrailingComma",
				"Projection/WithoutComma",
			},
		},
		{"key conditions may hold what conditions may", []string{"Query/Contains", "Query/Not", "Query/NotEqual", "Query/Or"}},
		{"a filter may name keys", []string{"Query/FilterOfPartitionKey", "Query/FilterOfSortKey"}},
		{"a start key may have other types and further attributes", []string{"Paging/StartOfOtherType", "Paging/StartWithTooMuch"}},
		{
			"a page ends before the item that exceeds 1 MB, not behind it",
			[]string{"Paging/OneMegabyte", "Paging/OneMegabyteBeforeFilter", "Paging/OneMegabyteBeforeProjection"},
		},
		{
			"what an index does not project reads as absent, and is not refused",
			[]string{"Index/AllAttributesOfKeysRefused", "Index/UnprojectedAttributeRefused", "Index/UnprojectedFilterRefused"},
		},
		{"of several verbs in an action all but one are ignored", []string{"Transaction/TwoVerbsInOneAction"}},
		{
			"keys are not checked in a transaction, and an update may change them",
			[]string{
				"Transaction/ValidationErrorUpdateOfKey", "Transaction/ValidationErrorPutWithoutKey",
				"Transaction/ValidationErrorDeleteWithWrongKey",
			},
		},
		{"an empty key is a ValidationException for the whole transaction", []string{"Transaction/ValidationErrorPutWithEmptyKey"}},
		{"behind a key that is refused the other keys are looked at", []string{"Transaction/OnlyFirstValidationError"}},
		{"an update that only removes makes an item", []string{"Update/RemoveMakesNoItem"}},
		{
			"reads cost one unit whatever their size, and BatchGetItem gives no ConsumedCapacity",
			[]string{
				"Capacity/Get",
				"Capacity/GetConsistent",
				"Capacity/Query",
				"Capacity/QueryConsistent",
				"Capacity/BatchGetMissing",
			},
		},
		{"time to live may be enabled twice", []string{"Settings/TimeToLiveTwice"}},
	},
}

// known are the deviations of an implementation by case.
func known(implementation Implementation) map[string]string {
	reasons := map[string]string{}
	for _, d := range deviations[implementation] {
		for _, name := range d.cases {
			reasons[name] = d.why
		}
	}
	return reasons
}
