// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Which namespaces are removed: those that any session made, or only that of this one.
const (
	anySession = false
	ownSession = true
)

// mayHaveMade notes that this session asks for the namespace: the answer can get lost.
func (j *janitor) mayHaveMade() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mayMade = true
}

func (j *janitor) made(uid types.UID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.madeUID = uid
}

func (j *janitor) hasMade() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.mayMade
}

// removeNamespace deletes the namespace if a session made it (its annotation says so) and no pod is in it: the last session out
// removes it, whichever made it. A session that starts a tracer between the look and the deletion makes it anew.
func (j *janitor) removeNamespace(ctx context.Context, ownOnly bool) (removed bool, err error) {
	var last error
	err = deleteBackoff().DelayFunc().Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		removed, last = j.tryRemoveNamespace(ctx, ownOnly)
		if last != nil && !passing(last) {
			return false, last
		}
		return last == nil, nil
	})
	if err != nil {
		return false, &Remains{Namespace: j.namespace, NamespaceLeft: true, Err: cmp.Or(last, err)}
	}
	return removed, nil
}

func (j *janitor) tryRemoveNamespace(ctx context.Context, ownOnly bool) (removed bool, err error) {
	uid, err := j.removableNamespace(ctx, ownOnly)
	if err != nil || uid == "" {
		return false, err
	}
	var pods *corev1.PodList
	err = j.request(ctx, func(ctx context.Context, c *connection) (err error) {
		pods, err = c.api.CoreV1().Pods(j.namespace).List(ctx, metav1.ListOptions{Limit: 1})
		return err
	})
	if err != nil || len(pods.Items) > 0 {
		return false, err
	}
	err = j.request(ctx, func(ctx context.Context, c *connection) error {
		return c.api.CoreV1().Namespaces().Delete(ctx, j.namespace, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // somebody else was faster, or it is another one by now
		return false, nil
	}
	return err == nil, err
}

// removableNamespace is the UID of the namespace if a session made it; empty if it is not there, or not to be deleted.
func (j *janitor) removableNamespace(ctx context.Context, ownOnly bool) (types.UID, error) {
	namespace, err := j.getNamespace(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return "", nil
	case apierrors.IsForbidden(err): // who may not look knows what it made
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.madeUID, nil
	case err != nil:
		return "", err
	}
	by := namespace.Annotations[AnnotationMadeBy]
	if by == "" || ownOnly && by != j.session || namespace.DeletionTimestamp != nil {
		return "", nil
	}
	return namespace.UID, nil
}

func (j *janitor) getNamespace(ctx context.Context) (namespace *corev1.Namespace, err error) {
	err = j.request(ctx, func(ctx context.Context, c *connection) (err error) {
		namespace, err = c.api.CoreV1().Namespaces().Get(ctx, j.namespace, metav1.GetOptions{})
		return err
	})
	return namespace, err
}

// awaitNamespaceGone waits for the end of a namespace that is being deleted, and says what holds it if it does not come.
func (j *janitor) awaitNamespaceGone(ctx context.Context, progress func(string)) error {
	var holds []string
	reported := false
	err := wait.PollUntilContextCancel(ctx, lookInterval, true, func(ctx context.Context) (bool, error) {
		namespace, err := j.getNamespace(ctx)
		if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) || err == nil && namespace.DeletionTimestamp == nil {
			return true, nil
		}
		if err == nil {
			holds = terminationHolds(namespace)
		}
		if !reported {
			reported = true
			progress(fmt.Sprintf("waiting for namespace %s to be gone", j.namespace))
		}
		return false, nil
	})
	if err == nil {
		return nil
	}
	if len(holds) > 0 {
		err = errors.New(strings.Join(holds, "; "))
	}
	return &Remains{Namespace: j.namespace, NamespaceTerminating: true, Err: err}
}

// terminationHolds are the reasons for which a namespace is not gone yet.
func terminationHolds(namespace *corev1.Namespace) (holds []string) {
	for _, c := range namespace.Status.Conditions {
		if c.Status == corev1.ConditionTrue {
			holds = append(holds, c.Message)
		}
	}
	if since := namespace.DeletionTimestamp; since != nil && len(holds) == 0 {
		holds = append(holds, "it is being deleted since "+since.UTC().Format(time.TimeOnly+" MST"))
	}
	return holds
}
