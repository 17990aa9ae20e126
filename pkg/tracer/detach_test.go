// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// A detached tracer sees what happens after its input ended, and ends at the time that it was given.
func TestDetachedTracerRunsOn(t *testing.T) {
	needRoot(t)
	scenario := scenarioProgram(t)
	root := hierarchyRoots(t)["unified"]
	a := makeCgroup(t, root, "kubepods/pod"+podA, containerA)
	holdOpen(t, a)
	c := config(wire.Targets{Pods: []wire.Pod{{UID: podA}}})
	c.Detachable, c.Silence, c.Deadline = true, wire.Duration(time.Second), wire.Duration(time.Hour)
	l := startLiveOptions(t, Options{Config: c})
	detachedAt := time.Now()
	const span = 4 * time.Second
	l.send(wire.Control{Detach: wire.Duration(span)})
	l.wait("its answer", func(raw []byte) bool { return bytes.Contains(raw, []byte(`"subject":"detached"`)) })
	must(t, l.control.Close())
	seen := func(code string) func([]byte) bool {
		return func(raw []byte) bool {
			if bytes.Contains(raw, []byte(`"exit `+code+`"`)) {
				return true
			}
			runIn(t, a, scenario, "exit", code)
			return false
		}
	}
	l.wait("what happens after the end of its input", seen("5"))
	must(t, <-l.ended)
	if took := time.Since(detachedAt); took < span {
		t.Errorf("it ran on for %s, was told %s", took, span)
	}
	r := read(t, l.frames.bytes())
	if r.bye == nil || r.bye.Reason != event.ByeDeadline {
		t.Errorf("bye: %+v", r.bye)
	}
}

// A tracer that was not started to be detached ends with its input, as if nobody had asked.
func TestTracerIsNotDetachedAgainstItsOrders(t *testing.T) {
	c := config(wire.Targets{All: true})
	c.Silence, c.Deadline = wire.Duration(time.Minute), wire.Duration(time.Hour)
	l := startLiveOptions(t, Options{Config: c})
	l.send(wire.Control{Detach: wire.Duration(time.Hour)})
	must(t, l.control.Close())
	must(t, <-l.ended)
	r := read(t, l.frames.bytes())
	if r.bye == nil || r.bye.Reason != event.ByeAbandoned {
		t.Errorf("bye: %+v", r.bye)
	}
	if !bytes.Contains(r.raw, []byte("a tracer that was not started to be detached cannot be")) {
		t.Errorf("nothing was said of it:\n%s", r.raw)
	}
}
