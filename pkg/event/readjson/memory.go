// SPDX-License-Identifier: Apache-2.0

package readjson

import (
	"encoding/base64"
	"reflect"
	"unsafe"
)

// blockBytes is about how long a block is.
const blockBytes = 2048

// block is memory for values of one type that are handed out one after the other, once each.
type block struct {
	kind  reflect.Type
	size  uintptr
	usual int // how many make a block
	first unsafe.Pointer
	left  int
}

// take returns n zero values in a row.
func (b *block) take(n int) unsafe.Pointer {
	if n > b.usual {
		return reflect.MakeSlice(reflect.SliceOf(b.kind), n, n).UnsafePointer()
	}
	if n > b.left {
		b.first, b.left = reflect.MakeSlice(reflect.SliceOf(b.kind), b.usual, b.usual).UnsafePointer(), b.usual
	}
	p := b.first
	if b.left -= n; b.left > 0 { // else it would point behind the block
		b.first = unsafe.Add(p, uintptr(n)*b.size)
	}
	return p
}

// memory makes what hands out memory for values of a type.
func (m *maker) memory(t reflect.Type) func(s *state, n int) unsafe.Pointer {
	if m.apart {
		slice := reflect.SliceOf(t)
		return func(_ *state, n int) unsafe.Pointer { return reflect.MakeSlice(slice, n, n).UnsafePointer() }
	}
	id, ok := m.ids[t]
	if !ok {
		id = len(m.types)
		m.ids[t], m.types = id, append(m.types, t)
	}
	return func(s *state, n int) unsafe.Pointer { return s.blocks[id].take(n) }
}

// header is what slices are in memory.
type header struct {
	first            unsafe.Pointer
	length, capacity int
}

func (m *maker) sliceReader(t reflect.Type) reader {
	if t.Elem().Kind() == reflect.Uint8 {
		return readBytes
	}
	element, make, size := m.readerOf(t.Elem()), m.memory(t.Elem()), t.Elem().Size()
	empty := reflect.MakeSlice(t, 0, 0).UnsafePointer()
	return func(s *state, p unsafe.Pointer) bool {
		if !s.take('[') {
			return false
		}
		slice := (*header)(p)
		if slice.first == nil {
			slice.first = empty
		}
		if s.take(']') {
			return true
		}
		for {
			if slice.length == slice.capacity {
				longer := header{make(s, max(2, 2*slice.capacity)), slice.length, max(2, 2*slice.capacity)}
				reflect.Copy(reflect.NewAt(t, unsafe.Pointer(&longer)).Elem(), reflect.NewAt(t, p).Elem())
				*slice = longer
			}
			slice.length++
			if !element(s, unsafe.Add(slice.first, uintptr(slice.length-1)*size)) {
				return false
			}
			if !s.take(',') {
				return s.take(']')
			}
		}
	}
}

// readBytes reads base64.
func readBytes(s *state, p unsafe.Pointer) bool {
	text, ok := s.text()
	if !ok {
		return false
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(b, text)
	*(*[]byte)(p) = b[:n]
	return err == nil
}
