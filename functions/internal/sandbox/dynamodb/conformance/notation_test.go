package conformance

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// Items are written as JSON in the cases: text, numbers, booleans, null, lists
// and maps stand for themselves; sets and binary values are maps with one key
// that starts with $, such as {"$ss":["a","b"]}, {"$ns":[1]}, {"$b":"bytes"}
// and {"$bs":["x"]}.

// row is an item or a key.
type row = map[string]types.AttributeValue

// parse reads an item; "" is none.
func parse(text string) row {
	if text == "" {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		panic(fmt.Sprintf("notation %s: %v", text, err))
	}
	return toRow(fields)
}

func toRow(fields map[string]any) row {
	out := row{}
	for name, v := range fields {
		out[name] = toValue(v)
	}
	return out
}

func toValue(v any) types.AttributeValue {
	switch v := v.(type) {
	case string:
		return &types.AttributeValueMemberS{Value: v}
	case json.Number:
		return &types.AttributeValueMemberN{Value: v.String()}
	case bool:
		return &types.AttributeValueMemberBOOL{Value: v}
	case []any:
		list := []types.AttributeValue{}
		for _, one := range v {
			list = append(list, toValue(one))
		}
		return &types.AttributeValueMemberL{Value: list}
	case map[string]any:
		if len(v) == 1 {
			for name, inner := range v {
				if special := toSpecial(name, inner); special != nil {
					return special
				}
			}
		}
		return &types.AttributeValueMemberM{Value: toRow(v)}
	default:
		return &types.AttributeValueMemberNULL{Value: true}
	}
}

// toSpecial is the value of a map with one key, or nil if it is just a map.
func toSpecial(name string, v any) types.AttributeValue {
	switch name {
	case "$n": // a number that JSON cannot write
		return &types.AttributeValueMemberN{Value: v.(string)}
	case "$b":
		return &types.AttributeValueMemberB{Value: []byte(v.(string))}
	case "$ss":
		return &types.AttributeValueMemberSS{Value: texts(v)}
	case "$ns":
		return &types.AttributeValueMemberNS{Value: texts(v)}
	case "$bs":
		set := [][]byte{}
		for _, text := range texts(v) {
			set = append(set, []byte(text))
		}
		return &types.AttributeValueMemberBS{Value: set}
	default:
		return nil
	}
}

func texts(v any) []string {
	list := []string{}
	for _, one := range v.([]any) {
		list = append(list, fmt.Sprint(one))
	}
	return list
}

// show writes an item in the notation, sorted and without spaces; nil is "".
func show(r row) string {
	if r == nil {
		return ""
	}
	parts := []string{}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		parts = append(parts, quote(name)+":"+showValue(r[name]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// canonical is text as show would write it.
func canonical(text string) string { return show(parse(text)) }

func showValue(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return quote(v.Value)
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberBOOL:
		return fmt.Sprint(v.Value)
	case *types.AttributeValueMemberNULL:
		return "null"
	case *types.AttributeValueMemberL:
		parts := []string{}
		for _, one := range v.Value {
			parts = append(parts, showValue(one))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case *types.AttributeValueMemberM:
		return show(v.Value)
	case *types.AttributeValueMemberB:
		return `{"$b":` + quote(string(v.Value)) + "}"
	case *types.AttributeValueMemberSS:
		return showSet("$ss", v.Value, quote)
	case *types.AttributeValueMemberNS:
		return showSet("$ns", v.Value, func(s string) string { return s })
	case *types.AttributeValueMemberBS:
		set := []string{}
		for _, one := range v.Value {
			set = append(set, string(one))
		}
		return showSet("$bs", set, quote)
	default:
		return fmt.Sprintf("unknown %T", v)
	}
}

func showSet(kind string, set []string, one func(string) string) string {
	parts := []string{}
	for _, text := range set {
		parts = append(parts, one(text))
	}
	slices.Sort(parts)
	return "{" + quote(kind) + ":[" + strings.Join(parts, ",") + "]}"
}

// showAll writes items in order.
func showAll(rows []row) string {
	parts := []string{}
	for _, r := range rows {
		parts = append(parts, show(r))
	}
	return strings.Join(parts, " ")
}

func quote(text string) string {
	if len(text) > 200 {
		text = fmt.Sprintf("%s… %d bytes", text[:20], len(text))
	}
	data, err := json.Marshal(text)
	if err != nil {
		return base64.StdEncoding.EncodeToString([]byte(text))
	}
	return string(data)
}

// errorCode is the code of an API error, "" for none.
func errorCode(err error) string {
	if err == nil {
		return ""
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return "not an API error: " + err.Error()
}
