// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// fakeTracer is a tracer whose frames the test writes. It answers Stop with a bye unless it is deaf.
type fakeTracer struct {
	*stream.Pipe
	config  wire.TracerConfig
	encoder *wire.Encoder
	encode  sync.Mutex
	deaf    bool

	mu       sync.Mutex
	controls []wire.Control
	deleted  []bool // afterBye of each Delete
}

func newFakeTracer(config wire.TracerConfig) *fakeTracer {
	pipe := stream.NewPipe()
	return &fakeTracer{Pipe: pipe, config: config, encoder: wire.NewEncoder(pipe, config.Session)}
}

func (t *fakeTracer) hello()                                      { t.write(t.encoder.Hello(event.Hello{Session: t.config.Session})) }
func (t *fakeTracer) write(error)                                 { /* the pipe is closed when nobody reads any more */ }
func (t *fakeTracer) bye(b event.Bye)                             { t.write(t.encoder.Bye(b)); _ = t.Close() }
func (t *fakeTracer) Detached() <-chan struct{}                   { return nil }
func (t *fakeTracer) DetachErr() error                            { return nil }
func (t *fakeTracer) Wait(context.Context, launch.Progress) error { return nil }

// execs writes so many events in a frame of their own.
func (t *fakeTracer) execs(count int) {
	t.encode.Lock()
	defer t.encode.Unlock()
	for range count {
		p := &wire.Process{Process: event.Process{ExecID: fmt.Sprint(t.encoder.Written()), Binary: "/bin/true"}}
		if len(t.config.Targets.Pods) > 0 {
			p.PodUID = t.config.Targets.Pods[0].UID
		}
		t.write(t.encoder.Add(wire.Event{ProcessID: p.ExecID, Event: event.Event{ProcessExec: &event.ProcessExec{}}}, p))
	}
	t.write(t.encoder.Flush())
}

func (t *fakeTracer) Send(c wire.Control) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.controls = append(t.controls, c)
	if c.Stop && !t.deaf {
		go func() {
			t.encode.Lock()
			defer t.encode.Unlock()
			t.bye(event.Bye{Reason: event.ByeStopped})
		}()
	}
	return nil
}

func (t *fakeTracer) Delete(_ context.Context, afterBye bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deleted = append(t.deleted, afterBye)
	return t.Close()
}

// deletions are how often the tracer was deleted.
func (t *fakeTracer) deletions() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.deleted)
}

// sent are the pods of the last targets that were sent.
func (t *fakeTracer) sent() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range slices.Backward(t.controls) {
		if c.Targets != nil {
			return uids(*c.Targets)
		}
	}
	return nil
}

// uids of the pods that are targets.
func uids(t wire.Targets) (all []string) {
	for _, pod := range t.Pods {
		all = append(all, pod.UID)
	}
	return all
}

// fakeLauncher starts fake tracers, and lets script play each.
type fakeLauncher struct {
	script func(*fakeTracer)
	// fails are the errors of nodes that can't start.
	fails map[string]error

	mu      sync.Mutex
	tracers map[string]*fakeTracer
	cleaned int
}

func (l *fakeLauncher) Preflight(context.Context, []string, launch.Progress) ([]*launch.NodeError, error) {
	return nil, nil
}

func (l *fakeLauncher) Start(_ context.Context, config wire.TracerConfig) (Tracer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fails[config.Node]; err != nil {
		return nil, err
	}
	if l.tracers == nil {
		l.tracers = map[string]*fakeTracer{}
	}
	t := newFakeTracer(config)
	l.tracers[config.Node] = t
	go l.script(t)
	return t, nil
}

func (l *fakeLauncher) Cleanup(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cleaned++
	return nil
}

func (l *fakeLauncher) tracer(node string) *fakeTracer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tracers[node]
}

// fakeRenderer keeps what it is given; break fails the n-th event about a process (from 1).
type fakeRenderer struct {
	events  []*event.Event
	execs   int
	breakAt int
	err     error
	panics  bool
	closed  bool
}

