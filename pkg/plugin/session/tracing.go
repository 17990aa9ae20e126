// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// runNode has the whole life of a node in the session: its tracer, and another when that is lost, until there is no more to try.
func (s *session) runNode(n *node) {
	defer s.settle(n, nil)
	defer func() {
		n.mu.Lock()
		n.over = true
		n.mu.Unlock()
	}()
	again := newRetry()
	for {
		began := time.Now()
		err := s.traceNode(n)
		n.mu.Lock()
		n.run.ended = true
		hello := n.run.hello
		n.traced = n.traced || hello
		n.mu.Unlock()
		ending := s.stop.Reason() != nil
		switch {
		case err == nil, ending && !hello: // a tracer that was still starting when the session ended is missed by nobody
			return
		case ending, s.Machine.Node != "", len(s.Running) > 0, !again.worthIt(err, s.Approve != nil):
			s.nodeFailed(n, err)
			return
		}
		s.settle(n, nil)
		if !s.lost(n, err, again.pause(time.Since(began))) {
			return
		}
	}
}

// lost says that a node's tracer was lost, and waits before the next one is started. It is false when the session ends before.
func (s *session) lost(n *node, why error, pause time.Duration) bool {
	n.mu.Lock()
	if n.lostSince.IsZero() {
		n.lostSince = cmpTime(n.run.lastFrame, time.Now())
	}
	since := clock(n.lostSince)
	n.mu.Unlock()
	text := withoutNode(n, why)
	s.notice(n, event.LevelWarning, "", fmt.Sprintf("nothing is seen here since %s: %s; another tracer is started in %s", since, text, pause))
	n.stats.problem("the tracer was lost: " + text)
	n.stats.nextTracer()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stop.ShuttingDown().Done():
		s.nodeFailed(n, why)
		return false
	}
}

// cmpTime is t, or other if t is zero.
func cmpTime(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

// clock is a moment as people say it.
func clock(t time.Time) string { return t.Local().Format("15:04:05") }

// withoutNode is an error whose text does not begin with the node's name: whoever says it has that.
func withoutNode(n *node, err error) string {
	return strings.TrimPrefix(err.Error(), "node "+n.name+": ")
}

// traceNode starts the node's tracer, follows its stream to the end and removes it.
func (s *session) traceNode(n *node) error {
	if err := s.preflight(n); err != nil {
		return err
	}
	tracer, err := n.start(s.stop.ShuttingDown(), s)
	if tracer == nil {
		return err
	}
	var once sync.Once
	remove := func(afterBye bool) {
		if !s.staying(n) {
			once.Do(func() { s.removals.start(func() { s.remove(n, tracer, afterBye) }) })
		}
	}
	defer remove(false)
	n.mu.Lock()
	n.run.remove = remove
	n.mu.Unlock()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(s.drain)
	defer cancel(nil)
	n.mu.Lock()
	n.run.cancel = cancel
	n.mu.Unlock()
	waited := s.wait(ctx, cancel, n, tracer)
	s.work.start(func() { s.stopTracer(ctx, cancel, n, tracer) })
	way := &nodeWay{session: s, node: n, resolver: pods.NewResolver(s.Index, s.Targets != nil), processes: processes.NewTable(n.name, s.processBudget)}
	defer way.processes.Close()
	err = stream.Follow(ctx, tracer, s.Session, func(it stream.Item) { way.deliver(ctx, it) },
		stream.WithBudget(s.streamBudget), stream.WithDecoder(s.decoder), stream.WithGuard(s.supervisor.Guard), stream.WithReadEnd(func(err error) { remove(err == nil) }))
	var ended *stream.EndedError
	switch {
	case err == nil:
		return n.byeError()
	case s.staying(n) && s.stop.Reason() != nil:
		return nil
	case s.stop.Aborted().Err() != nil: // nobody waited for the end of the stream
		n.stats.problem("ended at once: the tracer's last events were not waited for")
		return nil
	case errors.As(err, &ended):
		return cmp.Or(waited(), err)
	}
	return cmp.Or(context.Cause(ctx), err)
}

// lastWords is how long a stream may go on when its tracer is known to have failed: its last frames may say why.
const lastWords = 2 * time.Second

// helloTime is how long a tracer that runs may take until its hello is read: loading programs takes a minute on the slowest machines, and
// for as long a log that can't be read may be a passing fault.
const helloTime = 2 * time.Minute

var errNoHello = fmt.Errorf("the tracer runs, but nothing of it could be read within %s", helloTime)

// wait waits for the tracer to run, and to be heard. When it won't, the stream ends, with the reason as the cause of ctx. result is that
// reason, as far as it is known soon after the stream ended.
func (s *session) wait(ctx context.Context, cancel context.CancelCauseFunc, n *node, tracer Tracer) (result func() error) {
	n.mu.Lock()
	heard := n.run.heard
	n.mu.Unlock()
	failed := make(chan error, 1)
	s.work.start(func() {
		err := tracer.Wait(ctx, s.Status.Waiting)
		failed <- err
		if err == nil {
			if err := awaitHello(ctx, heard); err != nil {
				cancel(err)
			}
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

// awaitHello fails when nothing is heard for too long.
func awaitHello(ctx context.Context, heard <-chan struct{}) error {
	patience := time.NewTimer(helloTime)
	defer patience.Stop()
	select {
	case <-heard:
	case <-ctx.Done(): // whoever ended it knows why
	case <-patience.C:
		return errNoHello
	}
	return nil
}

// stopTracer waits for the session's end and asks the tracer to stop. How long it may drain, s.drain says.
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
		case <-s.stop.ShuttingDown().Done():
		}
		break
	}
	if s.staying(n) || !n.isTraced() { // it traces on, or has traced nothing yet: there is nothing to drain
		cancel(s.stop.Reason())
		return
	}
	if tracer.Send(wire.Control{Stop: true}) == nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(stopTime): // the control stream may hang
		}
	}
	n.mu.Lock()
	remove := n.run.remove
	n.mu.Unlock()
	remove(false) // by SIGTERM, after which it drains as well
}

// stopTime is how long a tracer has to end its stream when it was told to stop, until its pod is deleted.
const stopTime = 2 * time.Second

// remove deletes the node's tracer. What can't be removed is said: the tracer ends by itself, its pod stays.
func (s *session) remove(n *node, tracer Tracer, afterBye bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.stop.Aborted()), cleanupTime)
	defer cancel()
	if err := tracer.Delete(ctx, afterBye); err != nil {
		s.Status.Say(event.LevelWarning, fmt.Sprintf("node %s: tracer not removed: %v; kubectl trace-sec cleanup does it later", n.name, err))
	}
}

// nodeFailed says that a node is not, or no longer, traced.
func (s *session) nodeFailed(n *node, err error) {
	n.mu.Lock()
	n.failed = err
	n.mu.Unlock()
	text := withoutNode(n, err)
	n.stats.problem(text)
	s.Status.Failed(n.name, errors.New(text))
	if !s.SharedTerminal {
		s.putNotice(n, event.LevelError, "", "not traced: "+text)
	}
}
