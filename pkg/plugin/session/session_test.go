// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
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
		if got := uids(h.launcher.tracers["n1"].orders.Targets); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("n1 was ordered to trace %v", got)
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
			if tracer.orders.Node == "n2" {
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

func TestOneNodeFailsAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"), pod("b", "n2"))
		h.launcher.fails["n1"] = &launch.NodeError{Node: "n1", Reason: launch.ImagePull, Message: "no such image"}
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		result, err := h.run()
		if err != nil {
			t.Fatal(err)
		}
		if got := h.renderer.count(event.KindExec); got != 3 {
			t.Errorf("%d events shown, want those of the other node, 3", got)
		}
		if h.status.failed["n1"] == nil || h.renderer.count(event.KindNotice) != 1 {
			t.Errorf("the failure was not said on stderr (%v) or not in the stream", h.status.failed)
		}
		if result.Summary.Complete() || result.Summary.Nodes[0].Problem == "" {
			t.Errorf("the summary hides the failed node: %+v", result.Summary)
		}
	})
}

func TestAllNodesFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"), pod("b", "n2"))
		h.launcher.fails["n1"], h.launcher.fails["n2"] = errTest, errTest
		if _, err := h.run(); err == nil || !strings.Contains(err.Error(), "none of 2 nodes") {
			t.Errorf("error %v", err)
		}
	})
}

func TestAllNodesRefusedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"))
		h.config.Refused = []*launch.NodeError{{Node: "n1", Reason: launch.NodeNotReady, Message: "not ready"}}
		if _, err := h.run(); err == nil {
			t.Error("no error")
		}
		if h.launcher.tracer("n1") != nil {
			t.Error("a tracer was started on the refused node")
		}
	})
}

// A tracer that dies is followed by another; it is said between what times nothing was seen.
func TestTracerDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaths := 2
		h := newHarness(t, func(tracer *fakeTracer) {
			threeExecs(tracer)
			if tracer.orders.Node == "n1" && deaths > 0 {
				deaths--
				tracer.Close()
			}
		}, pod("a", "n1"), pod("b", "n2"))
		h.during(func() { time.AfterFunc(5*time.Second, func() { h.stop.Shutdown(ErrInterrupted) }) }) // after the third was started
		result, err := h.run()
		if err != nil {
			t.Fatal(err)
		}
		// n1 had three tracers, which saw three events each.
		if got := h.renderer.count(event.KindExec); got != 12 || h.status.failed["n1"] != nil || result.Summary.Complete() {
			t.Errorf("%d events, failed %v, summary %+v", got, h.status.failed, result.Summary)
		}
		for _, want := range []string{"the tracer was lost: the tracer ended without", "nothing was seen here between"} {
			if problem := result.Summary.Nodes[0].Problem; !strings.Contains(problem, want) {
				t.Errorf("the summary lacks %q: %s", want, problem)
			}
		}
		if said := strings.Join(h.status.said, "\n"); !strings.Contains(said, "another tracer is started in") || !strings.Contains(said, "traced again") {
			t.Errorf("said:\n%s", said)
		}
	})
}

// Who may have meant to end the enforcement by ending its tracer is not overruled.
func TestArmedTracerThatOthersEndedStaysEnded(t *testing.T) {
	for _, test := range []struct {
		enforces bool
		err      error
		want     bool
	}{
		{false, errEndedByOthers, true},
		{true, errEndedByOthers, false},
		{false, &launch.NodeError{Reason: launch.Deleted}, true},
		{true, &launch.NodeError{Reason: launch.Deleted}, false},
		{true, &stream.EndedError{Reason: "OOMKilled, exit code 137"}, true},
		{false, errTakenForDead, true},
		{false, &launch.NodeError{Reason: launch.NodeNotReady}, true},
		{false, &launch.NodeError{Reason: launch.APIUnavailable}, true},
		{false, &launch.NodeError{Reason: launch.Refused}, false},
		{false, &launch.NodeError{Reason: launch.ImagePull}, false},
		{false, errTest, false},
	} {
		if got := newRetry().worthIt(test.err, test.enforces); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
	failing := newRetry()
	for n := 1; failing.worthIt(errTakenForDead, false); n++ {
		if n > 5 {
			t.Fatal("a node whose tracers fail at once is tried without end")
		}
	}
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
			if tracer.orders.Node == "n2" {
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

func TestPodsComeAndMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"))
		h.during(
			func() { h.targets <- target.Change{Pod: pod("a", "n1")} },
			func() { h.targets <- target.Change{Pod: pod("pending", "")} },
			func() { h.targets <- target.Change{Pod: pod("b", "n1")} },
			func() { h.targets <- target.Change{Pod: pod("c", "n2")} },
			func() { h.targets <- target.Change{Pod: deleted(pod("a", "n1")), Gone: true} },
			func() { h.stop.Shutdown(ErrInterrupted) },
		)
		if _, err := h.run(); err != nil {
			t.Fatal(err)
		}
		n1, n2 := h.launcher.tracers["n1"], h.launcher.tracers["n2"]
		if got := n1.sent(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("n1 was told to trace %v, want a and b", got)
		}
		if len(n1.controls) != 2 { // targets once, stop
			t.Errorf("n1 got %d control messages, want 2: %+v", len(n1.controls), n1.controls)
		}
		if n2 == nil || !slices.Equal(uids(n2.orders.Targets), []string{"c"}) {
			t.Errorf("no tracer for c on n2")
		}
		if got := h.renderer.count(event.KindExec); got != 6 {
			t.Errorf("%d events, want 6", got)
		}
	})
}

