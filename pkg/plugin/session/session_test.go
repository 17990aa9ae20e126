// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// threeExecs is a tracer that says hello, three events, and no more until it is asked to stop.
func threeExecs(t *fakeTracer) {
	t.hello()
	t.execs(3)
}

// during runs steps while the session runs, each once everything else has come to rest.
func (h *harness) during(steps ...func()) {
	go func() {
		for _, step := range steps {
			synctest.Wait()
			step()
		}
	}()
}

func TestEventsOfAllNodesThenOrderlyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"), pod("b", "n2"), pod("c", "n1"))
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		result, err := h.run()
		if err != nil {
			t.Fatal(err)
		}
		if got := h.renderer.count(event.KindExec); got != 6 {
			t.Errorf("%d events shown, want 6", got)
		}
		if hellos, byes := h.renderer.count(event.KindHello), h.renderer.count(event.KindBye); hellos != 2 || byes != 2 {
			t.Errorf("%d hellos and %d byes, want 2 of each", hellos, byes)
		}
		if got := uids(h.launcher.tracers["n1"].config.Targets); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("n1 was configured to trace %v", got)
		}
		if want := [][2]int{{3, 2}}; !slices.Equal(h.status.tracing, want) {
			t.Errorf("said to be traced: %v, want %v", h.status.tracing, want)
		}
		for node, tracer := range h.launcher.tracers {
			if !tracer.deleted[0] {
				t.Errorf("%s was deleted as if it had not said bye", node)
			}
		}
		if !result.Summary.Complete() {
			t.Errorf("summary is incomplete: %+v", result.Summary)
		}
		for _, e := range h.renderer.events {
			if e.NodeName == "" {
				t.Errorf("event without node: %+v", e)
			}
		}
	})
}

// What nodes say of their hooks is told together, when the last of the beginning has said it or failed.
func TestHooksAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		h := newHarness(t, func(tracer *fakeTracer) {
			if tracer.config.Node == "n2" {
				<-slow
			}
			tracer.hello()
		}, pod("a", "n1"), pod("b", "n2"), pod("c", "n3"))
		h.launcher.fails["n3"] = errTest
		h.during(
			func() {
				if len(h.status.hooks) > 0 {
					t.Errorf("told before all nodes were there: %v", h.status.hooks)
				}
				close(slow)
			},
			func() { h.targets <- target.Change{Pod: pod("d", "n4")} },
			func() { h.stop.Shutdown(ErrInterrupted) },
		)
		if _, err := h.run(); err != nil {
			t.Fatal(err)
		}
		if want := "[[n1 n2] [n4]]"; fmt.Sprint(h.status.hooks) != want {
			t.Errorf("told of %v, want %s", h.status.hooks, want)
		}
	})
}

func TestMaxEventsIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) { tracer.hello(); tracer.execs(100) }, pod("a", "n1"))
		h.config.MaxEvents = 7
		result, err := h.run()
		if err != nil || !errors.Is(result.Reason, ErrMaxEvents) {
			t.Fatalf("reason %v, error %v", result.Reason, err)
		}
		if got := h.renderer.count(event.KindExec); got != 7 {
			t.Errorf("%d events shown, want 7", got)
		}
		if n := result.Summary.Nodes[0]; n.Events != 7 || n.Filtered != 93 {
			t.Errorf("summary: %d shown and %d filtered, want 7 and 93", n.Events, n.Filtered)
		}
	})
}

func TestFilteredEventsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"))
		h.config.Stages = pipeline.Chain{pipeline.Keep(func(e *event.Event) bool { return e.Process().ExecID == "1" })}
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		result, _ := h.run()
		if n := result.Summary.Nodes[0]; n.Events != 1 || n.Filtered != 2 {
			t.Errorf("%d shown and %d filtered, want 1 and 2", n.Events, n.Filtered)
		}
	})
}

func TestDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) {
			if tracer.config.Node == "n2" {
				time.Sleep(3 * time.Second) // a slow start is not taken from the time that was asked for
			}
			threeExecs(tracer)
		}, pod("a", "n1"), pod("b", "n2"))
		h.config.Duration = 2 * time.Second
		began := time.Now()
		result, err := h.run()
		if err != nil || !errors.Is(result.Reason, ErrDuration) {
			t.Fatalf("reason %v, error %v", result.Reason, err)
		}
		if took := time.Since(began); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("took %s, want 5 s", took)
		}
	})
}

func TestDeafTracer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) { tracer.deaf = true; threeExecs(tracer) }, pod("a", "n1"))
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		began := time.Now()
		result, _ := h.run()
		if took := time.Since(began); took < stopTime || took >= drainTime {
			t.Errorf("took %s: its pod is deleted after %s, which ends it", took, stopTime)
		}
		if result.Summary.Complete() || h.launcher.tracers["n1"].deleted[0] {
			t.Error("a stream without bye passes for complete")
		}
	})
}

func TestInsistWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) { tracer.deaf = true; threeExecs(tracer) }, pod("a", "n1"))
		h.during(func() { h.stop.Shutdown(ErrInterrupted) }, func() { h.stop.Abort(ErrInterrupted) })
		began := time.Now()
		result, err := h.run()
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
		if err != nil || result.Summary.Complete() {
			t.Errorf("error %v, summary complete: %v", err, result.Summary.Complete())
		}
	})
}

// A session that ends while a tracer is still starting misses nothing of it.
func TestEndWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(*fakeTracer) {}, pod("a", "n1"))
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		began := time.Now()
		if _, err := h.run(); err != nil || time.Since(began) > time.Second {
			t.Errorf("took %s, error %v", time.Since(began), err)
		}
	})
}

func TestOutputClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) { tracer.hello(); tracer.execs(1000); tracer.execs(1000) }, pod("a", "n1"))
		h.renderer.breakAt = 3
		h.renderer.err = epipe
		result, err := h.run()
		if err != nil || !errors.Is(result.Reason, ErrOutputClosed) {
			t.Errorf("reason %v, error %v", result.Reason, err)
		}
	})
}

func TestOutputBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"))
		h.renderer.breakAt, h.renderer.err = 2, io.ErrShortWrite
		if _, err := h.run(); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("error %v", err)
		}
	})
}

func TestPanicCleansUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) { tracer.hello(); tracer.execs(2000) }, pod("a", "n1"))
		h.renderer.breakAt, h.renderer.panics = 2, true
		if _, err := h.run(); err == nil || !strings.Contains(err.Error(), "bug") {
			t.Errorf("error %v", err)
		}
	})
}

func TestLossesAreSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) {
			tracer.hello()
			for _, total := range []uint64{0, 5, 5, 7} {
				if total > 0 {
					tracer.encoder.SetLost(map[string]uint64{event.LostRing: total})
				}
				tracer.write(tracer.encoder.Heartbeat(event.Totals{}))
			}
		}, pod("a", "n1"))
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		result, _ := h.run()
		var counts []uint64
		for _, e := range h.renderer.events {
			if e.Loss != nil {
				counts = append(counts, e.Loss.Count)
			}
		}
		if !slices.Equal(counts, []uint64{5, 2}) {
			t.Errorf("losses of %v were said, want 5 and 2", counts)
		}
		if got := result.Summary.Nodes[0].Lost[event.LostRing]; got != 7 || result.Summary.Complete() {
			t.Errorf("summary says %d lost, want 7", got)
		}
	})
}

func TestThrottledPodsAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pod("a", "n1")
		begun := wire.Throttle{Type: event.ThrottleStart, Cgroup: "pod-a", PodUID: string(a.UID)}
		ended := begun
		ended.Type, ended.Count, ended.Total = event.ThrottleStop, 5, 5
		h := newHarness(t, func(tracer *fakeTracer) {
			tracer.hello()
			tracer.write(tracer.encoder.Throttle(begun))
			tracer.write(tracer.encoder.Throttle(ended))
			tracer.bye(event.Bye{Reason: event.ByeStopped, Totals: event.Totals{Partial: event.Partial{Throttled: 5}}})
		}, a)
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		result, _ := h.run()
		var said []string
		for _, e := range h.renderer.events {
			if e.ProcessThrottle != nil {
				said = append(said, fmt.Sprint(e.ProcessThrottle.Type, " ", e.ThrottledSource(), " ", e.Throttled.Count))
			}
		}
		name := a.Namespace + "/" + a.Name
		if want := []string{"THROTTLE_START " + name + " 0", "THROTTLE_STOP " + name + " 5"}; !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
		if n := result.Summary.Nodes[0]; n.Throttled[name] != 5 || n.Partial.Throttled != 5 || n.Events != 0 || n.LostEvents() != 0 || result.Summary.Complete() {
			t.Errorf("summary %+v", n)
		}
	})
}

func TestTracersError(t *testing.T) {
	for _, bye := range []event.Bye{{Reason: event.ByeError, Error: "no BTF"}, {Reason: event.ByeAbandoned}, {Reason: event.ByeStopped}} {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t, func(tracer *fakeTracer) { tracer.hello(); tracer.bye(bye) }, pod("a", "n1"))
			if _, err := h.run(); err == nil || h.status.failed["n1"] == nil {
				t.Errorf("%s: error %v, failed %v", bye.Reason, err, h.status.failed)
			}
		})
	}
}

func TestTracersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) { threeExecs(tracer); tracer.bye(event.Bye{Reason: event.ByeDeadline}) }, pod("a", "n1"))
		if result, err := h.run(); err != nil || !errors.Is(result.Reason, errAllEnded) {
			t.Errorf("reason %v, error %v", result.Reason, err)
		}
	})
}
