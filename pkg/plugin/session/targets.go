// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

func podTargets(pods ...wire.Pod) wire.Targets { return wire.Targets{Pods: pods} }

func (s *session) watch() {
	err := s.Targets.Watch(s.stop.ShuttingDown(), func(c target.Change) { s.supervisor.Guard(func() { s.changed(c) }) }, func(err error) {
		if text := fmt.Sprintf("watching %s: %v; trying again", s.Targets, err); s.once(text) {
			s.Status.Say(event.LevelWarning, text)
		}
	})
	if err != nil && s.stop.Reason() == nil {
		s.Status.Say(event.LevelWarning, fmt.Sprintf("watching %s: %v; pods that come later are not traced", s.Targets, err))
	}
}

// changed takes one change of the targets: a pod that is there goes to its node's tracer, one that is none any more is let go.
func (s *session) changed(c target.Change) {
	s.Index.Update(c.Pod)
	if c.Gone {
		s.releaseTarget(c.Pod)
		if !pods.Running(c.Pod) {
			s.Index.Remove(c.Pod.UID)
		}
		s.targetGone(c.Pod)
		return
	}
	s.presence.MarkPresent(c.Pod)
	if c.Pod.Spec.NodeName == "" {
		return
	}
	target := s.Target(c.Pod)
	n, isNew := s.nodeOf(c.Pod.Spec.NodeName, target)
	if isNew || n == nil {
		return
	}
	if err := n.trace(target); err != nil {
		text := fmt.Sprintf("pod %s/%s on node %s is not traced: %v", c.Pod.Namespace, c.Pod.Name, n.name, err)
		if s.once(text) {
			n.stats.problem("pods were not traced")
			s.Status.Say(event.LevelWarning, text)
		}
	}
}

// releaseTarget takes a pod from its node's targets: it is none any more, or has ended.
func (s *session) releaseTarget(pod *corev1.Pod) {
	s.mu.Lock()
	n := s.nodes[pod.Spec.NodeName]
	s.mu.Unlock()
	if n == nil {
		return
	}
	if err := n.untrace(pods.CgroupUID(pod), pods.Running(pod) && !s.Named); err != nil {
		s.Status.Say(event.LevelError, fmt.Sprintf("pod %s/%s on node %s is no target any more, but its tracer can't be told: %v", pod.Namespace, pod.Name, n.name, err))
	}
}

// targetGone says when nothing is left to trace, and ends the session when nothing can come.
func (s *session) targetGone(pod *corev1.Pod) {
	left, forGood := s.presence.MarkGone(pod)
	switch {
	case pods.Running(pod) && !s.Named: // what is found by its name stays a target
		s.Status.Say(event.LevelInfo, fmt.Sprintf("pod %s/%s is no target any more (%s): it is not traced", pod.Namespace, pod.Name, s.Targets))
	case left > 0:
	case s.Named && forGood:
		s.Status.Say(event.LevelInfo, fmt.Sprintf("pod %s/%s is gone, and nothing makes one of that name again: ending", pod.Namespace, pod.Name))
		s.stop.Shutdown(errTargetsGone)
		return
	}
	if left == 0 {
		s.Status.Say(event.LevelInfo, "no target is left: waiting for pods of "+s.Targets.String())
	}
}

// nodeOf returns the node of this name and starts one with the pod as its target if there is none yet; nil once the
// session ends.
func (s *session) nodeOf(name string, pod wire.Pod) (n *node, isNew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.nodes[name]; n != nil {
		return n, false
	}
	if s.stop.Reason() != nil {
		return nil, false
	}
	n = s.newNode(name, podTargets(pod))
	s.nodes[name] = n
	s.launch(n)
	return n, true
}
