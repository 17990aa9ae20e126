// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	k8stesting "k8s.io/client-go/testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
)

func readyNode(name string, change ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}, Annotations: map[string]string{}}}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	for _, f := range change {
		f(n)
	}
	return n
}

func TestPreflightRefusals(t *testing.T) {
	noDryRun := apierrors.NewBadRequest(`admission webhook "x" does not support dry run`)
	for _, test := range []struct {
		name   string
		refuse error
		denied []string
		want   []string // parts of the error; none: no error
	}{
		{"good", nil, nil, nil},
		{"webhook without dry run", noDryRun, nil, nil},
		{"pod security", forbidden(`violates PodSecurity "baseline:latest": hostPID`), nil,
			[]string{"kubectl label --overwrite namespace trace-sec pod-security.kubernetes.io/enforce=privileged", "hostPID"}},
		{"quota", forbidden("exceeded quota: q, requested: pods=1"), nil, []string{"leaves no room", "describe resourcequota"}},
		{"quota on limits", forbidden("failed quota: q: must specify limits.cpu"), nil, []string{"asks for requests or limits"}},
		{"webhook", apierrors.NewBadRequest(`admission webhook "policy.test" denied the request: no`), nil, []string{"admission webhook", "policy.test", "example.test/tracer"}},
		{"unknown", forbidden("because"), nil, []string{"cannot create the tracer pod in namespace trace-sec", "because"}},
		{"rbac", forbidden(`User "jane" cannot create resource "pods" in API group ""`), []string{"create pods", "get pods/log"},
			[]string{"create pods in namespace trace-sec", "get pods/log in namespace trace-sec", "--verb=create,get", "manifests/rbac.yaml"}},
		{"rbac and pod security", forbidden("violates PodSecurity"), []string{"create pods/attach"}, []string{"create pods/attach", "kubectl label"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t, readyNode("n1"))
			c.refuse = func(bool) error { return test.refuse }
			for _, d := range test.denied {
				c.denied[d] = true
			}
			refused, err := c.launcher(t).Preflight(soon(t), []string{"n1"}, nil)
			if len(refused) > 0 {
				t.Errorf("refused nodes %v", refused)
			}
			if (err != nil) != (len(test.want) > 0) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error without %q:\n%v", part, err)
				}
			}
			var denied *access.Denied
			if errors.As(err, &denied) != (len(test.denied) > 0) {
				t.Errorf("*access.Denied: %v", err)
			}
		})
	}
}

func TestPreflightNodes(t *testing.T) {
	c := newCluster(t,
		readyNode("good"),
		readyNode("dead", func(n *corev1.Node) {
			n.Status.Conditions[0] = corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown", Message: "Kubelet stopped"}
		}),
		readyNode("fargate", func(n *corev1.Node) { n.Labels["eks.amazonaws.com/compute-type"] = "fargate" }),
		readyNode("virtual", func(n *corev1.Node) { n.Labels["type"] = "virtual-kubelet" }),
		readyNode("tainted", func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: "virtual-kubelet.io/provider"}} }),
		readyNode("kwok", func(n *corev1.Node) { n.Annotations["kwok.x-k8s.io/node"] = "fake" }),
		readyNode("windows", func(n *corev1.Node) { n.Labels[corev1.LabelOSStable] = "windows" }),
		readyNode("cordoned", func(n *corev1.Node) {
			n.Spec.Unschedulable, n.Spec.Taints = true, []corev1.Taint{{Key: "x", Effect: corev1.TaintEffectNoExecute}}
		}),
	)
	want := map[string]Reason{"dead": NodeNotReady, "fargate": NodeUnsupported, "virtual": NodeUnsupported, "tainted": NodeUnsupported,
		"kwok": NodeUnsupported, "windows": NodeUnsupported, "missing": NodeNotFound}
	refused, err := c.launcher(t).Preflight(soon(t), []string{"good", "dead", "fargate", "virtual", "tainted", "kwok", "windows", "cordoned", "missing"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Reason{}
	for _, r := range refused {
		got[r.Node] = r.Reason
		if !strings.Contains(r.Error(), "node "+r.Node+": ") {
			t.Errorf("node not named: %v", r)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("refused %v, want %v", got, want)
	}
}

// Who may not read nodes is not kept from tracing them.
func TestPreflightWithoutNodeRights(t *testing.T) {
	c := newCluster(t)
	c.PrependReactor("get", "nodes", func(k8stesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "n1", errors.New("no"))
	})
	refused, err := c.launcher(t).Preflight(soon(t), []string{"n1", "fargate-ip-10-0-0-1"}, nil)
	if err != nil || len(refused) != 1 || refused[0].Reason != NodeUnsupported {
		t.Errorf("refused %v, error %v", refused, err)
	}
}

// Reactors must use the tracker: the clients' lock is taken when they run.
var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

func noNamespace() error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "trace-sec")
}

