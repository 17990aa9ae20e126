// SPDX-License-Identifier: Apache-2.0

package readjson

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// field of a struct, or of a struct embedded in it.
type field struct {
	name   string
	offset uintptr
	read   reader
}

func (m *maker) structReader(t reflect.Type) reader {
	fields := m.fieldsOf(t, 0)
	for i, f := range fields {
		if slices.ContainsFunc(fields[:i], func(other field) bool { return strings.EqualFold(other.name, f.name) }) {
			panic(fmt.Sprintf("readjson: %s has two fields %s", t, f.name))
		}
	}
	if len(fields) > 64 {
		panic(fmt.Sprintf("readjson: %s has %d fields", t, len(fields)))
	}
	return func(s *state, p unsafe.Pointer) bool {
		if !s.take('{') {
			return false
		}
		if s.take('}') {
			return true
		}
		seen := uint64(0) // fields, by bit
		for next := 0; ; {
			name, ok := s.name()
			if !ok {
				return false
			}
			if i := find(fields, next, name); i < 0 {
				if foldsToOne(fields, name) || !s.skip(0) {
					return false
				}
			} else if seen&(1<<i) != 0 || !fields[i].read(s, unsafe.Add(p, fields[i].offset)) {
				return false
			} else {
				seen |= 1 << i
				next = i + 1
			}
			if !s.take(',') {
				return s.take('}')
			}
		}
	}
}

// find is the field of this name, -1 if there is none: mostly it is not far behind the last.
func find(fields []field, next int, name []byte) int {
	for i := next; i < len(fields); i++ {
		if fields[i].name == string(name) {
			return i
		}
	}
	for i := range next {
		if fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

// foldsToOne says whether encoding/json would take name for one of the fields although its letters are of another case.
func foldsToOne(fields []field, name []byte) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return bytes.EqualFold([]byte(f.name), name) })
}

// fieldsOf lists the fields of a struct in their order, those of embedded structs in their place, but for those whose names
// the struct itself has.
func (m *maker) fieldsOf(t reflect.Type, base uintptr) (fields []field) {
	own := map[string]bool{}
	for f := range t.Fields() {
		if name, options, shown := tagOf(f); shown && !embeds(f) {
			own[name] = true
			made := field{name: name, offset: base + f.Offset}
			if slices.Contains(options, "string") {
				made.read = m.quotedReader(f.Type)
			} else {
				made.read = m.readerOf(f.Type)
			}
			fields = append(fields, made)
		}
	}
	for f := range t.Fields() {
		if !embeds(f) {
			continue
		}
		if f.Type.Kind() != reflect.Struct || !f.IsExported() {
			panic(fmt.Sprintf("readjson: %s embeds %s", t, f.Type))
		}
		for _, inner := range m.fieldsOf(f.Type, base+f.Offset) {
			if !own[inner.name] {
				fields = append(fields, inner)
			}
		}
	}
	slices.SortStableFunc(fields, func(a, b field) int { return cmp.Compare(a.offset, b.offset) }) // as they are written
	return fields
}

// tagOf is the name and the options of a field; shown is false for one that encoding/json leaves out.
func tagOf(f reflect.StructField) (name string, options []string, shown bool) {
	tag := f.Tag.Get("json")
	name, rest, _ := strings.Cut(tag, ",")
	return cmp.Or(name, f.Name), strings.Split(rest, ","), tag != "-" && f.IsExported()
}

// embeds says whether the fields of a field stand for themselves.
func embeds(f reflect.StructField) bool {
	tag := f.Tag.Get("json")
	return f.Anonymous && (tag == "" || tag[0] == ',')
}

// quotedReader is for a number in quotes, or a pointer to one.
func (m *maker) quotedReader(t reflect.Type) reader {
	if t.Kind() == reflect.Pointer {
		return m.pointerReader(t.Elem(), m.quotedReader(t.Elem()))
	}
	read := scalars[t.Kind()]
	if read == nil || t.Kind() == reflect.String {
		panic(fmt.Sprintf("readjson: a quoted %s", t))
	}
	return func(s *state, p unsafe.Pointer) bool { return s.take('"') && read(s, p) && s.take('"') }
}
