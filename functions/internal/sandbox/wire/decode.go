package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// Decode reads a request body into the struct that v points to. It is stricter
// than encoding/json and than AWS: a member that the struct does not name, in
// exactly this case, is refused, so that nothing a client asks for is silently
// left undone.
func Decode(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return Errorf("SerializationException", "request body: %v", err)
	}
	if _, ok := tree.(map[string]any); !ok {
		return Errorf("SerializationException", "request body is no JSON object")
	}
	if err := checkMembers(tree, reflect.TypeOf(v), ""); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return Errorf("SerializationException", "request body: %v", err)
	}
	return nil
}

var (
	rawType         = reflect.TypeFor[json.RawMessage]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// checkMembers walks a decoded value along the type it is meant for.
func checkMembers(value any, t reflect.Type, path string) error {
	if t == rawType || reflect.PointerTo(t).Implements(unmarshalerType) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return checkMembers(value, t.Elem(), path)
	case reflect.Slice:
		return checkList(value, t, path)
	case reflect.Struct:
		return checkStruct(value, t, path)
	}
	return nil
}

func checkList(value any, t reflect.Type, path string) error {
	list, _ := value.([]any)
	for _, element := range list {
		if err := checkMembers(element, t.Elem(), path); err != nil {
			return err
		}
	}
	return nil
}

func checkStruct(value any, t reflect.Type, path string) error {
	object, _ := value.(map[string]any)
	known := members(t)
	for name, member := range object {
		field, ok := known[name]
		if !ok {
			return Errorf("InvalidParameterException", "request member %q is not known to the sandbox", path+name)
		}
		if err := checkMembers(member, field, path+name+"."); err != nil {
			return err
		}
	}
	return nil
}

// members gives the types of a struct's fields by their JSON names, those of
// embedded structs included.
func members(t reflect.Type) map[string]reflect.Type {
	known := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			known[name] = field.Type
		}
	}
	return known
}
