// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// node is one node of the session: its tracer, whom it traces and what became of its events.
type node struct {
	name  string
	stats *nodeStats
	// started is closed when a tracer's hello arrived or the first start failed.
	started     chan struct{}
	startedOnce sync.Once
	// detached is closed when its tracer said that it traces on by itself.
	detached     chan struct{}
	detachedOnce sync.Once

	mu      sync.Mutex
	targets wire.Targets
	// gone are targets that have ended, with when: their last events may still be under way.
	gone map[string]time.Time
	run  tracerRun
	// traced: some tracer of the node said hello. lostSince is since when nothing is seen because the last one was lost; zero: it
	// was not.
	traced    bool
	lostSince time.Time
	// over: no tracer follows; failed is why, if that was no orderly end.
	over   bool
	failed error
}

// tracerRun is one tracer of a node; another follows when it was lost.
type tracerRun struct {
	tracer Tracer
	// held: nobody is acted upon yet. refused: it was not armed, and is removed without waiting for its last words.
	held, refused bool
	// cancel ends the tracer because of an error, remove deletes it, once; nil before there is one.
	cancel       context.CancelCauseFunc
	remove       func(afterBye bool)
	hello, ended bool
	// heard is closed when hello becomes true.
	heard chan struct{}
	// failed is what its bye complains about.
	failed error
	// lastFrame is when the last frame was written, by the node's clock: this program may have been stopped and read it much later.
	// Zero before the first.
	lastFrame time.Time
}

func (s *session) newNode(name string, targets wire.Targets) *node {
	return &node{name: name, targets: targets, gone: map[string]time.Time{}, run: s.newRun(), stats: newStats(),
		started: make(chan struct{}), detached: make(chan struct{})}
}

func (s *session) newRun() tracerRun {
	return tracerRun{held: s.Approve != nil, heard: make(chan struct{})}
}

// hear notes that the node's tracer traces, and says whether that is new.
func (n *node) hear() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run.hello {
		return false
	}
	n.run.hello = true
	close(n.run.heard)
	return true
}

// isTraced says whether its tracer said hello, and was not sent away.
func (n *node) isTraced() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.run.hello && !n.run.refused
}

func (n *node) settle() { n.startedOnce.Do(func() { close(n.started) }) }

// lateEvents is how long a target that has ended stays one.
const lateEvents = 30 * time.Second

// trace adds a pod to what the node's tracer traces, or tells it what has changed of one. It returns an error when there is no
// tracer that could do it.
func (n *node) trace(pod wire.Pod) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.gone, pod.UID)
	known := n.targets.Pod(pod.UID)
	switch {
	case known != nil && reflect.DeepEqual(*known, pod):
		return nil
	case n.failed != nil:
		return n.failed
	case n.over:
		return errors.New("the node's tracer has ended")
	}
	n.prune()
	n.targets.Pods = slices.Clone(n.targets.Pods) // who was sent the former may still read them
	if known = n.targets.Pod(pod.UID); known != nil {
		*known = pod
	} else {
		n.targets.Pods = append(n.targets.Pods, pod)
	}
	return n.send()
}

// untrace takes a pod from what the node's tracer traces: at once if it still runs, later if it has ended.
func (n *node) untrace(podUID string, runs bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.targets.Pod(podUID) == nil {
		return nil
	}
	if !runs {
		n.gone[podUID] = time.Now()
		return nil
	}
	n.targets.Pods = slices.DeleteFunc(slices.Clone(n.targets.Pods), func(p wire.Pod) bool { return p.UID == podUID })
	return n.send()
}

// prune takes out targets that ended long ago; n.mu is held.
func (n *node) prune() {
	n.targets.Pods = slices.DeleteFunc(slices.Clone(n.targets.Pods), func(p wire.Pod) bool {
		at, gone := n.gone[p.UID]
		if gone = gone && time.Since(at) > lateEvents; gone {
			delete(n.gone, p.UID)
		}
		return gone
	})
}

// send tells the tracer its targets, if there is one that may act; n.mu is held. Who starts or arms one hands over what has come
// together until then.
func (n *node) send() error {
	if n.run.tracer == nil || n.run.held || n.run.ended {
		return nil
	}
	targets := n.targets
	return n.run.tracer.Send(wire.Control{Targets: &targets})
}

// start starts a tracer with the targets of this moment.
func (n *node) start(ctx context.Context, s *session) (Tracer, error) {
	n.mu.Lock()
	n.prune()
	n.run = s.newRun()
	targets := n.targets
	n.mu.Unlock()
	config, err := s.TracerConfig(ctx, n.name, targets)
	if err != nil {
		return nil, err
	}
	tracer, err := s.Launcher.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.run.tracer = tracer
	if !reflect.DeepEqual(n.targets, targets) {
		err = n.send()
	}
	return tracer, err
}

// arm lets the node's tracer act on the targets of this moment, and on those that come.
func (n *node) arm() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.run.held = false
	if n.run.ended {
		return errors.New("the tracer has ended")
	}
	return n.send()
}

// refuse ends the node's tracer because of why.
func (n *node) refuse(why error) {
	n.mu.Lock()
	n.run.refused = true
	cancel := n.run.cancel
	n.mu.Unlock()
	if cancel != nil {
		cancel(why)
	}
}

// byeError is what the tracer's last words complain about.
func (n *node) byeError() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.run.failed
}
