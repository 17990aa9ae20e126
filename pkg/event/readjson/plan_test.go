// SPDX-License-Identifier: Apache-2.0

package readjson

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/internal/jsontypes"
)

// documents are what tests and fuzzing begin with.
var documents = []string{
	`{}`, `{"bool":true,"pb":false,"i":-1,"i8":-128,"i16":32767,"i32":-2147483648,"i64":"-9223372036854775808","u":"0","u8":255,"u16":65535}`,
	`{"u32":4294967295,"u64":18446744073709551615,"pu64":"18446744073709551610","s":"text","ps":"","bytes":"AP8=","strings":["","a","a"]}`,
	`{"struct":{"a":"x","B":1},"pointer":{},"slice":[{"a":"1"},{"B":2},{},{"a":"4","B":4},{"B":5}],"pointers":[{},{"B":7}],"nested":[[],[{"B":1}],[{},{},{"a":"z"}]]}`,
	`{"map":{"b":"<","a":""},"inners":{"x":{"a":"1"},"":{}},"lists":{"l":[{"B":1},{"B":2},{"B":3}],"m":[]},"numbers":{"1":"x"},"float":0.1,"any":{"a":[1,null,true]}}`,
	`{"time":"2026-03-01T12:00:00+01:00","stamp":"2026-03-01T12:00:00Z","raw":{"a":1},"array":[1,2],"-":3,"é":4,"X":1,"Y":2,"z":{"B":-1},"last":"l"}`,
	`{"stamp":"2026-03-01T12:00:01Z","bytes":"","slice":[],"strings":[],"map":{},"inners":{}}`,
	`{"s":"\"\\\/\b\f\n\r\té\u001b\u2028","last":"é世🚀\ud83d\ude80","ps":"long enough for eight bytes \" and more"}`,
	`{"s":"\ud800","last":"\xff"}`, "{\"s\":\"\xff\xc0\x80\"}", "{\"s\":\"\xe2\x80\"}", "{\"s\":\"\x01\"}", `{"s":"\x"}`, `{"s":"\u12g4"}`, `{"s":"\u12`, `{"s":"\`,
	"{ \"s\" : \"x\" }\r\n", "{\"s\":\"x\"} \n", `{"s":"x"}x`, `{"s":"x"`, `{"s":"x",}`, `{,}`, `{"s"}`, `{"s":}`, `{"s":1}`, ``, `null`, `[]`, `"x"`, `{"s":"x"}{"s":"y"}`,
	`{"s":null,"pointer":null,"slice":null,"map":null,"inners":{"x":null},"pointers":[null],"stamp":null,"bytes":null,"i":null}`,
	`{"s":"1","s":"2"}`, `{"pointer":{"a":"1"},"pointer":{"B":2}}`, `{"slice":[{"a":"1"}],"slice":[{"B":1}]}`, `{"map":{"a":"1","a":"2"},"inners":{"x":{"a":"1"},"x":{"B":1}}}`,
	`{"S":"other case","Ss":"unknown","BOOL":true}`, "{\"\u017f\":\"long s\"}", `{"\u0073":"escaped name"}`,
	`{"new":{"a":[1,-2.5e+10,true,false,null,"x",{}],"b":{}},"s":"x","newer":[]}`, `{"new":01}`, `{"new":-}`, `{"new":1.}`, `{"new":1e}`, `{"new":tru}`, `{"new":[1,]}`, `{"new":{"a"}}`,
	`{"new":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `,"s":"deep"}`,
	`{"i":1.0}`, `{"i":1e3}`, `{"i":01}`, `{"i":-0}`, `{"i":-}`, `{"i8":128}`, `{"u8":256}`, `{"u8":-1}`, `{"u64":18446744073709551616}`, `{"u64":99999999999999999999}`, `{"i64":"9223372036854775808"}`,
	`{"i64":1}`, `{"i64":"x"}`, `{"i64":""}`, `{"pu64":null}`, `{"bool":1}`, `{"bool":"true"}`, `{"bytes":"A"}`, `{"bytes":"!"}`, `{"bytes":"AA\n=="}`, `{"array":[1,2,3]}`,
	`{"refusing":1}`, `{"refusing":null}`, `{"time":"yesterday"}`, `{"numbers":{"x":"1"}}`, `{"float":"x"}`, `{"Skipped":1,"unexported":2}`,
}

// compare reads a document in both ways. The reader has read others before.
func compare(t *testing.T, r *Reader[jsontypes.All], document []byte) {
	t.Helper()
	var got, want jsontypes.All
	before := string(document)
	err, wantErr := r.Read(document, &got), json.Unmarshal(document, &want)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("%s: %v, want %v", document, err, wantErr)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\ngot  %+v\nwant %+v", document, got, want)
	}
	if string(document) != before {
		t.Fatalf("%s was changed", before)
	}
	for i := range document { // nothing refers to it
		document[i] = 0
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: changes with the document", before)
	}
}

func TestAsEncodingJSON(t *testing.T) {
	r := For[jsontypes.All]().NewReader()
	for range 3 {
		for _, document := range documents {
			compare(t, r, []byte(document))
		}
	}
}

// What encoding/json writes needs no help from it.
func TestUsualIsReadQuickly(t *testing.T) {
	value := jsontypes.Filled()
	value.Odd = 0 // names beyond ASCII are not usual
	document, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	r := For[jsontypes.All]().NewReader()
	var got jsontypes.All
	r.state.data = document
	if !r.plan.read(&r.state, reflect.ValueOf(&got).UnsafePointer()) || !r.state.atEnd() {
		t.Fatalf("stopped at %q", document[r.state.at:])
	}
	if !reflect.DeepEqual(got, value) {
		t.Errorf("got  %+v\nwant %+v", got, value)
	}
}

// Values that are kept stay as they are while others are read, and slices may have room for what comes.
func TestValuesDontShareMemory(t *testing.T) {
	r := For[jsontypes.All]().NewReader()
	var kept [500]jsontypes.All
	kept[0].Slice = make([]jsontypes.Inner, 0, 4)
	room := &kept[0].Slice[:1][0]
	document := func(n int) []byte {
		const form = `{"s":"%[1]s","ps":"%[1]s","slice":[{"a":"%[1]s","B":%[2]d},{"B":%[2]d},{"a":"%[1]s"}],"pointers":[{"a":"%[1]s","B":%[2]d}],"pu64":"%[2]d"}`
		return fmt.Appendf(nil, form, strings.Repeat("x", n), n)
	}
	for n := range kept {
		if err := r.Read(document(n), &kept[n]); err != nil {
			t.Fatal(err)
		}
	}
	for n := range kept {
		text := strings.Repeat("x", n)
		if k := kept[n]; k.S != text || *k.PS != text || !reflect.DeepEqual(k.Slice, []jsontypes.Inner{{A: text, B: n}, {B: n}, {A: text}}) || k.Pointers[0].B != n || *k.PU64 != uint64(n) {
			t.Fatalf("%d: %+v", n, k)
		}
	}
	if room != &kept[0].Slice[0] {
		t.Error("the room that a slice had was not used")
	}
}

func TestNoPlanForWhatWouldBeWrong(t *testing.T) {
	type unexported struct{}
	type many struct{ A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P int }
	for name, make := range map[string]func(){
		"two fields of one name": func() {
			For[struct {
				jsontypes.Base
				Other struct{}
				Also  struct{} `json:"Other"`
			}]()
		},
		"names of which one is the other's": func() {
			For[struct {
				A string
				B string `json:"a"`
			}]()
		},
		"embedded pointer":    func() { For[struct{ *jsontypes.Base }]() },
		"embedded unexported": func() { For[struct{ unexported }]() },
		"quoted text": func() {
			For[struct {
				A string `json:",string"`
			}]()
		},
		"too many fields": func() {
			var fields []reflect.StructField
			for _, prefix := range []string{"A", "B", "C", "D", "E"} {
				for f := range reflect.TypeFor[many]().Fields() {
					fields = append(fields, reflect.StructField{Name: prefix + f.Name, Type: f.Type})
				}
			}
			(&maker{ids: map[reflect.Type]int{}}).readerOf(reflect.StructOf(fields))
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

// An embedded struct's field gives way to one of the same name.
func TestShadowedFields(t *testing.T) {
	type outer struct {
		jsontypes.Base
		Y string
	}
	var got, want outer
	document := []byte(`{"X":1,"Y":"own","z":{"a":"b"}}`)
	if err := For[outer]().NewReader().Read(document, &got); err != nil || json.Unmarshal(document, &want) != nil || !reflect.DeepEqual(got, want) || got.Y != "own" {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func FuzzRead(f *testing.F) {
	for _, document := range documents {
		f.Add([]byte(document))
	}
	plan := For[jsontypes.All]()
	f.Fuzz(func(t *testing.T, document []byte) { compare(t, plan.NewReader(), document) })
}
