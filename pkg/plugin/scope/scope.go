// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// NodeLabels reads the labels of a node.
type NodeLabels func(ctx context.Context, node string) (map[string]string, error)

// Options of a session that say what it is about.
type Options struct {
	// Policies were read from Sources: the position of each has its source's name.
	Policies []*policy.Policy
	Sources  []wire.PolicySource
	// Namespace of namespaced policies that name none.
	Namespace string
	// Containers by name that the session is about; empty for all.
	Containers []string
	// Enforcing: the policies act.
	Enforcing bool
	// NodeLabels is asked only when a policy has a nodeSelector.
	NodeLabels NodeLabels
}

// Scope is what a session's policies are about. Its methods may be called at the same time.
type Scope struct {
	Options
	// numbers are those of the selections of all policies.
	numbers *policy.Selections
	// named are the containers of Options; nil for all.
	named *policy.LabelSelector

	mu sync.Mutex
	// nodes are labels by the node's name, read once.
	nodes map[string]map[string]string
}

// New returns the scope of a session. It is an error when the policies select more than can be told apart.
func New(o Options) (*Scope, error) {
	numbers, err := policy.NumberSelections(o.Policies)
	if err != nil {
		return nil, err
	}
	s := &Scope{Options: o, numbers: numbers, nodes: map[string]map[string]string{}}
	if len(o.Containers) > 0 {
		s.named = &policy.LabelSelector{Requirements: []policy.Requirement{{Key: policy.ContainerName, Operator: "In", Values: o.Containers}}}
	}
	return s, nil
}

// learn reads a node's labels if a policy asks for some.
func (s *Scope) learn(ctx context.Context, node string) error {
	if node == "" || !slices.ContainsFunc(s.Policies, func(p *policy.Policy) bool { return p.Scope.Nodes != nil }) {
		return nil
	}
	s.mu.Lock()
	_, known := s.nodes[node]
	s.mu.Unlock()
	if known {
		return nil
	}
	labels, err := s.NodeLabels(ctx, node)
	if err != nil {
		return fmt.Errorf("read the labels of node %s, which a policy's nodeSelector asks for: %w", node, err)
	}
	s.mu.Lock()
	s.nodes[node] = labels
	s.mu.Unlock()
	return nil
}

// selects says whether some policy is about a pod. Containers are told apart when they run: their images are not known before.
func (s *Scope) selects(pod *corev1.Pod) bool {
	return slices.ContainsFunc(s.Policies, func(p *policy.Policy) bool {
		return s.forPod(p.Selection(), workload{node: pod.Spec.NodeName, namespace: pod.Namespace, labels: pod.Labels})
	})
}

// Keep says whether an event about a process is shown: one of a hook where a policy of its name is about the process, others
// (exec, exit, and loader events, which name no policy) where any policy is about the pod. What is not known of a pod or
// container hides nothing.
func (s *Scope) Keep(e *event.Event) bool {
	process := e.Process()
	if process == nil || process.Pod == nil || process.Pod.Name == "" {
		return true
	}
	w, hooked := workloadOf(e.NodeName, process.Pod), e.Hooked()
	return slices.ContainsFunc(s.Policies, func(p *policy.Policy) bool {
		if hooked == nil {
			return s.forPod(p.Selection(), w)
		}
		return hooked.PolicyName == p.Name && s.holds(p.Selection(), w) != no && s.anySelector(p, w)
	})
}

// anySelector says whether any selector of a policy may be about a workload. Which one an event is of, it does not say.
func (s *Scope) anySelector(p *policy.Policy, w workload) bool {
	return slices.ContainsFunc(p.Hooks, func(h policy.Hook) bool {
		return len(h.Selectors) == 0 || slices.ContainsFunc(h.Selectors, func(selector policy.Selector) bool { return s.inAll(selector.Workloads, w) })
	})
}

// SourcesOn are the policies that a node's tracer gets: files of which some policy is for the node. What else is in such a file
// is attached there too, for none of the pods.
func (s *Scope) SourcesOn(ctx context.Context, node string) (chosen []wire.PolicySource, err error) {
	if err := s.learn(ctx, node); err != nil {
		return nil, err
	}
	for _, source := range s.Sources {
		if s.goesTo(source.Name, node) {
			chosen = append(chosen, source)
		}
	}
	return chosen, nil
}

// goesTo says whether a node's tracer gets the policies of a source.
func (s *Scope) goesTo(source, node string) bool {
	return slices.ContainsFunc(s.Policies, func(p *policy.Policy) bool { return p.File == source && s.onNode(p.Selection(), node) })
}
