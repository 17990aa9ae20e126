// SPDX-License-Identifier: Apache-2.0

package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	k8stesting "k8s.io/client-go/testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
)

func TestResolve(t *testing.T) {
	for _, test := range []struct {
		request Request
		pods    []string
		waiting []string
	}{
		{Request{Args: []string{"deploy/web"}}, []string{"web-5f6-a", "web-5f6-b"}, []string{"web-7a8-c"}},
		{Request{Args: []string{"deployments.v1.apps/web"}, Nodes: []string{"node-2"}}, []string{"web-5f6-b"}, nil},
		{Request{Args: []string{"deploy/web"}, Nodes: []string{"node-1", "node-2"}}, []string{"web-5f6-a", "web-5f6-b"}, nil},
		{Request{Args: []string{"rs/web-5f6"}}, []string{"web-5f6-a", "web-5f6-b"}, nil},
		{Request{Args: []string{"svc/front"}}, []string{"web-5f6-a", "web-5f6-b"}, []string{"web-7a8-c"}},
		{Request{Args: []string{"sts/db"}}, []string{"db-0"}, nil},
		{Request{Args: []string{"DaemonSet/agent"}}, []string{"agent-x"}, nil},
		{Request{Args: []string{"rc/old"}}, []string{"old-1"}, nil},
		{Request{Args: []string{"job/tick-1"}}, []string{"tick-1-p"}, nil},
		{Request{Args: []string{"cj/tick"}}, []string{"tick-1-p"}, nil},
		{Request{Args: []string{"db-0", "pod/old-1"}, Pods: []string{"db-0", "done"}}, []string{"db-0", "old-1"}, nil},
		{Request{Args: []string{"deploy/web", "web-5f6-a"}}, []string{"web-5f6-a", "web-5f6-b"}, []string{"web-7a8-c"}},
		{Request{Args: []string{"node/node-2"}}, []string{"single", "agent-x", "old-1", "web-5f6-b"}, nil},
		{Request{Selector: "app in (web, db)", FieldSelector: "spec.nodeName=node-1"}, []string{"db-0", "db-copy", "web-5f6-a"}, nil},
		{Request{Namespace: "default"}, []string{"single"}, nil},
		{Request{AllNamespaces: true, Selector: "app"}, nil, nil},
	} {
		t.Run(fmt.Sprint(test.request), func(t *testing.T) {
			found, err := finder(t, newClient(shop()...), test.request).Resolve(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			if test.pods == nil { // all that have the label
				test.pods, test.waiting = []string{"single", "agent-x", "db-0", "db-copy", "old-1", "tick-1-p", "tick-by-hand-p", "web-5f6-a", "web-5f6-b"}, []string{"web-7a8-c"}
			}
			slices.Sort(test.pods)
			got := names(found.Pods)
			slices.Sort(got)
			if !slices.Equal(got, test.pods) || !slices.Equal(names(found.Waiting), test.waiting) {
				t.Errorf("pods %q waiting %q, want %q and %q", got, names(found.Waiting), test.pods, test.waiting)
			}
		})
	}
}

func TestResolveErrors(t *testing.T) {
	for _, test := range []struct {
		request Request
		noPods  bool // *NoPodsError
		says    []string
	}{
		{Request{Args: []string{"db-1"}}, false, []string{`pod "db-1" not found in namespace shop: did you mean db-0`}},
		{Request{Args: []string{"web"}}, false, []string{"did you mean deployment/web?"}},
		{Request{Args: []string{"wbe"}}, false, []string{"did you mean deployment/web"}},
		{Request{Args: []string{"single"}}, false, []string{"there is one in namespace default: use -n"}},
		{Request{Args: []string{"db-0", "x9", "y9"}}, false, []string{`"x9"`, `"y9"`}},
		{Request{Args: []string{"deployments"}}, false, []string{"not found in namespace shop: did you mean deployment/NAME? There are deployment/web"}},
		{Request{Args: []string{"deploy", "web"}}, false, []string{"type and name are one word: did you mean deployment/web?"}},
		{Request{Args: []string{"namespace", "shop"}}, false, []string{"a namespace is named by -n"}},
		{Request{Args: []string{"pods"}}, false, []string{"without a name all of the namespace are traced"}},
		{Request{Args: []string{"node", "node-1"}}, false, []string{"node/NAME; --node narrows"}},
		{Request{Args: []string{"done"}}, true, []string{"all that there are have ended, and never run again: shop/done (Succeeded)"}},
		{Request{Selector: "app=wbe"}, true, []string{": did you mean app=web?"}},
		{Request{Selector: "ap=web"}, true, []string{"none there has a label ap: did you mean app?"}},
		{Request{Namespace: "empty"}, true, []string{"all pods in namespace empty; there are in namespace default (1), shop (9): use -n, or -A for all"}},
		{Request{Args: []string{"deploy/db"}}, false, []string{"deployment/db not found in namespace shop: did you mean statefulset/db?"}},
		{Request{Args: []string{"deploy/wbe"}}, false, []string{"did you mean deployment/web?"}},
		{Request{Args: []string{"deploy/zzzzzzzz"}}, false, []string{"see kubectl --namespace=shop get deployments"}},
		{Request{Args: []string{"deploy/idle"}}, true, []string{"no pods found: deployment/idle in namespace shop", "kubectl --namespace=shop get deployment/idle"}},
		{Request{Args: []string{"svc/byhand"}}, false, []string{"selects no pods"}},
		{Request{Args: []string{"node/node-3"}}, false, []string{`node "node-3" not found: did you mean node-1, node-2?`}},
		{Request{Nodes: []string{"nod-1"}}, false, []string{"did you mean node-1"}},
		{Request{Namespace: "shpo"}, false, []string{`namespace "shpo" not found: did you mean shop?`}},
		{Request{Namespace: "shpo", Args: []string{"x"}}, false, []string{`namespace "shpo" not found`}},
		{Request{Namespace: "shpo", Args: []string{"deploy/x"}}, false, []string{`namespace "shpo" not found`}},
		{Request{Selector: "app=nothing"}, true, []string{"no pods found: pods with selector app=nothing in namespace shop"}},
		{Request{Namespace: "default", Selector: "app=web"}, true, []string{"there are in namespace shop (3): use -n, or -A"}},
	} {
		t.Run(fmt.Sprint(test.request), func(t *testing.T) {
			_, err := finder(t, newClient(shop()...), test.request).Resolve(soon(t))
			if err == nil {
				t.Fatal("no error")
			}
			var none *NoPodsError
			if errors.As(err, &none) != test.noPods {
				t.Errorf("*NoPodsError: %v", err)
			}
			for _, part := range test.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error without %q: %v", part, err)
				}
			}
		})
	}
}

