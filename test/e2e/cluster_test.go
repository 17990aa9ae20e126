// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// patience is how long a cluster may take for anything; a busy machine is slow.
const patience = 90 * time.Second

// scene is what one test has on the cluster.
type scene struct {
	*testing.T
	// namespace of the pods under trace, tracers of the tracer pods: the plugin makes that one, and removes it.
	namespace, tracers string
	// nodes are two that are ready.
	nodes [2]string
}

// newScene makes a namespace, and arranges for the check that the plugin left nothing.
func newScene(t *testing.T) *scene {
	t.Helper()
	name := "e2e-" + strings.ToLower(rand.Text()[:8])
	s := &scene{T: t, namespace: name, tracers: name + "-tracers"}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.nothingLeft()
		if err := client.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	s.findNodes()
	s.eventually("the default service account", func(ctx context.Context) bool {
		_, err := client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
	return s
}

// in is the scene for a subtest.
func (s *scene) in(t *testing.T) *scene {
	sub := *s
	sub.T = t
	return &sub
}

func (s *scene) findNodes() {
	s.Helper()
	list, err := client.CoreV1().Nodes().List(s.Context(), metav1.ListOptions{})
	if err != nil {
		s.Fatal(err)
	}
	found := 0
	for _, n := range list.Items {
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue && found < len(s.nodes) {
				s.nodes[found] = n.Name
				found++
			}
		}
	}
	if found < len(s.nodes) {
		s.Fatalf("%d nodes are ready, the tests need %d", found, len(s.nodes))
	}
}

// eventually waits until condition holds, and fails the test when it doesn't.
func (s *scene) eventually(what string, condition func(context.Context) bool) {
	s.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		return condition(ctx), nil
	})
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

// nothingLeft checks that no tracer pod is left, and that the namespace is gone that the plugin made.
func (s *scene) nothingLeft() {
	s.Helper()
	pods, err := client.CoreV1().Pods(s.tracers).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		s.Error(err)
		return
	}
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil {
			s.Errorf("tracer pod %s is left (%s)", p.Name, p.Status.Phase)
		}
	}
	s.eventually("removal of namespace "+s.tracers, func(ctx context.Context) bool {
		_, err := client.CoreV1().Namespaces().Get(ctx, s.tracers, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// tracerNamespace makes the tracers' namespace before the plugin does, so that the plugin leaves it; the test removes it.
func (s *scene) tracerNamespace(labels map[string]string) {
	s.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.tracers, Labels: labels}}
	if _, err := client.CoreV1().Namespaces().Create(s.Context(), namespace, metav1.CreateOptions{}); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { // runs before nothingLeft
		pods, err := client.CoreV1().Pods(s.tracers).List(context.Background(), metav1.ListOptions{})
		if err != nil || len(pods.Items) > 0 {
			s.Errorf("%d tracer pods are left (%v)", len(pods.Items), err)
		}
		if err := client.CoreV1().Namespaces().Delete(context.Background(), s.tracers, metav1.DeleteOptions{}); err != nil {
			s.Error(err)
		}
	})
}

// shell is a pod spec that runs a script on a node.
func shell(node, script string) corev1.PodSpec {
	return corev1.PodSpec{
		NodeName:                      node,
		TerminationGracePeriodSeconds: new(int64(0)),
		AutomountServiceAccountToken:  new(false),
		Containers: []corev1.Container{{
			Name: "main", Image: workload, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"/bin/sh", "-c", script},
		}},
	}
}

// pod makes a pod and waits until it runs.
func (s *scene) pod(name string, labels map[string]string, spec corev1.PodSpec) *corev1.Pod {
	s.Helper()
	made, err := client.CoreV1().Pods(s.namespace).Create(s.Context(),
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		s.Fatal(err)
	}
	s.eventually("pod "+name+" running", func(ctx context.Context) bool {
		made, err = client.CoreV1().Pods(s.namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && made.Status.Phase == corev1.PodRunning
	})
	return made
}

// deployment makes a deployment on the scene's two nodes and waits until all its pods run.
func (s *scene) deployment(name string, replicas int32, script string) []corev1.Pod {
	s.Helper()
	labels := map[string]string{"app": name}
	spec := shell("", script)
	spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: s.nodes[:1]}},
		}, {
			MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: s.nodes[1:]}},
		}}},
	}}
	spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule,
		LabelSelector: &metav1.LabelSelector{MatchLabels: labels},
	}}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
	}}
	if _, err := client.AppsV1().Deployments(s.namespace).Create(s.Context(), d, metav1.CreateOptions{}); err != nil {
		s.Fatal(err)
	}
	var pods []corev1.Pod
	s.eventually("deployment "+name, func(ctx context.Context) bool {
		list, err := client.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil || len(list.Items) != int(replicas) {
			return false
		}
		pods = list.Items
		for _, p := range pods {
			if p.Status.Phase != corev1.PodRunning {
				return false
			}
		}
		return true
	})
	return pods
}

// eventuallyDoing is eventually for a condition that needs no context.
func (s *scene) eventuallyDoing(what string, condition func() bool) {
	s.Helper()
	s.eventually(what, func(context.Context) bool { return condition() })
}
