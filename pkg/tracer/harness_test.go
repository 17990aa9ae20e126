// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/testprogram"
)

// recording is what a tracer wrote.
type recording struct {
	hello  *event.Hello
	events []*event.Event
	// procs are what the frames say of processes, by exec_id.
	procs map[string]*wire.Process
	bye   *event.Bye
	// throttles are what was said of them, in order.
	throttles []wire.Throttle
	// frames as they were written, for tests of the frames themselves.
	raw []byte
}

// execs and exits are the events of one kind, in order.
func (r *recording) execs() []*event.Event { return r.of(event.KindExec) }
func (r *recording) exits() []*event.Event { return r.of(event.KindExit) }

func (r *recording) of(kind event.Kind) (found []*event.Event) {
	for _, e := range r.events {
		if e.Kind() == kind {
			found = append(found, e)
		}
	}
	return found
}

func needRoot(t testing.TB) {
	if os.Geteuid() != 0 {
		t.Fatal("this test traces the kernel: run it as root")
	}
}

func config(targets wire.Targets) wire.TracerConfig {
	return wire.TracerConfig{Version: wire.Version, Session: "test", Node: "node", Targets: targets}
}

// traceCommand traces a command until it and its descendants have ended.
func traceCommand(t testing.TB, name string, arg ...string) *recording {
	t.Helper()
	command := exec.Command(name, arg...)
	command.Stdout, command.Stderr = io.Discard, os.Stderr
	return trace(t, Options{Config: config(wire.Targets{}), Command: command})
}

// trace runs a tracer to its end.
func trace(t testing.TB, o Options) *recording {
	t.Helper()
	needRoot(t)
	var frames bytes.Buffer
	o.Frames = &frames
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if _, err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal("the tracer did not end by itself")
	}
	return read(t, frames.Bytes())
}

// read decodes frames and checks what holds for every stream.
func read(t testing.TB, raw []byte) *recording {
	t.Helper()
	r := &recording{procs: map[string]*wire.Process{}, raw: raw}
	decoder := wire.NewDecoder(bytes.NewReader(raw))
	next, number := uint64(1), uint64(1)
	for {
		frame, err := decoder.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if frame.Number != number {
			t.Errorf("frame %d follows frame %d", frame.Number, number-1)
		}
		number = frame.Number + 1
		if frame.Count > 0 && frame.First != next {
			t.Errorf("frame %d begins with event %d, want %d", frame.Number, frame.First, next)
		}
		next += uint64(frame.Count)
		maps.Copy(r.procs, frame.Processes)
		for i := range frame.Events {
			r.events = append(r.events, frame.Event(i, func(p *wire.Process) *event.Process { return &p.Process }))
		}
		if frame.Hello != nil {
			r.hello = frame.Hello
		}
		if frame.Throttle != nil {
			r.throttles = append(r.throttles, *frame.Throttle)
		}
		if frame.Bye != nil {
			r.bye = frame.Bye
		}
	}
	if r.hello == nil || r.bye == nil {
		t.Fatalf("the stream has hello %v and bye %v", r.hello, r.bye)
	}
	if r.bye.Totals.Events != uint64(len(r.events)) {
		t.Errorf("bye tells %d events, %d came", r.bye.Totals.Events, len(r.events))
	}
	return r
}

// scenarioProgram is testdata/scenario.c, nothingProgram testdata/nothing.c, tracerProgram the tracer itself, each in a folder
// of its own.
func scenarioProgram(t testing.TB) string { return testprogram.Path(t, "scenario") }
func nothingProgram(t testing.TB) string  { return testprogram.Path(t, "nothing") }
func tracerProgram(t testing.TB) string   { return testprogram.Path(t, "trace-sec-tracer") }
