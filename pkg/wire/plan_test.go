// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// fillValue sets all that v holds to values that r gives, 0 and nil among them, with texts made of text; sparse leaves about
// that part of a hundred fields unset.
func fillValue(v reflect.Value, r *rand.Rand, text string, sparse int) {
	if v.Type() == reflect.TypeFor[event.Timestamp]() {
		v.Set(reflect.ValueOf(event.Timestamp{Time: time.Unix(r.Int64N(253402300800), r.Int64N(4)*r.Int64N(1e9)/4).UTC()}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			if r.IntN(100) >= sparse {
				fillValue(field, r, text, sparse)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem(), r, text, sparse)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
		for i := range v.Len() {
			fillValue(v.Index(i), r, text, sparse)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range r.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fillValue(key, r, text, sparse)
			fillValue(value, r, text, sparse)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(strings.Repeat(text, r.IntN(3)))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	default:
		panic("a value of kind " + v.Kind().String())
	}
}

// sameAsLibrary compares what the plans write with encoding/json.
func sameAsLibrary(t *testing.T, r *rand.Rand, text string, sparse int) {
	t.Helper()
	var e Event
	var p Process
	fillValue(reflect.ValueOf(&e).Elem(), r, text, sparse)
	fillValue(reflect.ValueOf(&p).Elem(), r, text, sparse)
	got, err := eventPlan.Append(nil, &e)
	if want := mustJSON(e); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("event: %v\ngot  %s\nwant %s", err, got, want)
	}
	got, err = processPlan.Append(nil, &p)
	if want := mustJSON(p); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("process: %v\ngot  %s\nwant %s", err, got, want)
	}
}

// Events and processes with all fields set, and with any part of them, are written as encoding/json writes them.
func TestPlansWriteWhatEncodingJSONDoes(t *testing.T) {
	for seed := range uint64(300) {
		for _, text := range fillings {
			sameAsLibrary(t, rand.New(rand.NewPCG(seed, 0)), text, int(seed%4)*30)
		}
	}
}

func FuzzPlans(f *testing.F) {
	for _, text := range fillings {
		f.Add(uint64(1), text, uint8(0))
		f.Add(uint64(2), text, uint8(90))
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string, sparse uint8) {
		sameAsLibrary(t, rand.New(rand.NewPCG(seed, 0)), text, int(sparse%100))
	})
}
