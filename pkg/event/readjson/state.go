// SPDX-License-Identifier: Apache-2.0

package readjson

import (
	"bytes"
	"hash/maphash"
	"math"
	"reflect"
	"unsafe"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/jsonscan"
)

// state of reading a document, and what is kept from one to the next.
type state struct {
	data      []byte
	at        int
	unescaped []byte
	seed      maphash.Seed
	texts     [sharedTexts]string // by hash
	blocks    []block             // by id
	// repeated are values of the types of Repeated.
	repeated []repeats
}

// repeats are values that were read, with their texts, by a hash of how these begin.
type repeats []repeat

type repeat struct {
	text  []byte
	value unsafe.Pointer
}

// mostRepeats is how many values of a type are kept, repeatPrefix how much of a text says where.
const (
	mostRepeats  = 1024
	repeatPrefix = 64
)

// find is the place of the value that comes next.
func (r *repeats) find(s *state) *repeat {
	if *r == nil {
		*r = make([]repeat, mostRepeats)
	}
	prefix := s.data[s.at:min(s.at+repeatPrefix, len(s.data))]
	return &(*r)[maphash.Bytes(s.seed, prefix)%mostRepeats]
}

// take passes b if it comes next.
func (s *state) take(b byte) bool {
	if s.at < len(s.data) && s.data[s.at] == b {
		s.at++
		return true
	}
	return false
}

func (s *state) literal(word string) bool {
	end := s.at + len(word)
	if end > len(s.data) || string(s.data[s.at:end]) != word {
		return false
	}
	s.at = end
	return true
}

// atEnd says whether only blanks follow, as behind a line.
func (s *state) atEnd() bool { return len(bytes.Trim(s.data[s.at:], " \t\r\n")) == 0 }

// name reads the name of a field and its colon; it is false for one that is not plain.
func (s *state) name() (name []byte, ok bool) {
	if !s.take('"') {
		return nil, false
	}
	start := s.at
	s.at = jsonscan.PlainEnd(s.data, start)
	end := s.at
	return s.data[start:end], s.take('"') && s.take(':')
}

// maxDepth of values that are skipped.
const maxDepth = 100

// skip passes a value.
func (s *state) skip(depth int) bool {
	if s.at >= len(s.data) || depth > maxDepth {
		return false
	}
	switch s.data[s.at] {
	case '"':
		_, ok := s.text()
		return ok
	case '{':
		return s.skipAll('}', func() bool {
			_, ok := s.text()
			return ok && s.take(':') && s.skip(depth+1)
		})
	case '[':
		return s.skipAll(']', func() bool { return s.skip(depth + 1) })
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.skipNumber()
}

// skipAll passes a bracket, what is in it, separated by commas, and the closing one.
func (s *state) skipAll(closing byte, member func() bool) bool {
	s.at++
	if s.take(closing) {
		return true
	}
	for {
		if !member() {
			return false
		}
		if !s.take(',') {
			return s.take(closing)
		}
	}
}

func (s *state) skipNumber() bool {
	s.take('-')
	if !s.take('0') && !s.skipDigits() {
		return false
	}
	if s.take('.') && !s.skipDigits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		return s.skipDigits()
	}
	return true
}

func (s *state) skipDigits() bool {
	start := s.at
	for s.at < len(s.data) && '0' <= s.data[s.at] && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// scalars are the readers of kinds that need no plan.
var scalars = map[reflect.Kind]reader{
	reflect.Bool: func(s *state, p unsafe.Pointer) bool {
		*(*bool)(p) = s.at < len(s.data) && s.data[s.at] == 't'
		return s.literal("true") || s.literal("false")
	},
	reflect.String: func(s *state, p unsafe.Pointer) bool {
		text, ok := s.text()
		if ok {
			*(*string)(p) = s.shared(text)
		}
		return ok
	},
	reflect.Int: signed[int], reflect.Int8: signed[int8], reflect.Int16: signed[int16], reflect.Int32: signed[int32], reflect.Int64: signed[int64],
	reflect.Uint: unsigned[uint], reflect.Uint8: unsigned[uint8], reflect.Uint16: unsigned[uint16], reflect.Uint32: unsigned[uint32], reflect.Uint64: unsigned[uint64],
}

func signed[N int | int8 | int16 | int32 | int64](s *state, p unsafe.Pointer) bool {
	negative := s.take('-')
	n, ok := s.digits()
	value := int64(n)
	if negative {
		value = -value
	}
	*(*N)(p) = N(value)
	// The least number of all, which has no positive counterpart, is left to encoding/json.
	return ok && n < 1<<63 && int64(N(value)) == value
}

func unsigned[N uint | uint8 | uint16 | uint32 | uint64](s *state, p unsafe.Pointer) bool {
	n, ok := s.digits()
	*(*N)(p) = N(n)
	return ok && uint64(N(n)) == n
}

// digits reads a number without sign that has neither a fraction nor an exponent: what follows one is not as usual.
func (s *state) digits() (n uint64, ok bool) {
	const most, last = math.MaxUint64 / 10, math.MaxUint64 % 10
	start := s.at
	for ; s.at < len(s.data); s.at++ {
		digit := uint64(s.data[s.at] - '0')
		if digit > 9 {
			break
		}
		if n > most || n == most && digit > last {
			return 0, false
		}
		n = n*10 + digit
	}
	length := s.at - start
	return n, length == 1 || length > 1 && s.data[start] != '0'
}
