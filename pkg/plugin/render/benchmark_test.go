// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// BenchmarkCalls is what a call costs from the table of processes to the output.
func BenchmarkCalls(b *testing.B) {
	for name, o := range map[string]Options{
		"compact":         {Format: "compact", OwnWords: true, Every: true, Out: pipe, Timestamps: true},
		"compact-color":   {Format: "compact", OwnWords: true, Every: true, Out: colored},
		"compact-counted": {Format: "compact", OwnWords: true, Out: pipe},
		"wide":            {Format: "wide", Every: true, Out: pipe},
		"tree":            {Every: true, Out: wideTerminal},
		"json":            {Format: "json"},
	} {
		b.Run(name, func(b *testing.B) {
			sink, err := New(io.Discard, o)
			if err != nil {
				b.Fatal(err)
			}
			s, table := newStory(b, sink), processes.NewTable("n1", processes.NewBudget(processes.SessionBytes))
			s.show = func(e *event.Event) {
				if err := sink.Take(&pipeline.Item{Event: e, Process: table.Observe(e)}); err != nil {
					b.Fatal(err)
				}
			}
			a := s.start(s.reader())
			var calls []*event.Event
			for range 64 {
				s.wait(time.Millisecond)
				calls = append(calls, s.call(a, "sys_read", "/etc/passwd", 340))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.show(calls[i%len(calls)])
			}
		})
	}
}

// Hostile depth costs no more than any other process.
func BenchmarkChain(b *testing.B) {
	r, err := New(io.Discard, Options{Out: wideTerminal})
	if err != nil {
		b.Fatal(err)
	}
	s := newStory(b, r)
	a := s.start(s.process("n", nil, nil, "/bin/sh", ""))
	for i := range b.N {
		child := s.process("n", nil, a, "/bin/sh", fmt.Sprint(i))
		s.show(&event.Event{NodeName: "n", Time: s.time(), ProcessExec: &event.ProcessExec{Process: child.Process, Parent: a.Process}})
		a = child
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkChildren(b *testing.B) {
	for _, format := range []string{"tree", "compact", "json"} {
		b.Run(format, func(b *testing.B) {
			r, err := New(io.Discard, Options{Format: format, Out: wideTerminal})
			if err != nil {
				b.Fatal(err)
			}
			s := newStory(b, r)
			top := s.top()
			for i := range b.N {
				s.run(top, "/usr/bin/curl", fmt.Sprint("-s http://198.51.100.7/", i), time.Millisecond, 0)
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
