// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Fields are those of an event's JSON that are shown. Paths are dotted and begin below the event's type: process.pod.name; in a
// list they are of all elements: args.file_arg.path.
type Fields struct {
	shown, hidden  paths
	bodies, beside []body
	// of are the fields of each struct in events: asking for them takes long.
	of map[reflect.Type]map[string]reflect.StructField
}

// paths are fields by name with the paths below them; one without is meant as a whole.
type paths map[string]paths

// unlessHidden are the fields beside the body that are shown if they are not taken out by name, as tetra does.
var unlessHidden = []string{"node_name", "time"}

// ParseFields reads paths; those that begin with "-" are left out of what the others ask for, or, where there are no others, of
// everything. Its error is everything that is wrong with them.
func ParseFields(list []string) (*Fields, error) {
	f := &Fields{shown: paths{}, hidden: paths{}, bodies: bodies(), beside: besideBody(), of: map[reflect.Type]map[string]reflect.StructField{}}
	f.learn(reflect.TypeFor[event.Event]())
	var errs []error
	for _, path := range list {
		bare, hide := strings.CutPrefix(strings.TrimSpace(path), "-")
		if err := checkField(bare); err != nil {
			errs = append(errs, fmt.Errorf("--fields %q: %w", path, err))
			continue
		}
		if hide {
			f.hidden.add(bare)
		} else {
			f.shown.add(bare)
		}
	}
	return f, errors.Join(errs...)
}

// learn notes the fields of a type and of those of its fields.
func (f *Fields) learn(t reflect.Type) {
	t = element(t)
	if _, known := f.of[t]; known || !isObject(t) {
		return
	}
	f.of[t] = fieldsOf(t)
	for _, field := range f.of[t] {
		f.learn(field.Type)
	}
}

// checkField wants a field that some type of event has.
func checkField(path string) error {
	names := strings.Split(path, ".")
	first := map[string]bool{}
	var deepest error
	for _, b := range besideBody() {
		first[b.name] = true
		if b.name != names[0] {
			continue
		}
		if deepest = checkFieldBelow(b.kind, names[:1], names[1:]); deepest == nil {
			return nil
		}
	}
	for _, b := range bodies() {
		err := checkFieldBelow(b.kind, nil, names)
		if err == nil {
			return nil
		}
		if _, has := fieldsOf(b.kind)[names[0]]; has {
			deepest = err
		}
		for _, name := range fieldNames(b.kind) {
			first[name] = true
		}
	}
	if deepest != nil {
		return deepest
	}
	if slices.Contains(bodyNames(), names[0]) {
		return fmt.Errorf("no event has a field %q: it is named without the type of event before it, as process.binary", names[0])
	}
	return fmt.Errorf("no event has a field %q%s", names[0], policy.DidYouMean(names[0], slices.Sorted(maps.Keys(first))))
}

// checkFieldBelow wants a type to have fields of these names, one below the other; above leads to the type.
func checkFieldBelow(t reflect.Type, above, names []string) (err error) {
	for i, name := range names {
		if name == "" {
			return errors.New("a name is missing between two dots")
		}
		if element(t).Kind() == reflect.Map {
			return nil // of labels, whose names may have dots, any
		}
		if t, err = member(element(t), strings.Join(slices.Concat(above, names[:i]), "."), name); err != nil {
			return err
		}
	}
	return nil
}

func (p paths) add(path string) {
	name, rest, more := strings.Cut(path, ".")
	below, have := p[name]
	switch {
	case !more:
		p[name] = nil // all of it, whatever else was asked for
	case !have:
		below = paths{}
		below.add(rest)
		p[name] = below
	case below != nil:
		below.add(rest)
	}
}

// Of is the event with these fields only. The event is not changed; what the result shares with it must not be either. What is
// about no process stays whole.
func (f *Fields) Of(e *event.Event) *event.Event {
	if _, ok := e.Subjects(); !ok {
		return e
	}
	only := *e
	value := reflect.ValueOf(&only).Elem()
	for _, b := range f.bodies {
		field := value.Field(b.index)
		if field.IsNil() {
			continue
		}
		if len(f.shown) > 0 {
			field.Set(f.chosen(field, f.shown, true))
		}
		if len(f.hidden) > 0 {
			field.Set(f.chosen(field, f.hidden, false))
		}
	}
	for _, b := range f.beside {
		field := value.Field(b.index)
		if below, shown := f.shown[b.name]; len(below) > 0 {
			field.Set(f.chosen(field, below, true))
		} else if !shown && len(f.shown) > 0 && !slices.Contains(unlessHidden, b.name) {
			field.SetZero()
		}
		if below, hidden := f.hidden[b.name]; len(below) > 0 {
			field.Set(f.chosen(field, below, false))
		} else if hidden {
			field.SetZero()
		}
	}
	return &only
}

// chosen is a copy of a value with only the fields that p has, or with all others.
func (f *Fields) chosen(v reflect.Value, p paths, wanted bool) reflect.Value {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		copied := reflect.New(v.Type().Elem())
		copied.Elem().Set(f.chosen(v.Elem(), p, wanted))
		return copied
	case isList(v.Type()) && !v.IsNil():
		copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			copied.Index(i).Set(f.chosen(v.Index(i), p, wanted))
		}
		return copied
	case v.Kind() == reflect.Map:
		return chosenOfMap(v, p, wanted)
	case v.Kind() == reflect.Struct:
		return f.chosenOfStruct(v, p, wanted)
	}
	return v
}

func (f *Fields) chosenOfStruct(v reflect.Value, p paths, wanted bool) reflect.Value {
	copied := reflect.New(v.Type()).Elem()
	for name, field := range f.of[v.Type()] {
		from, to := v.FieldByIndex(field.Index), copied.FieldByIndex(field.Index)
		below, named := p[name]
		switch {
		case named && len(below) > 0:
			to.Set(f.chosen(from, below, wanted))
		case named == wanted:
			to.Set(from)
		}
	}
	return copied
}

// chosenOfMap takes labels, whose names may have dots.
func chosenOfMap(v reflect.Value, p paths, wanted bool) reflect.Value {
	copied := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		if p.has(key.String()) == wanted {
			copied.SetMapIndex(key, v.MapIndex(key))
		}
	}
	return copied
}

// has says whether a name, with dots or without, is one of the paths.
func (p paths) has(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		below, found := p[part]
		switch {
		case !found:
			return false
		case below == nil:
			p = paths{}
		default:
			p = below
		}
	}
	return len(p) == 0
}
