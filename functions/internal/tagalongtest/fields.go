package tagalongtest

import (
	"reflect"
	"testing"
	"time"
	"unsafe"
)

// EveryFieldCounts checks that what is computed of a struct depends on each of its
// fields, but for those that are named: a sum, a copy or a comparison written by hand
// that forgets one fails. compute gets a struct whose field has its zero value, and
// one that differs from it in that field alone, once amid zero fields and once amid
// others that are set.
func EveryFieldCounts[T any](t *testing.T, compute func(T) any, except ...string) {
	t.Helper()
	kind := reflect.TypeFor[T]()
	excepted := map[string]bool{}
	for _, name := range except {
		if _, ok := kind.FieldByName(name); !ok {
			t.Errorf("%s has no field %s to be left out", kind, name)
		}
		excepted[name] = true
	}
	for i := range kind.NumField() {
		if name := kind.Field(i).Name; !excepted[name] && !counts(compute, i) {
			t.Errorf("%s.%s does not count", kind, name)
		}
	}
}

// Fill returns every field of a struct some value other than its zero value.
func Fill[T any](to *T) {
	for i := range reflect.TypeFor[T]().NumField() {
		fill(reflect.ValueOf(to).Elem().Field(i))
	}
}

// counts reports whether the result changes with a field.
func counts[T any](compute func(T) any, field int) bool {
	for _, filled := range []bool{false, true} {
		var with, without T
		if filled {
			Fill(&with)
			Fill(&without)
		}
		fill(reflect.ValueOf(&with).Elem().Field(field))
		settable(reflect.ValueOf(&without).Elem().Field(field)).SetZero()
		if !reflect.DeepEqual(compute(with), compute(without)) {
			return true
		}
	}
	return false
}

// settable makes a field that is not exported one that can be set.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// fill returns a field some value other than its zero value, the same each time.
func fill(v reflect.Value) {
	v = settable(v)
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.String:
		v.SetString("x")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMapWithSize(v.Type(), 0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	default:
		panic("a field of type " + v.Type().String() + ": say how to fill it")
	}
}
