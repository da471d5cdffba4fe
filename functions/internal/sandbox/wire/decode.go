package wire

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// Decode reads a request body into the struct that v points to. It is stricter
// than encoding/json and than AWS: a member that the struct does not name, in
// exactly this case, is refused, so that nothing a client asks for is silently
// left undone. A type that reads itself may refuse its value with an *Error.
func Decode(body []byte, v any) error {
	if err := checkMembers(body, reflect.TypeOf(v).Elem(), ""); err != nil {
		return err
	}
	return malformed(json.Unmarshal(body, v))
}

// malformed makes what encoding/json says of a body an error of the protocol.
func malformed(err error) error {
	if _, ok := errors.AsType[*Error](err); ok || err == nil {
		return err
	}
	return Errorf("SerializationException", "request body: %v", err)
}

var (
	rawType         = reflect.TypeFor[json.RawMessage]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// checkMembers walks through JSON along the type it is meant for.
func checkMembers(raw json.RawMessage, t reflect.Type, path string) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == rawType || reflect.PointerTo(t).Implements(unmarshalerType) || path != "" && string(raw) == "null" {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice:
		return checkList(raw, t, path)
	case reflect.Map:
		return checkMap(raw, t, path)
	case reflect.Struct:
		return checkStruct(raw, t, path)
	}
	return nil
}

func checkList(raw json.RawMessage, t reflect.Type, path string) error {
	if plain(t.Elem()) {
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return malformed(err)
	}
	for _, element := range list {
		if err := checkMembers(element, t.Elem(), path); err != nil {
			return err
		}
	}
	return nil
}

func checkMap(raw json.RawMessage, t reflect.Type, path string) error {
	if plain(t.Elem()) {
		return nil
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return malformed(err)
	}
	for key, entry := range entries {
		if err := checkMembers(entry, t.Elem(), path+key+"."); err != nil {
			return err
		}
	}
	return nil
}

// plain reports whether values of a type have no members to check.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Struct:
		return reflect.PointerTo(t).Implements(unmarshalerType)
	}
	return true
}

func checkStruct(raw json.RawMessage, t reflect.Type, path string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return malformed(err)
	}
	if object == nil {
		return Errorf("SerializationException", "request body is no JSON object")
	}
	known := members(t)
	for name, member := range object {
		field, ok := known[name]
		if !ok {
			return Errorf("ValidationException", "request member %q is not known to the sandbox", path+name)
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
		if name == "" {
			name = field.Name
		}
		if name != "-" && field.IsExported() && !field.Anonymous {
			known[name] = field.Type
		}
	}
	return known
}
