// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// wordy is a process whose arguments and labels take this many bytes each.
func wordy(id, arguments, labels int) *event.Process {
	return &event.Process{
		ExecID: fmt.Sprint("id-", id), Pid: new(uint32(id)), Binary: "/usr/bin/java", Arguments: strings.Repeat("x", arguments), Flags: "execve clone",
		Pod: &event.Pod{Namespace: "shop", Name: "web", PodLabels: map[string]string{"l": strings.Repeat("y", labels)}},
	}
}

// However long what is known of the processes, a line of JSON is one that tetra reads; what goes first matters least.
func TestLinesThatTetraReads(t *testing.T) {
	const fits = 5000
	for _, test := range []struct {
		name                         string
		arguments, ancestors, labels int
		binary                       string
		argumentsLeft                [3]bool // of the process, its parent, its ancestors
		ancestorsLeft                int
	}{
		{"short", 100, 3, 10, "", [3]bool{true, true, true}, 3},
		{"just fits", fits, 10, 10, "", [3]bool{true, true, true}, 10},
		{"many ancestors", fits, 20, 10, "", [3]bool{true, true, false}, 20},
		{"long parent", 40000, 3, 10, "", [3]bool{true, false, false}, 3},
		{"thousands of ancestors", fits, 2000, 10, "", [3]bool{true, false, false}, 0},
		{"long labels", 100, 2, 70000, "", [3]bool{false, false, false}, 0},
		{"hostile path", 100, 2, 10, strings.Repeat("\x01", 12000), [3]bool{false, false, false}, 0},
	} {
		e := &event.Event{ProcessExec: &event.ProcessExec{Process: wordy(1, test.arguments, test.labels), Parent: wordy(2, test.arguments, test.labels)}, NodeName: "n"}
		for i := range test.ancestors {
			e.ProcessExec.Ancestors = append(e.ProcessExec.Ancestors, wordy(3+i, test.arguments, test.labels))
		}
		if test.binary != "" {
			e.ProcessExec.Process.Binary, e.ProcessExec.Parent.Binary = test.binary, test.binary
		}
		before, _ := json.Marshal(e)
		var out bytes.Buffer
		r, err := New(&out, Options{Format: "json"})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Take(pipeline.NewItem(e)), r.Close()); err != nil {
			t.Fatal(err)
		}
		if after, _ := json.Marshal(e); !bytes.Equal(before, after) {
			t.Errorf("%s: the event was changed", test.name)
		}
		var got event.Event
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || out.Len() > longestLine+1 {
			t.Fatalf("%s: %d bytes, %v", test.name, out.Len(), err)
		}
		x := got.ProcessExec
		left := [3]bool{x.Process.Arguments != "", x.Parent != nil && x.Parent.Arguments != "", len(x.Ancestors) > 0 && x.Ancestors[0].Arguments != ""}
		if left != test.argumentsLeft || len(x.Ancestors) != test.ancestorsLeft || x.Process.ExecID != "id-1" {
			t.Errorf("%s: arguments %v, %d ancestors", test.name, left, len(x.Ancestors))
		}
		if marked := strings.Contains(x.Process.Flags, "truncArgs"); marked == left[0] {
			t.Errorf("%s: flags %q", test.name, x.Process.Flags)
		}
	}
}
