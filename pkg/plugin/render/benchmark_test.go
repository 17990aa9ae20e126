// SPDX-License-Identifier: Apache-2.0

package render

import (
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
