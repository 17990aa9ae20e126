// SPDX-License-Identifier: Apache-2.0

package readjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"hash/maphash"
	"reflect"
	"unsafe"
)

// Quick is implemented by pointers to types with an UnmarshalJSON of their own that know a quicker way for what is usual.
type Quick interface {
	// ReadJSON sets the receiver to what UnmarshalJSON would. When it is false, value is left to UnmarshalJSON.
	ReadJSON(value []byte) bool
}

// Plan is how values of a type are read. It does not change and may be used concurrently.
type Plan[T any] struct {
	read   reader
	blocks []reflect.Type // what blocks are made of
	// repeated is how many types have their values kept.
	repeated int
}

// For makes the plan of a type. It panics for a struct that encoding/json would need more rules for than are known here: more
// than 64 fields, two of one name, an embedded pointer. Types must not contain themselves.
func For[T any](options ...Option) *Plan[T] {
	m := maker{ids: map[reflect.Type]int{}, repeated: map[reflect.Type]int{}}
	for _, set := range options {
		set(&m)
	}
	p := &Plan[T]{read: m.readerOf(reflect.TypeFor[T]()), repeated: len(m.repeated)}
	p.blocks = m.types
	return p
}

// Option makes a plan read otherwise.
type Option func(*maker)

// Repeated has pointers to T that are read from equal texts point at the same value, as long as the reader remembers it, which must not
// be changed then: to compare texts takes a small part of the time of reading them.
func Repeated[T any]() Option {
	return func(m *maker) { m.repeated[reflect.TypeFor[T]()] = len(m.repeated) }
}

// Reader reads documents of one type. It is not for concurrent use.
type Reader[T any] struct {
	plan  *Plan[T]
	state state
}

// NewReader returns a reader that keeps up to some 150 KiB of texts.
func (p *Plan[T]) NewReader() *Reader[T] {
	r := &Reader[T]{plan: p, state: state{seed: maphash.MakeSeed(), blocks: make([]block, len(p.blocks)), repeated: make([]repeats, p.repeated)}}
	for i, t := range p.blocks {
		r.state.blocks[i] = block{kind: t, size: t.Size(), usual: max(1, int(blockBytes/max(1, t.Size())))}
	}
	return r
}

// Read reads one document into v, which must be zero but for slices of length 0: elements go there as far as there is room.
// Nothing in v refers to data afterwards. An error is that of encoding/json.
func (r *Reader[T]) Read(data []byte, v *T) error {
	s := &r.state
	s.data, s.at = data, 0
	ok := r.plan.read(s, unsafe.Pointer(v)) && s.atEnd()
	s.data = nil
	if ok {
		return nil
	}
	*v = *new(T)
	return json.Unmarshal(data, v)
}

// reader sets the zero value of its type that is at p to what the document has next. It is false where encoding/json has to
// read the document. Each is made for one type and only called with a pointer to a value of this type, or, by a struct's
// reader, to a field of this type in it: this is what makes the casts safe.
type reader func(s *state, p unsafe.Pointer) bool

// maker makes readers.
type maker struct {
	ids   map[reflect.Type]int
	types []reflect.Type // by id
	// repeated are places in state.repeated.
	repeated map[reflect.Type]int
	// apart: what is made gets memory of its own.
	apart bool
}

func (m *maker) readerOf(t reflect.Type) reader {
	if t.Kind() == reflect.Pointer {
		return m.orRepeated(t.Elem(), m.pointerReader(t.Elem(), m.readerOf(t.Elem())))
	}
	switch pointer := reflect.PointerTo(t); { // it has the methods of both
	case pointer.Implements(reflect.TypeFor[Quick]()):
		return func(s *state, p unsafe.Pointer) bool {
			start := s.at
			return s.skip(0) && reflect.NewAt(t, p).Interface().(Quick).ReadJSON(s.data[start:s.at])
		}
	case pointer.Implements(reflect.TypeFor[json.Unmarshaler]()), pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return byEncodingJSON(t)
	}
	switch k := t.Kind(); {
	case k == reflect.Struct:
		return m.structReader(t)
	case k == reflect.Slice:
		return m.sliceReader(t)
	case k == reflect.Map && t.Key() == reflect.TypeFor[string]():
		return m.mapReader(t)
	case scalars[k] != nil:
		return scalars[k]
	}
	return byEncodingJSON(t)
}

// byEncodingJSON leaves a type to encoding/json.
func byEncodingJSON(t reflect.Type) reader {
	return func(s *state, p unsafe.Pointer) bool {
		start := s.at
		return s.skip(0) && json.Unmarshal(s.data[start:s.at], reflect.NewAt(t, p).Interface()) == nil
	}
}

func (m *maker) pointerReader(t reflect.Type, element reader) reader {
	make := m.memory(t)
	return func(s *state, p unsafe.Pointer) bool {
		if s.at < len(s.data) && s.data[s.at] == 'n' { // null
			return false
		}
		target := make(s, 1)
		*(*unsafe.Pointer)(p) = target
		return element(s, target)
	}
}

// orRepeated is a pointer's reader that first looks whether the text was read before.
func (m *maker) orRepeated(t reflect.Type, read reader) reader {
	place, is := m.repeated[t]
	if !is {
		return read
	}
	return func(s *state, p unsafe.Pointer) bool {
		known, start := s.repeated[place].find(s), s.at
		if known.value != nil && bytes.HasPrefix(s.data[start:], known.text) { // which ends with its last bracket
			*(*unsafe.Pointer)(p) = known.value
			s.at += len(known.text)
			return true
		}
		if !read(s, p) {
			return false
		}
		if s.data[start] == '{' {
			known.text, known.value = append(known.text[:0], s.data[start:s.at]...), *(*unsafe.Pointer)(p)
		}
		return true
	}
}

// mapReader is for maps by string. There are few, so reflect is quick enough.
func (m *maker) mapReader(t reflect.Type) reader {
	before := m.apart
	m.apart = true
	element := m.readerOf(t.Elem())
	m.apart = before
	return func(s *state, p unsafe.Pointer) bool {
		if !s.take('{') {
			return false
		}
		made := reflect.MakeMap(t)
		reflect.NewAt(t, p).Elem().Set(made)
		if s.take('}') {
			return true
		}
		for {
			name, ok := s.text()
			value := reflect.New(t.Elem())
			if !ok || !s.take(':') {
				return false
			}
			key := s.shared(name) // now: what is read next may use the same memory
			if !element(s, value.UnsafePointer()) {
				return false
			}
			made.SetMapIndex(reflect.ValueOf(key), value.Elem())
			if !s.take(',') {
				return s.take('}')
			}
		}
	}
}
