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
	"k8s.io/apimachinery/pkg/util/wait"
)

// podSecurityLabel and its value say that a namespace may hold tracer pods.
const (
	podSecurityLabel = "pod-security.kubernetes.io/enforce"
	podSecurityLevel = "privileged"
)

const (
	// terminationPatience is how long a namespace that is being deleted may take.
	terminationPatience = 60 * time.Second
	terminationInterval = 200 * time.Millisecond
	makeTimeout         = 10 * time.Second
)

// tracerNamespace is the namespace that a session makes; manifests/namespace.yaml is the same without the session.
func tracerNamespace(c Config) *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        c.Namespace,
			Labels:      map[string]string{LabelManagedBy: ManagedBy, podSecurityLabel: podSecurityLevel},
			Annotations: map[string]string{AnnotationMadeBy: c.Session},
		},
	}
}

func namespaceMissing(err error, namespace string) bool {
	if !apierrors.IsNotFound(err) {
		return false
	}
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces" && status.Status().Details.Name == namespace
}

func namespaceTerminating(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

// makeNamespace makes the tracer namespace, marked as one that a session made. The request is not cut off when ctx ends: its
// answer says whether there is something to clean up.
func (l *Launcher) makeNamespace(ctx context.Context) error {
	l.janitor.mayHaveMade()
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeTimeout)
	defer cancel()
	made, err := l.client().CoreV1().Namespaces().Create(detached, tracerNamespace(l.config), metav1.CreateOptions{})
	switch {
	case err == nil:
		l.janitor.made(made.UID)
		return nil
	case apierrors.IsAlreadyExists(err), passing(err): // another session was faster; or the pod's next Create tells
		return nil
	case apierrors.IsForbidden(err):
		return fmt.Errorf("namespace %[1]s does not exist and you may not make it; an administrator can, with manifests/ of kubectl-trace-sec or:\n"+
			"  kubectl create namespace %[1]s\n  kubectl label namespace %[1]s %[2]s=%[3]s\n%[4]w", l.config.Namespace, podSecurityLabel, podSecurityLevel, err)
	}
	return fmt.Errorf("make namespace %s: %w", l.config.Namespace, err)
}

// awaitNamespaceGone waits for the end of a namespace that is being deleted, usually by the session before.
func (l *Launcher) awaitNamespaceGone(ctx context.Context, progress Progress) error {
	if progress != nil {
		progress("", "namespace "+l.config.Namespace+", which is being deleted, to be gone")
	}
	err := wait.PollUntilContextTimeout(ctx, terminationInterval, terminationPatience, false, func(ctx context.Context) (bool, error) {
		namespace, err := l.client().CoreV1().Namespaces().Get(ctx, l.config.Namespace, metav1.GetOptions{})
		if apierrors.IsForbidden(err) { // then the dry run is what to try again
			return true, nil
		}
		return apierrors.IsNotFound(err) || err == nil && namespace.DeletionTimestamp == nil, nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("namespace %[1]s is being deleted for more than %[2]s: see kubectl get namespace %[1]s -o yaml for what holds it, or use another --tracer-namespace", l.config.Namespace, terminationPatience)
	}
	return nil
}
