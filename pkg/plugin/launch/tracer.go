// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Tracer is one tracer pod.
type Tracer struct {
	launcher *Launcher
	node     string
	name     string
	uid      types.UID
	program  Program
	control  *controlStream
	// carrying is nil for a tracer that comes with its image.
	carrying *carrying
	// log is the connection that the log was last opened on.
	log atomic.Pointer[connection]

	mu      sync.Mutex
	pod     *corev1.Pod
	gone    bool
	failure error         // why Wait gave the start up
	changed chan struct{} // closed and replaced at each change
}

func newTracer(l *Launcher, pod *corev1.Pod, p Program) *Tracer {
	t := &Tracer{launcher: l, node: pod.Spec.NodeName, name: pod.Name, uid: pod.UID, pod: pod, changed: make(chan struct{}),
		program: p, carrying: newCarrying(p)}
	t.control = newControlStream(t, func(ctx context.Context, stdin io.Reader) error { return l.attach(ctx, t.name, stdin) })
	ctx, cancel := context.WithCancel(l.background)
	t.control.cancel = cancel
	l.spawn(func() { t.control.run(ctx) })
	return t
}

// Node is the name of the node that is traced.
func (t *Tracer) Node() string { return t.node }

// Name of the pod, in the launcher's namespace.
func (t *Tracer) Name() string { return t.name }

// UID of the pod.
func (t *Tracer) UID() types.UID { return t.uid }

// Reset gives up the connections to the tracer, for when it is silent: one that was cut on the way can be dead without an error.
// The next Open, and with Config.Reattach the control stream at once, use new ones. Other tracers' logs stay open.
func (t *Tracer) Reset() {
	if c := t.log.Load(); c != nil {
		t.launcher.clients.replace(c)
	}
	sent := t.carrying == nil || t.carrying.heard.given() // else what is under way would be cut off
	if sent && t.launcher.config.Reattach {               // else the tracer would take it for the end of its input
		t.control.reset()
	}
}

// Delete removes the tracer pod; that it is gone already is no error. Give it a context of its own: that of the session
// has ended. After the tracer has said bye its container has ended, and the pod goes at once; otherwise the tracer gets
// its time to drain. What passes is tried again until ctx ends.
func (t *Tracer) Delete(ctx context.Context, afterBye bool) error {
	defer t.control.cancel()
	pod, gone, _ := t.state()
	if gone {
		return nil
	}
	grace := int64(gracePeriod)
	if afterBye || ended(pod) {
		grace = 0
	}
	return t.launcher.janitor.deletePod(ctx, pod, grace)
}

// observe takes in a state of the pod.
func (t *Tracer) observe(pod *corev1.Pod, gone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pod, t.gone = pod, gone || t.gone
	close(t.changed)
	t.changed = make(chan struct{})
}

// state is the last known state, and a channel that is closed when there is another.
func (t *Tracer) state() (pod *corev1.Pod, gone bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pod, t.gone, t.changed
}

// await returns when the last known state fulfils the condition or the pod is gone, with nil, or else when ctx ends, with
// its error.
func (t *Tracer) await(ctx context.Context, condition func(*corev1.Pod) bool) error {
	for {
		pod, gone, changed := t.state()
		if gone || condition(pod) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