func TestResolveWithoutPermission(t *testing.T) {
	forbid := func(resource string) func(k8stesting.Action) (bool, runtime.Object, error) {
		return func(k8stesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("no"))
		}
	}
	for _, test := range []struct {
		request   Request
		forbidden [2]string
		says      []string
	}{
		{Request{}, [2]string{"list", "pods"}, []string{"list pods in namespace shop", "watch pods in namespace shop", "--verb=list,watch --resource=pods"}},
		{Request{AllNamespaces: true}, [2]string{"list", "pods"}, []string{"list pods in all namespaces", "kubectl create clusterrole"}},
		{Request{Args: []string{"deploy/web"}}, [2]string{"get", "deployments"}, []string{"get deployments in namespace shop", "list pods", "--resource=deployments.apps"}},
	} {
		t.Run(fmt.Sprint(test.request), func(t *testing.T) {
			c := newClient(shop()...)
			denyAll(c)
			c.PrependReactor(test.forbidden[0], test.forbidden[1], forbid(test.forbidden[1]))
			_, err := finder(t, c, test.request).Resolve(soon(t))
			if _, ok := errors.AsType[*access.Denied](err); !ok {
				t.Fatalf("error %v", err)
			}
			for _, part := range test.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error without %q: %v", part, err)
				}
			}
		})
	}
}

// Nodes and namespaces are read for better messages; without permission things still work.
func TestResolveNeedsNoClusterRights(t *testing.T) {
	c := newClient(shop()...)
	for _, resource := range []string{"nodes", "namespaces"} {
		c.PrependReactor("*", resource, func(k8stesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("no"))
		})
	}
	found, err := finder(t, c, Request{Nodes: []string{"node-1"}, Args: []string{"deploy/web"}}).Resolve(soon(t))
	if err != nil || len(found.Pods) != 1 {
		t.Errorf("%d pods, %v", len(found.Pods), err)
	}
}

