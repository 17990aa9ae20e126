// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

const (
	// readTime is how long a session has to read the log of a tracer that has ended and to delete its pod.
	readTime = time.Minute
	// startTime is after which a pod that has not started belongs to nobody: twice what any session waits, and more.
	startTime = 10 * time.Minute
	// deletionPatience is how long after the time of its deletion a pod may stay until its kubelet is taken for dead.
	deletionPatience = 30 * time.Second
)

// leftOvers are the pods that dead sessions left; doc.go has the rule. Asked for by a user (explicit), pods whose tracers took
// their plugin for dead are among them at once.
func (j *janitor) leftOvers(pods []corev1.Pod, now time.Time, explicit bool) (found []corev1.Pod) {
	alive := map[string]bool{}
	for i := range pods {
		if tracing(&pods[i], now) {
			alive[pods[i].Labels[LabelSession]] = true
		}
	}
	for i := range pods {
		session := pods[i].Labels[LabelSession]
		if session != j.session && leftOver(&pods[i], alive[session], now, explicit) {
			found = append(found, pods[i])
		}
	}
	return found
}

func leftOver(pod *corev1.Pod, sessionAlive bool, now time.Time, explicit bool) bool {
	switch {
	case expired(pod, now):
		return true
	case pod.DeletionTimestamp != nil:
		return now.Sub(pod.DeletionTimestamp.Time) > deletionPatience
	case sessionAlive:
		return false
	case ended(pod) && readable(pod):
		return false
	case ended(pod):
		return now.Sub(endTime(pod)) > readTime || explicit && abandoned(pod)
	}
	return !started(pod) && now.Sub(pod.CreationTimestamp.Time) > startTime
}

// tracing says whether the pod shows that its session lives: its tracer runs, and would not for longer than Silence without
// the plugin. A node that is not ready shows nothing.
func tracing(pod *corev1.Pod, now time.Time) bool {
	if ended(pod) || !started(pod) || pod.DeletionTimestamp != nil || expired(pod, now) {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status != corev1.ConditionTrue && c.Reason == "NodeNotReady" {
			return false
		}
	}
	return true
}

// expired says whether the pod's session should have ended. A pod without a readable time is not taken for one: the kubelet ends it
// at its deadline.
func expired(pod *corev1.Pod, now time.Time) bool {
	expires, err := time.Parse(time.RFC3339, pod.Annotations[AnnotationExpires])
	return err == nil && now.After(expires)
}

// endTime is when a tracer ended, by the clock of its node, or else the pod's last change that is known.
func endTime(pod *corev1.Pod) time.Time {
	if s := containerState(pod).Terminated; s != nil && !s.FinishedAt.IsZero() {
		return s.FinishedAt.Time
	}
	last := pod.CreationTimestamp.Time
	for _, c := range pod.Status.Conditions {
		if c.LastTransitionTime.After(last) {
			last = c.LastTransitionTime.Time
		}
	}
	return last
}

// abandoned says whether the tracer ended because its plugin was gone.
func abandoned(pod *corev1.Pod) bool {
	s := containerState(pod).Terminated
	return s != nil && lastWords(s.Message).Reason == event.ByeAbandoned
}
