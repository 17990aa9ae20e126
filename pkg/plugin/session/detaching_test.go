// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// detachable answers the order to trace on by itself, on all nodes but n2.
func detachable(t *fakeTracer) {
	t.hello()
	for t.detachedFor() == 0 {
		time.Sleep(time.Millisecond)
	}
	if t.config.Node != "n2" {
		t.encode.Lock()
		defer t.encode.Unlock()
		t.write(t.encoder.Notice(event.Notice{Level: event.LevelInfo, Subject: event.SubjectDetached, Text: "on"}))
	}
}

// detachedFor is how long the tracer was told to trace on; 0: it was not.
func (t *fakeTracer) detachedFor() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.controls {
		if c.Detach > 0 {
			return time.Duration(c.Detach)
		}
	}
	return 0
}

// stops is how often a tracer was asked to stop.
func (t *fakeTracer) stops() (count int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.controls {
		if c.Stop {
			count++
		}
	}
	return count
}

// Tracers that answer are left alone for the rest of the time; one that does not is removed, and said to be missing.
func TestDetach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, detachable, pod("a", "n1"), pod("b", "n2"), pod("c", "n3"))
		h.config.DetachUntil = time.Now().Add(time.Hour)
		result, err := Run(h.stop, h.config)
		if err != nil || !errors.Is(result.Reason, ErrDetached) || !slices.Equal(result.Detached, []string{"n1", "n3"}) {
			t.Errorf("%v, %v, detached %v", result.Reason, err, result.Detached)
		}
		for node, deletions := range map[string]int{"n1": 0, "n2": 1, "n3": 0} {
			tracer := h.launcher.tracer(node)
			if tracer.deletions() != deletions || tracer.stops() != 0 {
				t.Errorf("%s: deleted %d times, stopped %d times", node, tracer.deletions(), tracer.stops())
			}
			if span := tracer.detachedFor(); span > time.Hour || span < time.Hour-time.Minute {
				t.Errorf("%s: traces on for %s", node, span)
			}
		}
		if failed := h.status.failed["n2"]; h.launcher.cleaned != 0 || failed == nil || failed.Error() != errNotDetached.Error() {
			t.Errorf("cleaned up %d times; n2: %v", h.launcher.cleaned, failed)
		}
	})
}

// An end before the tracers are left alone is like any other.
func TestInterruptedBeforeDetaching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, onlyHello, pod("a", "n1"))
		h.config.DetachUntil = time.Now().Add(time.Hour)
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		result, err := h.run()
		if err != nil || !errors.Is(result.Reason, ErrInterrupted) || len(result.Detached) > 0 {
			t.Errorf("%v, %v, detached %v", result.Reason, err, result.Detached)
		}
	})
}

// withoutFirst is a log whose first frame was rotated away.
type withoutFirst struct {
	io.Writer
	begun bool
}

func (w *withoutFirst) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		return len(p), nil
	}
	return w.Writer.Write(p)
}

// Who joins a session whose hello is gone from the log shows what is there, counts what is not, and leaves the tracer alone.
func TestJoinedSessionIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(f *fakeTracer) {
			f.encoder = wire.NewEncoder(&withoutFirst{Writer: f.Pipe}, "s")
			f.hello()
			f.execs(3)
		})
		h.config.Pods, h.config.Targets = nil, nil
		h.config.Running, h.config.Stay, h.config.Began = []string{"n1"}, true, time.Now().Add(-time.Hour)
		h.config.MaxEvents = 3
		result, err := Run(h.stop, h.config)
		if err != nil || !errors.Is(result.Reason, ErrMaxEvents) || h.renderer.execs != 3 {
			t.Errorf("%v, %v, %d events", result.Reason, err, h.renderer.execs)
		}
		tracer := h.launcher.tracer("n1")
		if tracer.deletions() != 0 || tracer.stops() != 0 || h.launcher.cleaned != 0 {
			t.Errorf("deleted %d times, stopped %d times, cleaned up %d times", tracer.deletions(), tracer.stops(), h.launcher.cleaned)
		}
		if n := result.Summary.Nodes[0]; !n.TracesOn || result.Summary.Duration < time.Hour {
			t.Errorf("%+v, %s", n, result.Summary.Duration)
		}
	})
}
