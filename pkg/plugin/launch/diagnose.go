// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// startState is what the state of a pod means for the start of its tracer.
type startState struct {
	started, failed bool
	// waitingFor is for people; empty when there is nothing to say yet.
	waitingFor string
	reason     Reason
	remedy     string
}

func (v startState) error(t *Tracer) error {
	if v.started {
		return nil
	}
	return &NodeError{Node: t.node, Reason: v.reason, Message: v.waitingFor, Remedy: v.remedy}
}

const (
	imageRemedy = "check the name with --image, that the node can reach its registry, and --image-pull-secret"
	crashRemedy = "see its log; a tracer image of another release or processor is the usual cause"
)

// waits are the kubelet's reasons for which a container has not started, in the words of its status. Those not here are
// shown as they are, and waited for.
var waits = map[string]struct {
	failed bool
	reason Reason
	remedy string
}{
	"ErrImagePull":               {false, ImagePull, imageRemedy},
	"ImagePullBackOff":           {false, ImagePull, imageRemedy},
	"ImageInspectError":          {false, ImagePull, imageRemedy},
	"RegistryUnavailable":        {false, ImagePull, imageRemedy},
	"SignatureValidationFailed":  {true, ImagePull, "the node's policy wants signed images"},
	"InvalidImageName":           {true, ImagePull, "check the name with --image"},
	"ErrImageNeverPull":          {true, ImagePull, "the image is not on the node and --image-pull-policy=Never forbids to pull it"},
	"CreateContainerConfigError": {false, ContainerFailed, ""},
	"CreateContainerError":       {false, ContainerFailed, ""},
	"RunContainerError":          {false, ContainerFailed, ""},
}

// definite are answers of registries that trying again does not change.
var definite = [...]string{"not found", "unauthorized", "authorization failed", "denied", "403 Forbidden", "no match for platform"}

// classifyStart reads a pod's state.
func classifyStart(pod *corev1.Pod, gone bool) startState {
	s := containerState(pod)
	switch {
	case s.Running != nil:
		return startState{started: true}
	case s.Terminated != nil && s.Terminated.ExitCode == 0:
		return startState{started: true} // and ended already, in good order
	case s.Terminated != nil:
		return startState{failed: true, reason: ContainerFailed, waitingFor: "the tracer failed: " + termination(pod, gone).String(), remedy: crashRemedy}
	case gone:
		return startState{failed: true, reason: Deleted, waitingFor: "the tracer pod was deleted before it ran"}
	case finished(pod):
		return startState{failed: true, reason: Rejected, waitingFor: "the kubelet does not run the tracer: " + pod.Status.Reason + ": " + pod.Status.Message}
	case s.Waiting != nil:
		return classifyWaiting(*s.Waiting)
	}
	return startState{}
}

func classifyWaiting(w corev1.ContainerStateWaiting) startState {
	if w.Reason == "ContainerCreating" || w.Reason == "PodInitializing" {
		return startState{}
	}
	text := w.Reason
	if w.Message != "" {
		text += ": " + w.Message
	}
	known := waits[w.Reason]
	v := startState{failed: known.failed, reason: known.reason, remedy: known.remedy, waitingFor: text}
	if w.Reason == "ImagePullBackOff" { // the kubelet has tried, and tells what came of it
		for _, sign := range definite {
			v.failed = v.failed || strings.Contains(w.Message, sign)
		}
	}
	return v
}
