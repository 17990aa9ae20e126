// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// containers of a pod, init and ephemeral ones included.
func containers(pod *corev1.Pod) (all []container) {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		all = append(all, container{name: c.Name})
	}
	for _, c := range pod.Spec.EphemeralContainers {
		all = append(all, container{name: c.Name})
	}
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses)
	for i := range all {
		for _, status := range statuses {
			if _, id, ok := strings.Cut(status.ContainerID, "://"); ok && status.Name == all[i].name {
				all[i].image, all[i].id = status.Image, id
			}
		}
	}
	return all
}

// numbersOn are the numbers of the selections of those policies that a node's tracer gets.
func (s *Scope) numbersOn(node string) *policy.Selections {
	var there []*policy.Policy
	for _, p := range s.Policies {
		if s.goesTo(p.File, node) {
			there = append(there, p)
		}
	}
	numbers, err := policy.NumberSelections(there)
	if err != nil { // New has numbered those of all policies
		panic(err)
	}
	return numbers
}

// selections that hold for a container, a bit each: those that do for sure, or that may.
func (s *Scope) selections(numbers *policy.Selections, w workload) (sure, possible uint64) {
	note := func(a answer, bit uint64) {
		if a == yes {
			sure |= bit
		}
		if a != no {
			possible |= bit
		}
	}
	for n, selection := range numbers.All() {
		note(s.holds(selection, w), 1<<n)
	}
	if s.Narrowed() {
		note(selected(s.named, w.container), policy.SessionSelection)
	}
	return sure, possible
}

// Narrowed says whether the session is about some containers only of the pods that it is about (wire.TracerConfig).
func (s *Scope) Narrowed() bool { return s.named != nil }

// Pod is a target as its node's tracer is told of it. A container is known by its ID once the pod's status names it. Of one that
// is not known yet, a session that enforces assumes what holds for all containers of the pod, so that it acts on nobody who may
// not be meant; another what holds for any, so that nothing is missed.
func (s *Scope) Pod(pod *corev1.Pod) wire.Pod {
	out, numbers := wire.Pod{UID: pods.CgroupUID(pod)}, s.numbersOn(pod.Spec.NodeName)
	all := containers(pod)
	exact, every, some := map[string]uint64{}, ^uint64(0), uint64(0)
	for _, c := range all {
		sure, possible := s.selections(numbers, workload{pod.Spec.NodeName, pod.Namespace, pod.Labels, c})
		if every, some = every&sure, some|possible; c.id != "" {
			exact[c.id] = sure
			if !s.Enforcing {
				exact[c.id] = possible
			}
		}
	}
	if out.Selections = some; s.Enforcing && len(all) > 0 {
		out.Selections = every
	}
	for id, selections := range exact {
		if selections == out.Selections {
			delete(exact, id)
		}
	}
	if len(exact) > 0 {
		out.Containers = exact
	}
	return out
}

// ActsOn are the names of those containers of a pod that a policy acts on, as far as the command's options say so too. all: there
// is no other, and whatever the pod gets is meant.
func (s *Scope) ActsOn(p *policy.Policy, pod *corev1.Pod) (names []string, all bool) {
	all = true
	for _, c := range containers(pod) {
		if s.actsOn(p, workload{pod.Spec.NodeName, pod.Namespace, pod.Labels, c}) {
			names = append(names, c.name)
		} else {
			all = false
		}
	}
	return names, all
}

func (s *Scope) actsOn(p *policy.Policy, w workload) bool {
	if !p.Acts() || s.holds(p.Selection(), w) == no || selected(s.named, w.container) == no {
		return false
	}
	return slices.ContainsFunc(p.Hooks, func(h policy.Hook) bool {
		return slices.ContainsFunc(h.Selectors, func(selector policy.Selector) bool {
			return selector.Enforces() && s.inAll(selector.Workloads, w)
		})
	})
}

// Enforced says whether any policy acts on a pod, or on a container of it.
func (s *Scope) Enforced(pod *corev1.Pod) bool {
	return slices.ContainsFunc(s.Policies, func(p *policy.Policy) bool {
		names, _ := s.ActsOn(p, pod)
		return len(names) > 0 && s.goesTo(p.File, pod.Spec.NodeName)
	})
}

// HasNamed says whether a pod has a container that the command names; it is true when that names none.
func (s *Scope) HasNamed(pod *corev1.Pod) bool {
	return !s.Narrowed() || slices.ContainsFunc(containers(pod), func(c container) bool { return slices.Contains(s.Options.Containers, c.name) })
}

// TellsContainersApart says whether what a session does differs among the containers of one pod.
func (s *Scope) TellsContainersApart() bool {
	return s.Narrowed() || slices.ContainsFunc(s.numbers.All(), func(one policy.Selection) bool { return one.Scope.Containers != nil })
}
