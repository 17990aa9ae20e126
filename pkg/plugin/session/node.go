// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/join"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// drainTime is how long a tracer that was asked to stop may take to say bye.
	drainTime = 8 * time.Second
	// deleteTime bounds the removal of what was started; it has a context of its own, the session's being over.
	deleteTime = 15 * time.Second
)

var errNoBye = fmt.Errorf("the tracer did not end its stream within %s", drainTime)

// node is one node of the session: its tracer, whom it traces and what became of its events.
type node struct {
	name  string
	tally *tally
	// processes belongs to the goroutine of the node's stream.
	processes *processes.Table
	// started is closed when the tracer's hello arrived or the node failed.
	started     chan struct{}
	startedOnce sync.Once

	mu      sync.Mutex
	targets wire.Targets
	tracer  Tracer
	// held: nobody is acted upon yet. cancel ends the tracer because of an error; nil before there is one.
	held bool
	// refused: it was not armed, and its tracer is removed without waiting for its last words.
	refused bool
	cancel  context.CancelCauseFunc
	hello   bool
	ended   bool
	failed  error
}

func (s *session) newNode(name string, targets wire.Targets) *node {
	return &node{name: name, targets: targets, held: s.Approve != nil, tally: newTally(), started: make(chan struct{})}
}

// isTraced says whether its tracer said hello, and was not sent away.
func (n *node) isTraced() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hello && !n.refused
}

func (n *node) settle() { n.startedOnce.Do(func() { close(n.started) }) }

// trace adds a pod to what the node's tracer traces, or tells it what has changed of one. Pods that are gone stay among them:
// their UIDs never come back, and their last events are still under way. It returns an error when there is no tracer that could do it.
func (n *node) trace(pod wire.Pod) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.targets.Pod(pod.UID)
	switch {
	case known != nil && reflect.DeepEqual(*known, pod):
		return nil
	case n.failed != nil:
		return n.failed
	case n.ended:
		return errors.New("the node's tracer has ended")
	}
	n.targets.Pods = slices.Clone(n.targets.Pods) // who was sent the former may still read them
	if known = n.targets.Pod(pod.UID); known != nil {
		*known = pod
	} else {
		n.targets.Pods = append(n.targets.Pods, pod)
	}
	if n.tracer == nil || n.held { // start or arm hands over what has come together until then
		return nil
	}
	targets := n.targets
	return n.tracer.Send(wire.Control{Targets: &targets})
}

// start starts the tracer with the targets of this moment.
func (n *node) start(ctx context.Context, l Launcher, orders wire.Orders) (Tracer, error) {
	n.mu.Lock()
	orders.Node, orders.Targets = n.name, n.targets
	n.mu.Unlock()
	tracer, err := l.Start(ctx, orders)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tracer = tracer
	if !n.held && !reflect.DeepEqual(n.targets, orders.Targets) {
		targets := n.targets
		err = tracer.Send(wire.Control{Targets: &targets})
	}
	return tracer, err
}

// runNode has the whole life of one node's tracer.
func (s *session) runNode(n *node) {
	defer s.settle(n, nil)
	err := s.traceNode(n)
	n.mu.Lock()
	n.ended = true
	hello := n.hello
	asked := s.stop.Reason() != nil
	if err != nil && !(asked && !hello) { // a tracer that was still starting when the session ended is missed by nobody
		n.failed = err
	}
	failed := n.failed
	n.mu.Unlock()
	if failed != nil {
		n.tally.problem(strings.TrimPrefix(failed.Error(), "node "+n.name+": "))
		s.nodeFailed(n, failed)
	}
}

// traceNode starts the node's tracer, follows its stream to the end and removes it.
func (s *session) traceNode(n *node) error {
	asked := s.stop.Asked()
	if err := s.preflight(n); err != nil {
		return err
	}
	tracer, err := n.start(asked, s.Launcher, s.Orders)
	if tracer != nil {
		defer s.remove(n, tracer)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(s.stop.Now())
	defer cancel(nil)
	n.mu.Lock()
	n.cancel = cancel
	n.mu.Unlock()
	waited := s.wait(ctx, cancel, tracer)
	s.spawn(func() { s.stopTracer(ctx, cancel, n, tracer) })
	hold := join.NewHold(s.Directory)
	n.processes = processes.NewTable(n.name, s.budget)
	defer n.processes.Close()
	err = stream.Follow(ctx, tracer, s.Orders.Session, func(it stream.Item) { s.deliver(ctx, n, hold, it) })
	var ended *stream.EndedError
	switch {
	case err == nil:
		return n.byeError()
	case s.stop.Now().Err() != nil: // nobody waited for the end of the stream
		n.tally.problem("ended at once: the tracer's last events were not waited for")
		return nil
	case errors.As(err, &ended):
		return cmp.Or(waited(), err)
	}
	return cmp.Or(context.Cause(ctx), err)
}

// lastWords is how long a stream may go on when its tracer is known to have failed: its last frames may say why.
const lastWords = 2 * time.Second

// wait waits for the tracer to run. When it won't, the stream ends, with the reason as the cause of ctx. result is that
// reason, as far as it is known soon after the stream ended.
func (s *session) wait(ctx context.Context, cancel context.CancelCauseFunc, tracer Tracer) (result func() error) {
	failed := make(chan error, 1)
	s.spawn(func() {
		err := tracer.Wait(ctx, s.Status.Waiting)
		failed <- err
		if err == nil {
			return
		}
		var known *launch.NodeError
		if errors.As(err, &known) && known.Reason == launch.ContainerFailed {
			select {
			case <-ctx.Done():
			case <-time.After(lastWords):
			}
		}
		cancel(err)
	})
	return func() error {
		select {
		case err := <-failed:
			return err
		case <-time.After(lastWords):
			return nil
		}
	}
}

// stopTracer waits for the session's end, asks the tracer to stop and gives it time to drain.
func (s *session) stopTracer(ctx context.Context, cancel context.CancelCauseFunc, n *node, tracer Tracer) {
	detached := tracer.Detached()
	for {
		select {
		case <-ctx.Done():
			return
		case <-detached:
			detached = nil
			s.notice(n, event.LevelWarning, "", fmt.Sprintf("control connection lost (%v): the tracer will end by itself", tracer.DetachErr()))
			continue
		case <-s.stop.Asked().Done():
		}
		break
	}
	if !n.isTraced() { // nothing was traced yet, so there is nothing to drain
		cancel(s.stop.Reason())
		return
	}
	if err := tracer.Send(wire.Control{Stop: true}); err != nil { // then by SIGTERM, after which it drains as well
		s.spawn(func() { s.remove(n, tracer) })
	}
	timer := time.NewTimer(drainTime)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		cancel(errNoBye)
	}
}

// remove deletes the node's tracer. What can't be removed is said: the tracer ends by itself, its pod stays.
func (s *session) remove(n *node, tracer Tracer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.stop.Now()), deleteTime)
	defer cancel()
	if err := tracer.Delete(ctx, n.tally.saidBye()); err != nil {
		s.Status.Say(event.LevelWarning, fmt.Sprintf("node %s: tracer not removed: %v; kubectl trace-sec cleanup does it later", n.name, err))
	}
}

// byeError is what the tracer's last words complain about.
func (n *node) byeError() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}
