// SPDX-License-Identifier: Apache-2.0

package address

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func pod(name, ip string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)},
		Spec:       corev1.PodSpec{NodeName: "n1"},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIPs: []corev1.PodIP{{IP: ip}}, HostIP: "192.0.2.1", HostIPs: []corev1.HostIP{{IP: "192.0.2.1"}, {IP: "2001:db8::1"}}},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func service(name string, ips ...string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("service " + name)},
		Spec:       corev1.ServiceSpec{ClusterIPs: ips},
	}
}

// eventually waits until an address has a name.
func eventually(t *testing.T, n *Names, address, want string) {
	t.Helper()
	a, got := netip.MustParseAddr(address), ""
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if got = n.Lookup(a); got == want {
			return
		}
	}
	t.Errorf("%s is %q, want %q", address, got, want)
}

func TestNames(t *testing.T) {
	hostNetwork := pod("proxy", "192.0.2.1", func(p *corev1.Pod) { p.Spec.HostNetwork = true })
	client := fake.NewClientset(pod("web", "10.0.0.7"), hostNetwork, service("web", "10.96.0.7", "fd00::7"), service("headless", "None"))
	n := New(t.Context(), client, func(text string) { t.Errorf("warned: %s", text) })
	if len(client.Actions()) > 0 {
		t.Errorf("asked before anything was looked up: %v", client.Actions())
	}
	for address, want := range map[string]string{
		"10.0.0.7": "pod shop/web", "::ffff:10.0.0.7": "pod shop/web", "10.96.0.7": "service shop/web", "fd00::7": "service shop/web",
		"192.0.2.1": "node n1", "2001:db8::1": "node n1", "10.0.0.8": "",
	} {
		eventually(t, n, address, want)
	}
	// The address goes from one pod to another; whose end is told later takes nothing away.
	pods := client.CoreV1().Pods("shop")
	if _, err := pods.Create(t.Context(), pod("next", "10.0.0.9"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, n, "10.0.0.9", "pod shop/next")
	if _, err := pods.Update(t.Context(), pod("next", "10.0.0.7"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, n, "10.0.0.9", "")
	if err := pods.Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, n, "10.0.0.7", "pod shop/next")
	eventually(t, n, "192.0.2.1", "node n1")
	if err := pods.Delete(t.Context(), "next", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, n, "10.0.0.7", "")
}

// Whoever may not list something is told so once, and has the names of the rest.
func TestForbidden(t *testing.T) {
	client := fake.NewClientset(pod("web", "10.0.0.7"), service("web", "10.96.0.7"))
	client.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no"))
	})
	var mu sync.Mutex
	var warnings []string
	n := New(t.Context(), client, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		warnings = append(warnings, text)
	})
	eventually(t, n, "10.96.0.7", "service shop/web")
	said := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(warnings)
	}
	for deadline := time.Now().Add(10 * time.Second); len(said()) == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	if got := said(); len(got) != 1 || !strings.Contains(got[0], "addresses of pods are not named: you may not list them") {
		t.Errorf("warned %q", got)
	}
	eventually(t, n, "10.0.0.7", "")
}
