// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/join"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Tracer is one tracer under way: a pod, or the tracer in this process.
type Tracer interface {
	stream.Source
	// Wait returns when the tracer runs, or with the reason why it doesn't.
	Wait(ctx context.Context, progress launch.Progress) error
	// Send never blocks.
	Send(wire.Control) error
	// Detached is closed when nothing can be sent any more, DetachErr says why.
	Detached() <-chan struct{}
	DetachErr() error
	// Delete removes the tracer; afterBye: it has ended by itself. Deleting again is no error.
	Delete(ctx context.Context, afterBye bool) error
}

// Launcher starts tracers.
type Launcher interface {
	// Preflight says which nodes can't be traced; err: none can.
	Preflight(ctx context.Context, nodes []string, progress launch.Progress) (refused []*launch.NodeError, err error)
	Start(ctx context.Context, orders wire.Orders) (Tracer, error)
	// Cleanup removes whatever is left of the session.
	Cleanup(ctx context.Context) error
}

// Targets are the pods to trace.
type Targets interface {
	Watch(ctx context.Context, changed func(target.Change), trouble func(error)) error
	String() string
}

// Redactor takes out what nobody may see. Its methods may be called at the same time.
type Redactor interface {
	// Redact changes an event, which is shared with nobody but for its pods and capabilities.
	Redact(*event.Event)
	// RedactText is the text without what nobody may see.
	RedactText(text string) string
}

// Status is what people see on stderr; render.Status is one.
type Status interface {
	Waiting(node, waitingFor string)
	Ready(node string)
	Tracing(pods, nodes int)
	Failed(node string, err error)
	// Hooks are what tracers said of their hooks, by node: once of all that began together, then of each that comes later.
	Hooks(hellos map[string]*event.Hello)
	Say(l event.Level, text string)
	Close()
}

// Config is a session. Either Pods, Targets and Refused are set (a cluster), or Machine is (this one).
type Config struct {
	Launcher Launcher
	// Orders for all tracers; Node and Targets are filled in for each.
	Orders wire.Orders
	// Pods to trace from the beginning; Targets says which come and go.
	Pods    []*corev1.Pod
	Targets Targets
	// Target is what a tracer is told of a pod, asked at each change of it; nil: nothing but its UID. It is called by several
	// goroutines.
	Target func(*corev1.Pod) wire.Pod
	// Named says that single pods were asked for by name: when they are gone for good, the session ends.
	Named bool
	// Refused are nodes that can't be traced, as a Preflight before the session found.
	Refused []*launch.NodeError
	// Machine is traced without a cluster when its Node is set: Orders.Node and Orders.Targets of the one tracer.
	Machine wire.Orders

	// Duration from when every tracer has started, MaxEvents shown; 0: no such end.
	Duration  time.Duration
	MaxEvents uint64
	// Complete, when set, adds to events about processes what is known besides, each in the order of its node, and says
	// whether they are shown; Keep is asked after it. It is called by several goroutines and must not wait for anything.
	Complete func(*pipeline.Item) bool
	// Keep decides which events about processes are shown; nil: all. Those of what was enforced are shown whatever it says.
	Keep func(*pipeline.Item) bool
	// Redact takes out what nobody may see, before anything is shown or kept; nil: nothing is.
	Redact Redactor
	// Approve, when set, is asked before the tracers act on anybody: they begin with their targets held.
	Approve Approve

	Renderer pipeline.Sink
	Status   Status
	// SharedTerminal says that events and status are seen side by side.
	SharedTerminal bool
	Directory      *join.Directory
}

// Result is what a session has to say at its end.
type Result struct {
	Summary render.SummaryData
	// Started says that a tracer said hello: without, there is nothing to sum up.
	Started bool
	// Armed says that Approve was asked and agreed.
	Armed bool
	// Reason why it ended, one of the Err… values or an error.
	Reason error
	// ExitCode of the command that local mode ran.
	ExitCode *int
}

