// SPDX-License-Identifier: Apache-2.0

// Package jsontypes has types with all that encoding/json has rules for, for the tests of what writes and what reads JSON as it
// does.
package jsontypes

import (
	"encoding/json"
	"errors"
	"math"
	"time"
)

// Inner is what other types contain.
type Inner struct {
	A string `json:"a,omitempty"`
	B int    // without a tag
}

// Base is embedded.
type Base struct {
	X, Y uint16
	Z    *Inner `json:"z,omitempty"`
}

// Stamp is a time that writes its own JSON, none after the year 9999, and reads by itself only QuickStamp.
type Stamp struct{ time.Time }

// QuickStamp is the one text that a Stamp reads by itself.
const QuickStamp = `"2026-03-01T12:00:00Z"`

// AppendJSON writes the time.
func (s Stamp) AppendJSON(dst []byte) ([]byte, error) {
	if s.Year() > 9999 {
		return dst, errors.New("too late")
	}
	return s.AppendFormat(dst, `"`+time.RFC3339Nano+`"`), nil
}

// MarshalJSON writes what AppendJSON does.
func (s Stamp) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil) }

// ReadJSON reads QuickStamp.
func (s *Stamp) ReadJSON(value []byte) bool {
	s.Time = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return string(value) == QuickStamp
}

// Refusing can't be read.
type Refusing struct{}

// UnmarshalJSON always fails.
func (*Refusing) UnmarshalJSON([]byte) error { return errors.New("refused") }

// All has a field of each kind.
type All struct {
	Bool       bool               `json:"bool"`
	BoolE      bool               `json:",omitempty"`
	PB         *bool              `json:"pb,omitempty"`
	I          int                `json:"i"`
	I8         int8               `json:"i8,omitempty"`
	I16        int16              `json:"i16,omitempty"`
	I32        int32              `json:"i32,omitempty"`
	I64        int64              `json:"i64,omitempty,string"`
	PI64       *int64             `json:"pi64,string"`
	U          uint               `json:"u,string"`
	U8         uint8              `json:"u8,omitempty"`
	U16        uint16             `json:"u16,omitempty"`
	U32        uint32             `json:"u32,omitempty"`
	U64        uint64             `json:"u64"`
	U64E       uint64             `json:"u64_e,omitempty,string"`
	PU64       *uint64            `json:"pu64,omitempty,string"`
	S          string             `json:"s"`
	SE         string             `json:"se,omitempty"`
	PS         *string            `json:"ps,omitempty"`
	Bytes      []byte             `json:"bytes"`
	BytesE     []byte             `json:"bytes_e,omitempty"`
	BytesZ     []byte             `json:"bytes_z,omitzero"`
	Strings    []string           `json:"strings"`
	StringsE   []string           `json:"strings_e,omitempty"`
	Struct     Inner              `json:"struct"`
	Pointer    *Inner             `json:"pointer"`
	Slice      []Inner            `json:"slice,omitempty"`
	Pointers   []*Inner           `json:"pointers,omitempty"`
	Nested     [][]Inner          `json:"nested"`
	Map        map[string]string  `json:"map"`
	MapE       map[string]uint64  `json:"map_e,omitempty"`
	Inners     map[string]*Inner  `json:"inners"`
	Lists      map[string][]Inner `json:"lists"`
	Numbers    map[int]string     `json:"numbers"`
	Float      float64            `json:"float"`
	Any        any                `json:"any"`
	Time       time.Time          `json:"time"`
	Stamp      *Stamp             `json:"stamp,omitempty"`
	Refusing   *Refusing          `json:"refusing,omitempty"`
	Raw        json.RawMessage    `json:"raw"`
	Array      [2]int             `json:"array"`
	Skipped    int                `json:"-"`
	Dash       int                `json:"-,"` //nolint:staticcheck // a field of that name is meant
	unexported int                //nolint:unused // encoding/json leaves it out
	Odd        int                `json:"é,omitempty"`
	Base
	Last string `json:"last"`
}

// Filled returns an All in which all is set that is both written and read, to what is usual.
func Filled() All {
	return All{
		Bool: true, BoolE: true, PB: new(false),
		I: math.MinInt32, I8: -128, I16: -32768, I32: math.MinInt32, I64: math.MinInt64 + 1, PI64: new(int64(-1)),
		U: math.MaxUint64, U8: 255, U16: 65535, U32: math.MaxUint32, U64: math.MaxUint64, U64E: math.MaxUint64, PU64: new(uint64(0)),
		S: "s\u2028<&>\x00\"", SE: "<&>", PS: new("世"), Bytes: []byte{}, BytesE: []byte{0, 255}, BytesZ: []byte{},
		Strings: []string{"", "a"}, StringsE: []string{"x"},
		Struct: Inner{"a", 1}, Pointer: &Inner{}, Slice: []Inner{{}, {"b", 2}}, Pointers: []*Inner{{}, {}}, Nested: [][]Inner{{}, {{}}},
		Map: map[string]string{"b": "<", "a": ""}, MapE: map[string]uint64{"b": 1, "a": 2},
		Inners: map[string]*Inner{"b": {}}, Lists: map[string][]Inner{"c": {{}}}, Numbers: map[int]string{1: "2"},
		Float: 0.1, Any: map[string]any{"a": true}, Time: time.Unix(1, 1).UTC(), Stamp: &Stamp{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		Raw: json.RawMessage(`{"a":1}`), Array: [2]int{1, 2}, Dash: 3, Odd: 4, Base: Base{1, 65535, &Inner{"z", -1}}, Last: "last",
	}
}
