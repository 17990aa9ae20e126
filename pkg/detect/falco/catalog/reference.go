// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// Reference is a field as a condition or an output names it: with its index.
type Reference struct {
	Field *Field
	// Type of the value: the field's, or that of the parameter.
	Type Type
	// Parameter that evt.arg or evt.rawarg asks for; empty with an index that is a number.
	Parameter string
	// Key is the index of a field that takes a text, Number that of one that takes a number; Indexed says whether there is one.
	Key     string
	Number  int
	Indexed bool
	// Name as it was written: proc.aname[2].
	Name string
}

// farthestAncestor that an index may ask for, and the greatest other index.
const farthestAncestor = 1 << 16

// Any says whether the reference stands for all ancestors.
func (r *Reference) Any() bool { return r.Field.Index == Ancestor && !r.Indexed }

// Viewed says whether the value differs between the lexical and the resolved view.
func (r *Reference) Viewed() bool { return r.Type == Path }

// Deprecated says whether the field has lost its meaning in Falco.
func (r *Reference) Deprecated() bool {
	return r.Field.Name == "evt.dir" || strings.HasPrefix(r.Field.Name, "evt.latency")
}

// Whole says whether no transformer may be applied and val() is not allowed.
func (r *Reference) Whole() bool { return r.Field.Whole && !(r.Field.Index == Ancestor && r.Indexed) }

// PossibleFor says whether events of a type can have the value. Where they can't, it is absent whatever happened.
func (r *Reference) PossibleFor(e *EventType) bool {
	switch r.Field.Events {
	case WithDescriptor:
		return e.Descriptor
	case WithOpen:
		return slices.Contains(openEvents, e.Name)
	case WithData:
		return slices.Contains(dataEvents, e.Name)
	case WithParameter:
		if r.Parameter == "" {
			return r.Number < len(e.Parameters)
		}
		return e.Has(r.Parameter)
	}
	return true
}

// UnknownError says that there is no such field.
type UnknownError struct{ Message string }

func (e *UnknownError) Error() string { return e.Message }

// Resolve finds a field by its name and index. The error is an *UnknownError if there is no such field or parameter.
func Resolve(name, index string, indexed bool) (*Reference, error) {
	row, parameter := find(name)
	if row == nil {
		hint := ""
		if near := nearest.Name(name, FieldNames()); near != "" {
			hint = "; did you mean " + near + "?"
		}
		return nil, &UnknownError{fmt.Sprintf("filter_check called with nonexistent field %s%s", name, hint)}
	}
	r := &Reference{Field: row, Type: row.Type, Parameter: parameter, Indexed: indexed, Name: name}
	if indexed {
		r.Name = name + "[" + index + "]"
	}
	if err := r.index(index); err != nil {
		return nil, err
	}
	if row.Index == Parameter {
		if r.Parameter != "" && !slices.Contains(Parameters(), r.Parameter) {
			hint := ""
			if near := nearest.Name(r.Parameter, Parameters()); near != "" {
				hint = "; did you mean " + near + "?"
			}
			return nil, &UnknownError{fmt.Sprintf("unknown event argument %s in %s%s", r.Parameter, r.Name, hint)}
		}
		r.Type = parameterType(r.Parameter, row.Name == "evt.rawarg")
	}
	return r, nil
}

// find is the row of a name, with the parameter that follows the name of one that has any.
func find(name string) (row *Field, parameter string) {
	for i := range fields {
		f := &fields[i]
		if f.Name == name {
			return f, ""
		}
		if f.Index == Parameter && strings.HasPrefix(name, f.Name+".") {
			return f, name[len(f.Name)+1:]
		}
	}
	return nil, ""
}

// index reads what stands in the brackets.
func (r *Reference) index(text string) error {
	switch kind := r.Field.Index; {
	case !r.Indexed && kind == Key:
		return fmt.Errorf("%s needs an index in brackets", r.Name)
	case !r.Indexed && kind == Parameter && r.Parameter == "":
		return fmt.Errorf("%s needs a parameter: %s.NAME", r.Name, r.Name)
	case !r.Indexed:
		return nil
	case kind == NoIndex, kind == Parameter && r.Parameter != "":
		return fmt.Errorf("%s takes no index", r.Field.Name)
	case kind == Ancestor, kind == Position:
		return r.number(text)
	case kind == Parameter:
		if r.number(text) != nil {
			r.Parameter = text
		}
		return nil
	}
	r.Key = text
	return nil
}

func (r *Reference) number(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > farthestAncestor || text[0] == '+' {
		return fmt.Errorf("%s: the index is a number from 0 to %d", r.Name, farthestAncestor)
	}
	r.Number = n
	return nil
}

// FieldNames are the names of all fields, evt.arg for all parameters.
func FieldNames() []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names
}

// LongestField is the longest text at the start of a text that is a field, with its index: proc.aname[2] of "proc.aname[2]: x".
// It is how outputs are read, where nothing separates a field from what follows.
func LongestField(text string) (*Reference, int) {
	for end := nameEnd(text); end > 0; end = strings.LastIndexByte(text[:end], '.') {
		for shorter := end; shorter > 0 && text[shorter-1] != '.'; shorter-- { // proc.name_x is proc.name and _x
			if r, length := withIndex(text, shorter); r != nil {
				return r, length
			}
		}
	}
	return nil, 0
}

// longestName of a field, in bytes: the longest in the table has 42.
const longestName = 64

// nameEnd is where the run of letters, digits, _ and . ends.
func nameEnd(text string) int {
	end := 0
	for end < len(text) && end < longestName {
		c := text[end]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if end == 0 || c != '_' && c != '.' && (c < '0' || c > '9') {
				break
			}
		}
		end++
	}
	return end
}

// withIndex is the field of a name that ends at end, with the index that may follow.
func withIndex(text string, end int) (*Reference, int) {
	row, parameter := find(text[:end])
	if row == nil {
		return nil, 0
	}
	if closing := strings.IndexByte(text[end:], ']'); text[end:] != "" && text[end] == '[' && closing > 1 && (row.Index != NoIndex && parameter == "") {
		if r, err := Resolve(text[:end], text[end+1:end+closing], true); err == nil {
			return r, end + closing + 1
		}
	}
	if r, err := Resolve(text[:end], "", false); err == nil {
		return r, end
	}
	return nil, 0
}
