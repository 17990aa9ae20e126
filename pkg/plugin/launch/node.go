// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unsupported are the kinds of node that no tracer can run on.
var unsupported = [...]struct {
	is   func(*corev1.Node) bool
	what string
}{
	{func(n *corev1.Node) bool { return n.Labels["eks.amazonaws.com/compute-type"] == "fargate" }, "AWS Fargate"},
	{func(n *corev1.Node) bool { return n.Labels["type"] == "virtual-kubelet" }, "a virtual kubelet"},
	{func(n *corev1.Node) bool { return tainted(n, "virtual-kubelet.io/provider") }, "a virtual kubelet"},
	{func(n *corev1.Node) bool { return n.Annotations["kwok.x-k8s.io/node"] == "fake" }, "a simulated node (kwok)"},
	{func(n *corev1.Node) bool { return n.Labels[corev1.LabelOSStable] == "windows" }, "Windows"},
}

func tainted(n *corev1.Node, key string) bool {
	for _, t := range n.Spec.Taints {
		if t.Key == key {
			return true
		}
	}
	return false
}

// checkNode says why no tracer can run on a node; nil when one can, or when the user may not read nodes: then the time
// limit of the start will tell.
func (l *Launcher) checkNode(ctx context.Context, name string) *NodeError {
	// Resource version 0: from the API server's cache, which is good enough here.
	node, err := l.client().CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{ResourceVersion: "0"})
	switch {
	case apierrors.IsNotFound(err):
		return &NodeError{Node: name, Reason: NodeNotFound, Message: "there is no such node", Remedy: "see kubectl get nodes", Err: err}
	case err != nil && strings.HasPrefix(name, "fargate-"):
		return unsupportedNode(name, "AWS Fargate")
	case err != nil:
		return nil //nolint:nilerr // what can't be read is no reason yet: the time limit of the start tells
	}
	l.note(name, func(f *nodeFacts) {
		facts := factsOf(node)
		f.architecture, f.kernel, f.runtime, f.images = facts.architecture, facts.kernel, facts.runtime, facts.images
	})
	return nodeProblem(node)
}

func unsupportedNode(name, what string) *NodeError {
	return &NodeError{Node: name, Reason: NodeUnsupported,
		Message: fmt.Sprintf("tracing is not possible: it is %s, where no pod sees a Linux kernel that it shares with others", what)}
}

func nodeProblem(node *corev1.Node) *NodeError {
	for _, u := range unsupported {
		if u.is(node) {
			return unsupportedNode(node.Name, u.what)
		}
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			return &NodeError{Node: node.Name, Reason: NodeNotReady,
				Message: fmt.Sprintf("it is not ready since %s: %s: %s", c.LastTransitionTime.UTC().Format("15:04:05 MST"), c.Reason, c.Message),
				Remedy:  "see kubectl describe node " + node.Name}
		}
	}
	return nil
}
