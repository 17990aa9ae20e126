// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"reflect"
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// What is taken for the body of a process's event, by its name, is one; all else stands beside it or is about the stream.
func TestBodies(t *testing.T) {
	all := slices.Clone(aboutTheStream)
	for _, b := range bodies() {
		var e event.Event
		reflect.ValueOf(&e).Elem().Field(b.index).Set(reflect.New(b.kind))
		if _, ok := e.Subjects(); !ok || e.Kind() == event.KindUnknown {
			t.Errorf("%s is of an event about no process", b.name)
		}
		all = append(all, b.name)
	}
	for _, b := range besideBody() {
		var e event.Event
		switch field := reflect.ValueOf(&e).Elem().Field(b.index); field.Kind() {
		case reflect.Pointer:
			field.Set(reflect.New(b.kind.Elem()))
		case reflect.Slice:
			field.Set(reflect.MakeSlice(b.kind, 1, 1))
		default:
			field.SetString("x")
		}
		if e.Kind() != event.KindUnknown {
			t.Errorf("%s is a type of event", b.name)
		}
		all = append(all, b.name)
	}
	names := fieldNames(reflect.TypeFor[event.Event]())
	if slices.Sort(all); !slices.Equal(all, names) {
		t.Errorf("%v are not all of %v", all, names)
	}
}
