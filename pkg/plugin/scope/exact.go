// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Exactly says whether all enforcing policies of a pod's node are about the pod, and about all of it. A tracer acts on the
// pods that are its targets, by all policies that it has: so a pod that only some are about, or of which a policy is about
// some containers only, can neither be a target nor not, and is an error.
func (s *Scope) Exactly(ctx context.Context, pod *corev1.Pod) (bool, error) {
	sources, err := s.Sources(ctx, pod.Spec.NodeName)
	if err != nil {
		return false, err
	}
	var about, not []string
	for _, p := range s.policies {
		if !p.Acts() || !slices.ContainsFunc(sources, func(source wire.PolicySource) bool { return source.Name == p.File }) {
			continue
		}
		selected := s.onNode(p, pod.Spec.NodeName) && s.inPod(p, pod.Namespace, pod.Labels)
		if selected {
			if selected, err = aboutContainers(p, pod); err != nil {
				return false, err
			}
		}
		if selected {
			about = append(about, p.Name)
		} else {
			not = append(not, p.Name)
		}
	}
	if len(about) > 0 && len(not) > 0 {
		return false, fmt.Errorf("pod %s/%s: policy %s is about it and policy %s is not, but a tracer enforces all its policies on all its pods: run a session for each",
			pod.Namespace, pod.Name, strings.Join(about, ", "), strings.Join(not, ", "))
	}
	return len(about) > 0, nil
}

// aboutContainers says whether a policy is about all containers of a pod that it is about, or about none.
func aboutContainers(p *policy.Policy, pod *corev1.Pod) (bool, error) {
	if p.Scope.Containers == nil {
		return true, nil
	}
	if slices.ContainsFunc(p.Scope.Containers.Requirements, func(r policy.Requirement) bool { return r.Key != policy.ContainerName }) {
		return false, fmt.Errorf("policy %s tells containers apart by their images (%s): enforced are policies on whole pods", p.Name, p.Scope.Containers)
	}
	var in, out []string
	for _, name := range ContainerNames(pod) {
		if p.Scope.Containers.Matches(map[string]string{policy.ContainerName: name}) {
			in = append(in, name)
		} else {
			out = append(out, name)
		}
	}
	if len(in) > 0 && len(out) > 0 {
		return false, fmt.Errorf("pod %s/%s: policy %s is about its container %s and not about %s, but a tracer enforces it on whole pods",
			pod.Namespace, pod.Name, p.Name, strings.Join(in, ", "), strings.Join(out, ", "))
	}
	return len(in) > 0, nil
}

// ContainerNames are those of all containers of a pod, init and ephemeral ones included.
func ContainerNames(pod *corev1.Pod) (names []string) {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		names = append(names, c.Name)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		names = append(names, c.Name)
	}
	return names
}
