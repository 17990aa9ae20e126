// SPDX-License-Identifier: Apache-2.0

package render

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// The keys of maps come from a node as well as their values.
func TestJSONPathSanitizesKeys(t *testing.T) {
	e := &event.Event{ProcessExec: &event.ProcessExec{Process: &event.Process{
		Pod: &event.Pod{PodLabels: map[string]string{"a\x1b[2J": "b\x1b", "plain": "c"}},
	}}}
	got, err := findJSONPath("{.process_exec.process.pod.pod_labels}", e)
	if want := `{"a\\x1b[2J":"b\\x1b","plain":"c"}` + "\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
