// SPDX-License-Identifier: Apache-2.0

package launch

import corev1 "k8s.io/api/core/v1"

// containerState of the tracer; zero when the kubelet has not said anything yet.
func containerState(pod *corev1.Pod) corev1.ContainerState {
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name == ContainerName {
			return s.State
		}
	}
	return corev1.ContainerState{}
}

func started(pod *corev1.Pod) bool {
	s := containerState(pod)
	return s.Running != nil || s.Terminated != nil
}

// begun: its container has started, or never will.
func begun(pod *corev1.Pod) bool { return started(pod) || finished(pod) }

func ended(pod *corev1.Pod) bool {
	return finished(pod) || containerState(pod).Terminated != nil
}

// finished: the whole pod has, with or without its container having run.
func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// Starting says whether a pod's tracer has not begun yet.
func Starting(pod *corev1.Pod) bool { return !begun(pod) && pod.DeletionTimestamp == nil }
