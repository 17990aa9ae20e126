// SPDX-License-Identifier: Apache-2.0

package join

import (
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// maxRemoved is how many deleted pods are kept for events that come late (Tetragon's number).
const maxRemoved = 1024

// Directory knows pods and their containers. Its methods may be called at the same time.
type Directory struct {
	mu   sync.RWMutex
	pods map[string]*knownPod
	// removed are deleted pods, oldest first, by their API server's UID.
	removed []string
	// changed is closed, and replaced, when a pod is updated.
	changed chan struct{}
}

// NewDirectory returns a directory that knows no pod.
func NewDirectory() *Directory {
	return &Directory{pods: map[string]*knownPod{}, changed: make(chan struct{})}
}

// Update takes a pod's present state. It copies what it keeps.
func (d *Directory) Update(pod *corev1.Pod) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := describe(pod, d.pods[string(pod.UID)])
	for _, uid := range known.uids {
		d.pods[uid] = known
	}
	close(d.changed)
	d.changed = make(chan struct{})
}

// Remove says that a pod was deleted. It stays known for events that come late, until 1024 others were removed after it.
func (d *Directory) Remove(uid types.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pods[string(uid)] == nil || slices.Contains(d.removed, string(uid)) {
		return
	}
	d.removed = append(d.removed, string(uid))
	if len(d.removed) <= maxRemoved {
		return
	}
	oldest := d.removed[0]
	d.removed = d.removed[1:]
	if known := d.pods[oldest]; known != nil {
		for _, uid := range known.uids {
			delete(d.pods, uid)
		}
	}
}

// Known says whether the name of a container is known.
func (d *Directory) Known(podUID, containerID string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	known := d.pods[podUID]
	if known == nil {
		return false
	}
	_, found := known.containers[containerID]
	return found
}

// knows says whether a pod is known.
func (d *Directory) knows(podUID string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.pods[podUID] != nil
}

// settled says whether waiting for a container's name is of no use: it is known, or a container that started after the
// process did is, so that the pod's status is newer than the process and yet does not name its container. That is so for
// sandboxes, which no status ever names.
func (d *Directory) settled(p *wire.Process) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	known := d.pods[p.PodUID]
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
func (d *Directory) update() <-chan struct{} {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.changed
}

// completed is one allocation for a process and what Complete adds to it.
type completed struct {
	process   event.Process
	pod       event.Pod
	container event.Container
	pid       uint32
}

// Complete returns p with its pod. p is not changed; the result is the caller's, but labels, image and times that it points
// at are shared with other results and must not be changed. Where the pod is not known its UID is shown, and where the
// container is not known its ID.
func (d *Directory) Complete(p *wire.Process) *event.Process {
	if p.PodUID == "" {
		copied := p.Process
		return &copied
	}
	c := &completed{process: p.Process}
	c.process.Pod = &c.pod
	d.fill(c, p)
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
func (d *Directory) fill(c *completed, p *wire.Process) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	known := d.pods[p.PodUID]
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
