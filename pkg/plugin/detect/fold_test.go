// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"slices"
	"testing"
)

// Of repeats the 1st, 10th, 100th are shown, and all are counted; who is started by another process is another.
func TestFold(t *testing.T) {
	stage := rules(t).Stage(nil, true)
	var shown []uint64
	for range 1234 {
		it := execOf("/bin/cp", "x")
		if stage.Pass(it) {
			shown = append(shown, it.Event.Detections[0].Times)
		}
	}
	if want := []uint64{1, 10, 100, 1000}; !slices.Equal(shown, want) {
		t.Errorf("shown %v, want %v", shown, want)
	}
	other := execOf("/bin/cp", "x")
	other.Event.Process().ParentExecID = "other"
	if !stage.Pass(other) {
		t.Error("what another process started is not shown")
	}
	if fired := stage.Fired(); len(fired) != 1 || fired[0].Times != 1235 {
		t.Errorf("%+v", fired)
	}
}
