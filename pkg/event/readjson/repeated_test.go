// SPDX-License-Identifier: Apache-2.0

package readjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
)

type inner struct {
	Name string            `json:"name"`
	Tags map[string]string `json:"tags,omitempty"`
}

type outer struct {
	A *inner   `json:"a"`
	B []*inner `json:"b"`
}

// With Repeated, what is read is what encoding/json reads, and equal texts are one value.
func TestRepeated(t *testing.T) {
	r := For[outer](Repeated[inner]()).NewReader()
	var last *inner
	for round := range 3 {
		for i := range 3 * mostRepeats {
			text := fmt.Sprintf(`{"a":{"name":"%d","tags":{"x":"}%d\u0041"}},"b":[{"name":"%d"},{"name":"%d","tags":{}}]}`, i, i, i, i+1)
			var got, want outer
			if err := r.Read([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("round %d: %s: got %+v", round, text, got)
			}
			var first, again outer
			alone := []byte(fmt.Sprintf(`{"a":{"name":"%d","tags":{"x":"}%d\u0041"}},"b":[]}`, i, i))
			if err := errors.Join(r.Read(alone, &first), r.Read(alone, &again)); err != nil || again.A != first.A {
				t.Fatalf("%s is read twice, %v", alone, err)
			}
			last = again.A
		}
	}
	// A text that only begins as a known one is another.
	var other outer
	if err := r.Read([]byte(`{"a":{"name":"`+last.Name+`","tags":{"x":"other"}},"b":[]}`), &other); err != nil || other.A == last || other.A.Tags["x"] != "other" {
		t.Errorf("%+v, %v", other.A, err)
	}
}
