// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// onlyHello is a tracer that says hello, and no more until it is asked to stop.
func onlyHello(t *fakeTracer) { t.hello() }

// approving makes the session one that asks; answers come from the channel. asked are the nodes of each question.
func (h *harness) approving(answers <-chan error) (asked *[][]string) {
	asked = new([][]string)
	h.config.TracerConfig = func(ctx context.Context, node string, targets wire.Targets) (wire.TracerConfig, error) {
		config, err := plain(ctx, node, targets)
		config.Hold = true
		return config, err
	}
	h.config.Approve = func(ctx context.Context, hellos map[string]*event.Hello) (map[string]error, error) {
		*asked = append(*asked, slices.Sorted(maps.Keys(hellos)))
		select {
		case err := <-answers:
			return map[string]error{"n2": errTest}, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return asked
}

// Tracers begin with their targets held. Approved, each gets those of that moment; a refused node is removed and said to be
// missing; nodes that come later are asked about alone.
func TestNothingIsArmedBeforeApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, onlyHello, pod("a", "n1"), pod("b", "n2"))
		answers := make(chan error)
		asked := h.approving(answers)
		h.config.Duration = time.Minute
		began := time.Now()
		h.during(
			func() { h.targets <- target.Change{Pod: pod("c", "n1")} },
			func() {
				time.Sleep(time.Hour) // whoever is asked may take long: it is no part of the session's time
				for node, tracer := range h.launcher.tracers {
					if !tracer.config.Hold || tracer.sent() != nil {
						t.Errorf("%s: held %t, sent %v before approval", node, tracer.config.Hold, tracer.sent())
					}
				}
				answers <- nil
			},
			func() {
				if got := h.launcher.tracer("n1").sent(); !slices.Equal(got, []string{"a", "c"}) {
					t.Errorf("armed on %v", got)
				}
				if h.launcher.tracer("n2").sent() != nil {
					t.Error("a refused node was armed")
				}
				h.targets <- target.Change{Pod: pod("d", "n3")}
			},
			func() {
				if h.launcher.tracer("n3").sent() != nil {
					t.Error("a later node was armed without approval")
				}
				answers <- nil
			},
			func() {
				if got := h.launcher.tracer("n3").sent(); !slices.Equal(got, []string{"d"}) {
					t.Errorf("the later node was armed on %v", got)
				}
			},
		)
		result, err := h.run()
		if err != nil || !errors.Is(result.Reason, ErrDuration) {
			t.Errorf("%v, %v", result.Reason, err)
		}
		if took := time.Since(began); took < time.Hour+time.Minute {
			t.Errorf("ended %s after its beginning", took)
		}
		if got := fmt.Sprint(*asked); got != "[[n1 n2] [n3]]" {
			t.Errorf("asked about %s", got)
		}
		if h.status.failed["n2"] == nil || result.Summary.Complete() {
			t.Error("that a node is not armed was not said")
		}
		if len(h.status.hooks) > 0 || len(h.status.tracing) > 0 {
			t.Error("said twice what hooks there are")
		}
	})
}

func TestDeclined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, onlyHello, pod("a", "n1"))
		answers := make(chan error, 1)
		h.approving(answers)
		answers <- errTest
		result, err := h.run()
		if err != nil || !errors.Is(result.Reason, ErrNotArmed) || !errors.Is(result.Reason, errTest) {
			t.Errorf("%v, %v", result.Reason, err)
		}
		if h.launcher.tracer("n1").sent() != nil {
			t.Error("armed")
		}
	})
}

// An end while the question is open leaves nothing armed, and nobody waiting for an answer.
func TestInterruptedWhileAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, onlyHello, pod("a", "n1"))
		h.approving(nil)
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		result, err := h.run()
		if err != nil || !errors.Is(result.Reason, ErrInterrupted) || h.launcher.tracer("n1").sent() != nil {
			t.Errorf("%v, %v", result.Reason, err)
		}
	})
}

// A pod that runs but is no target any more is let go; of one that ends, the last words are still wanted.
func TestPodsThatAreNoTargetsAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, onlyHello, pod("a", "n1"), pod("b", "n1"), pod("c", "n1"))
		answers := make(chan error, 1)
		h.approving(answers)
		deleted := pod("b", "n1")
		deleted.DeletionTimestamp = &metav1.Time{}
		h.during(
			func() { h.targets <- target.Change{Pod: pod("c", "n1"), Gone: true} }, // before there is an answer
			func() { answers <- nil },
			func() {
				if got := h.launcher.tracer("n1").sent(); !slices.Equal(got, []string{"a", "b"}) {
					t.Errorf("armed on %v", got)
				}
				h.targets <- target.Change{Pod: deleted, Gone: true}
			},
			func() { h.targets <- target.Change{Pod: pod("a", "n1"), Gone: true} },
			func() {
				if got := h.launcher.tracer("n1").sent(); !slices.Equal(got, []string{"b"}) {
					t.Errorf("still armed on %v", got)
				}
				h.targets <- target.Change{Pod: pod("a", "n1")}
			},
			func() {
				if got := h.launcher.tracer("n1").sent(); !slices.Equal(got, []string{"b", "a"}) {
					t.Errorf("armed again on %v", got)
				}
				h.stop.Shutdown(ErrInterrupted)
			},
		)
		if _, err := h.run(); err != nil {
			t.Fatal(err)
		}
	})
}

// acts writes one event of what a policy did, and one of what it would have done.
func acts(t *fakeTracer) {
	t.hello()
	p := &wire.Process{Process: event.Process{ExecID: "p", Binary: "/bin/sh"}}
	for _, h := range []event.Hooked{
		{PolicyName: "no-writes", Action: event.ActionSigkill},
		{PolicyName: "no-writes", Action: event.ActionPost, Handling: event.Handling{Would: []string{event.ActionOverride}}},
		{PolicyName: "no-writes", Action: event.ActionPost},
	} {
		t.write(t.encoder.Add(wire.Event{ProcessID: "p", Event: event.Event{ProcessLsm: &event.ProcessLsm{Hooked: h}}}, p))
	}
	t.write(t.encoder.Flush())
}

// What was enforced is shown whatever is to be left out, and counted.
func TestEnforcementsAreShownAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, acts, pod("a", "n1"))
		h.config.Stages = pipeline.Chain{pipeline.Keep(func(*event.Event) bool { return false })}
		h.during(func() { h.stop.Shutdown(ErrInterrupted) })
		result, err := h.run()
		if err != nil {
			t.Fatal(err)
		}
		if got := h.renderer.count(event.KindLsm); got != 1 {
			t.Errorf("%d events shown, want the one that was enforced", got)
		}
		got := result.Summary.Nodes[0].Enforcements
		slices.SortFunc(got, func(a, b Enforcement) int { return len(a.Action) - len(b.Action) })
		want := []Enforcement{
			{Policy: "no-writes", Action: event.ActionSigkill, Count: 1}, {Policy: "no-writes", Action: event.ActionOverride, Would: true, Count: 1},
		}
		if !slices.Equal(got, want) {
			t.Errorf("counted %+v", got)
		}
	})
}
