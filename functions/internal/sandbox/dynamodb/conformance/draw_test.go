package conformance

import (
	"fmt"
	"strings"
)

// pick is one of the texts.
func (d *differ) pick(texts ...string) string { return texts[d.random.IntN(len(texts))] }

// key draws one of 24 keys and an index key that no other item has.
func (d *differ) key() (pk, sk string, h int) {
	p, s := d.random.IntN(3), d.random.IntN(8)
	return string(rune('a' + p)), string(rune('a' + s)), p*8 + s
}

func (d *differ) keyText() string {
	pk, sk, _ := d.key()
	return fmt.Sprintf(`{"pk":%q,"sk":%q}`, pk, sk)
}

// item draws an item of some of all types.
func (d *differ) item() string {
	pk, sk, h := d.key()
	text := fmt.Sprintf(`{"pk":%q,"sk":%q`, pk, sk)
	if d.random.IntN(3) > 0 {
		text += fmt.Sprintf(`,"g":%q,"h":%d`, d.pick("x", "y"), h)
	}
	for _, attribute := range []string{
		`"n":` + d.pick("0", "1", "-1.5", "1000000", "0.001", "7"),
		`"str":` + d.pick(`""`, `"hello"`, `"help"`, `"x"`),
		`"l":` + d.pick(`[]`, `[1]`, `[1,"x",[2]]`, `[{"x":1}]`),
		`"m":` + d.pick(`{}`, `{"x":1}`, `{"x":"1","y":{"z":[1,2]}}`),
		`"ss":` + d.pick(`{"$ss":["a"]}`, `{"$ss":["b","a"]}`),
		`"ns":` + d.pick(`{"$ns":[1]}`, `{"$ns":[3,2,1]}`),
		`"b":` + d.pick(`{"$b":""}`, `{"$b":"bytes"}`),
		`"t":` + d.pick(`true`, `false`, `null`),
	} {
		if d.random.IntN(2) == 0 {
			text += "," + attribute
		}
	}
	return text + "}"
}

// condition draws a condition; "" is none. Values come as :c and :d.
func (d *differ) condition() (expression, values string) {
	if d.random.IntN(3) == 0 {
		return "", ""
	}
	choices := []string{
		"attribute_exists(pk)", "attribute_not_exists(pk)", "attribute_exists(m)", "attribute_not_exists(l)",
		"n < :c", "n >= :c", "n = :c", "n <> :c", ":c > n", "n BETWEEN :c AND :c",
		"begins_with(str, :d)", "str > :d", "attribute_exists(ss) AND n > :c",
	}
	if d.strict {
		choices = append(choices, "q = r", "t = n", "ss <> ns")
	}
	simple := func() string { return d.pick(choices...) }
	expression = simple()
	switch d.random.IntN(4) {
	case 0:
		expression += " AND " + simple()
	case 1:
		expression = "(" + expression + " OR " + simple() + ") AND NOT " + simple()
	case 2:
		expression = "NOT (" + expression + ")"
	}
	return expression, d.values(expression, [2]string{":c", d.pick("0", "1", "2", "7")}, [2]string{":d", d.pick(`"S"`, `"NULL"`)})
}

// values are those that the expression names; no placeholder may begin with
// another.
func (d *differ) values(expression string, given ...[2]string) string {
	var parts []string
	for _, pair := range given {
		if strings.Contains(expression, pair[0]) {
			parts = append(parts, quote(pair[0])+":"+pair[1])
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// updateExpression draws an update and its values.
func (d *differ) updateExpression() (expression, values string) {
	choices := []string{
		"SET n = :n", "SET str = :s, t = :n", "SET #v = :s REMOVE l", "SET n = :n REMOVE g", "SET l = :l", "SET m = :m", "SET m = :m REMOVE n",
		"SET ss = :e", "SET n = :n, c = sk REMOVE ss", "SET n = :n REMOVE l, m, str",
	}
	if d.strict {
		choices = append(choices, "SET str = t", "SET n = str, str = n", "SET c = q")
	}
	expression = d.pick(choices...)
	return expression, d.values(expression,
		[2]string{":n", d.pick("1", "-2", "1000")}, [2]string{":s", d.pick(`"hello"`, `""`)},
		[2]string{":e", d.pick(`{"$ss":["a"]}`, `{"$ss":["b","c"]}`)}, [2]string{":l", d.pick(`[]`, `[4,"y"]`)}, [2]string{":m", `{"x":3,"y":{"z":[1]}}`},
	)
}

// names are those of the name placeholders that the expression names.
func names(expression string) map[string]string {
	if strings.Contains(expression, "#v") {
		return map[string]string{"#v": "value"}
	}
	return nil
}

// merge joins two sets of values.
func merge(a, b string) row {
	values := parse(a)
	for name, v := range parse(b) {
		if values == nil {
			values = row{}
		}
		values[name] = v
	}
	return values
}
