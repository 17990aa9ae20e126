// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// workload is a container of a pod, as far as selections ask about it.
type workload struct {
	node, namespace string
	labels          map[string]string
	container       container
}

// container is one of a pod's. What is empty is not known: the API server tells of images and IDs when it has run.
type container struct {
	name, image string
	// id is without the runtime's prefix.
	id string
}

// workloadOf is what an event tells.
func workloadOf(node string, pod *event.Pod) workload {
	w := workload{node: node, namespace: pod.Namespace, labels: pod.PodLabels}
	if c := pod.Container; c != nil {
		w.container.name = c.Name
		if c.Image != nil {
			w.container.image = c.Image.Name
		}
	}
	return w
}

// answer to whether a selection holds.
type answer int

const (
	no answer = iota
	// maybe: something is asked for that is not known yet.
	maybe
	yes
)

// holds says whether a selection holds for a workload.
func (s *Scope) holds(selection policy.Selection, w workload) answer {
	if !s.forPod(selection, w) {
		return no
	}
	return selected(selection.Scope.Containers, w.container)
}

// inAll says whether what matchWorkloads says may hold.
func (s *Scope) inAll(entries []policy.Scope, w workload) bool {
	return !slices.ContainsFunc(entries, func(entry policy.Scope) bool { return s.holds(policy.Selection{Scope: entry}, w) == no })
}

// forPod says whether a selection holds for the pod of a workload, whatever its containers.
func (s *Scope) forPod(selection policy.Selection, w workload) bool {
	own := selection.Namespace
	if own == "" && selection.Namespaced {
		own = s.Namespace
	}
	if own != "" && own != w.namespace || selection.HostOnly() || !s.onNode(selection, w.node) {
		return false
	}
	if selection.Scope.Pods == nil {
		return true
	}
	with := map[string]string{policy.NamespaceLabel: w.namespace}
	maps.Copy(with, w.labels)
	return selection.Scope.Pods.Matches(with)
}

// onNode says whether a selection holds on a node. Of one whose labels are not known (a pod waits for its node) nobody can tell:
// it does.
func (s *Scope) onNode(selection policy.Selection, node string) bool {
	if selection.Scope.Nodes == nil {
		return true
	}
	s.mu.Lock()
	labels, known := s.nodes[node]
	s.mu.Unlock()
	return !known || selection.Scope.Nodes.Matches(labels)
}

// selected says whether a container is one of those that a selector selects. A pod's sandbox is none.
func selected(by *policy.LabelSelector, c container) answer {
	switch {
	case by == nil:
		return yes
	case c.name == "":
		return maybe
	case c.name == pods.SandboxName:
		return no
	}
	labels, certain := map[string]string{policy.ContainerName: c.name}, yes
	if c.image != "" {
		labels[policy.ContainerRepo] = repository(c.image)
	}
	for _, r := range by.Requirements {
		switch {
		case r.Key == policy.ContainerRepo && c.image == "":
			certain = maybe
		case !r.Matches(labels):
			return no
		}
	}
	return certain
}

// repository is an image's name without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		image = image[:colon]
	}
	return image
}
