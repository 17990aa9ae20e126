// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// drainTime is how long the orderly end may take: tracers say bye, and what they told is shown.
	drainTime = 5 * time.Second
	// cleanupTime bounds the removal of what was made, with nodeCleanupTime more for each node: a tracer pod takes some requests, and what
	// an API server of two cores answers is a few hundred a second. It begins when the drain has ended and waits for no output.
	cleanupTime     = 5 * time.Second
	nodeCleanupTime = 20 * time.Millisecond
	// StreamBytes is how many bytes of log wait for the outputs in a session, whatever the number of its nodes: at 50,000 events a
	// second (0.6 MB/s, in compressed frames) some 10 s.
	StreamBytes = 8 << 20
	// openFrames is how many frames are read at the same time: each may take some MiB of memory.
	openFrames = 4
)

var (
	errDrained     = fmt.Errorf("the tracer did not end its stream within %s", drainTime)
	errOutputStuck = fmt.Errorf("the output did not take the last events within %s", drainTime)
)

type session struct {
	Config
	stop       *Stop
	supervisor *Supervisor
	display    *pipeline.Output
	// recorder is nil where nothing is recorded.
	recorder *pipeline.Output
	presence *pods.Presence
	// drain ends when nobody waits for tracers and outputs any more.
	drain    context.Context
	endDrain context.CancelCauseFunc
	// endOfDrain is the timer that ends it.
	endOfDrain *time.Timer
	// streamBudget, processBudget and frames bound the memory of all nodes together.
	streamBudget  *stream.Budget
	processBudget *processes.Budget
	frames        *semaphore.Weighted
	decoder       *wire.FrameDecoder
	// work are the goroutines that the drain waits for; removals those that remove tracers, which the clean-up waits for.
	work, removals group

	mu      sync.Mutex
	nodes   map[string]*node
	running int
	// awaited are the nodes of the beginning that have neither said hello nor failed; hellos what others said and Status was not
	// told.
	awaited map[string]bool
	hellos  map[string]*event.Hello
	// reported are texts that were said and are said once.
	reported map[string]bool
	// unapproved are the nodes that approval is, or will be, asked for; the first are those of the beginning.
	unapproved []map[string]*event.Hello

	// armed is closed when approval was asked for the nodes of the beginning.
	approved sync.Once
	armed    chan struct{}
	// stay: tracers that were not refused are left alone.
	stay atomic.Bool
}

// Run runs a session until stop is asked, every tracer ended, or what was asked for is there. Signals are the caller's, and
// must be handled before. It returns an error when no node could be traced to the end, events could not be written or something
// that was made could not be removed; the result is valid even so.
func Run(stop *Stop, c Config) (Result, error) {
	began := cmpTime(c.Began, time.Now())
	s := newSession(stop, c)
	for _, o := range s.outputs() {
		o.Start(func(f func()) { go s.supervisor.Guard(f) })
	}
	s.supervisor.Guard(s.begin)
	<-stop.ShuttingDown().Done()
	s.finishWork()
	written := make(chan error, 1)
	go func() { written <- s.finishOutput() }() // the clean-up waits for no output
	cleaning := s.cleanup()
	writing := <-written
	s.Status.Close()
	return s.result(time.Since(began)), s.outcome(writing, cleaning)
}

func newSession(stop *Stop, c Config) *session {
	if c.Supervisor == nil {
		c.Supervisor = NewSupervisor(stop)
	}
	s := &session{
		Config: c, stop: stop, supervisor: c.Supervisor, presence: pods.NewPresence(),
		streamBudget: stream.NewBudget(StreamBytes), processBudget: processes.NewBudget(processes.SessionBytes),
		frames: semaphore.NewWeighted(openFrames), decoder: wire.NewFrameDecoder(),
		nodes: map[string]*node{}, reported: map[string]bool{}, awaited: map[string]bool{}, hellos: map[string]*event.Hello{},
		armed: make(chan struct{}),
	}
	s.stay.Store(c.Stay)
	s.work.guard, s.removals.guard = s.supervisor.Guard, s.supervisor.Guard
	s.drain, s.endDrain = context.WithCancelCause(stop.Aborted())
	s.display, s.recorder = s.newDisplay(), s.newRecorder()
	if s.Target == nil {
		s.Target = BareTarget
	}
	return s
}

// finishWork waits until the tracers have said bye and what they told is with the outputs, at most drainTime, and not at all once
// the session is aborted.
func (s *session) finishWork() {
	s.endOfDrain = time.AfterFunc(drainTime, func() { s.endDrain(errDrained) })
	if !s.work.wait(s.drain) {
		s.supervisor.Guard(s.unfinished)
		s.awaitCounts()
	}
}

