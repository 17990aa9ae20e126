// SPDX-License-Identifier: Apache-2.0

package appendjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/internal/jsontypes"
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

func TestAsEncodingJSON(t *testing.T) {
	check(t, jsontypes.All{Raw: json.RawMessage("0")}, jsontypes.Filled())
	check(t, jsontypes.All{Raw: json.RawMessage("1"), I: math.MinInt64, I64: math.MinInt64, PS: new(""), Map: map[string]string{}, MapE: map[string]uint64{}, BytesE: []byte{},
		Strings: []string{}, StringsE: []string{}, Slice: []jsontypes.Inner{}, Pointers: []*jsontypes.Inner{nil, {}}, Skipped: 1})
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
	late := jsontypes.All{Raw: json.RawMessage("0"), Stamp: &jsontypes.Stamp{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}
	if _, err := For[jsontypes.All]().Append(nil, &late); err == nil || err.Error() != "too late" {
		t.Errorf("appender: %v", err)
	}
	broken := jsontypes.All{Raw: json.RawMessage("{")}
	if _, err := For[jsontypes.All]().Append(nil, &broken); err == nil {
		t.Error("encoding/json: no error")
	}
	slice := []jsontypes.Stamp{*late.Stamp}
	if _, err := For[[]jsontypes.Stamp]().Append(nil, &slice); err == nil {
		t.Error("element of a slice: no error")
	}
}

func TestNoPlanForWhatWouldBeWrong(t *testing.T) {
	type unexported struct{}
	for name, make := range map[string]func(){
		"two fields of one name": func() {
			For[struct {
				jsontypes.Base
				Y int
			}]()
		},
		"embedded pointer":    func() { For[struct{ *jsontypes.Base }]() },
		"embedded unexported": func() { For[struct{ unexported }]() },
		"omitzero of a struct": func() {
			For[struct {
				A jsontypes.Base `json:",omitzero"`
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
	value := jsontypes.All{S: "a\x7fb\u00a0", SE: "\x7f\x7f", PS: new("\u202e\"\xff\ufffd\u2028"), Strings: []string{"é", "🚀", "🚁\x7f", ""}, Struct: jsontypes.Inner{A: "x\U0010ffff"},
		Map: map[string]string{"\x7f": "\u00a0", "b": "🚀"}, Raw: json.RawMessage("0")}
	got, err := For[jsontypes.All](Escaped(odd)).Append(nil, &value)
	if want := oddEscaped(byLibrary(t, value)); err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// What is known is written as it is given, wherever a pointer to it stands, and asked for each time.
func TestKnown(t *testing.T) {
	known, asked := &jsontypes.Inner{B: 1}, 0
	plan := For[jsontypes.All](Escaped(odd), Known(func(i *jsontypes.Inner) []byte {
		asked++
		if i == known {
			return []byte("as it is given: \x7f")
		}
		return nil
	}), Known(func(*string) []byte { return nil }))
	value := jsontypes.All{Raw: json.RawMessage("0"), Struct: *known, Slice: []jsontypes.Inner{*known}, Pointer: known, Pointers: []*jsontypes.Inner{known, nil, {A: "\x7f"}}, Base: jsontypes.Base{Z: known}}
	got, err := plan.Append(nil, &value)
	known.A = "\x01 known" // so that it can be found where its own pointers stand
	value.Slice, value.Struct = []jsontypes.Inner{{B: 1}}, jsontypes.Inner{B: 1}
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