func TestPreflightMakesNamespace(t *testing.T) {
	c := newCluster(t)
	var accountLater atomic.Int32
	c.refuse = func(bool) error {
		if _, err := c.Tracker().Get(namespaces, "", "trace-sec"); err != nil {
			return noNamespace()
		}
		if accountLater.Add(1) <= 3 {
			return forbidden(`error looking up service account trace-sec/default: serviceaccount "default" not found`)
		}
		return nil
	}
	l := c.launcher(t)
	if _, err := l.Preflight(soon(t), nil, nil); err != nil {
		t.Fatal(err)
	}
	made, err := c.CoreV1().Namespaces().Get(t.Context(), "trace-sec", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if made.Labels["pod-security.kubernetes.io/enforce"] != "privileged" || made.Labels[LabelManagedBy] != ManagedBy || made.Annotations[AnnotationMadeBy] != l.config.Session {
		t.Errorf("labels %v, annotations %v", made.Labels, made.Annotations)
	}
}

func TestPreflightMayNotMakeNamespace(t *testing.T) {
	c := newCluster(t)
	c.refuse = func(bool) error { return noNamespace() }
	c.PrependReactor("create", "namespaces", func(k8stesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "", errors.New("no"))
	})
	_, err := c.launcher(t).Preflight(soon(t), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "kubectl create namespace trace-sec\n  kubectl label namespace trace-sec pod-security.kubernetes.io/enforce=privileged") {
		t.Errorf("error %v", err)
	}
}

func TestPreflightAwaitsTerminatingNamespace(t *testing.T) {
	now := metav1.Now()
	old := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "trace-sec", UID: "old", DeletionTimestamp: &now, Finalizers: []string{"x"}}}
	c := newCluster(t, old)
	c.refuse = func(bool) error {
		n, err := c.Tracker().Get(namespaces, "", "trace-sec")
		if err != nil {
			return noNamespace()
		}
		if n.(*corev1.Namespace).DeletionTimestamp == nil {
			return nil
		}
		return namespaceGoes()
	}
	said := make(chan string, 1)
	l := c.launcher(t)
	_, err := l.Preflight(soon(t), nil, func(node, waitingFor string) {
		said <- node + waitingFor
		if err := c.Tracker().Delete(namespaces, "", "trace-sec"); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := receive(t, said, "progress"); !strings.Contains(text, "trace-sec, which is being deleted") {
		t.Errorf("progress %q", text)
	}
	if made, err := c.CoreV1().Namespaces().Get(t.Context(), "trace-sec", metav1.GetOptions{}); err != nil || made.UID == "old" {
		t.Errorf("namespace not made anew: %v %v", made, err)
	}
}

// A namespace that preflight made does not stay when preflight fails or is interrupted.
func TestPreflightUndoesItsNamespace(t *testing.T) {
	for name, test := range map[string]struct {
		lost bool  // the answer to its creation
		then error // what comes of the dry run in it; nil: it is interrupted
	}{
		"refused":              {false, forbidden("exceeded quota: q, requested: pods=1")},
		"refused, lost answer": {true, forbidden("exceeded quota: q, requested: pods=1")},
		"interrupted":          {false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			ctx, interrupt := context.WithCancel(soon(t))
			c.refuse = func(bool) error {
				if _, err := c.Tracker().Get(namespaces, "", "trace-sec"); err != nil {
					return noNamespace()
				}
				if test.then == nil {
					interrupt()
					return forbidden(`error looking up service account trace-sec/default`)
				}
				return test.then
			}
			if test.lost {
				c.PrependReactor("create", "namespaces", func(a k8stesting.Action) (bool, runtime.Object, error) {
					made := a.(k8stesting.CreateAction).GetObject().(*corev1.Namespace).DeepCopy()
					made.UID = "made"
					err := c.Tracker().Create(namespaces, made, "")
					return true, nil, errors.Join(err, context.DeadlineExceeded)
				})
			}
			if _, err := c.launcher(t).Preflight(ctx, nil, nil); err == nil || test.then == nil != errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if namespaceThere(t, c) {
				t.Error("the namespace is left")
			}
		})
	}
}

// A namespace that is in use, or that somebody else made, is not Preflight's to remove.
func TestPreflightLeavesOtherNamespaces(t *testing.T) {
	for _, madeBy := range []string{"", "other", testConfig().Session} { // the last one: for a node that comes later
		c := newCluster(t)
		addNamespace(t, c, madeBy)
		l := c.launcher(t)
		if madeBy == l.config.Session {
			l.janitor.mayHaveMade()
			start(t, l, "n1")
		}
		c.refuse = func(bool) error { return forbidden("exceeded quota: q, requested: pods=1") }
		if _, err := l.Preflight(soon(t), nil, nil); err == nil {
			t.Error("no error")
		}
		if !namespaceThere(t, c) {
			t.Errorf("the namespace made by %q is gone", madeBy)
		}
	}
}

// An API server that restarts does not end a session before it began.
func TestPreflightTriesAgain(t *testing.T) {
	c := newCluster(t)
	failures := 3
	c.refuse = func(bool) error {
		if failures--; failures >= 0 {
			return apierrors.NewServiceUnavailable("restarting")
		}
		return nil
	}
	var told atomic.Int32
	if _, err := c.launcher(t).Preflight(soon(t), nil, func(_, what string) {
		if strings.Contains(what, "restarting") {
			told.Add(1)
		}
	}); err != nil || told.Load() == 0 {
		t.Errorf("%v, told %d times", err, told.Load())
	}
}
