// SPDX-License-Identifier: Apache-2.0

package session

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

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
		if n2 == nil || !slices.Equal(uids(n2.config.Targets), []string{"c"}) {
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
		got := []wire.Targets{n1.config.Targets}
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
	if !slices.Equal(uids(fake.config.Targets), []string{"a", "b"}) || !slices.Equal(fake.sent(), []string{"a", "b", "c"}) {
		t.Errorf("configured %v, then sent %v", fake.config.Targets, fake.sent())
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

// deleted is a pod that is being deleted.
func deleted(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	return pod
}