type session struct {
	Config
	stop    *Stop
	display *display
	pods    *pods
	// budget is of the process tables of all nodes.
	budget *processes.Budget
	// work are the goroutines that put events or talk to the cluster.
	work sync.WaitGroup

	mu      sync.Mutex
	nodes   map[string]*node
	running int
	// awaited are the nodes of the beginning that have neither said hello nor failed; hellos what others said and Status was not
	// told.
	awaited map[string]bool
	hellos  map[string]*event.Hello
	said    map[string]bool
	fault   error

	// approving is held while Approve is asked; armed is closed when that was done for the nodes of the beginning.
	approving sync.Mutex
	approved  sync.Once
	armed     chan struct{}
}

// Run runs a session until stop is asked, every tracer ended, or what was asked for is there. Signals are the caller's, and
// must be handled before. It returns an error when no node could be traced to the end or events could not be written; the
// result is valid even so.
func Run(stop *Stop, c Config) (Result, error) {
	began := time.Now()
	s := &session{
		Config: c, stop: stop, display: newDisplay(c.Renderer, c.MaxEvents, stop), pods: newPods(),
		budget: processes.NewBudget(processes.SessionBytes),
		nodes:  map[string]*node{}, said: map[string]bool{}, awaited: map[string]bool{}, hellos: map[string]*event.Hello{},
		armed: make(chan struct{}),
	}
	s.Orders.Hold = s.Approve != nil
	if s.Target == nil {
		s.Target = func(pod *corev1.Pod) wire.Pod { return wire.Pod{UID: join.CgroupUID(pod)} }
	}
	defer s.cleanup()
	go s.guard(s.display.run)
	s.begin()
	<-stop.Asked().Done()
	s.work.Wait()
	writing := s.display.close()
	s.Status.Close()
	return s.result(time.Since(began)), s.verdict(writing)
}

// begin starts a tracer on every node that is known at the beginning, and the watch for what comes later.
func (s *session) begin() {
	for _, refused := range s.Refused {
		n := s.newNode(refused.Node, wire.Targets{})
		n.failed = refused
		n.tally.problem(refused.Error())
		n.settle()
		s.nodes[n.name] = n
		s.nodeFailed(n, refused)
	}
	s.mu.Lock()
	if s.Machine.Node != "" {
		n := s.newNode(s.Machine.Node, s.Machine.Targets)
		s.nodes[n.name] = n
		s.awaited[n.name] = true
		s.launch(n)
	}
	for _, n := range s.firstNodes() {
		s.awaited[n.name] = true // none can settle before s.mu is free
		s.launch(n)
	}
	first := slices.Collect(maps.Values(s.nodes))
	alive := s.running
	s.mu.Unlock()
	if s.Targets != nil {
		s.spawn(s.watch)
	}
	if alive == 0 && len(s.Refused) > 0 {
		s.stop.Ask(errAllEnded)
	}
	s.spawn(func() { s.started(first) })
}

// firstNodes groups the pods of the beginning by node, so that each tracer starts with all of its own.
func (s *session) firstNodes() (found []*node) {
	for _, pod := range s.Pods {
		s.Directory.Update(pod)
		s.pods.here(pod)
		name := pod.Spec.NodeName
		if n := s.nodes[name]; n != nil {
			if n.failed == nil {
				n.targets.Pods = append(n.targets.Pods, s.Target(pod))
			}
			continue
		}
		n := s.newNode(name, podTargets(s.Target(pod)))
		s.nodes[name] = n
		found = append(found, n)
	}
	return found
}

func podTargets(pods ...wire.Pod) wire.Targets { return wire.Targets{Pods: pods} }

// launch runs a node; s.mu is held. The last tracer to end ends the session.
func (s *session) launch(n *node) {
	s.running++
	s.spawn(func() {
		defer func() {
			s.mu.Lock()
			s.running--
			last := s.running == 0
			s.mu.Unlock()
			if last {
				s.stop.Ask(errAllEnded)
			}
		}()
		s.runNode(n)
	})
}

func (s *session) watch() {
	err := s.Targets.Watch(s.stop.Asked(), s.changed, func(err error) {
		if text := fmt.Sprintf("watching %s: %v; trying again", s.Targets, err); s.once(text) {
			s.Status.Say(event.LevelWarning, text)
		}
	})
	if err != nil && s.stop.Reason() == nil {
		s.Status.Say(event.LevelWarning, fmt.Sprintf("watching %s: %v; pods that come later are not traced", s.Targets, err))
	}
}

