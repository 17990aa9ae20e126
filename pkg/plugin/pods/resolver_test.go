// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// arrival is an event with how long it took to come.
type arrival struct {
	what  string
	after time.Duration
}

func arrivals(ctx context.Context, h *Resolver, frames ...*wire.Frame) (all []arrival) {
	begin := time.Now()
	for _, f := range frames {
		for _, e := range h.Events(ctx, f, time.Now()) {
			what := string(e.Kind())
			if p := e.Process(); p != nil {
				what = "outside"
				if p.Pod != nil {
					what = p.Pod.Name + "/"
					if p.Pod.Container != nil {
						what += p.Pod.Container.Name
					}
				}
			}
			all = append(all, arrival{what, time.Since(begin)})
		}
	}
	return all
}

func TestHold(t *testing.T) {
	const name = "web-6f87496b94-qdlh8/"
	for _, test := range []struct {
		what   string
		frames []*wire.Frame
		// update comes after this long, if not 0.
		update time.Duration
		want   []arrival
	}{
		{"known", []*wire.Frame{frame(process("web-uid", id("4"), time.Hour))}, 0, []arrival{{name + "sidecar", 0}}},
		{"outside of pods", []*wire.Frame{frame(process("", "", time.Hour))}, 0, []arrival{{"outside", 0}}},
		{"no container", []*wire.Frame{frame(process("web-uid", "", time.Hour))}, 0, []arrival{{name, 0}}},
		{"named soon", []*wire.Frame{frame(process("web-uid", id("8"), time.Hour))}, time.Second, []arrival{{name + "new", time.Second}}},
		{
			"order is kept",
			[]*wire.Frame{frame(process("web-uid", id("4"), 0), process("web-uid", id("8"), time.Hour), process("web-uid", id("4"), 0)), frame(process("", "", 0))},
			time.Second,
			[]arrival{{name + "sidecar", 0}, {name + "new", time.Second}, {name + "sidecar", time.Second}, {"outside", time.Second}},
		},
		{
			"never named: waited for once, and said",
			[]*wire.Frame{frame(process("web-uid", id("9"), time.Hour)), frame(process("web-uid", id("9"), time.Hour))},
			0,
			[]arrival{{"NOTICE", ResolveTimeout}, {name, ResolveTimeout}, {name, ResolveTimeout}},
		},
		{
			"two that are never named: each waits for its own time, not for the sum",
			[]*wire.Frame{frame(process("web-uid", id("9"), time.Hour), process("web-uid", id("a"), time.Hour))},
			0,
			[]arrival{{"NOTICE", ResolveTimeout}, {name, ResolveTimeout}, {"NOTICE", ResolveTimeout}, {name, ResolveTimeout}},
		},
		{"pod never shown", []*wire.Frame{frame(process("other-uid", id("9"), 0))}, 0, []arrival{{"NOTICE", ResolveTimeout}, {"/", ResolveTimeout}}},
		{"sandbox: a container that started later is known", []*wire.Frame{frame(process("web-uid", id("0"), 500*time.Millisecond))}, 0, []arrival{{name, 0}}},
		{"sandbox by its program", []*wire.Frame{frame(process("web-uid", id("0"), time.Hour), pause("web-uid", id("0"), time.Hour))}, 0, []arrival{{name, 0}, {name, 0}}},
		{
			"sandbox: a container becomes known while it waits",
			[]*wire.Frame{frame(process("web-uid", id("0"), 30*time.Minute))}, time.Second, []arrival{{name, time.Second}},
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := NewIndex()
				d.Update(webPod())
				if test.update != 0 {
					time.AfterFunc(test.update/2, func() { d.Update(webPod()) }) // nothing new
					time.AfterFunc(test.update, func() {
						pod := webPod()
						pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: "new", ContainerID: "containerd://" + id("8"),
							State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(start.Add(time.Hour))}}})
						d.Update(pod)
					})
				}
				if got := arrivals(t.Context(), NewResolver(d, false), test.frames...); !slices.Equal(got, test.want) {
					t.Errorf("got %v, want %v", got, test.want)
				}
			})
		})
	}
}

// What comes late anyway (a backlog) does not wait on top of it.
func TestHoldCountsFromReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, begin := NewResolver(NewIndex(), false), time.Now()
		for range h.Events(t.Context(), frame(process("other-uid", id("9"), 0)), begin.Add(-ResolveTimeout)) {
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("waited %s", d)
		}
	})
}

func TestHoldEndsWaitingWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want := []arrival{{"/", time.Second}, {"/", time.Second}}
		if got := arrivals(ctx, NewResolver(NewIndex(), false), frame(process("a", id("9"), 0), process("b", id("9"), 0))); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestHoldForgets(t *testing.T) {
	h := NewResolver(NewIndex(), false)
	for n := range 3 * maxUnnamed {
		h.note(&wire.Process{PodUID: string(rune(n))})
	}
	if len(h.unnamed) > maxUnnamed {
		t.Errorf("%d containers are remembered", len(h.unnamed))
	}
}

func TestInContainers(t *testing.T) {
	in := func(container *event.Container) *event.Event {
		return &event.Event{ProcessExec: &event.ProcessExec{Process: &event.Process{Pod: &event.Pod{Container: container}}}}
	}
	for _, test := range []struct {
		what  string
		e     *event.Event
		names []string
		want  bool
	}{
		{"no names", in(&event.Container{Name: "app"}), nil, true},
		{"its name", in(&event.Container{Name: "app"}), []string{"app"}, true},
		{"one of several", in(&event.Container{Name: "app"}), []string{"web", "app"}, true},
		{"another", in(&event.Container{Name: "app"}), []string{"ap"}, false},
		{"not resolved", in(&event.Container{ID: "x"}), []string{"app"}, true},
		{"sandbox", in(&event.Container{Name: SandboxName}), []string{"app"}, false},
		{"no container", in(nil), []string{"app"}, false},
		{"outside of pods", &event.Event{ProcessExec: &event.ProcessExec{Process: &event.Process{}}}, []string{"app"}, false},
		{"no process", &event.Event{Notice: &event.Notice{}}, []string{"app"}, true},
	} {
		if got := InContainers(test.names...)(test.e); got != test.want {
			t.Errorf("%s: %t", test.what, got)
		}
	}
}

// Where only pods are traced, an event without one says why, once.
func TestEventWithoutItsPod(t *testing.T) {
	h := NewResolver(NewIndex(), true)
	absent := frame(process("", "", 0))
	clear(absent.Processes)
	var got []string
	for _, a := range arrivals(t.Context(), h, frame(process("", "", 0)), absent) {
		got = append(got, a.what)
	}
	if want := []string{string(event.KindNotice), "outside", "outside"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
