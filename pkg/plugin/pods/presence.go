// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Presence is which targets are there now. Its methods may be called at the same time.
type Presence struct {
	mu sync.Mutex
	// names by the UID that a tracer knows (CgroupUID).
	names map[string]string
	live  map[types.UID]bool
	// returns says whether something will make a pod of the same name when this one is gone.
	returns map[types.UID]bool
}

// NewPresence returns one without targets.
func NewPresence() *Presence {
	return &Presence{names: map[string]string{}, live: map[types.UID]bool{}, returns: map[types.UID]bool{}}
}

// MarkPresent notes a pod, and says whether it is new.
func (p *Presence) MarkPresent(pod *corev1.Pod) (isNew bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	isNew = !p.live[pod.UID]
	p.live[pod.UID] = true
	p.names[CgroupUID(pod)] = pod.Namespace + "/" + pod.Name
	p.returns[pod.UID] = comesBack(pod)
	return isNew
}

// MarkGone notes that a pod is no target any more. left is how many still are, forGood whether none of those that went will come
// back under its name.
func (p *Presence) MarkGone(pod *corev1.Pod) (left int, forGood bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, pod.UID)
	forGood = true
	for _, returns := range p.returns {
		forGood = forGood && !returns
	}
	return len(p.live), forGood
}

// Name is the pod's namespace/name, empty for what is not the UID of a pod that was seen.
func (p *Presence) Name(uid string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.names[uid]
}

// Running says whether a pod runs still: it was not deleted, and its containers have not ended.
func Running(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

// comesBack says whether something makes a pod of the same name again: a StatefulSet, or a node's kubelet (static pods).
func comesBack(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && (owner.Kind == "StatefulSet" || owner.Kind == "Node")
}
