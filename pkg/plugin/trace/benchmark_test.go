// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/local"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// writer is a tracer that writes frames of so many events as fast as it can.
type writer struct{ events int }

func (writer) Check(wire.Targets, []string) error { return nil }

func (writer) Explain(context.Context, []wire.PolicySource, bool) ([]explain.Served, error) {
	return nil, nil
}

func (w writer) Trace(_ context.Context, c wire.TracerConfig, _ []string, frames io.Writer) error {
	e := wire.NewEncoder(frames, c.Session, wire.Encodings()...)
	if err := e.Hello(event.Hello{Session: c.Session}); err != nil {
		return err
	}
	var processes []*wire.Process
	for n := range 8 {
		processes = append(processes, &wire.Process{Process: event.Process{
			ExecID: fmt.Sprintf("bm9kZTo%d", n), Pid: new(uint32(1000 + n)), Uid: new(uint32(0)), Cwd: "/var/lib/postgresql", Binary: "/usr/lib/postgresql/16/bin/postgres",
			Arguments: "-D /var/lib/postgresql/data", Flags: "execve clone", StartTime: &event.Timestamp{Time: time.Unix(1700000000, 0)}, ParentExecID: "bm9kZTo0",
		}})
	}
	for n := range w.events {
		p := processes[n%len(processes)]
		ev := wire.Event{ProcessID: p.ExecID, ParentID: processes[0].ExecID, Event: event.Event{Time: &event.Timestamp{Time: time.Unix(1700000000, int64(n))}, ProcessKprobe: &event.ProcessKprobe{
			FunctionName: "sys_write",
			Hooked:       event.Hooked{PolicyName: "file", Action: event.ActionPost, Args: []event.Argument{{FileArg: &event.FileArg{Path: fmt.Sprintf("/var/lib/postgresql/data/base/%d", n%100)}}, {SizeArg: new(uint64(8192))}}},
		}}}
		if err := e.Add(ev, p, processes[0]); err != nil {
			return err
		}
	}
	return e.Bye(event.Bye{Reason: event.ByeDeadline})
}

// BenchmarkWay is what the plugin spends on an event, from the frame to the line, in all its stages.
func BenchmarkWay(b *testing.B) {
	for _, format := range []string{"json", "compact", "tree"} {
		b.Run(format, func(b *testing.B) {
			sink, err := render.New(io.Discard, render.Options{Format: format, OwnWords: true, Every: true, FinalTree: render.FinalTreeNever})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			result, err := session.Run(session.NewStop(b.Context()), session.Config{
				Launcher: &local.Launcher{Tracer: writer{b.N}}, Session: "s", Machine: session.Machine{Node: "n"},
				TracerConfig: func(_ context.Context, node string, _ wire.Targets) (wire.TracerConfig, error) {
					return wire.TracerConfig{Session: "s", Node: node}, nil
				},
				Sink: sink, Status: render.NewStatus(terminal.NewScreen(io.Discard, io.Discard, false), terminal.Capabilities{}), Index: pods.NewIndex(),
			})
			if err != nil {
				b.Fatal(err)
			}
			n := result.Summary.Nodes[0]
			b.ReportMetric(float64(n.Events), "events")
			if got := n.Events + n.LostEvents(); got != uint64(b.N) {
				b.Errorf("%d shown and %d lost of %d", n.Events, n.LostEvents(), b.N)
			}
		})
	}
}
