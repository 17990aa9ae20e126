// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestImages(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	pod := func(uid, node string, secret bool, states map[string]corev1.ContainerState) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid)}, Spec: corev1.PodSpec{NodeName: node}}
		if secret {
			p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
		}
		for image, state := range states {
			status := corev1.ContainerStatus{Name: "of-" + image, State: state}
			if state.Waiting == nil {
				status.ImageID = "sha256:1"
			}
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "of-" + image, Image: image})
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, status)
		}
		return p
	}
	index := NewIndex()
	for _, p := range []*corev1.Pod{
		pod("1", "a", true, map[string]corev1.ContainerState{"private/1": running}),
		pod("2", "a", false, map[string]corev1.ContainerState{"web:2": running, "pulled-yet": {Waiting: &corev1.ContainerStateWaiting{}}}),
		pod("3", "a", false, map[string]corev1.ContainerState{"web:2": running, "done:1": {Terminated: &corev1.ContainerStateTerminated{}}}),
		pod("4", "b", false, map[string]corev1.ContainerState{"elsewhere": running}),
	} {
		index.Update(p)
	}
	if got, want := index.Images("a"), []string{"done:1", "web:2", "private/1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := index.Images("c"); len(got) > 0 {
		t.Errorf("a node without pods has %q", got)
	}
}
