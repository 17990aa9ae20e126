// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// PodNetworks are the networks that pods get their addresses from, as the nodes' specs say. It is an error when none does: a CNI may give
// addresses without telling.
func PodNetworks(ctx context.Context, client kubernetes.Interface) (networks []string, err error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	for _, n := range nodes.Items {
		all := n.Spec.PodCIDRs
		if len(all) == 0 && n.Spec.PodCIDR != "" {
			all = []string{n.Spec.PodCIDR}
		}
		networks = append(networks, all...)
	}
	if len(networks) == 0 {
		return nil, errors.New("no node says which networks its pods are in (spec.podCIDRs): write those that the cluster's CNI was given")
	}
	slices.Sort(networks)
	return slices.Compact(networks), nil
}

// ServiceNetworks are the networks of services, as the cluster's ServiceCIDR objects say (Kubernetes 1.33 and later).
func ServiceNetworks(ctx context.Context, client kubernetes.Interface) (networks []string, err error) {
	all, err := client.NetworkingV1().ServiceCIDRs().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list ServiceCIDR objects, which clusters have since Kubernetes 1.33; else write the networks: %w", err)
	}
	for _, s := range all.Items {
		networks = append(networks, s.Spec.CIDRs...)
	}
	if len(networks) == 0 {
		return nil, errors.New("the cluster has no ServiceCIDR object: write the networks of services")
	}
	slices.Sort(networks)
	return slices.Compact(networks), nil
}
