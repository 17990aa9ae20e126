// SPDX-License-Identifier: Apache-2.0

package session

import "testing"

// Each reason alone makes a session incomplete.
func TestComplete(t *testing.T) {
	for name, n := range map[string]NodeSummary{
		"lost":    {Ended: "stopped", Lost: map[string]uint64{"x": 1}},
		"dropped": {Ended: "stopped", Dropped: map[Drop]uint64{{"file", "full"}: 1}},
		"no bye":  {},
		"problem": {Ended: "stopped", Problem: "x"},
	} {
		if s := (Summary{Nodes: []NodeSummary{n}}); s.Complete() {
			t.Errorf("%s: complete", name)
		}
	}
	if s := (Summary{Nodes: []NodeSummary{{Ended: "stopped", Lost: map[string]uint64{"x": 0}}}}); !s.Complete() {
		t.Error("whole: not complete")
	}
}
