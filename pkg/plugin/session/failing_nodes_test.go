// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
)

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

// A node whose tracer runs, but whose log nobody can read, does not hold up the others for good.
func TestTracerThatIsNeverHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(f *fakeTracer) {
			if f.config.Node == "n1" {
				f.hello()
			}
		}, pod("a", "n1"), pod("b", "n2"))
		h.config.Duration = time.Minute
		began := time.Now()
		result, err := h.run()
		if err != nil || !errors.Is(result.Reason, ErrDuration) || time.Since(began) < helloTime+time.Minute {
			t.Errorf("%v, %v after %s", result.Reason, err, time.Since(began))
		}
		if failed := h.status.failed["n2"]; failed == nil || failed.Error() != errNoHello.Error() || !slices.Equal(h.status.tracing, [][2]int{{1, 1}}) {
			t.Errorf("n2: %v; tracing %v", failed, h.status.tracing)
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
			if tracer.config.Node == "n1" && deaths > 0 {
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
