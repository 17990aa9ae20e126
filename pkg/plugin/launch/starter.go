// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
)

// starterTimeout is for each request about the starter.
const starterTimeout = 10 * time.Second

// StarterConfigMap is what carried tracers are started by, for all architectures. Its name says its content, so sessions share it, and
// an administrator may make it beforehand: one without AnnotationMadeBy is never deleted.
func StarterConfigMap(c Config) *corev1.ConfigMap {
	files, digest := carry.Starters()
	return &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{
			Name: starterName(digest), Namespace: c.Namespace,
			Labels:      map[string]string{LabelManagedBy: ManagedBy},
			Annotations: map[string]string{AnnotationMadeBy: c.Session, AnnotationVersion: c.Version},
		},
		Immutable:  new(true),
		BinaryData: files,
	}
}

// KeptStarter is StarterConfigMap as an administrator makes it: no session deletes it.
func KeptStarter(c Config) *corev1.ConfigMap {
	kept := StarterConfigMap(c)
	delete(kept.Annotations, AnnotationMadeBy)
	return kept
}

func starterName(digest string) string { return "trace-sec-starter-" + digest }

// ensureStarter makes the starter's ConfigMap unless it is there. One that holds something else is not used.
func (l *Launcher) ensureStarter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, starterTimeout)
	defer cancel()
	want := StarterConfigMap(l.config)
	configMaps := l.client().CoreV1().ConfigMaps(want.Namespace)
	there, err := configMaps.Get(ctx, want.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		there, err = configMaps.Create(ctx, want, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) { // another session was faster
			there, err = configMaps.Get(ctx, want.Name, metav1.GetOptions{})
		}
	}
	if err != nil {
		return fmt.Errorf("the starter's ConfigMap %s in namespace %s, without which no tracer can be carried to nodes (--tracer=image needs none): %w",
			want.Name, want.Namespace, access.Explain(err))
	}
	if !maps.EqualFunc(there.BinaryData, want.BinaryData, bytes.Equal) || len(there.Data) > 0 {
		return fmt.Errorf("ConfigMap %[1]s in namespace %[2]s is not the starter of this plugin, whose name it has: see who made it, and delete it with kubectl --namespace=%[2]s delete configmap %[1]s",
			want.Name, want.Namespace)
	}
	return nil
}

// removeStarters deletes starters that sessions made, when no pod is left that could need them. A session that starts a tracer between
// the look and the deletion makes it anew, see Start.
func (j *janitor) removeStarters(ctx context.Context) error {
	var found *corev1.ConfigMapList
	err := j.request(ctx, func(ctx context.Context, c *connection) (err error) {
		found, err = c.api.CoreV1().ConfigMaps(j.namespace).List(ctx, metav1.ListOptions{LabelSelector: managedSelector})
		return err
	})
	if apierrors.IsForbidden(err) { // who may not list them has not made any
		return nil
	}
	if err != nil {
		return err
	}
	var pods []corev1.Pod
	if len(found.Items) > 0 {
		if pods, err = j.list(ctx, managedSelector); err != nil || len(pods) > 0 {
			return err
		}
	}
	for _, starter := range found.Items {
		if starter.Annotations[AnnotationMadeBy] == "" {
			continue
		}
		err := j.request(ctx, func(ctx context.Context, c *connection) error {
			return c.api.CoreV1().ConfigMaps(j.namespace).Delete(ctx, starter.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &starter.UID}})
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return &Remains{Namespace: j.namespace, ConfigMap: starter.Name, Err: err}
		}
	}
	return nil
}
