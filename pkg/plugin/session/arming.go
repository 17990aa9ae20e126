// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/join"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Approve decides which nodes are armed, knowing what their tracers said of their hooks: first of all that began together,
// then of each that comes later; never twice at the same time. refused says why a node is not: its tracer is removed. An error
// means that nothing is armed, and ends the session with it as its reason.
type Approve func(ctx context.Context, hellos map[string]*event.Hello) (refused map[string]error, err error)

// ErrNotArmed is wrapped by reasons of sessions that ended because Approve said so.
var ErrNotArmed = errors.New("nothing was armed")

// arm asks for approval of nodes and lets their tracers act.
func (s *session) arm(hellos map[string]*event.Hello) {
	s.approving.Lock()
	defer s.approving.Unlock()
	if s.stop.Reason() != nil {
		return
	}
	refused, err := s.Approve(s.stop.Asked(), hellos)
	if err != nil {
		s.stop.Ask(fmt.Errorf("%w: %w", ErrNotArmed, err))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(hellos)) {
		s.mu.Lock()
		n := s.nodes[name]
		s.mu.Unlock()
		if why := refused[name]; why != nil {
			n.refuse(why)
			continue
		}
		if err := n.arm(); err != nil {
			n.refuse(fmt.Errorf("not armed: %w", err))
		}
	}
	s.approved.Do(func() { close(s.armed) })
}

// arm lets the node's tracer act on the targets of this moment, and on those that come.
func (n *node) arm() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = false
	if n.ended {
		return errors.New("the tracer has ended")
	}
	targets := n.targets
	return n.tracer.Send(wire.Control{Targets: &targets})
}

// refuse ends the node's tracer because of why.
func (n *node) refuse(why error) {
	n.mu.Lock()
	n.refused = true
	cancel := n.cancel
	n.mu.Unlock()
	if cancel != nil {
		cancel(why)
	}
}

// letGo takes a pod that runs from an armed node's targets: it is none any more.
func (s *session) letGo(pod *corev1.Pod) {
	if s.Approve == nil || pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return
	}
	s.mu.Lock()
	n := s.nodes[pod.Spec.NodeName]
	s.mu.Unlock()
	if n == nil {
		return
	}
	if err := n.untrace(join.CgroupUID(pod)); err != nil {
		s.Status.Say(event.LevelError, fmt.Sprintf("pod %s/%s on node %s is no target any more, but its tracer can't be told: %v", pod.Namespace, pod.Name, n.name, err))
	}
}

// untrace takes a pod from what the node's tracer traces.
func (n *node) untrace(podUID string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.targets.Pod(podUID) == nil || n.ended {
		return nil
	}
	n.targets.Pods = slices.DeleteFunc(slices.Clone(n.targets.Pods), func(p wire.Pod) bool { return p.UID == podUID })
	if n.held || n.tracer == nil {
		return nil
	}
	targets := n.targets
	return n.tracer.Send(wire.Control{Targets: &targets})
}
