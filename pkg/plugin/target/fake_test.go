// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
)

func pod(namespace, name, node string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name), Labels: map[string]string{}},
		Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	if node == "" {
		p.Status.Phase = corev1.PodPending
	}
	for _, f := range change {
		f(p)
	}
	return p
}

func label(key, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels[key] = value }
}

func phase(phase corev1.PodPhase) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Phase = phase }
}

func owner(kind, name string) []metav1.OwnerReference {
	return []metav1.OwnerReference{{Kind: kind, Name: name, UID: types.UID(kind + name), Controller: new(true)}}
}

func owned(kind, name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.OwnerReferences = owner(kind, name) }
}

func selector(app string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
}

func inShop(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "shop", Name: name} }

// shop is a namespace with every kind of workload, and a bit around it.
func shop() []runtime.Object {
	return []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "empty"}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-2"}},
		&appsv1.Deployment{ObjectMeta: inShop("web"), Spec: appsv1.DeploymentSpec{Selector: selector("web")}},
		&appsv1.ReplicaSet{ObjectMeta: inShop("web-5f6"), Spec: appsv1.ReplicaSetSpec{Selector: selector("web")}},
		pod("shop", "web-5f6-a", "node-1", label("app", "web"), label("pod-template-hash", "5f6"), owned("ReplicaSet", "web-5f6")),
		pod("shop", "web-5f6-b", "node-2", label("app", "web"), label("pod-template-hash", "5f6"), owned("ReplicaSet", "web-5f6")),
		pod("shop", "web-7a8-c", "", label("app", "web"), label("pod-template-hash", "7a8"), owned("ReplicaSet", "web-7a8")),
		&corev1.Service{ObjectMeta: inShop("front"), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}},
		&corev1.Service{ObjectMeta: inShop("byhand")},
		&appsv1.StatefulSet{ObjectMeta: inShop("db"), Spec: appsv1.StatefulSetSpec{Selector: selector("db")}},
		pod("shop", "db-0", "node-1", label("app", "db"), owned("StatefulSet", "db")),
		pod("shop", "db-copy", "node-1", label("app", "db")), // selected, not owned
		&appsv1.DaemonSet{ObjectMeta: inShop("agent"), Spec: appsv1.DaemonSetSpec{Selector: selector("agent")}},
		pod("shop", "agent-x", "node-2", label("app", "agent"), owned("DaemonSet", "agent")),
		&corev1.ReplicationController{ObjectMeta: inShop("old"), Spec: corev1.ReplicationControllerSpec{Selector: map[string]string{"app": "old"}}},
		pod("shop", "old-1", "node-2", label("app", "old"), owned("ReplicationController", "old")),
		&batchv1.CronJob{ObjectMeta: inShop("tick")},
		&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "tick-1", OwnerReferences: owner("CronJob", "tick")}, Spec: batchv1.JobSpec{Selector: selector("tick-1")}},
		&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "tick-by-hand"}, Spec: batchv1.JobSpec{Selector: selector("by-hand")}},
		pod("shop", "tick-1-p", "node-1", label("app", "tick-1"), label(jobName, "tick-1"), owned("Job", "tick-1")),
		pod("shop", "tick-by-hand-p", "node-1", label("app", "by-hand"), label(jobName, "tick-by-hand"), owned("Job", "tick-by-hand")),
		pod("shop", "done", "node-1", phase(corev1.PodSucceeded)),
		&appsv1.Deployment{ObjectMeta: inShop("idle"), Spec: appsv1.DeploymentSpec{Selector: selector("idle")}},
		pod("default", "single", "node-2", label("app", "single")),
	}
}

// newClient is a fake API server; client-go's leaves field selectors to its users.
func newClient(objects ...runtime.Object) *fake.Clientset {
	c := fake.NewClientset(objects...)
	c.PrependReactor("list", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		list := a.(k8stesting.ListActionImpl)
		all, err := c.Tracker().List(list.GetResource(), list.GetKind(), list.GetNamespace())
		if err != nil {
			return true, nil, err
		}
		answer := &corev1.PodList{}
		for _, p := range all.(*corev1.PodList).Items {
			set := fields.Set{"metadata.name": p.Name, "metadata.namespace": p.Namespace, "spec.nodeName": p.Spec.NodeName}
			if list.ListRestrictions.Fields.Matches(set) && list.ListRestrictions.Labels.Matches(labels.Set(p.Labels)) {
				answer.Items = append(answer.Items, p)
			}
		}
		return true, answer, nil
	})
	return c
}

// denyAll makes every review say no.
func denyAll(c *fake.Clientset) {
	c.PrependReactor("create", "selfsubjectaccessreviews", func(a k8stesting.Action) (bool, runtime.Object, error) {
		return true, a.(k8stesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview), nil
	})
}

func finder(t *testing.T, c *fake.Clientset, r Request) *Finder {
	t.Helper()
	if r.Namespace == "" {
		r.Namespace = "shop"
	}
	f, err := New(c, nil, r)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func names(pods []*corev1.Pod) (list []string) {
	for _, p := range pods {
		list = append(list, p.Name)
	}
	return list
}
