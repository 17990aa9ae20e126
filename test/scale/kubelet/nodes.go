// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// atOnce is how many requests are made to the API server at the same time.
	atOnce = 32
	// leaseTime is how long a node controller takes a node for alive; leases are renewed at half of it.
	leaseTime = 40 * time.Second
	// nodeLabel marks the nodes, so that those of a run that was killed are found.
	nodeLabel = "trace-sec.test/scale"
)

// register makes Node objects, with the addresses of this process.
func (k *Kubelet) register(ctx context.Context, count int) error {
	host, port, err := k.port()
	if err != nil {
		return err
	}
	for i := range count {
		k.nodes = append(k.nodes, NodeName(i))
	}
	err = k.each(ctx, func(ctx context.Context, name string) error {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{nodeLabel: "true", corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"}},
			// Nothing but what is bound to it by name: no pod of the cluster's own may end up here.
			Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: nodeLabel, Effect: corev1.TaintEffectNoSchedule}}},
		}
		made, err := k.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		made.ResourceVersion, made.Status = "", nodeStatus(host, port) // whatever the controllers have made of it
		if _, err = k.client.CoreV1().Nodes().UpdateStatus(ctx, made, metav1.UpdateOptions{}); err != nil {
			return err
		}
		return k.renew(ctx, name)
	})
	if err != nil {
		return fmt.Errorf("register %d nodes: %w", count, err)
	}
	k.work.Go(func() { k.stayAlive(ctx) })
	return nil
}

func nodeStatus(host string, port int32) corev1.NodeStatus {
	return corev1.NodeStatus{
		Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: host}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: port}},
		Conditions:      []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: metav1.Now()}},
		NodeInfo:        corev1.NodeSystemInfo{KernelVersion: "6.12.0", OperatingSystem: "linux", Architecture: "amd64", ContainerRuntimeVersion: "containerd://2.0.0"},
	}
}

// renew makes or renews the node's lease.
func (k *Kubelet) renew(ctx context.Context, name string) error {
	leases := k.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	seconds := int32(leaseTime / time.Second)
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &name, LeaseDurationSeconds: &seconds, RenewTime: &metav1.MicroTime{Time: time.Now()}},
	}
	_, err := leases.Update(ctx, lease, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = leases.Create(ctx, lease, metav1.CreateOptions{})
	}
	return err
}

// stayAlive renews all leases until ctx ends.
func (k *Kubelet) stayAlive(ctx context.Context) {
	ticker := time.NewTicker(leaseTime / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = k.each(ctx, k.renew) // the next time, or the controller says that the node is gone
		case <-ctx.Done():
			return
		}
	}
}

func (k *Kubelet) deregister(ctx context.Context) error {
	k.work.Wait()
	return k.each(ctx, func(ctx context.Context, name string) error {
		_ = k.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Delete(ctx, name, metav1.DeleteOptions{})
		err := k.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// each does something for all nodes, for some at the same time.
func (k *Kubelet) each(ctx context.Context, do func(context.Context, string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, name := range k.nodes {
		group.Go(func() error { return do(ctx, name) })
	}
	return group.Wait()
}

// Nodes are the names of the nodes.
func (k *Kubelet) Nodes() []string { return k.nodes }

// NodeName is the name of the node of a number, from 0.
func NodeName(number int) string { return fmt.Sprintf("scale-%04d", number) }
