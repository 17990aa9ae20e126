// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/join"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// pods are the targets that are there now.
type pods struct {
	mu sync.Mutex
	// names by the UID that a tracer knows (join.CgroupUID).
	names map[string]string
	live  map[types.UID]bool
	// returns says whether something will make a pod of the same name when this one is gone.
	returns map[types.UID]bool
}

func newPods() *pods {
	return &pods{names: map[string]string{}, live: map[types.UID]bool{}, returns: map[types.UID]bool{}}
}

// here notes a pod, and says whether it is new.
func (p *pods) here(pod *corev1.Pod) (isNew bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	isNew = !p.live[pod.UID]
	p.live[pod.UID] = true
	p.names[join.CgroupUID(pod)] = pod.Namespace + "/" + pod.Name
	p.returns[pod.UID] = comesBack(pod)
	return isNew
}

// gone notes that a pod is gone. left is how many are still there, forGood whether none of those that went will come back
// under its name.
func (p *pods) gone(pod *corev1.Pod) (left int, forGood bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, pod.UID)
	forGood = true
	for _, returns := range p.returns {
		forGood = forGood && !returns
	}
	return len(p.live), forGood
}

// name is the pod's namespace/name, empty for what is not the UID of a pod that was seen.
func (p *pods) name(uid string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.names[uid]
}

// comesBack says whether something makes a pod of the same name again: a StatefulSet, or a node's kubelet (static pods).
func comesBack(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && (owner.Kind == "StatefulSet" || owner.Kind == "Node")
}

// changed takes one change of the targets: a pod that is there goes to its node's tracer, one that is gone is forgotten.
func (s *session) changed(c target.Change) {
	s.Directory.Update(c.Pod)
	if c.Gone {
		s.letGo(c.Pod)
		s.Directory.Remove(c.Pod.UID)
		s.targetGone(c.Pod)
		return
	}
	s.pods.here(c.Pod)
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
			n.tally.problem("pods were not traced")
			s.Status.Say(event.LevelWarning, text)
		}
	}
}

// targetGone says when nothing is left to trace, and ends the session when nothing can come.
func (s *session) targetGone(pod *corev1.Pod) {
	left, forGood := s.pods.gone(pod)
	switch {
	case left > 0:
	case s.Named && forGood:
		s.Status.Say(event.LevelInfo, fmt.Sprintf("pod %s/%s is gone, and nothing makes one of that name again: ending", pod.Namespace, pod.Name))
		s.stop.Ask(errTargetsGone)
	default:
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