func TestNewErrors(t *testing.T) {
	for _, test := range []struct {
		request Request
		says    string
	}{
		{Request{Args: []string{"deplyo/web"}}, `unknown type "deplyo": did you mean deploy? Known types: pod, node, deployment`},
		{Request{Args: []string{"/web"}}, "unknown type"},
		{Request{Args: []string{"deploy/"}}, `"deploy/" is not the name of a deployment: it is missing, as in deployment/NAME`},
		{Request{Args: []string{"web,db"}}, "names are separated by blanks: web db"},
		{Request{Args: []string{"deploy/web,db"}}, "names are separated by blanks: deploy/web deploy/db"},
		{Request{Args: []string{"web-*"}}, "it is no pattern: name the workload (deployment/NAME)"},
		{Request{Args: []string{"app=web"}}, "labels are selected by -l app=web"},
		{Request{Args: []string{"shop/web"}}, `unknown type "shop"; if it is a namespace, it stands apart: -n shop web. Known types: pod`},
		{Request{Args: []string{"ns/shop"}}, "the pods of a namespace are named by it alone: -n shop"},
		{Request{Selector: "app:web"}, "did you mean app=web?"},
		{Request{Args: []string{"web\x1b[2J"}}, `is not the name of a pod`},
		{Request{Args: []string{"a/b/c"}}, "unknown type"},
		{Request{Args: []string{"deploy.batch/web"}}, "unknown type"},
		{Request{Selector: "a=("}, "selector"},
		{Request{FieldSelector: "a"}, "field selector"},
		{Request{Args: []string{"web"}, Selector: "a=b"}, "use one or the other"},
		{Request{Args: []string{"web"}, AllNamespaces: true}, "in all namespaces: name its namespace with -n"},
		{Request{Nodes: []string{"-"}}, "is not the name of a node"},
		{Request{Pods: []string{"a b"}}, "is not the name of a pod"},
	} {
		test.request.Namespace = "shop"
		_, err := New(nil, nil, test.request)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: error %v, want %q", test.request, err, test.says)
		}
	}
	if _, err := New(nil, nil, Request{}); err == nil {
		t.Error("no namespace: no error")
	}
}

// The API server forgets where a page ended after some minutes: then all is read at once.
func TestResolveWhenAPageHasExpired(t *testing.T) {
	c := newClient(shop()...)
	var asked []metav1.ListOptions
	c.PrependReactor("list", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		options := a.(k8stesting.ListActionImpl).ListOptions
		asked = append(asked, options)
		switch {
		case options.Continue != "":
			return true, nil, apierrors.NewResourceExpired("the token is too old")
		case options.Limit > 0:
			return true, &corev1.PodList{ListMeta: metav1.ListMeta{Continue: "next"}, Items: []corev1.Pod{*pod("shop", "db-0", "node-1")}}, nil
		}
		return false, nil, nil
	})
	found, err := finder(t, c, Request{Selector: "app=db"}).Resolve(soon(t))
	if got := names(found.Pods); err != nil || !slices.Equal(got, []string{"db-0", "db-copy"}) || len(asked) != 3 {
		t.Errorf("%q, %v, asked %+v", got, err, asked)
	}
}

// A regular expression of what a name may be helps nobody.
func TestNamesAreRefusedInAFewWords(t *testing.T) {
	_, err := New(nil, nil, Request{Namespace: "shop", Args: []string{"Web"}})
	if err == nil || len(err.Error()) > 200 || strings.Contains(err.Error(), "regex") {
		t.Error(err)
	}
}

func TestFieldSelectorsThatThereAreNot(t *testing.T) {
	for selector, want := range map[string]string{
		"phase=Running": "did you mean status.phase?", "spec.nodename=n": "did you mean spec.nodeName?", "status.zone=a": "pods have metadata.name, ",
	} {
		c := newClient(shop()...)
		c.PrependReactor("list", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewBadRequest("field label not supported")
		})
		_, err := finder(t, c, Request{FieldSelector: selector}).Resolve(soon(t))
		if err == nil || !strings.Contains(err.Error(), "--field-selector "+selector+": field label not supported; "+want) {
			t.Errorf("%s: %v, want %s", selector, err, want)
		}
	}
}

// The next pod of a CronJob comes by itself: there is something to wait for.
func TestFinishedPodsOfACronJob(t *testing.T) {
	objects := shop()
	for _, o := range objects {
		if p, is := o.(*corev1.Pod); is && p.Name == "tick-1-p" {
			p.Status.Phase = corev1.PodSucceeded
		}
	}
	found, err := finder(t, newClient(objects...), Request{Args: []string{"cj/tick"}}).Resolve(soon(t))
	if err != nil || len(found.Pods)+len(found.Waiting) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
}
