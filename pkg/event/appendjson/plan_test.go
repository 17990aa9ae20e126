// SPDX-License-Identifier: Apache-2.0

package appendjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// byLibrary is what encoding/json writes.
func byLibrary(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func check[T any](t *testing.T, values ...T) {
	t.Helper()
	plan := For[T]()
	for i := range values {
		got, err := plan.Append([]byte("before"), &values[i])
		if want := "before" + byLibrary(t, values[i]); err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}

type inner struct {
	A string `json:"a,omitempty"`
	B int    // without a tag
}

// Base is embedded.
type Base struct {
	X, Y uint16
	Z    *inner `json:"z,omitempty"`
}

type stamped struct{ time.Time }

func (s stamped) AppendJSON(dst []byte) ([]byte, error) {
	if s.Year() > 9999 {
		return dst, errors.New("too late")
	}
	return append(append(append(dst, '"'), s.String()...), '"'), nil
}

func (s stamped) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil) }

type all struct {
	Bool       bool              `json:"bool"`
	BoolE      bool              `json:",omitempty"`
	I          int               `json:"i"`
	I8         int8              `json:"i8,omitempty"`
	I16        int16             `json:"i16,omitempty"`
	I32        int32             `json:"i32,omitempty"`
	I64        int64             `json:"i64,omitempty,string"`
	U          uint              `json:"u,string"`
	U8         uint8             `json:"u8,omitempty"`
	U32        uint32            `json:"u32,omitempty"`
	U64        uint64            `json:"u64,omitempty,string"`
	PU64       *uint64           `json:"pu64,omitempty,string"`
	PI64       *int64            `json:"pi64,string"`
	PB         *bool             `json:"pb,omitempty"`
	S          string            `json:"s"`
	SE         string            `json:"se,omitempty"`
	PS         *string           `json:"ps,omitempty"`
	Bytes      []byte            `json:"bytes"`
	BytesE     []byte            `json:"bytes_e,omitempty"`
	BytesZ     []byte            `json:"bytes_z,omitzero"`
	Strings    []string          `json:"strings"`
	StringsE   []string          `json:"strings_e,omitempty"`
	Struct     inner             `json:"struct"`
	Pointer    *inner            `json:"pointer"`
	Slice      []inner           `json:"slice,omitempty"`
	Pointers   []*inner          `json:"pointers,omitempty"`
	Map        map[string]string `json:"map"`
	MapE       map[string]uint64 `json:"map_e,omitempty"`
	Float      float64           `json:"float"`
	Any        any               `json:"any"`
	Time       time.Time         `json:"time"`
	Stamp      *stamped          `json:"stamp,omitempty"`
	Raw        json.RawMessage   `json:"raw"`
	Skipped    int               `json:"-"`
	Dash       int               `json:"-,"` //nolint:staticcheck // a field of that name is meant
	unexported int
	Odd        int `json:"é"`
	Base
	Last string `json:"last"`
}

func TestAsEncodingJSON(t *testing.T) {
	check(t, all{Raw: json.RawMessage("0")})
	check(t, all{
		true, true, math.MinInt64, -128, -32768, -2147483648, math.MinInt64, math.MaxUint64, 255, math.MaxUint32, math.MaxUint64,
		new(uint64(0)), new(int64(-1)), new(false), "s", "<&>", new(""), []byte{}, []byte{0, 255}, []byte{}, []string{"", "a"}, []string{},
		inner{"a", 1}, &inner{}, []inner{{}, {"b", 2}}, []*inner{nil, {}}, map[string]string{"b": "<", "a": ""}, map[string]uint64{},
		0.1, map[string]any{"a": []int{1}}, time.Unix(1, 1).UTC(), &stamped{time.Unix(1, 1).UTC()}, json.RawMessage(`{"a":1}`), 1, 2, 3, 4,
		Base{1, 65535, &inner{"z", -1}}, "last",
	})
	check(t, all{MapE: map[string]uint64{"b": 1, "a": 2}, BytesE: []byte{}, Raw: json.RawMessage("1"), StringsE: []string{"x"}, Slice: []inner{}})
	check(t, struct{}{})
	check(t, struct {
		A string `json:"a,omitempty"`
	}{})
	check(t, []string{"a", "b"}, nil, []string{})
	check(t, map[string]string{"b": "<\"", "a\x00": "", "a": "\xff", "": "x", "\xff": "y"}, nil, map[string]string{})
	check(t, new(int(1)), nil)
	check(t, "text")
	check(t, []struct{}{{}, {}})
}

