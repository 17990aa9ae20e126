// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
)

// reviewer denies some verbs, and fails to answer about others.
func reviewer(denied, failing []string) *fake.Clientset {
	c := fake.NewClientset()
	c.PrependReactor("create", "selfsubjectaccessreviews", func(a k8stesting.Action) (bool, runtime.Object, error) {
		review := a.(k8stesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		verb := review.Spec.ResourceAttributes.Verb
		if slices.Contains(failing, verb) {
			return true, nil, errors.New("no answer")
		}
		review.Status.Allowed = !slices.Contains(denied, verb)
		return true, review, nil
	})
	c.PrependReactor("create", "selfsubjectreviews", func(k8stesting.Action) (bool, runtime.Object, error) {
		review := &authenticationv1.SelfSubjectReview{}
		review.Status.UserInfo.Username = "jane"
		return true, review, nil
	})
	return c
}

func TestCheck(t *testing.T) {
	needs := []Need{{Verb: "get", Resource: "pods", Namespace: "a"}, {Verb: "list", Resource: "pods", Namespace: "a"}, {Verb: "watch", Resource: "pods", Namespace: "a"}}
	for _, test := range []struct {
		denied, failing []string
		missing         int
		err             bool
	}{
		{nil, nil, 0, false},
		{[]string{"get", "watch"}, nil, 2, true},
		{nil, []string{"list"}, 0, true},
		{[]string{"get"}, []string{"list"}, 1, true},
	} {
		err := Check(t.Context(), reviewer(test.denied, test.failing), needs)
		var denied *Denied
		if errors.As(err, &denied); (err != nil) != test.err || (denied != nil) != (test.missing > 0) {
			t.Errorf("%+v: error %v", test, err)
		}
		if denied != nil && (len(denied.Missing) != test.missing || denied.User != "jane") {
			t.Errorf("%+v: %+v", test, denied)
		}
	}
}

func TestDenied(t *testing.T) {
	d := &Denied{User: "jane", Missing: []Need{
		{Verb: "create", Resource: "pods", Namespace: "ts", For: "to start"},
		{Verb: "get", Resource: "pods", Subresource: "log", Namespace: "ts"},
		{Verb: "get", Group: "apps", Resource: "deployments", Namespace: "ts"},
		{Verb: "list", Resource: "pods"},
		{Verb: "get", Resource: "nodes"},
	}}
	want := `user "jane" may not:
  create pods in namespace ts (to start)
  get pods/log in namespace ts
  get deployments in namespace ts
  list pods in all namespaces
  get nodes in the cluster
Ask an administrator to apply manifests/rbac.yaml of kubectl-trace-sec and bind its roles, or to run:
  kubectl create role trace-sec-pods --namespace=ts --verb=create,get --resource=pods,pods/log
  kubectl create rolebinding trace-sec-pods --namespace=ts --role=trace-sec-pods --user=jane
  kubectl create role trace-sec-deployments-apps --namespace=ts --verb=get --resource=deployments.apps
  kubectl create rolebinding trace-sec-deployments-apps --namespace=ts --role=trace-sec-deployments-apps --user=jane
  kubectl create clusterrole trace-sec-pods --verb=list,get --resource=pods,nodes
  kubectl create clusterrolebinding trace-sec-pods --clusterrole=trace-sec-pods --user=jane`
	if d.Error() != want {
		t.Errorf("got\n%s", d)
	}
}

// The remedy is pasted into a shell, and the name comes from the API server.
func TestSubject(t *testing.T) {
	for user, want := range map[string]string{
		"jane@example.com":                 "--user=jane@example.com",
		"system:serviceaccount:ci:builder": "--serviceaccount=ci:builder",
		"":                                 "--user=<you>",
		"a b'; rm -rf /":                   `--user='a b'\''; rm -rf /'`,
	} {
		if got := (&Denied{User: user}).subject(); got != want {
			t.Errorf("%q: %s, want %s", user, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, test := range []struct {
		err         error
		unreachable bool
		says        string
	}{
		{&url.Error{Op: "Get", URL: "https://x", Err: dial}, true, "kubectl config current-context"},
		{fmt.Errorf("list: %w", &url.Error{Op: "Get", URL: "https://x", Err: dial}), true, "connection refused"},
		{&url.Error{Op: "Get", URL: "https://x", Err: x509.UnknownAuthorityError{}}, true, "unknown authority"},
		{apierrors.NewUnauthorized("token expired"), false, "log in again"},
		{apierrors.NewInternalError(errors.New("etcd")), false, "etcd"},
		{&url.Error{Op: "Get", URL: "https://x", Err: context.Canceled}, false, "canceled"},
	} {
		got := Explain(test.err)
		if errors.Is(got, ErrUnreachable) != test.unreachable || !strings.Contains(got.Error(), test.says) || !errors.Is(got, test.err) {
			t.Errorf("%v: %v", test.err, got)
		}
		if again := Explain(got); test.unreachable && !errors.Is(again, got) {
			t.Errorf("explained twice: %v", again)
		}
	}
	if Explain(nil) != nil {
		t.Error("nil is explained")
	}
}
