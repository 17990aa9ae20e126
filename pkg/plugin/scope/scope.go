// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/join"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// NodeLabels reads the labels of a node.
type NodeLabels func(ctx context.Context, node string) (map[string]string, error)

// Scope is what a session's policies are about. Its methods may be called at the same time.
type Scope struct {
	policies []*policy.Policy
	sources  []wire.PolicySource
	// namespace of a TracingPolicyNamespaced that names none.
	namespace string
	read      NodeLabels

	mu sync.Mutex
	// nodes are labels by the node's name, read once.
	nodes map[string]map[string]string
}

// New returns the scope of policies that were read from sources: the position of each has its source's name. namespace is that
// of namespaced policies that name none. read is asked only when a policy has a nodeSelector.
func New(policies []*policy.Policy, sources []wire.PolicySource, namespace string, read NodeLabels) *Scope {
	return &Scope{policies: policies, sources: sources, namespace: namespace, read: read, nodes: map[string]map[string]string{}}
}

// learn reads a node's labels if a policy asks for some.
func (s *Scope) learn(ctx context.Context, node string) error {
	if node == "" || !slices.ContainsFunc(s.policies, func(p *policy.Policy) bool { return p.Scope.Nodes != nil }) {
		return nil
	}
	s.mu.Lock()
	_, known := s.nodes[node]
	s.mu.Unlock()
	if known {
		return nil
	}
	labels, err := s.read(ctx, node)
	if err != nil {
		return fmt.Errorf("read the labels of node %s, which a policy's nodeSelector asks for: %w", node, err)
	}
	s.mu.Lock()
	s.nodes[node] = labels
	s.mu.Unlock()
	return nil
}

// onNode says whether a policy is for a node. Of one whose labels are not known (a pod waits for its node) nobody can tell: it
// is.
func (s *Scope) onNode(p *policy.Policy, node string) bool {
	if p.Scope.Nodes == nil {
		return true
	}
	s.mu.Lock()
	labels, known := s.nodes[node]
	s.mu.Unlock()
	return !known || p.Scope.Nodes.Matches(labels)
}

// inPod says whether a policy is about a pod, whatever its containers.
func (s *Scope) inPod(p *policy.Policy, namespace string, labels map[string]string) bool {
	own := p.Namespace
	if own == "" && p.Kind == policy.TracingPolicyNamespaced {
		own = s.namespace
	}
	if own != "" && own != namespace {
		return false
	}
	if p.Scope.Pods == nil {
		return true
	}
	with := map[string]string{policy.NamespaceLabel: namespace}
	for key, value := range labels {
		with[key] = value
	}
	return p.Scope.Pods.Matches(with)
}

// selects says whether some policy is about a pod. Containers are told apart event by event: their images are known only when
// they run.
func (s *Scope) selects(pod *corev1.Pod) bool {
	return slices.ContainsFunc(s.policies, func(p *policy.Policy) bool {
		return s.onNode(p, pod.Spec.NodeName) && s.inPod(p, pod.Namespace, pod.Labels)
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
	pod, hooked := process.Pod, e.Hooked()
	return slices.ContainsFunc(s.policies, func(p *policy.Policy) bool {
		if !s.onNode(p, e.NodeName) || !s.inPod(p, pod.Namespace, pod.PodLabels) {
			return false
		}
		return hooked == nil || hooked.PolicyName == p.Name && inContainer(p, pod.Container)
	})
}

// inContainer says whether a policy is about a container of a pod that it is about.
func inContainer(p *policy.Policy, c *event.Container) bool {
	if p.Scope.Containers == nil || c == nil || c.Name == "" {
		return true
	}
	if c.Name == join.SandboxName {
		return false
	}
	labels := map[string]string{policy.ContainerName: c.Name}
	if c.Image != nil {
		labels[policy.ContainerRepo] = repository(c.Image.Name)
	}
	return p.Scope.Containers.Matches(labels)
}

// repository is an image's name without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		image = image[:colon]
	}
	return image
}

// Sources are the policies that a node's tracer gets: files of which some policy is for the node. What else is in such a file
// is attached there too, and its events are dropped by Keep.
func (s *Scope) Sources(ctx context.Context, node string) (chosen []wire.PolicySource, err error) {
	if err := s.learn(ctx, node); err != nil {
		return nil, err
	}
	for _, source := range s.sources {
		if slices.ContainsFunc(s.policies, func(p *policy.Policy) bool { return p.File == source.Name && s.onNode(p, node) }) {
			chosen = append(chosen, source)
		}
	}
	return chosen, nil
}
