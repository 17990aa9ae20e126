// SPDX-License-Identifier: Apache-2.0

package advise

import (
	"io"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
)

// mostContainers bounds what nodes can claim to have.
const mostContainers = 10000

// Watch is a pipeline.Sink that shows nothing until it is closed, and then the advice. Pod may be called at the same time
// as its other methods.
type Watch struct {
	Options
	out    io.Writer
	write  func(io.Writer, *Advice) error
	err    error
	closed bool

	mu         sync.Mutex
	nodes      map[string]*nodeState
	containers map[container]*usage
	pods       map[string]*corev1.Pod // by UID, the latest state
	index      *pods.Index
	unnamed    uint64
	latest     time.Time
}

// container is one by its pod's UID and its name, or, without a pod, by the beginning of its ID; what is in none is the zero
// value.
type container struct{ pod, name, id string }

// nodeState is what is known of a node.
type nodeState struct {
	began time.Time
	// refused says why capability checks can't be seen there, failed why the tracer ended.
	refused, failed string
	ended           bool
	lost            map[string]uint64
}

// Options are what the advice is about.
type Options struct {
	// Format is one of Formats.
	Format string
	// Containers are the names of those that it is for; none: all.
	Containers []string
	// Machine is this one's name, when it is traced instead of pods.
	Machine string
}

// New writes the advice to out. It fails for a format that does not exist.
func New(out io.Writer, o Options) (*Watch, error) {
	write, err := writer(o.Format)
	return &Watch{
		Options: o, out: out, write: write, nodes: map[string]*nodeState{}, containers: map[container]*usage{},
		pods: map[string]*corev1.Pod{}, index: pods.NewIndex(),
	}, err
}

// Pod notes what a pod is now; that it is gone is not told, for what was seen of it stays true.
func (w *Watch) Pod(pod *corev1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.index.Update(pod)
	w.pods[string(pod.UID)] = pod
}

// Take takes what a tracer saw or said of itself.
func (w *Watch) Take(it *pipeline.Item) error {
	e := it.Event
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Time != nil && e.Time.After(w.latest) {
		w.latest = e.Time.Time
	}
	switch n := w.node(e.NodeName); {
	case e.Hello != nil:
		n.hello(e)
	case e.Loss != nil:
		n.lost[e.Loss.Cause] = e.Loss.Total
	case e.Throttled != nil:
		n.lost[event.LostThrottled] += e.Throttled.Count
	case e.Bye != nil:
		n.ended, n.failed = true, e.Bye.Error
	default:
		w.check(e)
	}
	return w.err
}

func (w *Watch) node(name string) *nodeState {
	n := w.nodes[name]
	if n == nil {
		n = &nodeState{lost: map[string]uint64{}}
		w.nodes[name] = n
	}
	return n
}

func (n *nodeState) hello(e *event.Event) {
	if e.Time != nil {
		n.began = e.Time.Time
	}
	for _, hook := range e.Hello.Hooks {
		if hook.Policy == compose.CapabilityPolicy {
			n.refused = hook.Refused
		}
	}
}

func (w *Watch) check(e *event.Event) {
	c, p := readCheck(e), e.Process()
	if c == nil || p == nil || p.Binary == "" { // a process of its runtime, on its way into the container
		return
	}
	at := container{id: p.Docker}
	switch pod := p.Pod; {
	case pod == nil:
	case pod.Container == nil || pod.Container.Name == "":
		w.unnamed++
		return
	case pod.Container.Name == pods.SandboxName:
		return
	default:
		at = container{pod: pod.UID, name: pod.Container.Name}
	}
	u := w.containers[at]
	if u == nil {
		if len(w.containers) >= mostContainers {
			w.unnamed++
			return
		}
		u = newUsage()
		w.containers[at] = u
	}
	u.add(c, p)
}

// Flush implements pipeline.Sink: the advice comes at the end.
func (w *Watch) Flush(time.Time) error { return nil }

// Close writes the advice. It does so once, however often it is called.
func (w *Watch) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		w.err = w.write(w.out, w.advice())
	}
	return w.err
}

// wanted says whether a container is among those that were asked for.
func (w *Watch) wanted(name string) bool {
	return len(w.Containers) == 0 || slices.Contains(w.Containers, name)
}
