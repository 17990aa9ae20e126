// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reap deletes what dead sessions left in the tracer namespace: tracer pods that have ended or whose time is over, and
// with allSessions every tracer pod, those of living sessions too. With allSessions a namespace that a session made goes
// too when no pod is left in it. It returns the names of the pods that it deleted; the error is about the others.
func (l *Launcher) Reap(ctx context.Context, allSessions bool) (deleted []string, err error) {
	pods, err := l.client.CoreV1().Pods(l.config.Namespace).List(ctx, metav1.ListOptions{LabelSelector: LabelManagedBy + "=" + ManagedBy})
	if err != nil {
		return nil, fmt.Errorf("look for left-over tracers in namespace %s: %w", l.config.Namespace, err)
	}
	now := time.Now()
	var errs []error
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !allSessions && (pod.Labels[LabelSession] == l.config.Session || !leftOver(pod, now)) {
			continue
		}
		grace := int64(gracePeriod)
		if ended(pod) {
			grace = 0
		}
		if err := l.delete(ctx, pod, grace); err != nil {
			errs = append(errs, err)
			continue
		}
		deleted = append(deleted, pod.Name)
	}
	if allSessions && len(errs) == 0 {
		errs = append(errs, l.reapNamespace(ctx))
	}
	return deleted, errors.Join(errs...)
}

// leftOver: it has ended, or its session should have. A pod without a readable time is not taken for one: the kubelet
// ends it at its deadline.
func leftOver(pod *corev1.Pod, now time.Time) bool {
	if ended(pod) {
		return true
	}
	expires, err := time.Parse(time.RFC3339, pod.Annotations[AnnotationExpires])
	return err == nil && now.After(expires)
}

// reapNamespace deletes the tracer namespace if a session made it, when its last pod is gone.
func (l *Launcher) reapNamespace(ctx context.Context) error {
	namespace, err := l.client.CoreV1().Namespaces().Get(ctx, l.config.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) || err == nil && namespace.Annotations[AnnotationMadeBy] == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at namespace %s: %w", l.config.Namespace, err)
	}
	for {
		pods, err := l.client.CoreV1().Pods(l.config.Namespace).List(ctx, metav1.ListOptions{LabelSelector: LabelManagedBy + "=" + ManagedBy, Limit: 1})
		if err == nil && len(pods.Items) == 0 {
			return l.deleteNamespace(ctx, namespace.UID)
		}
		if !sleep(ctx, goneInterval) {
			return fmt.Errorf("wait until the tracers in namespace %s are gone: %w", l.config.Namespace, errors.Join(err, ctx.Err()))
		}
	}
}
