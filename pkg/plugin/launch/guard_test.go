// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// A panic in an informer's handler or in a goroutine of the launcher reaches the guard, and not the end of the process.
func TestPanicsReachTheGuard(t *testing.T) {
	caught := make(chan any, 100)
	c := newCluster(t)
	l := New(c, nil, testConfig(), WithGuard(func(f func()) {
		defer func() {
			if r := recover(); r != nil {
				caught <- r
			}
		}()
		f()
	}))
	t.Cleanup(l.stop)
	tracer := start(t, l, "n1")
	t.Run("handler", func(t *testing.T) {
		tracer.mu.Lock()
		tracer.changed = nil // closing it panics
		tracer.mu.Unlock()
		c.setStatus(t, tracer.Name(), running())
		receive(t, caught, "the handler's panic")
	})
	t.Run("Start", func(t *testing.T) {
		c.refuse = func(bool) error { panic("a bug") }
		ctx, cancel := boundedBy(t, 0)
		defer cancel()
		if _, err := l.Start(ctx, testTracerConfig("n2")); err == nil {
			t.Error("no error")
		}
		receive(t, caught, "Start's panic")
	})
	t.Run("control stream", func(t *testing.T) {
		other := &Tracer{launcher: l, node: "n", name: "p", uid: "u", pod: &corev1.Pod{Status: running()}, changed: make(chan struct{})}
		other.control = newControlStream(other, nil) // calling it panics
		other.control.cancel = func() {}
		l.spawn(func() { other.control.run(l.background) })
		receive(t, caught, "the control stream's panic")
	})
}
