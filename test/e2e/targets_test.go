// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// A pod that loses the label of -l is released, which is said, and one that gets it back is traced again.
func TestRelabelledPod(t *testing.T) {
	s := newScene(t)
	labels := map[string]string{"app": "web"}
	s.pod("stays", labels, shell(s.nodes[0], sayName))
	s.pod("leaves", labels, shell(s.nodes[0], "sleep 1000000"))
	r := s.start("exec", "-l", "app=web")
	r.awaitHello(s.nodes[0])
	isHostname := func(e *event.Event) bool { return execOf(e, "leaves", "/bin/hostname") }
	isEcho := func(e *event.Event) bool { return execOf(e, "stays", "/bin/echo") }
	s.execIn("leaves", "/bin/hostname")
	r.await("event before", isHostname)
	s.label("leaves", "other")
	s.eventuallyDoing("word of the release", func() bool {
		return strings.Contains(r.stderr.String(), "pod "+s.namespace+"/leaves is no target any more")
	})
	s.eventuallyDoing("release", func() bool { // the tracer is told a moment later
		before := r.count(isHostname)
		s.execIn("leaves", "/bin/hostname")
		others := r.count(isEcho)
		s.eventuallyDoing("later events of the node", func() bool { return r.count(isEcho) > others+1 })
		return r.count(isHostname) == before
	})
	s.label("leaves", "web")
	s.eventuallyDoing("tracing again", func() bool {
		s.execIn("leaves", "/bin/id")
		return r.count(func(e *event.Event) bool { return execOf(e, "leaves", "/bin/id") }) > 0
	})
	if got := r.end(); got.code != 0 || strings.Contains(got.stderr, "no target is left") {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
}

// label gives a pod another value of the label app.
func (s *scene) label(pod, app string) {
	s.Helper()
	patch := []byte(`{"metadata":{"labels":{"app":"` + app + `"}}}`)
	if _, err := client.CoreV1().Pods(s.namespace).Patch(s.Context(), pod, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		s.Fatal(err)
	}
}

// A pod of a StatefulSet that comes again on another node is followed there by its name.
func TestMovedPod(t *testing.T) {
	s := newScene(t)
	labels := map[string]string{"app": "db"}
	sets := client.AppsV1().StatefulSets(s.namespace)
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Spec: appsv1.StatefulSetSpec{
		Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: shell(s.nodes[0], sayName)},
	}}
	if _, err := sets.Create(t.Context(), set, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.eventuallyDoing("pod db-0", func() bool {
		pod, err := client.CoreV1().Pods(s.namespace).Get(t.Context(), "db-0", metav1.GetOptions{})
		return err == nil && pod.Status.Phase == corev1.PodRunning
	})
	r := s.start("exec", "--pod", "db-0")
	on := func(node string) func(*event.Event) bool {
		return func(e *event.Event) bool { return execOf(e, "db-0", "/bin/echo") && e.NodeName == node }
	}
	r.await("event on the first node", on(s.nodes[0]))
	patch := []byte(`{"spec":{"template":{"spec":{"nodeName":"` + s.nodes[1] + `"}}}}`)
	if _, err := sets.Patch(t.Context(), "db", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	r.await("event on the other node", on(s.nodes[1]))
	if got := r.end(); got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
}
