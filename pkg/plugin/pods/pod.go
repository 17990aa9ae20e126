// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// configHash is the annotation that holds the UID by which the kubelet knows a static pod: its cgroup is named after that,
// while the API server shows a mirror pod with a UID of its own.
const configHash = "kubernetes.io/config.hash"

// CgroupUID is the UID by which a pod's cgroup is named, and so the one that a tracer knows: the API server's, but for
// static pods.
func CgroupUID(pod *corev1.Pod) string {
	if hash := pod.Annotations[configHash]; hash != "" {
		return hash
	}
	return string(pod.UID)
}

// knownPod is a pod as events show it. It is never changed once it is in the index.
type knownPod struct {
	// uids under which the pod is found: the API server's first.
	uids []string
	// bare is the pod without a container.
	bare *event.Pod
	// containers holds the pod with its container, by ID without the runtime's prefix; those of earlier states stay.
	containers map[string]*event.Pod
	// runtime is the prefix of container IDs ("containerd://"), empty while no container is known.
	runtime string
	// images that its containers have been started from.
	images []nodeImage
	// latestStart is when the container that started last did, to the second.
	latestStart time.Time
}

// maxFormer is how many containers of a pod are remembered that its status does not name any more.
const maxFormer = 64

// describe turns a pod into what events show of it. before is its former state, nil for a new one.
func describe(pod *corev1.Pod, before *knownPod) *knownPod {
	name, kind := Workload(pod)
	k := &knownPod{
		uids: []string{string(pod.UID)},
		bare: &event.Pod{
			Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID),
			PodLabels: maps.Clone(pod.Labels), Workload: name, WorkloadKind: kind,
		},
		containers: map[string]*event.Pod{},
		images:     imagesOf(pod),
	}
	if uid := CgroupUID(pod); uid != string(pod.UID) {
		k.uids = append(k.uids, uid)
	}
	if before != nil {
		k.runtime, k.latestStart = before.runtime, before.latestStart
		if len(before.containers) < maxFormer {
			maps.Copy(k.containers, before.containers)
		}
	}
	privileged := privilegedContainers(pod)
	for _, statuses := range [...][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses} {
		for i := range statuses {
			k.addStatus(&statuses[i], privileged[statuses[i].Name])
		}
	}
	return k
}

// addStatus notes the containers that a status names: the present one and the one before it.
func (k *knownPod) addStatus(status *corev1.ContainerStatus, privileged bool) {
	k.addState(status, status.LastTerminationState, privileged)
	k.addState(status, status.State, privileged)
	if status.ContainerID != "" { // a state that waits (crash loop) has no ID of its own
		if _, have := k.containers[bareID(status.ContainerID)]; !have {
			k.addContainer(status, status.ContainerID, time.Time{}, privileged)
		}
	}
}

func (k *knownPod) addState(status *corev1.ContainerStatus, state corev1.ContainerState, privileged bool) {
	switch {
	case state.Running != nil && status.ContainerID != "":
		k.addContainer(status, status.ContainerID, state.Running.StartedAt.Time, privileged)
	case state.Terminated != nil && state.Terminated.ContainerID != "":
		k.addContainer(status, state.Terminated.ContainerID, state.Terminated.StartedAt.Time, privileged)
	}
}

func (k *knownPod) addContainer(status *corev1.ContainerStatus, id string, started time.Time, privileged bool) {
	container := &event.Container{ID: id, Name: status.Name, Image: &event.Image{ID: status.ImageID, Name: status.Image}}
	if !started.IsZero() {
		container.StartTime = &event.Timestamp{Time: started}
		if started.After(k.latestStart) {
			k.latestStart = started
		}
	}
	if privileged {
		container.SecurityContext = &event.SecurityContext{Privileged: true}
	}
	described := *k.bare
	described.Container = container
	k.containers[bareID(id)] = &described
	k.runtime = strings.TrimSuffix(id, bareID(id))
}

// bareID is a container ID without its runtime: what is behind "://".
func bareID(id string) string {
	if _, bare, found := strings.Cut(id, "://"); found {
		return bare
	}
	return id
}

// privilegedContainers are the names of the pod's privileged containers.
func privilegedContainers(pod *corev1.Pod) map[string]bool {
	privileged := map[string]bool{}
	note := func(name string, s *corev1.SecurityContext) {
		if s != nil && s.Privileged != nil && *s.Privileged {
			privileged[name] = true
		}
	}
	for _, containers := range [...][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			note(containers[i].Name, containers[i].SecurityContext)
		}
	}
	for i := range pod.Spec.EphemeralContainers {
		note(pod.Spec.EphemeralContainers[i].Name, pod.Spec.EphemeralContainers[i].SecurityContext)
	}
	return privileged
}
