// SPDX-License-Identifier: Apache-2.0

package appendjson

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
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
func For[T any]() Plan[T] { return Plan[T]{writerOf(reflect.TypeFor[T]())} }

// Append writes v to the end of dst. An error is that of an Appender or of encoding/json; dst then has a part of the value.
func (p Plan[T]) Append(dst []byte, v *T) ([]byte, error) { return p.write(dst, unsafe.Pointer(v)) }

// writer appends the value of its type that is at p. Each is made for one type by writerOf and is only called with a pointer
// to a value of this type, or, by a struct's writer, to a field of this type in it: this is what makes the casts safe.
type writer func(dst []byte, p unsafe.Pointer) ([]byte, error)

func writerOf(t reflect.Type) writer {
	if t.Kind() == reflect.Pointer {
		return pointerWriter(writerOf(t.Elem()))
	}
	switch pointer := reflect.PointerTo(t); { // it has the methods of both
	case pointer.Implements(reflect.TypeFor[Appender]()):
		return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			return reflect.NewAt(t, p).Interface().(Appender).AppendJSON(dst)
		}
	case pointer.Implements(reflect.TypeFor[json.Marshaler]()), pointer.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return byEncodingJSON(t)
	}
	switch t.Kind() {
	case reflect.Struct:
		return structWriter(t)
	case reflect.Slice:
		return sliceWriter(t)
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

func sliceWriter(t reflect.Type) writer {
	if t.Elem().Kind() == reflect.Uint8 {
		return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			b := *(*[]byte)(p)
			if b == nil {
				return append(dst, "null"...), nil
			}
			return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"'), nil
		}
	}
	element, size := writerOf(t.Elem()), t.Elem().Size()
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
