// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
)

// Tracer is one tracer pod.
type Tracer struct {
	launcher *Launcher
	node     string
	name     string
	uid      types.UID
	link     *link

	mu      sync.Mutex
	pod     *corev1.Pod
	gone    bool
	failure error         // why Wait gave the start up
	changed chan struct{} // closed and replaced at each change
}

func newTracer(l *Launcher, pod *corev1.Pod) *Tracer {
	t := &Tracer{launcher: l, node: pod.Spec.NodeName, name: pod.Name, uid: pod.UID, pod: pod, changed: make(chan struct{})}
	t.link = newLink(t, func(ctx context.Context, stdin io.Reader) error { return l.attach(ctx, t.name, stdin) })
	ctx, cancel := context.WithCancel(l.background)
	t.link.cancel = cancel
	go t.link.run(ctx)
	return t
}

// Node is the name of the node that is traced.
func (t *Tracer) Node() string { return t.node }

// Name of the pod, in the launcher's namespace.
func (t *Tracer) Name() string { return t.name }

// UID of the pod.
func (t *Tracer) UID() types.UID { return t.uid }

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

// containerState of the tracer; zero when the kubelet has not said anything yet.
func containerState(pod *corev1.Pod) corev1.ContainerState {
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name == ContainerName {
			return s.State
		}
	}
	return corev1.ContainerState{}
}

func started(pod *corev1.Pod) bool {
	s := containerState(pod)
	return s.Running != nil || s.Terminated != nil
}

// begun: its container has started, or never will.
func begun(pod *corev1.Pod) bool { return started(pod) || finished(pod) }

func ended(pod *corev1.Pod) bool {
	return finished(pod) || containerState(pod).Terminated != nil
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

// Termination is how a tracer's container ended.
type Termination struct {
	// Reason is one word: Completed, Error, OOMKilled, the kubelet's reason when it ended the whole pod (Evicted,
	// DeadlineExceeded), or Deleted.
	Reason   string
	ExitCode int32
	// Message is what the tracer wrote to its termination log (its totals, as JSON; at most 4 KiB) or the kubelet's own
	// words. It comes from the node: escape it before a terminal sees it.
	Message string
}

// String is one line for people.
func (e Termination) String() string {
	switch {
	case e.Reason == string(Deleted):
		return "its pod was deleted"
	case e.ExitCode == 0 && e.Reason == "Completed":
		return "it ended by itself"
	case e.Message == "":
		return fmt.Sprintf("%s, exit code %d", e.Reason, e.ExitCode)
	}
	return fmt.Sprintf("%s, exit code %d: %q", e.Reason, e.ExitCode, e.Message)
}

// Termination says how the tracer ended; nil while it has not. It asks the API server unless it already knows.
func (t *Tracer) Termination(ctx context.Context) (*Termination, error) {
	pod, gone, _ := t.state()
	if !gone && !ended(pod) {
		var err error
		pod, err = t.launcher.client.CoreV1().Pods(t.launcher.config.Namespace).Get(ctx, t.name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			gone = true
		case err != nil:
			return nil, fmt.Errorf("node %s: ask for the state of the tracer pod: %w", t.node, err)
		default:
			gone = pod.UID != t.uid
		}
	}
	return termination(pod, gone), nil
}

func termination(pod *corev1.Pod, gone bool) *Termination {
	if pod != nil {
		if s := containerState(pod).Terminated; s != nil {
			return &Termination{Reason: s.Reason, ExitCode: s.ExitCode, Message: s.Message}
		}
	}
	switch {
	case gone:
		return &Termination{Reason: string(Deleted), ExitCode: -1}
	case finished(pod):
		return &Termination{Reason: pod.Status.Reason, ExitCode: -1, Message: pod.Status.Message}
	}
	return nil
}

// Ended says how the tracer ended, nil while it has not. With Open it makes a Tracer a source of a stream.
func (t *Tracer) Ended(ctx context.Context) (*stream.Ending, error) {
	end, err := t.Termination(ctx)
	if end == nil || err != nil {
		return nil, err
	}
	said := *end
	if json.Valid([]byte(said.Message)) { // the tracer's totals: not for people
		said.Message = ""
	}
	return &stream.Ending{Reason: said.String(), Message: end.Message}, nil
}
