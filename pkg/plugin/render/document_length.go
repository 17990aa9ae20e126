// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bufio"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// longestLine is what tetra getevents reads, without the line feed: at a longer line it ends with an error. Events come near it
// only when many ancestors have arguments of several KiB, or pods have hundreds of labels.
const longestLine = bufio.MaxScanTokenSize - 1

// shortenings are what is left out of an event whose line is too long, one after the other until it fits: the most important
// last. What is left after the last is an event's own body, which fits into a frame, and that is a fifth of a line.
var shortenings = [...]func(event.Subjects){
	func(s event.Subjects) {
		for i, ancestor := range *s.Ancestors {
			(*s.Ancestors)[i] = brief(ancestor)
		}
	},
	func(s event.Subjects) { *s.Parent = brief(*s.Parent) },
	func(s event.Subjects) { *s.Ancestors = nil },
	func(s event.Subjects) { *s.Process = brief(*s.Process) },
	func(s event.Subjects) { *s.Parent = nil },
	func(s event.Subjects) {
		if p := *s.Process; p != nil {
			*s.Process = &event.Process{ExecID: p.ExecID, Pid: p.Pid, Tid: p.Tid, Flags: p.Flags}
		}
	},
}

// brief is what tells a process from others. Its flags say that there is more, which the event of its exec has.
func brief(p *event.Process) *event.Process {
	if p == nil {
		return nil
	}
	b := &event.Process{
		ExecID: p.ExecID, Pid: p.Pid, Uid: p.Uid, Binary: p.Binary, StartTime: p.StartTime, Docker: p.Docker,
		ParentExecID: p.ParentExecID, Tid: p.Tid, InInitTree: p.InInitTree,
		Flags: (event.ParseFlags(p.Flags) | event.FlagTruncatedArguments).String(),
	}
	if p.Pod != nil {
		b.Pod = &event.Pod{Namespace: p.Pod.Namespace, Name: p.Pod.Name, UID: p.Pod.UID}
	}
	return b
}

// lineOf encodes an event in a line that tetra reads.
func lineOf(e *event.Event, encode func(*event.Event) ([]byte, error)) ([]byte, error) {
	line, err := encode(e)
	if err != nil || len(line) <= longestLine+len("\n") {
		return line, err
	}
	e = e.Clone()
	s, about := e.Subjects()
	if !about {
		return line, nil
	}
	*s.Ancestors = append([]*event.Process(nil), *s.Ancestors...) // which others may have, too
	for _, shorten := range shortenings {
		shorten(s)
		if line, err = encode(e); err != nil || len(line) <= longestLine+len("\n") {
			return line, err
		}
	}
	return line, nil
}