// TestWhatATracerIsToldOfAPodChanges: what is new is sent, what is the same is not, and what was sent before is left as it was.
func TestWhatATracerIsToldOfAPodChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, threeExecs, pod("a", "n1"), pod("b", "n1"))
		h.config.Target = func(pod *corev1.Pod) wire.Pod {
			told := wire.Pod{UID: string(pod.UID), Selections: uint64(len(pod.Labels))}
			for _, status := range pod.Status.ContainerStatuses {
				told.Containers = map[string]uint64{status.ContainerID: 1}
			}
			return told
		}
		labelled, running := pod("a", "n1"), pod("a", "n1")
		labelled.Labels = map[string]string{"app": "web"}
		running.Labels, running.Status.ContainerStatuses = labelled.Labels, []corev1.ContainerStatus{{ContainerID: "c"}}
		change := func(p *corev1.Pod) func() { return func() { h.targets <- target.Change{Pod: p} } }
		h.during(change(pod("a", "n1")), change(labelled), change(labelled), change(running), change(running), func() { h.stop.Shutdown(ErrInterrupted) })
		if _, err := h.run(); err != nil {
			t.Fatal(err)
		}
		n1 := h.launcher.tracers["n1"]
		got := []wire.Targets{n1.orders.Targets}
		for _, c := range n1.controls {
			if c.Targets != nil {
				got = append(got, *c.Targets)
			}
		}
		b := wire.Pod{UID: "b"}
		want := []wire.Targets{podTargets(wire.Pod{UID: "a"}, b), podTargets(wire.Pod{UID: "a", Selections: 1}, b),
			podTargets(wire.Pod{UID: "a", Selections: 1, Containers: map[string]uint64{"c": 1}}, b)}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("told %+v, want %+v", got, want)
		}
	})
}

// Pods that come while the tracer's pod is being made are handed over when it is there.
func TestPodComesDuringStart(t *testing.T) {
	n := new(session).newNode("n1", podTargets(wire.Pod{UID: "a"}))
	if err := n.trace(wire.Pod{UID: "b"}); err != nil {
		t.Fatal(err)
	}
	l := &startHook{fakeLauncher: &fakeLauncher{script: func(*fakeTracer) {}}, during: func() { _ = n.trace(wire.Pod{UID: "c"}) }}
	tracer, err := n.start(t.Context(), &session{Config: Config{Launcher: l, TracerConfig: plain}})
	if err != nil {
		t.Fatal(err)
	}
	fake := tracer.(*fakeTracer)
	if !slices.Equal(uids(fake.orders.Targets), []string{"a", "b"}) || !slices.Equal(fake.sent(), []string{"a", "b", "c"}) {
		t.Errorf("ordered %v, then sent %v", fake.orders.Targets, fake.sent())
	}
}

func TestNamedPodIsGone(t *testing.T) {
	owned := pod("web-0", "n1")
	owned.OwnerReferences = []metav1.OwnerReference{{Kind: "StatefulSet", Name: "web", Controller: new(true)}}
	for _, test := range []struct {
		name  string
		named bool
		pod   string
		ends  bool
	}{
		{"bare, by name", true, "bare", true},
		{"bare, by selector", false, "bare", false},
		{"of a StatefulSet, by name", true, "web-0", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pod("bare", "n1")
				if test.pod == owned.Name {
					p = owned
				}
				h := newHarness(t, threeExecs, p)
				h.config.Named = test.named
				h.during(
					func() { h.targets <- target.Change{Pod: deleted(p), Gone: true} },
					func() { time.AfterFunc(time.Hour, func() { h.stop.Shutdown(ErrInterrupted) }) },
				)
				began := time.Now()
				_, err := h.run()
				if ended := time.Since(began) < time.Minute; err != nil || ended != test.ends {
					t.Errorf("ended by itself: %v, want %v; error %v", ended, test.ends, err)
				}
				want := "no target is left"
				if test.ends {
					want = "pod default/" + p.Name + " is gone"
				}
				if len(h.status.said) == 0 || !strings.HasPrefix(h.status.said[0], want) {
					t.Errorf("said %q, want %q first", h.status.said, want)
				}
			})
		})
	}
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

// deleted is a pod that is being deleted.
func deleted(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	return pod
}
