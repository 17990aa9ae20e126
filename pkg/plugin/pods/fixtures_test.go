// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// start is when the pods of these tests began.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func id(c string) string { return strings.Repeat(c, 64/len(c)) }

func controlledBy(kind, name string) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{Kind: "Ignored", Name: "not-a-controller"}, {Kind: kind, Name: name, Controller: &yes}}
}

// webPod has a sidecar that runs, an application in a crash loop, an init container that is done, and a debug container.
func webPod() *corev1.Pod {
	privileged := true
	running := func(after time.Duration) corev1.ContainerState {
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(start.Add(after))}}
	}
	terminated := func(id string, after time.Duration) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: "containerd://" + id, StartedAt: metav1.NewTime(start.Add(after))}}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web-6f87496b94-qdlh8", UID: "web-uid",
			Labels:          map[string]string{"app": "web", "pod-template-hash": "6f87496b94"},
			OwnerReferences: controlledBy("ReplicaSet", "web-6f87496b94"),
		},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "init", SecurityContext: &corev1.SecurityContext{Privileged: &privileged}}},
			Containers:     []corev1.Container{{Name: "app"}, {Name: "sidecar", SecurityContext: &corev1.SecurityContext{}}},
		},
		Status: corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "init", ContainerID: "containerd://" + id("1"), State: terminated(id("1"), time.Second)}},
			ContainerStatuses: []corev1.ContainerStatus{
				{Name: "app", ContainerID: "containerd://" + id("3"), Image: "docker.io/shop/web:1", ImageID: "docker.io/shop/web@sha256:aa", State: running(20 * time.Second), LastTerminationState: terminated(id("2"), 2*time.Second)},
				{Name: "sidecar", ContainerID: "containerd://" + id("4"), State: running(3 * time.Second)},
			},
			EphemeralContainerStatuses: []corev1.ContainerStatus{{Name: "debugger", ContainerID: "containerd://" + id("5"), State: running(15 * time.Second)}},
		},
	}
}

// process is one in a pod's container that started after start.
func process(pod types.UID, container string, after time.Duration) *wire.Process {
	return &wire.Process{
		Process:      event.Process{ExecID: fmt.Sprintf("%s/%.4s/%s", pod, container, after), Binary: "/bin/sh", StartTime: &event.Timestamp{Time: start.Add(after)}},
		PodUID:       string(pod),
		ContainerID:  container,
		NamespacePid: 7,
	}
}

// pause is the process of a pod's sandbox.
func pause(pod types.UID, container string, after time.Duration) *wire.Process {
	p := process(pod, container, after)
	p.Binary, p.NamespacePid = "/pause", 1
	return p
}

// frame holds an exec of each process.
func frame(processes ...*wire.Process) *wire.Frame {
	f := &wire.Frame{Processes: map[string]*wire.Process{}}
	for _, p := range processes {
		f.Processes[p.ExecID] = p
		f.Events = append(f.Events, wire.Event{ProcessID: p.ExecID, Event: event.Event{ProcessExec: &event.ProcessExec{}, NodeName: "node"}})
	}
	return f
}
