package dynamodb

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
)

// legacyMembers are the conditional parameters of 2012, which expressions replace.
var legacyMembers = []string{"AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions", "QueryFilter", "ScanFilter"}

// decodeRequest reads a request, whose struct names exactly the members that
// the operation knows; any other is refused by name.
func decodeRequest(body []byte, into any) error {
	if err := checkMembers(body, reflect.TypeOf(into).Elem()); err != nil {
		return err
	}
	return asAPIError(json.Unmarshal(body, into))
}

// asAPIError keeps the refusal of a value and makes the rest, which are type
// errors, a SerializationException.
func asAPIError(err error) error {
	var problem *apiError
	if err == nil || errors.As(err, &problem) {
		return err
	}
	return errorf(codeSerialization, "%v", err)
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// checkMembers walks through JSON and the type it is meant for. Unlike
// encoding/json it tells upper from lower case.
func checkMembers(raw json.RawMessage, t reflect.Type) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if string(raw) == "null" || reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return checkStruct(raw, t)
	case reflect.Slice:
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return asAPIError(err)
		}
		for _, element := range list {
			if err := checkMembers(element, t.Elem()); err != nil {
				return err
			}
		}
	case reflect.Map:
		if reflect.PointerTo(t.Elem()).Implements(unmarshaler) || t.Elem().Kind() == reflect.String {
			return nil
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			return asAPIError(err)
		}
		for _, member := range members {
			if err := checkMembers(member, t.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkStruct(raw json.RawMessage, t reflect.Type) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return asAPIError(err)
	}
	for name, member := range members {
		field, ok := t.FieldByName(name)
		switch {
		case ok && !field.Anonymous && field.IsExported():
			if err := checkMembers(member, field.Type); err != nil {
				return err
			}
		case slices.Contains(legacyMembers, name):
			return validationf("The legacy parameter %s is not supported, use expressions", name)
		default:
			return validationf("The member %s is not supported here", name)
		}
	}
	return nil
}

// required refuses an absent member.
func required(name string, present bool) error {
	if present {
		return nil
	}
	return validationf("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", name)
}

// oneOf refuses a value outside an enumeration; "" stands for an absent member.
func oneOf(name, got string, allowed ...string) error {
	if got == "" || slices.Contains(allowed, got) {
		return nil
	}
	return validationf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: %v", got, name, allowed)
}

// firstError is the first of several checks that failed.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