// lastWrite is how long the outputs have after the drain to end.
const lastWrite = 500 * time.Millisecond

// finishOutput waits until the outputs have taken everything, as long as the drain lasts and a moment more. The error is that of
// writing.
func (s *session) finishOutput() error {
	defer s.endOfDrain.Stop()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	defer context.AfterFunc(s.drain, func() { time.AfterFunc(lastWrite, func() { cancel(errOutputStuck) }) })()
	recorded := make(chan struct{})
	go func() { defer close(recorded); s.finishRecorder(ctx) }()
	defer func() { <-recorded }()
	err := s.display.Close(ctx)
	if lost := s.display.Abandon(); lost > 0 {
		s.Status.Say(event.LevelWarning, fmt.Sprintf("%d events were not written: the output did not take them", lost))
	}
	return err
}

// countTime is how long is waited for what was not shown to be counted.
const countTime = 500 * time.Millisecond

// awaitCounts lets goroutines that waited for the output count what it did not take.
func (s *session) awaitCounts() {
	if s.stop.Aborted().Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.stop.Aborted(), countTime)
	defer cancel()
	s.work.wait(ctx)
}

// unfinished notes which nodes were not waited for.
func (s *session) unfinished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n.isTraced() && !n.stats.saidBye() {
			n.stats.problem(context.Cause(s.drain).Error())
		}
	}
}

// begin starts a tracer on every node that is known at the beginning, and the watch for what comes later.
func (s *session) begin() {
	for _, refused := range s.Refused {
		n := s.newNode(refused.Node, wire.Targets{})
		n.over = true
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
	first := s.firstNodes()
	for _, name := range s.Running {
		if s.nodes[name] == nil {
			s.nodes[name] = s.newNode(name, wire.Targets{})
			first = append(first, s.nodes[name])
		}
	}
	for _, n := range first {
		s.awaited[n.name] = true // none can settle before s.mu is free
		s.launch(n)
	}
	first = slices.Collect(maps.Values(s.nodes))
	alive := s.running
	s.mu.Unlock()
	if s.Targets != nil {
		s.work.start(s.watch)
	}
	if alive == 0 && len(s.Refused) > 0 {
		s.stop.Shutdown(errAllEnded)
	}
	s.work.start(func() { s.started(first) })
}

// firstNodes groups the pods of the beginning by node, so that each tracer starts with all of its own.
func (s *session) firstNodes() (found []*node) {
	for _, pod := range s.Pods {
		s.Index.Update(pod)
		s.presence.MarkPresent(pod)
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

// launch runs a node; s.mu is held. The last tracer to end ends the session.
func (s *session) launch(n *node) {
	s.running++
	s.work.start(func() {
		defer func() {
			s.mu.Lock()
			s.running--
			last := s.running == 0
			s.mu.Unlock()
			if last {
				s.stop.Shutdown(errAllEnded)
			}
		}()
		s.runNode(n)
	})
}

// preflight checks a node that came later; those of the beginning were checked before the session.
func (s *session) preflight(n *node) error {
	n.mu.Lock()
	again := n.traced
	n.mu.Unlock()
	if s.Targets == nil || again || s.isFirst(n) {
		return nil
	}
	refused, err := s.Launcher.Preflight(s.stop.ShuttingDown(), []string{n.name}, s.Status.Waiting)
	if err != nil {
		return err
	}
	for _, r := range refused {
		return r
	}
	return nil
}

// started waits until every node of the beginning is traced, and armed where that is to be, or has failed, says so, and ends the
// session when the time is over that was asked for.
func (s *session) started(first []*node) {
	traced := 0
	for _, n := range first {
		select {
		case <-n.started:
		case <-s.stop.ShuttingDown().Done():
			return
		}
		if n.isTraced() {
			traced++
		}
	}
	if s.Approve != nil {
		select {
		case <-s.armed:
		case <-s.stop.ShuttingDown().Done():
			return
		}
	} else if traced > 0 && s.Machine.Node == "" && s.DetachUntil.IsZero() && len(s.Running) == 0 {
		s.Status.Tracing(s.podsOnTraced(), traced)
	}
	if !s.DetachUntil.IsZero() {
		s.detach(first)
		return
	}
	if s.Duration == 0 {
		return
	}
	timer := time.NewTimer(s.Duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.stop.Shutdown(ErrDuration)
	case <-s.stop.ShuttingDown().Done():
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
	s.askApproval(hellos)
}

// once says whether text was not said before.
func (s *session) once(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	reported := s.reported[text]
	s.reported[text] = true
	return !reported
}
