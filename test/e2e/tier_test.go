// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"regexp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tierLabel is a label of nodes: the best kind of hook that programs can be attached to in their kernels. Whoever makes the cluster
// sets it, since what the product says of it is what is tested.
const tierLabel = "trace-sec.test/tier"

// The values of tierLabel.
const (
	trampolineTier = "trampoline"
	kprobeTier     = "kprobe"
	tracepointTier = "tracepoint"
)

// tier is what a node's label says.
func (s *scene) tier(node string) string {
	s.Helper()
	n, err := client.CoreV1().Nodes().Get(s.Context(), node, metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	tier := n.Labels[tierLabel]
	switch tier {
	case trampolineTier, kprobeTier, tracepointTier:
	default:
		s.Fatalf("label %[1]s of node %[2]s is %[3]q: say what its kernel has by kubectl label --overwrite node %[2]s %[1]s=%[4]s (or %[5]s, %[6]s)",
			tierLabel, node, tier, trampolineTier, kprobeTier, tracepointTier)
	}
	return tier
}

// onlyTracepoints says whether programs can be attached to nothing but tracepoints on a node.
func (s *scene) onlyTracepoints(node string) bool {
	s.Helper()
	return s.tier(node) == tracepointTier
}

// denies says whether the kernel of a node lets programs deny calls of its security hooks.
func (s *scene) denies(node string) bool {
	s.Helper()
	return s.tier(node) == trampolineTier
}

// checkToldTiers checks what the status says of the hooks on the nodes of pods, be they attached or about to enforce: it must name
// tracepoints just where there is nothing else.
func (b *background) checkToldTiers(pods []*corev1.Pod) {
	b.Helper()
	for _, pod := range pods {
		node := pod.Spec.NodeName
		name := regexp.QuoteMeta(node)
		told := regexp.MustCompile(`(?m)^(?:💡|⚠️) (.*, )?` + name + `(, .*)?: [0-9]+ hooks? attached: .* by (tp_btf|sys_)|` +
			`^ *on (.*, )?` + name + `(, .*)?: .*tracepoint`).MatchString(b.err.String())
		if told != b.onlyTracepoints(node) {
			b.Errorf("hooks on %s: tracepoints are named: %t, its label %s is %s:\n%s", node, told, tierLabel, b.tier(node), b.err.String())
		}
	}
}

// awaitPolicies waits until the nodes of pods are traced in a session with policies, in which tracers try what their kernels have,
// and checks what they say of that.
func (r *running) awaitPolicies(pods []*corev1.Pod) {
	r.Helper()
	for _, pod := range pods {
		node := pod.Spec.NodeName
		tiers := r.awaitHello(node).Tiers
		if len(tiers) == 0 || tiers[0] != r.tier(node) {
			r.Errorf("tiers of %s: %v, its label %s is %s", node, tiers, tierLabel, r.tier(node))
		}
	}
}
