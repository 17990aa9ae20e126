// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// blockedSink takes so many items and then waits until it is released, as a write to a pipe does that nobody reads.
type blockedSink struct {
	takes    int
	released chan struct{}
}

func (s *blockedSink) Take(*pipeline.Item) error {
	if s.takes--; s.takes < 0 {
		<-s.released
	}
	return nil
}
func (s *blockedSink) Flush(time.Time) error { return nil }
func (s *blockedSink) Close() error          { return nil }

// blocked is a session whose tracer tells of events until it is stopped, and whose output takes a few.
func blocked(t *testing.T) *harness {
	h := newHarness(t, func(tracer *fakeTracer) {
		tracer.hello()
		for range 100 {
			tracer.execs(100)
		}
	}, pod("a", "n1"))
	sink := &blockedSink{takes: 150, released: make(chan struct{})}
	t.Cleanup(func() { close(sink.released) })
	h.config.Sink = sink
	return h
}

// timed runs the session and checks that it cleaned up, and how long after the last of its ends it returned.
func (h *harness) timed(atMost time.Duration, ends ...func()) (Result, error) {
	h.Helper()
	var last time.Time
	for i, end := range ends {
		ends[i] = func() {
			last = time.Now()
			end()
		}
	}
	h.during(ends...)
	result, err := Run(h.stop, h.config)
	if took := time.Since(last); took > atMost {
		h.Errorf("it took %s, want at most %s", took, atMost)
	}
	if deletions := h.launcher.tracers["n1"].deletions(); h.launcher.cleaned != 1 || deletions == 0 {
		h.Errorf("cleaned up %d times, the tracer was deleted %d times", h.launcher.cleaned, deletions)
	}
	return result, err
}

// An output that takes nothing does not keep the session, and what it did not take is counted.
func TestShutdownWithABlockedOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := blocked(t)
		result, err := h.timed(drainTime+time.Second, func() { h.stop.Shutdown(ErrInterrupted) })
		if err == nil || !strings.Contains(err.Error(), "the output did not take") {
			t.Errorf("error %v", err)
		}
		n := result.Summary.Nodes[0]
		sum, emitted := n.Events+n.Filtered, h.launcher.tracers["n1"].encoder.Written()
		for _, lost := range n.Lost {
			sum += lost
		}
		if sum != emitted || emitted != 10_000 || n.Events == 0 {
			t.Errorf("%d shown + %d filtered + %v lost = %d of %d", n.Events, n.Filtered, n.Lost, sum, emitted)
		}
	})
}

func TestAbortWithABlockedOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := blocked(t)
		if _, err := h.timed(time.Second, func() { h.stop.Shutdown(ErrInterrupted) }, func() { h.stop.Abort(ErrInterrupted) }); err != nil {
			t.Errorf("error %v", err)
		}
	})
}

// slowLauncher is one whose cluster does not answer.
type slowLauncher struct{ *fakeLauncher }

func (l slowLauncher) Cleanup(ctx context.Context) error {
	_ = l.fakeLauncher.Cleanup(ctx)
	<-ctx.Done()
	return ctx.Err()
}

// A clean-up that does not come to its end does not keep the session either, and is an error.
func TestCleanupWithoutEnd(t *testing.T) {
	for name, aborted := range map[string]bool{"shutdown": false, "abort": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := blocked(t)
				h.config.Launcher = slowLauncher{h.launcher}
				limit, ends := drainTime+cleanupTime+time.Second, []func(){func() { h.stop.Shutdown(ErrInterrupted) }}
				if aborted {
					limit, ends = cleanupTime+time.Second/10, append(ends, func() { h.stop.Abort(ErrInterrupted) })
				}
				if _, err := h.timed(limit, ends...); err == nil || !strings.Contains(err.Error(), "not everything was removed") {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// A panic outside of the session's own goroutines, as in the launcher's watch, ends it as one of its own does.
func TestPanicOfTheLauncher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"))
		h.config.Supervisor = NewSupervisor(h.stop)
		h.during(func() { h.config.Supervisor.Guard(func() { panic("watch") }) })
		if _, err := h.run(); err == nil || !strings.Contains(err.Error(), "bug in this program: watch") {
			t.Errorf("error %v", err)
		}
	})
}