func TestErrors(t *testing.T) {
	late := all{Raw: json.RawMessage("0"), Stamp: &stamped{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}
	if _, err := For[all]().Append(nil, &late); err == nil || err.Error() != "too late" {
		t.Errorf("appender: %v", err)
	}
	broken := all{Raw: json.RawMessage("{")}
	if _, err := For[all]().Append(nil, &broken); err == nil {
		t.Error("encoding/json: no error")
	}
	slice := []stamped{*late.Stamp}
	if _, err := For[[]stamped]().Append(nil, &slice); err == nil {
		t.Error("element of a slice: no error")
	}
}

func TestNoPlanForWhatWouldBeWrong(t *testing.T) {
	for name, make := range map[string]func(){
		"two fields of one name": func() {
			For[struct {
				Base
				Y int
			}]()
		},
		"embedded pointer":    func() { For[struct{ *Base }]() },
		"embedded unexported": func() { For[struct{ inner }]() },
		"omitzero of a struct": func() {
			For[struct {
				A Base `json:",omitzero"`
			}]()
		},
		"omitempty of a float": func() {
			For[struct {
				A float64 `json:",omitempty"`
			}]()
		},
		"quoted text": func() {
			For[struct {
				A string `json:",string"`
			}]()
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: there is a plan", name)
				}
			}()
			make()
		}()
	}
}

// odd characters are escaped on demand: some below and some above U+FFFF.
func odd(r rune) bool {
	return r == 0x7f || r == '\u00a0' || r == '\u202e' || r == '\ufffd' || r >= 0x1f680
}

// oddEscaped is JSON with odd characters escaped one by one, as they only are in texts.
func oddEscaped(text string) string {
	var out strings.Builder
	for _, r := range text {
		if first, second := utf16.EncodeRune(r); !odd(r) {
			out.WriteRune(r)
		} else if r > 0xffff {
			fmt.Fprintf(&out, `\u%04x\u%04x`, first, second)
		} else {
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func TestEscaped(t *testing.T) {
	value := all{S: "a\x7fb\u00a0", SE: "\x7f\x7f", PS: new("\u202e\"\xff\ufffd\u2028"), Strings: []string{"é", "🚀", "🚁\x7f", ""}, Struct: inner{A: "x\U0010ffff"},
		Map: map[string]string{"\x7f": "\u00a0", "b": "🚀"}, Raw: json.RawMessage("0")}
	got, err := For[all](Escaped(odd)).Append(nil, &value)
	if want := oddEscaped(byLibrary(t, value)); err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// What is known is written as it is given, wherever a pointer to it stands, and asked for each time.
func TestKnown(t *testing.T) {
	known, asked := &inner{B: 1}, 0
	plan := For[all](Escaped(odd), Known(func(i *inner) []byte {
		asked++
		if i == known {
			return []byte("as it is given: \x7f")
		}
		return nil
	}), Known(func(*string) []byte { return nil }))
	value := all{Raw: json.RawMessage("0"), Struct: *known, Slice: []inner{*known}, Pointer: known, Pointers: []*inner{known, nil, {A: "\x7f"}}, Base: Base{Z: known}}
	got, err := plan.Append(nil, &value)
	known.A = "\x01 known" // so that it can be found where its own pointers stand
	value.Slice, value.Struct = []inner{{B: 1}}, inner{B: 1}
	want := strings.ReplaceAll(oddEscaped(byLibrary(t, value)), `{"a":"\u0001 known","B":1}`, "as it is given: \x7f")
	if err != nil || string(got) != want || asked != 4 {
		t.Errorf("asked %d times, %v\ngot  %s\nwant %s", asked, err, got, want)
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "<&>\"\\/", "\x00\x1b\b\f\n\r\t\x7f", "é世🚀", "\xff\xc0\x80", "\xe2\x80", "\u2027\u2028\u2029\u202a", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(String([]byte("x"), s)), "x"+byLibrary(t, s); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := string(escapedString(nil, s, odd)), oddEscaped(byLibrary(t, s)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
