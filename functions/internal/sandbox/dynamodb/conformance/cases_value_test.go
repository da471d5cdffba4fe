package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// numbers are what is written and what is read back, "" for a refusal.
var numbers = []struct{ name, in, out string }{
	{"Plain", "12.5", "12.5"},
	{"Negative", "-0.001", "-0.001"},
	{"TrailingZeros", "1.50", "1.5"},
	{"LeadingZeros", "0012", "12"},
	{"NegativeZero", "-0", "0"},
	{"Exponent", "1e3", "1000"},
	{"NegativeExponent", "15E-3", "0.015"},
	{"Digits38", "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"},
	{"Digits39", "123456789012345678901234567890123456789", ""},
	{"ZerosAreNoDigits", "1" + strings.Repeat("0", 50), "1" + strings.Repeat("0", 50)},
	{"Largest", "1e125", "1" + strings.Repeat("0", 125)},
	{"TooLarge", "1e126", ""},
	{"Smallest", "1e-130", "0." + strings.Repeat("0", 129) + "1"},
	{"TooSmall", "1e-131", ""},
	{"Text", "abc", ""},
	{"Empty", "", ""},
	{"NaN", "NaN", ""},
	{"Hexadecimal", "0x10", ""},
}

func numberCases() []testCase {
	var list []testCase
	for _, c := range numbers {
		list = append(list, testCase{"Number/" + c.name, func(e *env) {
			e.create()
			err := e.tryPut(`{"pk":"a","sk":"1","n":{"$n":"` + c.in + `"}}`)
			if c.out == "" {
				e.code(err, validation)
				return
			}
			e.ok(err)
			e.equal("item", e.get(baseKey), `{"n":`+c.out+`,"pk":"a","sk":"1"}`)
		}})
	}
	return append(list,
		testCase{"Number/SetIsTrimmed", setIsTrimmed},
	)
}

func setIsTrimmed(e *env) {
	e.create(`{"pk":"a","sk":"1","n":{"$ns":["2.0","010"]}}`)
	e.equal("item", e.get(baseKey), `{"n":{"$ns":[10,2]},"pk":"a","sk":"1"}`)
}

func valueCases() []testCase {
	list := []testCase{
		{"Value/NullMustBeTrue", func(e *env) { valueRefused(e, &types.AttributeValueMemberNULL{Value: false}) }},
		{"Value/EmptyStringSet", func(e *env) { valueRefused(e, &types.AttributeValueMemberSS{Value: []string{}}) }},
		{"Value/EmptyNumberSet", func(e *env) { valueRefused(e, &types.AttributeValueMemberNS{Value: []string{}}) }},
		{"Value/EmptyBinarySet", func(e *env) { valueRefused(e, &types.AttributeValueMemberBS{Value: [][]byte{}}) }},
		{"Value/RepeatedInStringSet", func(e *env) { valueRefused(e, &types.AttributeValueMemberSS{Value: []string{"a", "a"}}) }},
		{"Value/RepeatedInNumberSet", func(e *env) { valueRefused(e, &types.AttributeValueMemberNS{Value: []string{"1", "1.0"}}) }},
		{"Value/RepeatedInBinarySet", func(e *env) { valueRefused(e, &types.AttributeValueMemberBS{Value: [][]byte{{1}, {1}}}) }},
		{"Value/EmptyBinaryDoesNotBreakQueries", emptyBinary},
	}
	for _, c := range []struct{ name, value string }{
		{"EmptyText", `""`},
		{"EmptyBinary", `{"$b":""}`},
		{"EmptyList", `[]`},
		{"EmptyMap", `{}`},
		{"EmptyTextInSet", `{"$ss":[""]}`},
		{"EmptyTextInList", `["",{"$b":""}]`},
		{"BinarySet", `{"$bs":["x","y"]}`},
		{"Mixed", `[1,"1",true,null,{"a":[{"b":{"$ss":["x"]}}]}]`},
		{"UnicodeAndQuotes", `"ä\u2028\"\\<&>"`},
	} {
		list = append(list, testCase{"Value/" + c.name, func(e *env) {
			item := `{"pk":"a","sk":"1","v":` + c.value + `}`
			e.create(item)
			e.holds(baseKey, item)
		}})
	}
	return list
}

func valueRefused(e *env, v types.AttributeValue) {
	e.create()
	item := parse(baseKey)
	item["v"] = v
	e.code(e.tryPutRow(item), validation)
}

func emptyBinary(e *env) {
	e.create(`{"pk":"a","sk":"1","v":{"$b":""}}`, `{"pk":"a","sk":"2"}`)
	out := e.runQuery(e.query("pk = :p", `{":p":"a"}`))
	e.equal("rows", showAll(out.Items), `{"pk":"a","sk":"1","v":{"$b":""}} {"pk":"a","sk":"2"}`)
}
