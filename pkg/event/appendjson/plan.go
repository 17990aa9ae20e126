// SPDX-License-Identifier: Apache-2.0

package appendjson

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"unsafe"
)

// Appender is implemented, by pointers too, by types that write their own JSON. It has to be what their MarshalJSON writes.
type Appender interface {
	AppendJSON(dst []byte) ([]byte, error)
}

// Plan is how values of a type are written.
type Plan[T any] struct{ write writer }

// For makes the plan of a type. It panics for a struct that encoding/json would need more rules for than are known here: two
// fields of one name, an embedded pointer, the option omitzero on what is no slice or pointer.
func For[T any](options ...Option) Plan[T] {
	var m maker
	for _, set := range options {
		set(&m)
	}
	return Plan[T]{m.writerOf(reflect.TypeFor[T]())}
}

// maker makes writers.
type maker struct {
	escaped func(rune) bool
	known   map[reflect.Type]func(unsafe.Pointer) []byte
}

// Option makes a plan write otherwise than encoding/json.
type Option func(*maker)

// Escaped has those characters of texts written as \uNNNN for which it is true: it is asked about DEL and those that are not
// ASCII. Not so in values that are left to encoding/json.
func Escaped(escaped func(rune) bool) Option { return func(m *maker) { m.escaped = escaped } }

// Known has what pointers to T point at written as lookup returns it, JSON that was encoded before; as usual where that is
// nil. With plans of their own, that are made once, values that don't change need be encoded only once.
func Known[T any](lookup func(*T) []byte) Option {
	return func(m *maker) {
		if m.known == nil {
			m.known = map[reflect.Type]func(unsafe.Pointer) []byte{}
		}
		m.known[reflect.TypeFor[T]()] = func(p unsafe.Pointer) []byte { return lookup((*T)(p)) }
	}
}

// Append writes v to the end of dst. An error is that of an Appender or of encoding/json; dst then has a part of the value.
func (p Plan[T]) Append(dst []byte, v *T) ([]byte, error) { return p.write(dst, unsafe.Pointer(v)) }

// writer appends the value of its type that is at p. Each is made for one type by writerOf and is only called with a pointer
// to a value of this type, or, by a struct's writer, to a field of this type in it: this is what makes the casts safe.
type writer func(dst []byte, p unsafe.Pointer) ([]byte, error)

func (m *maker) writerOf(t reflect.Type) writer {
	if t.Kind() == reflect.Pointer {
		return pointerWriter(m.orKnown(t.Elem(), m.writerOf(t.Elem())))
	}
	switch pointer := reflect.PointerTo(t); { // it has the methods of both
	case pointer.Implements(reflect.TypeFor[Appender]()):
		return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			return reflect.NewAt(t, p).Interface().(Appender).AppendJSON(dst)
		}
	case pointer.Implements(reflect.TypeFor[json.Marshaler]()), pointer.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return byEncodingJSON(t)
	}
	switch k := t.Kind(); {
	case k == reflect.Struct:
		return m.structWriter(t)
	case k == reflect.Slice:
		return m.sliceWriter(t)
	case k == reflect.String && m.escaped != nil:
		return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			return escapedString(dst, *(*string)(p), m.escaped), nil
		}
	case t == reflect.TypeFor[map[string]string]():
		return m.mapWriter()
	}
	if w := scalars[t.Kind()]; w != nil {
		return w
	}
	return byEncodingJSON(t)
}

// scalars are the writers of kinds that need no plan.
var scalars = map[reflect.Kind]writer{
	reflect.Bool: func(dst []byte, p unsafe.Pointer) ([]byte, error) { return strconv.AppendBool(dst, *(*bool)(p)), nil },
	reflect.String: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		return String(dst, *(*string)(p)), nil
	},
	reflect.Int: signed[int], reflect.Int8: signed[int8], reflect.Int16: signed[int16], reflect.Int32: signed[int32], reflect.Int64: signed[int64],
	reflect.Uint: unsigned[uint], reflect.Uint8: unsigned[uint8], reflect.Uint16: unsigned[uint16], reflect.Uint32: unsigned[uint32], reflect.Uint64: unsigned[uint64],
}

func signed[N int | int8 | int16 | int32 | int64](dst []byte, p unsafe.Pointer) ([]byte, error) {
	return strconv.AppendInt(dst, int64(*(*N)(p)), 10), nil
}

func unsigned[N uint | uint8 | uint16 | uint32 | uint64](dst []byte, p unsafe.Pointer) ([]byte, error) {
	return strconv.AppendUint(dst, uint64(*(*N)(p)), 10), nil
}

// orKnown is a type's writer that asks first whether the value was encoded before.
func (m *maker) orKnown(t reflect.Type, write writer) writer {
	lookup := m.known[t]
	if lookup == nil {
		return write
	}
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		if text := lookup(p); text != nil {
			return append(dst, text...), nil
		}
		return write(dst, p)
	}
}

func pointerWriter(element writer) writer {
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		if target := *(*unsafe.Pointer)(p); target != nil {
			return element(dst, target)
		}
		return append(dst, "null"...), nil
	}
}

// header is how strings and slices begin in memory.
type header struct {
	first  unsafe.Pointer
	length int
}

func (m *maker) sliceWriter(t reflect.Type) writer {
	if t.Elem().Kind() == reflect.Uint8 {
		return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			b := *(*[]byte)(p)
			if b == nil {
				return append(dst, "null"...), nil
			}
			return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"'), nil
		}
	}
	element, size := m.writerOf(t.Elem()), t.Elem().Size()
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		slice := (*header)(p)
		if slice.first == nil {
			return append(dst, "null"...), nil
		}
		dst = append(dst, '[')
		for i := range slice.length {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = element(dst, unsafe.Add(slice.first, uintptr(i)*size)); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	}
}

// mapWriter is for labels; their names are sorted.
func (m *maker) mapWriter() writer {
	escaped := m.escaped
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		labels := *(*map[string]string)(p)
		if labels == nil {
			return append(dst, "null"...), nil
		}
		var few [16]string
		names := few[:0]
		for name := range labels {
			names = append(names, name)
		}
		slices.Sort(names)
		start := len(dst)
		for _, name := range names {
			dst = append(escapedString(append(dst, ','), name, escaped), ':')
			dst = escapedString(dst, labels[name], escaped)
		}
		return enclosed(dst, start), nil
	}
}

// enclosed makes an object of members that begin at start, each behind a comma.
func enclosed(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

// byEncodingJSON leaves a type to encoding/json.
func byEncodingJSON(t reflect.Type) writer {
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		b := bytes.NewBuffer(dst)
		encoder := json.NewEncoder(b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(reflect.NewAt(t, p).Interface()); err != nil {
			return dst, fmt.Errorf("%s: %w", t, err)
		}
		return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
	}
}
