// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestNetworks(t *testing.T) {
	node := func(name string, spec corev1.NodeSpec) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	}
	client := fake.NewClientset(node("a", corev1.NodeSpec{PodCIDR: "10.1.0.0/24", PodCIDRs: []string{"10.1.0.0/24", "fd00:1::/64"}}),
		node("b", corev1.NodeSpec{PodCIDR: "10.2.0.0/24"}), node("c", corev1.NodeSpec{}),
		&networkingv1.ServiceCIDR{ObjectMeta: metav1.ObjectMeta{Name: "kubernetes"}, Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.96.0.0/12"}}})
	if got, err := PodNetworks(t.Context(), client); err != nil || !slices.Equal(got, []string{"10.1.0.0/24", "10.2.0.0/24", "fd00:1::/64"}) {
		t.Errorf("pods: %v, %v", got, err)
	}
	if got, err := ServiceNetworks(t.Context(), client); err != nil || !slices.Equal(got, []string{"10.96.0.0/12"}) {
		t.Errorf("services: %v, %v", got, err)
	}
	nothing := fake.NewClientset(node("c", corev1.NodeSpec{}))
	if got, err := PodNetworks(t.Context(), nothing); err == nil {
		t.Errorf("pods of nodes that do not tell: %v", got)
	}
	if got, err := ServiceNetworks(t.Context(), nothing); err == nil {
		t.Errorf("services of a cluster that does not tell: %v", got)
	}
}
