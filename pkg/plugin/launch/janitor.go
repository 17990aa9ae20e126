// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// cleanupTimeout is for a Cleanup without a deadline of its own, reapTimeout for a Reap.
	cleanupTimeout = 15 * time.Second
	reapTimeout    = 30 * time.Second
	// lookInterval is between two looks at what is left.
	lookInterval = 100 * time.Millisecond
	// kubeletPatience is how long after its grace period a pod may stay until its kubelet is taken for dead, and the pod is deleted
	// without asking it. The tracer, if it lives, ends by its silence.
	kubeletPatience = 3 * time.Second
	// forceReserve is what is left of a deadline, at least, when pods are deleted by force.
	forceReserve = 1500 * time.Millisecond
)

// janitor has every rule of what is removed, when and how: janitor_rules.go says which pods are left-overs, janitor_pods.go how
// pods are removed, janitor_namespace.go when the namespace is.
type janitor struct {
	clients            *clients
	guard              func(func())
	namespace, session string

	mu sync.Mutex
	// madeUID is the namespace's when this session made it; mayMade: it asked for that.
	madeUID types.UID
	mayMade bool
}

func (j *janitor) sessionSelector() string { return LabelSession + "=" + j.session }

const managedSelector = LabelManagedBy + "=" + ManagedBy

// list returns the pods with a label. It uses another connection when there is no answer in due time.
func (j *janitor) list(ctx context.Context, selector string) ([]corev1.Pod, error) {
	var pods []corev1.Pod
	err := j.request(ctx, func(ctx context.Context, c *connection) error {
		list, err := c.api.CoreV1().Pods(j.namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err == nil {
			pods = list.Items
		}
		return err
	})
	return pods, err
}

// request makes one request within a part of the time that is left, and gives up the connection that it got no answer on.
func (j *janitor) request(ctx context.Context, f func(context.Context, *connection) error) error {
	limit := requestTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, max(time.Until(deadline)/3, minRequestTimeout))
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := j.clients.get()
	err := f(limited, c)
	if err != nil && limited.Err() != nil {
		j.clients.replace(c)
	}
	return err
}

const (
	requestTimeout    = 5 * time.Second
	minRequestTimeout = 500 * time.Millisecond
)

func deleteBackoff() wait.Backoff {
	return wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 10, Cap: 2 * time.Second}
}

// deletePod asks for the end of this very pod, not of another of its name, again until it is refused or ctx ends. That the pod is
// gone is no error.
func (j *janitor) deletePod(ctx context.Context, pod *corev1.Pod, grace int64) error {
	var last error
	err := deleteBackoff().DelayFunc().Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		last = j.request(ctx, func(ctx context.Context, c *connection) error {
			return c.api.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name,
				metav1.DeleteOptions{GracePeriodSeconds: &grace, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
		})
		switch {
		case last == nil, apierrors.IsNotFound(last), apierrors.IsConflict(last): // a conflict is another UID
			return true, nil
		case passing(last):
			return false, nil
		}
		return false, last
	})
	if err == nil {
		return nil
	}
	if last == nil {
		last = err
	}
	return fmt.Errorf("delete pod %[1]s/%[2]s on node %[3]s: %[4]w: delete it with kubectl --namespace=%[1]s delete pod %[2]s",
		pod.Namespace, pod.Name, pod.Spec.NodeName, last)
}

// removeSession deletes the pods of the session and returns when none is left and none can come any more.
func (j *janitor) removeSession(ctx context.Context, coming func() int) error {
	_, err := j.removePods(ctx, removal{
		selector: j.sessionSelector(), coming: coming,
		choose: func(pods []corev1.Pod) []corev1.Pod { return pods },
	})
	return err
}

// reap deletes what dead sessions left and does not wait for its end.
func (j *janitor) reap(ctx context.Context) (deleted []string, err error) {
	pods, err := j.list(ctx, managedSelector)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for left-over tracers in namespace %s: %w", j.namespace, err)
	}
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	for _, pod := range j.leftOvers(pods, time.Now(), false) {
		wg.Go(func() {
			j.guard(func() {
				err := j.deletePod(ctx, &pod, reapGrace(&pod))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, err)
					return
				}
				deleted = append(deleted, pod.Name)
			})
		})
	}
	wg.Wait()
	slices.Sort(deleted)
	return deleted, errors.Join(errs...)
}

// reapGrace is 0 for a pod with nothing to drain, or nobody to do it.
func reapGrace(pod *corev1.Pod) int64 {
	if ended(pod) || pod.DeletionTimestamp != nil {
		return 0
	}
	return gracePeriod
}
