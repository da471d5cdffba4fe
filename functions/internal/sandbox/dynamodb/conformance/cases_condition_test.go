package conformance

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// base is the item that conditions and updates work on.
const base = `{"pk":"a","sk":"1","n":5,"str":"hello","l":[1,2,3],"m":{"x":1,"y":{"z":"deep"}},` +
	`"ss":{"$ss":["a","b"]},"ns":{"$ns":[1,2]},"b":{"$b":"bytes"},"t":true,"z":null}`

const baseKey = `{"pk":"a","sk":"1"}`

// conditions are expressions on base and what comes of them: "" if they hold.
var conditions = []struct{ name, expression, values, code string }{
	{"Equal", "n = :v", `{":v":5}`, ""},
	{"EqualByValue", "n = :v", `{":v":{"$n":"5.00"}}`, ""},
	{"EqualOtherType", "n = :v", `{":v":"5"}`, conditionFailed},
	{"NotEqual", "n <> :v", `{":v":5}`, conditionFailed},
	{"NotEqualOtherType", "n <> :v", `{":v":"5"}`, ""},
	{"NotEqualOfMissing", "q <> :v", `{":v":5}`, ""},
	{"EqualOfMissing", "q = :v", `{":v":5}`, conditionFailed},
	{"Less", "n < :v", `{":v":10}`, ""},
	{"LessOfMissing", "q < :v", `{":v":10}`, conditionFailed},
	{"LessOtherType", "n < :v", `{":v":"9"}`, conditionFailed},
	{"GreaterOrEqual", "n >= :v", `{":v":5}`, ""},
	{"LessText", "str < :v", `{":v":"hello!"}`, ""},
	{"LessBinary", "b < :v", `{":v":{"$b":"bz"}}`, ""},
	{"LessOfBool", "t < :v", `{":v":true}`, validation},
	{"LessOfSet", "ss < :v", `{":v":{"$ss":["a"]}}`, validation},
	{"ValueLeft", ":v = n", `{":v":5}`, ""},
	{"TwoPaths", "n <> str", "", ""},
	{"TwoMissingAreNotEqual", "q = r", "", conditionFailed},
	{"SamePathTwice", "n = n", "", validation},
	{"EqualBool", "t = :v", `{":v":true}`, ""},
	{"EqualNull", "z = :v", `{":v":null}`, ""},
	{"EqualMap", "m = :v", `{":v":{"y":{"z":"deep"},"x":1}}`, ""},
	{"EqualList", "l = :v", `{":v":[1,2,3]}`, ""},
	{"EqualListOtherOrder", "l = :v", `{":v":[3,2,1]}`, conditionFailed},
	{"EqualSetAnyOrder", "ss = :v", `{":v":{"$ss":["b","a"]}}`, ""},
	{"EqualNumberSetByValue", "ns = :v", `{":v":{"$ns":["2.0","1"]}}`, ""},
	{"Exists", "attribute_exists(m)", "", ""},
	{"ExistsNot", "attribute_exists(q)", "", conditionFailed},
	{"NotExists", "attribute_not_exists(q)", "", ""},
	{"NotExistsOfKey", "attribute_not_exists(pk)", "", conditionFailed},
	{"ExistsOfValue", "attribute_exists(:v)", `{":v":1}`, validation},
	{"ExistsOfTwo", "attribute_exists(n, l)", "", validation},
	{"BeginsWith", "begins_with(str, :v)", `{":v":"hell"}`, ""},
	{"BeginsWithItself", "begins_with(str, :v)", `{":v":"hello"}`, ""},
	{"BeginsWithLonger", "begins_with(str, :v)", `{":v":"hello!"}`, conditionFailed},
	{"BeginsWithEmpty", "begins_with(str, :v)", `{":v":""}`, ""},
	{"BeginsWithBinary", "begins_with(b, :v)", `{":v":{"$b":"by"}}`, ""},
	{"BeginsWithNumber", "begins_with(str, :v)", `{":v":1}`, validation},
	{"BeginsWithOfNumber", "begins_with(n, :v)", `{":v":"5"}`, conditionFailed},
	{"Between", "n BETWEEN :v AND :w", `{":v":5,":w":9}`, ""},
	{"BetweenPaths", ":v BETWEEN str AND str", `{":v":"hello"}`, ""},
	{"BetweenMixed", "n BETWEEN :v AND :w", `{":v":1,":w":"9"}`, validation},
	{"BetweenInverted", "n BETWEEN :w AND :v", `{":v":1,":w":9}`, validation},
	{"BetweenBool", "n BETWEEN :v AND :v", `{":v":true}`, validation},
	{"Not", "NOT n = :v", `{":v":1}`, ""},
	{"NotNot", "NOT NOT n = :v", `{":v":5}`, ""},
	{"AndBindsTighterThanOr", "n = :v OR q = :v AND q = :v", `{":v":5}`, ""},
	{"Parentheses", "(n = :v OR q = :v) AND q = :v", `{":v":5}`, conditionFailed},
	{"NotBindsTighterThanAnd", "NOT q = :v AND n = :v", `{":v":5}`, ""},
	{"KeywordsInLowerCase", "not (q = :v or q = :v) and n between :v and :v", `{":v":5}`, ""},
	{"RedundantParentheses", "((n = :v))", `{":v":5}`, validation},
	{"UnclosedParenthesis", "(n = :v", `{":v":5}`, validation},
	{"TrailingAnd", "n = :v AND", `{":v":5}`, validation},
	{"NothingButAPath", "n", "", validation},
	{"DoubleEquals", "n == :v", `{":v":5}`, validation},
	{"NumberLiteral", "n = 5", "", validation},
	{"TextLiteral", `str = "hello"`, "", validation},
	{"Empty", "", "", validation},
	{"UnknownFunction", "exists(n)", "", validation},
	{"FunctionInUpperCase", "ATTRIBUTE_EXISTS(n)", "", validation},
	{"NamesTellCase", "attribute_exists(N)", "", conditionFailed},
	{"ReservedWord", "status = :v", `{":v":5}`, validation},
	{"ReservedWordAnyCase", "StAtUs = :v", `{":v":5}`, validation},
	{"UndefinedValue", "n = :w", `{":v":5}`, validation},
	{"UnusedValue", "n = :v", `{":v":5,":w":5}`, validation},
	{"UndefinedName", "#n = :v", `{":v":5}`, validation},
}

