// SPDX-License-Identifier: Apache-2.0

package appendjson

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// field of a struct, or of a struct embedded in it.
type field struct {
	key    string // with quotes and colon
	offset uintptr
	omit   omission
	write  writer
	kind   reflect.Type
}

// omission is when a field is left out.
type omission uint8

const (
	never omission = iota
	whenNil
	whenShort // the length of a string or slice is 0
	whenEmptyMap
	whenZero8
	whenZero16
	whenZero32
	whenZero64
)

// omitted says whether the field, which is at p, is left out; but for whenNil.
func (f *field) omitted(p unsafe.Pointer) bool {
	switch f.omit {
	case whenShort:
		return (*header)(p).length == 0
	case whenEmptyMap:
		return reflect.NewAt(f.kind, p).Elem().Len() == 0
	case whenZero8:
		return *(*uint8)(p) == 0
	case whenZero16:
		return *(*uint16)(p) == 0
	case whenZero32:
		return *(*uint32)(p) == 0
	case whenZero64:
		return *(*uint64)(p) == 0
	}
	return false
}

// zeros are the omissions of integers by their size in bytes.
var zeros = map[uintptr]omission{1: whenZero8, 2: whenZero16, 4: whenZero32, 8: whenZero64}

func (m *maker) structWriter(t reflect.Type) writer {
	fields := m.fieldsOf(t, 0)
	for i, f := range fields {
		if slices.ContainsFunc(fields[:i], func(other field) bool { return other.key == f.key }) {
			panic(fmt.Sprintf("appendjson: %s has two fields %s", t, f.key))
		}
	}
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		start := len(dst)
		for i := range fields {
			f := &fields[i]
			at := unsafe.Add(p, f.offset)
			if f.omit == whenNil { // the most, here so that it is inlined
				if *(*unsafe.Pointer)(at) == nil {
					continue
				}
			} else if f.omit != never && f.omitted(at) {
				continue
			}
			dst = append(append(dst, ','), f.key...)
			var err error
			if dst, err = f.write(dst, at); err != nil {
				return dst, err
			}
		}
		return enclosed(dst, start), nil
	}
}

// fieldsOf lists the fields of a struct in their order, those of embedded structs in their place.
func (m *maker) fieldsOf(t reflect.Type, base uintptr) (fields []field) {
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-":
		case f.Anonymous && name == "":
			if f.Type.Kind() != reflect.Struct || !f.IsExported() {
				panic(fmt.Sprintf("appendjson: %s embeds %s", t, f.Type))
			}
			fields = append(fields, m.fieldsOf(f.Type, base+f.Offset)...)
		case f.IsExported():
			if name == "" {
				name = f.Name
			}
			fields = append(fields, m.fieldOf(t, f, base, name, strings.Split(options, ",")))
		}
	}
	return fields
}

func (m *maker) fieldOf(t reflect.Type, f reflect.StructField, base uintptr, name string, options []string) field {
	made := field{key: string(append(String(nil, name), ':')), offset: base + f.Offset, write: m.writerOf(f.Type), kind: f.Type}
	for _, option := range options {
		switch option {
		case "omitempty":
			made.omit = emptiness(f.Type)
		case "omitzero":
			if k := f.Type.Kind(); k != reflect.Slice && k != reflect.Pointer {
				panic(fmt.Sprintf("appendjson: omitzero of %s.%s", t, f.Name))
			}
			made.omit = whenNil
		case "string":
			made.write = m.quotedWriter(f.Type, made.write)
		}
	}
	return made
}

// emptiness is what encoding/json takes for empty.
func emptiness(t reflect.Type) omission {
	switch t.Kind() {
	case reflect.Pointer:
		return whenNil
	case reflect.String, reflect.Slice:
		return whenShort
	case reflect.Struct:
		return never
	case reflect.Map:
		return whenEmptyMap
	}
	if scalars[t.Kind()] == nil {
		panic(fmt.Sprintf("appendjson: omitempty of %s", t))
	}
	return zeros[t.Size()]
}

// quotedWriter puts quotes around a number, or around what a pointer to a number points at.
func (m *maker) quotedWriter(t reflect.Type, write writer) writer {
	if t.Kind() == reflect.Pointer {
		return pointerWriter(m.quotedWriter(t.Elem(), m.writerOf(t.Elem())))
	}
	if k := t.Kind(); scalars[k] == nil || k == reflect.String {
		panic(fmt.Sprintf("appendjson: a quoted %s", t))
	}
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		dst, err := write(append(dst, '"'), p)
		return append(dst, '"'), err
	}
}