func (r *fakeRenderer) Take(it *pipeline.Item) error {
	e := it.Event
	if e.ProcessExec != nil {
		r.execs++
		if r.execs == r.breakAt {
			if r.panics {
				panic("renderer")
			}
			r.execs--
			return r.err
		}
	}
	r.events = append(r.events, e)
	return nil
}

func (r *fakeRenderer) Flush(time.Time) error { return nil }

func (r *fakeRenderer) Close() error { r.closed = true; return nil }

func (r *fakeRenderer) count(kind event.Kind) (count int) {
	for _, e := range r.events {
		if e.Kind() == kind {
			count++
		}
	}
	return count
}

// fakeStatus keeps what is said.
type fakeStatus struct {
	mu     sync.Mutex
	failed map[string]error
	said   []string
	// tracing are the pods and nodes that were said to be traced.
	tracing [][2]int
	// hooks are the nodes whose hooks were told together.
	hooks [][]string
}

func (s *fakeStatus) Waiting(string, string) {}
func (s *fakeStatus) Prepared(string)        {}
func (s *fakeStatus) Ready(string)           {}
func (s *fakeStatus) Tracing(pods, nodes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracing = append(s.tracing, [2]int{pods, nodes})
}
func (s *fakeStatus) Hooks(hellos map[string]*event.Hello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, slices.Sorted(maps.Keys(hellos)))
}
func (s *fakeStatus) Close() {}
func (s *fakeStatus) Say(_ event.Level, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, text)
}

func (s *fakeStatus) Failed(node string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = map[string]error{}
	}
	s.failed[node] = err
}

// fakeTargets delivers the changes that the test sends.
type fakeTargets chan target.Change

func (f fakeTargets) Watch(ctx context.Context, changed func(target.Change), _ func(error)) error {
	for {
		select {
		case c := <-f:
			changed(c)
		case <-ctx.Done():
			return nil
		}
	}
}

func (f fakeTargets) String() string { return "the test's pods" }

func pod(name, node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID(name)},
		Spec:       corev1.PodSpec{NodeName: node},
	}
}

// harness is a session of fakes.
type harness struct {
	*testing.T
	launcher *fakeLauncher
	renderer *fakeRenderer
	status   *fakeStatus
	targets  fakeTargets
	stop     *Stop
	config   Config
}

// plain is the configuration of a tracer without policies.
func plain(_ context.Context, node string, targets wire.Targets) (wire.TracerConfig, error) {
	return wire.TracerConfig{Version: wire.Version, Session: "s", Node: node, Targets: targets}, nil
}

func newHarness(t *testing.T, script func(*fakeTracer), targets ...*corev1.Pod) *harness {
	h := &harness{
		T: t, launcher: &fakeLauncher{script: script, fails: map[string]error{}}, renderer: &fakeRenderer{}, status: &fakeStatus{},
		targets: make(fakeTargets), stop: NewStop(t.Context()),
	}
	h.config = Config{
		Launcher: h.launcher, Session: "s", TracerConfig: plain, Pods: targets, Targets: h.targets,
		Sink: h.renderer, Status: h.status, Index: pods.NewIndex(),
	}
	return h
}

// run runs the session, and checks what holds for every end: the renderer is closed unless it failed, each tracer was
// deleted, and the launcher cleaned up once.
func (h *harness) run() (Result, error) {
	h.Helper()
	result, err := Run(h.stop, h.config)
	if h.launcher.cleaned != 1 {
		h.Errorf("cleaned up %d times, want once", h.launcher.cleaned)
	}
	for node, tracer := range h.launcher.tracers {
		if len(tracer.deleted) == 0 {
			h.Errorf("the tracer on %s was not deleted", node)
		}
	}
	if !h.renderer.closed && h.renderer.breakAt == 0 {
		h.Error("the renderer was not closed")
	}
	return result, err
}

var errTest = errors.New("made to fail")

// startHook does something while a tracer starts.
type startHook struct {
	*fakeLauncher
	during func()
}

func (l *startHook) Start(ctx context.Context, config wire.TracerConfig) (Tracer, error) {
	l.during()
	return l.fakeLauncher.Start(ctx, config)
}

// epipe is what writing to a pipe without a reader gives on Unix.
var epipe error = &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