// preflight checks a node that came later; those of the beginning were checked before the session.
func (s *session) preflight(n *node) error {
	if s.Targets == nil || slices.ContainsFunc(s.Pods, func(p *corev1.Pod) bool { return p.Spec.NodeName == n.name }) {
		return nil
	}
	refused, err := s.Launcher.Preflight(s.stop.Asked(), []string{n.name}, s.Status.Waiting)
	if err != nil {
		return err
	}
	for _, r := range refused {
		return r
	}
	return nil
}

// started waits until every node of the beginning is traced, and armed where that is to be, or has failed, says so, and ends the session when the time is
// over that was asked for.
func (s *session) started(first []*node) {
	traced := 0
	for _, n := range first {
		select {
		case <-n.started:
		case <-s.stop.Asked().Done():
			return
		}
		n.mu.Lock()
		if n.hello {
			traced++
		}
		n.mu.Unlock()
	}
	if s.Approve != nil {
		select {
		case <-s.armed:
		case <-s.stop.Asked().Done():
			return
		}
	} else if traced > 0 && s.Machine.Node == "" {
		s.Status.Tracing(len(s.Pods), traced)
	}
	if s.Duration == 0 {
		return
	}
	timer := time.NewTimer(s.Duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.stop.Ask(ErrDuration)
	case <-s.stop.Asked().Done():
	}
}

// settle notes that a node is traced, when h is set, or has failed. When none of the beginning is awaited any more, what the
// tracers said of their hooks goes to Status: most nodes say the same, and once is enough.
func (s *session) settle(n *node, h *event.Hello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.settle()
	delete(s.awaited, n.name)
	if h != nil {
		s.hellos[n.name] = h
	}
	if len(s.awaited) > 0 || len(s.hellos) == 0 {
		return
	}
	hellos := s.hellos
	s.hellos = map[string]*event.Hello{}
	if s.Approve == nil {
		s.Status.Hooks(hellos)
		return
	}
	s.spawn(func() { s.arm(hellos) })
}

// spawn runs f in a goroutine that the session waits for and whose panic ends it.
func (s *session) spawn(f func()) {
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		s.guard(f)
	}()
}

// guard makes a panic the session's end, so that what was started is removed before the process ends.
func (s *session) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			fault := fmt.Errorf("a bug in this program: %v\n%s", r, debug.Stack())
			s.mu.Lock()
			s.fault = fault
			s.mu.Unlock()
			s.stop.Insist(fault)
		}
	}()
	f()
}

// once says whether text was not said before.
func (s *session) once(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.said[text]
	s.said[text] = true
	return !said
}

// cleanup removes what was started, whatever happened. It has a context of its own: the session's is over.
func (s *session) cleanup() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.stop.Now()), deleteTime)
	defer cancel()
	if err := s.Launcher.Cleanup(ctx); err != nil {
		s.Status.Say(event.LevelError, fmt.Sprintf("not everything was removed: %v; kubectl trace-sec cleanup does it later", err))
	}
}

func (s *session) result(took time.Duration) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Result{Summary: render.SummaryData{Duration: took}, Reason: s.stop.Reason()}
	select {
	case <-s.armed:
		r.Armed = true
	default:
	}
	for _, name := range slices.Sorted(maps.Keys(s.nodes)) {
		n := s.nodes[name]
		r.Summary.Nodes = append(r.Summary.Nodes, n.tally.summary(name))
		r.Started = r.Started || n.hello
		if n.tally.exitCode != nil {
			r.ExitCode = n.tally.exitCode
		}
	}
	return r
}

// verdict is the error of the session: a bug, output that could not be written, or not one node traced to the end.
func (s *session) verdict(writing error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return s.fault
	}
	if writing != nil && !errors.Is(writing, ErrOutputClosed) {
		return writing
	}
	failed := 0
	for _, n := range s.nodes {
		if n.failed != nil {
			failed++
		}
	}
	switch {
	case failed == 0 || failed < len(s.nodes):
		return nil
	case failed == 1:
		return errors.New("the node could not be traced (see above)")
	}
	return fmt.Errorf("none of %d nodes could be traced (see above)", failed)
}
