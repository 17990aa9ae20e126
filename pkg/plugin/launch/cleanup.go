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
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	deleteInterval = 200 * time.Millisecond
	goneInterval   = 100 * time.Millisecond
	// forceAfter is when a pod that is still there is deleted without asking its kubelet, which then is not there to
	// answer. The tracer, if it lives, ends by its silence.
	forceAfter = (gracePeriod + 3) * time.Second
)

// Delete removes the tracer pod; that it is gone already is no error. Give it a context of its own: that of the session
// has ended. After the tracer has said bye its container has ended, and the pod goes at once; otherwise the tracer gets
// its time to drain. Failures are tried again until ctx ends.
func (t *Tracer) Delete(ctx context.Context, afterBye bool) error {
	defer t.link.cancel()
	pod, gone, _ := t.state()
	if gone {
		return nil
	}
	grace := int64(gracePeriod)
	if afterBye || ended(pod) {
		grace = 0
	}
	return t.launcher.delete(ctx, pod, grace)
}

// delete removes this very pod, not another of its name.
func (l *Launcher) delete(ctx context.Context, pod *corev1.Pod, grace int64) error {
	uid := pod.UID
	var last error
	err := wait.PollUntilContextCancel(ctx, deleteInterval, true, func(ctx context.Context) (bool, error) {
		last = l.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: &grace, Preconditions: &metav1.Preconditions{UID: &uid}})
		switch {
		case last == nil, apierrors.IsNotFound(last), apierrors.IsConflict(last): // a conflict is another UID
			return true, nil
		case apierrors.IsForbidden(last), apierrors.IsUnauthorized(last):
			return false, last
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("delete pod %[1]s/%[2]s on node %[3]s: %[4]w: delete it with kubectl --namespace=%[1]s delete pod %[2]s",
			pod.Namespace, pod.Name, pod.Spec.NodeName, errors.Join(last, err))
	}
	return nil
}

// Cleanup takes away all that the session made: it waits for Starts under way and refuses new ones, deletes the session's
// pods, waits until they are gone, and deletes the namespace if the session made it and no pod is in it. Give it a
// context of its own. The launcher is of no use afterwards.
func (l *Launcher) Cleanup(ctx context.Context) error {
	defer l.stop()
	l.mu.Lock()
	l.closed = true
	made, any := l.madeUID, l.any
	l.mu.Unlock()
	l.starting.Wait() // createTimeout bounds it
	var err error
	if any {
		err = l.deleteSession(ctx)
	}
	if err == nil && made != "" {
		err = l.deleteNamespace(ctx, made)
	}
	return err
}

// deleteSession deletes the pods of the session and returns when none is left.
func (l *Launcher) deleteSession(ctx context.Context) error {
	begin := time.Now()
	asked := map[types.UID]bool{}
	for {
		pods, err := l.client.CoreV1().Pods(l.config.Namespace).List(ctx, metav1.ListOptions{LabelSelector: l.sessionSelector()})
		if apierrors.IsNotFound(err) || err == nil && len(pods.Items) == 0 {
			return nil
		}
		if apierrors.IsForbidden(err) || ctx.Err() != nil {
			return l.leftBehind(pods, errors.Join(err, ctx.Err()))
		}
		if err == nil {
			l.deleteAll(ctx, pods.Items, asked, time.Since(begin) > forceAfter)
		}
		if !sleep(ctx, goneInterval) {
			return l.leftBehind(pods, ctx.Err())
		}
	}
}

func (l *Launcher) deleteAll(ctx context.Context, pods []corev1.Pod, asked map[types.UID]bool, force bool) {
	for i := range pods {
		pod := &pods[i]
		switch {
		case force, ended(pod) && !asked[pod.UID]:
			_ = l.delete(ctx, pod, 0) // what fails is still there in the next round
		case pod.DeletionTimestamp == nil && !asked[pod.UID]:
			_ = l.delete(ctx, pod, gracePeriod)
		}
		asked[pod.UID] = true
	}
}

func (l *Launcher) leftBehind(pods *corev1.PodList, err error) error {
	count := "pods may be"
	if pods != nil && len(pods.Items) > 0 {
		count = fmt.Sprintf("%d pods are", len(pods.Items))
	}
	return fmt.Errorf("%s left in namespace %[2]s: delete them with kubectl --namespace=%[2]s delete pods --selector=%[3]s: %[4]w",
		count, l.config.Namespace, l.sessionSelector(), err)
}

// deleteNamespace deletes a namespace that a session made, if no pod is in it. Between look and deletion another session
// could start a tracer there; it would lose it, and say so.
func (l *Launcher) deleteNamespace(ctx context.Context, uid types.UID) error {
	name := l.config.Namespace
	pods, err := l.client.CoreV1().Pods(name).List(ctx, metav1.ListOptions{Limit: 1})
	if err == nil && len(pods.Items) > 0 {
		return nil
	}
	if err == nil {
		err = l.client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	}
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("namespace %[1]s, which this session made, is left: delete it with kubectl delete namespace %[1]s: %[2]w", name, err)
}
