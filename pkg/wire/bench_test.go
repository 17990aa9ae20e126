// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// kprobeOf is what a policy on security_file_permission sends.
func kprobeOf(id, parent string) Event {
	return Event{ProcessID: id, ParentID: parent, Event: event.Event{ProcessKprobe: &event.ProcessKprobe{
		FunctionName: "security_file_permission",
		Hooked: event.Hooked{
			Args: []event.Argument{
				{FileArg: &event.FileArg{Path: "/var/lib/postgresql/data/base/16384/2619", Permission: "-rw-------"}}, {IntArg: new(int32(4))},
			},
			Action: event.ActionPost, PolicyName: "file-monitoring-filtered",
		},
		Return: &event.Argument{IntArg: new(int32(0))}, ReturnAction: event.ActionPost,
	}, NodeName: "node", Time: moment(123456789)}}
}

func benchmarkAdd(b *testing.B, ev Event, processes int) {
	parent := process("bm9kZS1uYW1lOjEyMzQ1Njc4OTAxMjM0OjEyMzQ2")
	var all []*Process
	for n := range processes {
		all = append(all, process(fmt.Sprintf("bm9kZS1uYW1lOjEyMzQ1Njc4OTAxMjM0OjEyMzQ%d", n)))
	}
	e := NewEncoder(nowhere{}, "session")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		p := all[n%len(all)]
		n++
		ev.ProcessID = p.ExecID
		if err := e.Add(ev, p, parent); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeKprobe(b *testing.B) {
	ev := kprobeOf("", "bm9kZS1uYW1lOjEyMzQ1Njc4OTAxMjM0OjEyMzQ2")
	b.SetBytes(int64(len(mustJSON(ev))))
	for _, processes := range []int{1, 8, 1000} {
		b.Run(fmt.Sprint("processes=", processes), func(b *testing.B) { benchmarkAdd(b, ev, processes) })
	}
}
