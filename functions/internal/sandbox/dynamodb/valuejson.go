package dynamodb

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// UnmarshalJSON reads {"S":"text"} and its like, and refuses what AWS refuses.
func (v *value) UnmarshalJSON(data []byte) error {
	var members map[kind]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return wire.Errorf(codeSerialization, "Unexpected token for an AttributeValue: %v", err)
	}
	if len(members) == 0 {
		return validationf("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	if len(members) > 1 {
		return validationf("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	for k, raw := range members {
		decoded, err := decodeValue(k, raw)
		if err != nil {
			return err
		}
		*v = decoded
	}
	return nil
}

func decodeValue(k kind, raw json.RawMessage) (value, error) {
	v := value{kind: k}
	switch k {
	case kindS, kindN, kindB:
		var text string
		if err := decodeMember(k, raw, &text); err != nil {
			return v, err
		}
		return decodeScalar(k, text)
	case kindBool:
		return v, decodeMember(k, raw, &v.boolean)
	case kindNull:
		err := decodeMember(k, raw, &v.boolean)
		if err == nil && !v.boolean {
			err = invalidValue("Null attribute value types must have the value of true")
		}
		return v, err
	case kindM:
		err := decodeMember(k, raw, &v.fields)
		return v, err
	case kindL:
		return v, decodeMember(k, raw, &v.list)
	case kindSS, kindNS, kindBS:
		return decodeSet(k, raw)
	default:
		return v, validationf("AttributeValue of an unknown datatype: %s", k)
	}
}

// decodeMember is json.Unmarshal, with null refused and errors of nested
// values kept as they are.
func decodeMember(k kind, raw json.RawMessage, into any) error {
	if string(raw) == "null" {
		return wire.Errorf(codeSerialization, "null is no value of the datatype %s", k)
	}
	return json.Unmarshal(raw, into)
}

func decodeScalar(k kind, text string) (value, error) {
	switch k {
	case kindN:
		n, err := parseDecimal(text)
		return numberValue(n), err
	case kindB:
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return value{}, wire.Errorf(codeSerialization, "Base64 of a binary value: %v", err)
		}
		return value{kind: kindB, text: string(data)}, nil
	default:
		return stringValue(text), nil
	}
}

func decodeSet(k kind, raw json.RawMessage) (value, error) {
	var texts []string
	if err := decodeMember(k, raw, &texts); err != nil {
		return value{}, err
	}
	elements := make([]value, len(texts))
	for i, text := range texts {
		element, err := decodeScalar(k.element(), text)
		if err != nil {
			return value{}, err
		}
		elements[i] = element
	}
	return newSet(k, elements)
}

// MarshalJSON writes the wire form.
func (v value) MarshalJSON() ([]byte, error) { return v.append(nil), nil }

// MarshalJSON writes the wire form, names sorted.
func (it item) MarshalJSON() ([]byte, error) { return it.append(nil), nil }

func (v value) append(to []byte) []byte {
	to = append(to, `{"`...)
	to = append(to, v.kind...)
	to = append(to, `":`...)
	switch v.kind {
	case kindBool, kindNull:
		to = strconv.AppendBool(to, v.boolean)
	case kindM:
		to = v.fields.append(to)
	case kindL:
		to = appendList(to, v.list, value.append)
	case kindSS, kindNS, kindBS:
		to = appendList(to, v.list, value.appendScalar)
	default:
		to = v.appendScalar(to)
	}
	return append(to, '}')
}

func (v value) appendScalar(to []byte) []byte {
	switch v.kind {
	case kindN:
		return appendString(to, v.number.String())
	case kindB:
		return appendString(to, base64.StdEncoding.EncodeToString([]byte(v.text)))
	default:
		return appendString(to, v.text)
	}
}

func appendList(to []byte, list []value, one func(value, []byte) []byte) []byte {
	to = append(to, '[')
	for i, v := range list {
		if i > 0 {
			to = append(to, ',')
		}
		to = one(v, to)
	}
	return append(to, ']')
}

func (it item) append(to []byte) []byte {
	to = append(to, '{')
	for i, name := range it.names() {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(appendString(to, name), ':')
		to = it[name].append(to)
	}
	return append(to, '}')
}

// names are the attributes in order.
func (it item) names() []string {
	names := make([]string, 0, len(it))
	for name := range it {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func appendString(to []byte, text string) []byte {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return append(to, data...)
}