func conditionCases() []testCase {
	var list []testCase
	for _, c := range conditions {
		list = append(list, testCase{"Condition/" + c.name, func(e *env) {
			e.create(base)
			_, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{
				TableName: &e.table, Key: parse(baseKey),
				ConditionExpression: &c.expression, ExpressionAttributeValues: parse(c.values),
			})
			e.code(err, c.code)
			if c.code != "" {
				e.holds(baseKey, base)
			} else {
				e.holds(baseKey, "")
			}
		}})
	}
	return append(list,
		testCase{"Condition/NamesWithPlaceholders", conditionNames},
		testCase{"Condition/UnusedName", conditionUnusedName},
		testCase{"Condition/PlaceholderWithDotIsOneName", conditionDottedName},
		testCase{"Condition/NamesWithoutExpression", namesWithoutExpression},
		testCase{"Condition/ValuesWithoutExpression", valuesWithoutExpression},
		testCase{"Condition/EmptyNames", emptyNames},
		testCase{"Condition/EmptyValues", emptyValues},
		testCase{"Condition/OldItemOfFailedPut", failedPut},
		testCase{"Condition/OldItemOfFailedUpdate", failedUpdate},
		testCase{"Condition/OldItemOfFailedDelete", failedDelete},
		testCase{"Condition/NoOldItemUnasked", failedUnasked},
		testCase{"Condition/NoOldItemWhereNoneWas", failedWithoutItem},
	)
}

func text(s string) *string { return &s }

// check is a conditional delete with names.
func (e *env) check(expression, values string, names map[string]string) error {
	in := &dynamodb.DeleteItemInput{TableName: &e.table, Key: parse(baseKey), ExpressionAttributeNames: names, ExpressionAttributeValues: parse(values)}
	if expression != "" {
		in.ConditionExpression = &expression
	}
	_, err := e.client.DeleteItem(e.ctx, in)
	return err
}

func conditionNames(e *env) {
	e.create(`{"pk":"a","sk":"1","status":5,"region":5}`)
	e.code(e.check("#s = :v AND #r = #s", `{":v":5}`, map[string]string{"#s": "status", "#r": "region"}), "")
}

func conditionUnusedName(e *env) {
	e.create(base)
	e.code(e.check("#n = :v", `{":v":5}`, map[string]string{"#n": "n", "#m": "m"}), validation)
}

func conditionDottedName(e *env) {
	e.create(base)
	e.code(e.check("attribute_exists(#p)", "", map[string]string{"#p": "m.x"}), conditionFailed)
}

func namesWithoutExpression(e *env) {
	e.create(base)
	e.code(e.check("", "", map[string]string{"#n": "n"}), validation)
}

func valuesWithoutExpression(e *env) {
	e.create(base)
	e.code(e.check("", `{":v":1}`, nil), validation)
}

func emptyNames(e *env) {
	e.create(base)
	e.code(e.check("attribute_exists(n)", "", map[string]string{}), validation)
}

func emptyValues(e *env) {
	e.create(base)
	e.code(e.check("attribute_exists(n)", "{}", nil), validation)
}

// oldItem is the item that a failed condition gave back.
func (e *env) oldItem(err error) string {
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		e.fatalf("not a failed condition: %v", err)
	}
	return show(failed.Item)
}

const allOld = types.ReturnValuesOnConditionCheckFailureAllOld

func failedPut(e *env) {
	e.create(base)
	_, err := e.client.PutItem(e.ctx, &dynamodb.PutItemInput{
		TableName: &e.table, Item: parse(`{"pk":"a","sk":"1","new":1}`),
		ConditionExpression: text("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: allOld,
	})
	e.equal("old item", e.oldItem(err), canonical(base))
	e.holds(baseKey, base)
}

func failedUpdate(e *env) {
	e.create(base)
	in := e.update(baseKey, "SET n = :v", `{":v":6}`)
	in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure = text("n = :v"), allOld
	_, err := e.client.UpdateItem(e.ctx, in)
	e.equal("old item", e.oldItem(err), canonical(base))
	e.holds(baseKey, base)
}

func failedDelete(e *env) {
	e.create(base)
	_, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{
		TableName: &e.table, Key: parse(baseKey),
		ConditionExpression: text("attribute_exists(q)"), ReturnValuesOnConditionCheckFailure: allOld,
	})
	e.equal("old item", e.oldItem(err), canonical(base))
}

func failedUnasked(e *env) {
	e.create(base)
	err := e.check("attribute_exists(q)", "", nil)
	e.equal("old item", e.oldItem(err), "")
}

func failedWithoutItem(e *env) {
	e.create()
	in := e.update(baseKey, "SET n = :v", `{":v":6}`)
	in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure = text("attribute_exists(pk)"), allOld
	_, err := e.client.UpdateItem(e.ctx, in)
	e.equal("old item", e.oldItem(err), "")
	e.holds(baseKey, "")
}
