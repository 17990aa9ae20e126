// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// targets are pods, one on each node, in a namespace of their own.
type targets struct {
	client             kubernetes.Interface
	namespace, tracers string
}

func makeTargets(ctx context.Context, client kubernetes.Interface, nodes []string) (targets, error) {
	name := "scale-" + strings.ToLower(rand.Text()[:8])
	t := targets{client, name, name + "-tracers"}
	if _, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		return t, err
	}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, nil
	})
	if err != nil {
		return t, fmt.Errorf("service account of namespace %s: %w", name, err)
	}
	group, limited := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for _, node := range nodes {
		group.Go(func() error {
			_, err := client.CoreV1().Pods(name).Create(limited, target(node), metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return t, err
	}
	return t, t.await(ctx, name, "that all targets run", func(pods []corev1.Pod) bool {
		running := 0
		for i := range pods {
			if pods[i].Status.Phase == corev1.PodRunning {
				running++
			}
		}
		return running == len(nodes)
	})
}

func target(node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "target-" + node, Labels: map[string]string{"app": "scale"}},
		Spec: corev1.PodSpec{
			NodeName: node, AutomountServiceAccountToken: new(false), TerminationGracePeriodSeconds: new(int64(0)),
			Containers: []corev1.Container{{Name: "main", Image: "localhost/scale:1"}},
		},
	}
}

// await waits for a state of the pods of a namespace.
func (t targets) await(ctx context.Context, namespace, what string, holds func([]corev1.Pod) bool) error {
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := t.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		return err == nil && holds(list.Items), nil
	})
	if err != nil {
		return fmt.Errorf("waited for %s: %w", what, err)
	}
	return nil
}

// tracerPods are how many tracer pods there are.
func (t targets) tracerPods(ctx context.Context) (int, error) {
	list, err := t.client.CoreV1().Pods(t.tracers).List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, err
	}
	return len(list.Items), nil
}

// remove removes what was made, and waits until the pods are gone: the kubelet's process is needed for that.
func (t targets) remove(ctx context.Context) error {
	pods := t.client.CoreV1().Pods(t.namespace)
	return errors.Join(
		pods.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}),
		t.await(ctx, t.namespace, "the end of the targets", func(pods []corev1.Pod) bool { return len(pods) == 0 }),
		t.client.CoreV1().Namespaces().Delete(ctx, t.namespace, metav1.DeleteOptions{}),
	)
}
