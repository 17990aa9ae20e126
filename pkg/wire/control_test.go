// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func podsOf(count int) (pods []Pod) {
	for i := range count {
		pods = append(pods, Pod{UID: fmt.Sprintf("11111111-2222-3333-4444-%012d", i), Selections: uint64(i)})
	}
	return pods
}

// A message of any size comes through whole, no line of it is too long, and only its last line lets it take effect.
func TestControlLines(t *testing.T) {
	const limit = 1000
	for name, c := range map[string]Control{
		"sign of life": {},
		"stop":         {Stop: true},
		"all":          {Targets: &Targets{All: true}},
		"no pods":      {Targets: &Targets{}, Stop: true},
		"list":         {Targets: &Targets{Pods: podsOf(500), Cgroups: []string{"/x"}}, Stop: true},
		"changes":      {Add: podsOf(300), Remove: []string{"a", "b"}},
		"exact":        {Targets: &Targets{Pods: podsOf(12)}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := c.lines(limit)
			must(t, err)
			var got Control
			var pods []Pod
			for i, text := range lines {
				if len(text) > limit || strings.IndexByte(string(text), '\n') != len(text)-1 {
					t.Fatalf("line %d of %d bytes: %q", i, len(text), text)
				}
				var line Control
				must(t, json.Unmarshal(text, &line))
				if last := i == len(lines)-1; line.More == last || line.Stop && !last {
					t.Errorf("line %d of %d: %s", i, len(lines), text)
				}
				if i == 0 {
					got.Targets, got.Remove = line.Targets, line.Remove
					if got.Targets != nil {
						pods = got.Targets.Pods
					}
				}
				pods, got.Stop = append(pods, line.Add...), line.Stop
			}
			if got.Targets != nil {
				got.Targets.Pods = pods
			} else {
				got.Add = pods
			}
			if !reflect.DeepEqual(got, c) {
				t.Errorf("%+v\nwant %+v", got, c)
			}
		})
	}
}

func TestControlLineThatCannotBeSplit(t *testing.T) {
	big := Pod{UID: "u", Containers: map[string]uint64{}}
	for i := range 10_000 {
		big.Containers[fmt.Sprintf("%064d", i)] = 1
	}
	for _, c := range []Control{{Add: slices.Concat(podsOf(1), []Pod{big})}, {Targets: &Targets{Pods: []Pod{big}}}, {Remove: []string{strings.Repeat("u", MaxControlLine)}}} {
		if lines, err := c.Lines(); err == nil {
			t.Errorf("%d lines", len(lines))
		}
	}
}
