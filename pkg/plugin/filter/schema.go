// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// body is the part of an event that is of its type, a struct: its key in JSON, and where it is in event.Event.
type body struct {
	name  string
	index int
	kind  reflect.Type
}

// bodies are those of the events about processes.
func bodies() (all []body) {
	for f := range reflect.TypeFor[event.Event]().Fields() {
		if name := nameOf(f); strings.HasPrefix(name, "process_") && !slices.Contains(aboutTheStream, name) {
			all = append(all, body{name, f.Index[0], f.Type.Elem()})
		}
	}
	return all
}

// aboutTheStream are the bodies of events that are about no process.
var aboutTheStream = []string{"process_throttle", "hello", "loss", "notice", "bye"}

// besideBody are the fields of an event that stand beside its body, whatever its type: node_name, time, …
func besideBody() (all []body) {
	for f := range reflect.TypeFor[event.Event]().Fields() {
		if name := nameOf(f); !strings.HasPrefix(name, "process_") && !slices.Contains(aboutTheStream, name) {
			all = append(all, body{name, f.Index[0], f.Type})
		}
	}
	return all
}

// nameOf is the name of a field in JSON.
func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// fieldsOf are the fields of a struct by their names in JSON, those of embedded structs included.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	all := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		if name := nameOf(f); name != "" {
			all[name] = f
		}
	}
	return all
}

// fieldNames are those of fieldsOf, sorted.
func fieldNames(t reflect.Type) []string { return slices.Sorted(maps.Keys(fieldsOf(t))) }

// element is what a pointer points at, and what a list holds.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || isList(t) {
		t = t.Elem()
	}
	return t
}

// isList says whether a type is a list in JSON; bytes are a text.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
}

// isObject says whether a type is an object with fields of its own in JSON; a time is a text.
func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !t.Implements(reflect.TypeFor[json.Marshaler]()) && !reflect.PointerTo(t).Implements(reflect.TypeFor[json.Marshaler]())
}

// member is the type of a field of a value of type t, which is no list; path is how the user wrote t.
func member(t reflect.Type, path, name string) (reflect.Type, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Map:
		return t.Elem(), nil
	case isList(t):
		return nil, fmt.Errorf("%s is a list: %s[0].%s is of its first", path, path, name)
	case !isObject(t):
		return nil, fmt.Errorf("%s has no fields, so there is no %s.%s", path, path, name)
	}
	f, found := fieldsOf(t)[name]
	if !found {
		return nil, fmt.Errorf("%s has no field %q%s", path, name, policy.DidYouMean(name, fieldNames(t)))
	}
	return f.Type, nil
}
