// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// maxRemoved is how many deleted pods are kept for events that come late (Tetragon's number).
const maxRemoved = 1024

// Index knows pods and their containers. Its methods may be called at the same time.
type Index struct {
	mu   sync.RWMutex
	pods map[string]*knownPod
	// removed are deleted pods, oldest first, by their API server's UID.
	removed []string
	// changed is closed, and replaced, when a pod is updated.
	changed chan struct{}
}

// NewIndex returns an index that knows no pod.
func NewIndex() *Index {
	return &Index{pods: map[string]*knownPod{}, changed: make(chan struct{})}
}

// Update takes a pod's present state. It copies what it keeps.
func (i *Index) Update(pod *corev1.Pod) {
	i.mu.Lock()
	defer i.mu.Unlock()
	known := describe(pod, i.pods[string(pod.UID)])
	for _, uid := range known.uids {
		i.pods[uid] = known
	}
	close(i.changed)
	i.changed = make(chan struct{})
}

// Remove says that a pod was deleted. It stays known for events that come late, until 1024 others were removed after it.
func (i *Index) Remove(uid types.UID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.pods[string(uid)] == nil || slices.Contains(i.removed, string(uid)) {
		return
	}
	i.removed = append(i.removed, string(uid))
	if len(i.removed) <= maxRemoved {
		return
	}
	oldest := i.removed[0]
	i.removed = i.removed[1:]
	if known := i.pods[oldest]; known != nil {
		for _, uid := range known.uids {
			if i.pods[uid] == known { // of a static pod, the one after it may have the same
				delete(i.pods, uid)
			}
		}
	}
}

// Namespaces of the pods that are known, in order.
func (i *Index) Namespaces() []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	found := map[string]bool{}
	for _, known := range i.pods {
		found[known.bare.Namespace] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// knows says whether a pod is known.
func (i *Index) knows(podUID string) bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.pods[podUID] != nil
}

// settled says whether waiting for a container's name is of no use: it is known, or a container that started after the
// process did is, so that the pod's status is newer than the process and yet does not name its container. That is so for
// sandboxes, which no status ever names.
func (i *Index) settled(p *wire.Process) bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	known := i.pods[p.PodUID]
	if known == nil {
		return false
	}
	if _, found := known.containers[p.ContainerID]; found || p.ContainerID == "" {
		return true
	}
	return known.newerThan(p.StartTime)
}

// newerThan says whether a container is known that started after t. Start times of containers are cut to the second: those
// of t's own second don't count.
func (k *knownPod) newerThan(t *event.Timestamp) bool {
	return t != nil && !t.IsZero() && k.latestStart.After(t.Time)
}

// update returns a channel that is closed at the next Update.
func (i *Index) update() <-chan struct{} {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.changed
}

// resolved is one allocation for a process and what Resolve adds to it.
type resolved struct {
	process   event.Process
	pod       event.Pod
	container event.Container
	pid       uint32
}

// Resolve returns p with its pod. p is not changed; the result is the caller's, but labels, image and times that it points
// at are shared with other results and must not be changed. Where the pod is not known its UID is shown, and where the
// container is not known its ID.
func (i *Index) Resolve(p *wire.Process) *event.Process {
	if p.PodUID == "" {
		copied := p.Process
		return &copied
	}
	c := &resolved{process: p.Process}
	c.process.Pod = &c.pod
	i.fill(c, p)
	if c.process.Docker == "" {
		c.process.Docker = p.ContainerID[:min(len(p.ContainerID), event.DockerLength)]
	}
	if p.ContainerID != "" {
		c.pod.Container = &c.container
		if c.pid = p.NamespacePid; c.pid != 0 {
			c.container.Pid = &c.pid
		}
	}
	return &c.process
}

// fill copies what is known of p's pod and container.
func (i *Index) fill(c *resolved, p *wire.Process) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	known := i.pods[p.PodUID]
	if known == nil {
		c.pod.UID = p.PodUID
		c.container.ID = p.ContainerID
		return
	}
	if pod, found := known.containers[p.ContainerID]; found {
		c.pod, c.container = *pod, *pod.Container
		return
	}
	c.pod = *known.bare
	c.container.ID = known.runtime + p.ContainerID
	if isPause(p) && known.newerThan(p.StartTime) {
		c.container.Name = SandboxName
	}
}
