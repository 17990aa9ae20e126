// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// accountPatience is how long a fresh namespace may take to get its service account "default".
	accountPatience = 10 * time.Second
	accountInterval = 50 * time.Millisecond
	// createTimeout bounds a Create that goes on although its caller gave up, so that Cleanup knows of the pod.
	createTimeout = 30 * time.Second
)

// create makes a pod, waiting for the service account of a fresh namespace.
func (l *Launcher) create(ctx context.Context, pod *corev1.Pod, options metav1.CreateOptions) (created *corev1.Pod, err error) {
	waitErr := wait.PollUntilContextTimeout(ctx, accountInterval, accountPatience, true, func(ctx context.Context) (bool, error) {
		created, err = l.client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, options)
		return !noAccountYet(err), nil
	})
	if err == nil && created == nil { // not tried even once
		err = waitErr
	}
	return created, err
}

func noAccountYet(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "error looking up service account")
}

// Start creates the tracer pod on orders.Node and returns at once; Wait and Open wait for its container. Call it for all
// nodes at the same time. Errors are *NodeError with reason Refused, ErrClosed, or the context's.
//
// A Create under way is not cut off when ctx ends: Cleanup waits for it and removes the pod.
func (l *Launcher) Start(ctx context.Context, orders wire.Orders) (*Tracer, error) {
	if err := completed(l.config, orders).Validate(); err != nil {
		return nil, fmt.Errorf("node %s: %w", orders.Node, err)
	}
	pod := TracerPod(l.config, orders)
	if err := l.config.CheckSize(orders); err != nil {
		return nil, fmt.Errorf("node %s: %w", orders.Node, err)
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, ErrClosed
	}
	l.any = true
	l.starting.Add(1)
	l.mu.Unlock()
	l.watch()

	type result struct {
		tracer *Tracer
		err    error
	}
	done := make(chan result, 1)
	go func() {
		defer l.starting.Done()
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
		defer cancel()
		t, err := l.start(detached, pod)
		done <- result{t, err}
	}()
	select {
	case r := <-done:
		return r.tracer, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *Launcher) start(ctx context.Context, pod *corev1.Pod) (*Tracer, error) {
	node := pod.Spec.NodeName
	created, err := l.create(ctx, pod, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		created, err = l.own(ctx, pod)
	}
	if err != nil {
		var explained *NodeError
		if errors.As(err, &explained) {
			return nil, err
		}
		return nil, refusal(l.config, node, access.Explain(err))
	}
	t := newTracer(l, created)
	l.adopt(t)
	return t, nil
}

// own resolves that a pod of this name is there. One of this session that has not ended is the work of a Create whose
// answer got lost: it is taken over. One that has ended is replaced: the node is traced again.
func (l *Launcher) own(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	there, err := l.client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if there.Labels[LabelSession] != l.config.Session || there.Spec.NodeName != pod.Spec.NodeName {
		return nil, &NodeError{Node: pod.Spec.NodeName, Reason: Refused,
			Message: fmt.Sprintf("a pod %s/%s that is not of this session is in the way", pod.Namespace, pod.Name), Remedy: "run the command again"}
	}
	if !finished(there) && there.DeletionTimestamp == nil {
		return there, nil
	}
	if err := l.delete(ctx, there, 0); err != nil {
		return nil, err
	}
	return l.create(ctx, pod, metav1.CreateOptions{})
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
