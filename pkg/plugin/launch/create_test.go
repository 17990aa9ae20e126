// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Ctrl-C during Create: the pod that comes into being afterwards must not be left. Over HTTP, since the fake client has no
// requests under way.
func TestCleanupWaitsForCreate(t *testing.T) {
	creating, proceed := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	pods := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var answer any
		switch {
		case r.Method == http.MethodPost:
			var pod corev1.Pod
			if err := json.NewDecoder(r.Body).Decode(&pod); err != nil {
				t.Error(err)
			}
			close(creating)
			<-proceed
			pod.UID = "u"
			mu.Lock()
			pods.Items = append(pods.Items, pod)
			mu.Unlock()
			answer = pod
		case r.Method == http.MethodDelete:
			mu.Lock()
			pods.Items = nil
			mu.Unlock()
			answer = metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess}
		case r.URL.Query().Get("watch") != "":
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		default:
			mu.Lock()
			defer mu.Unlock()
			answer = pods
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	restConfig := &rest.Config{Host: server.URL}
	restConfig.ContentType = "application/json"
	client, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		t.Fatal(err)
	}
	l := New(client, restConfig, testConfig())
	ctx, interrupt := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := l.Start(ctx, testOrders("n1"))
		result <- err
	}()
	receive(t, creating, "Create")
	interrupt()
	if err := receive(t, result, "Start"); !errors.Is(err, context.Canceled) {
		t.Errorf("Start: %v", err)
	}
	cleaned := make(chan error, 1)
	go func() { cleaned <- l.Cleanup(soon(t)) }()
	select {
	case err := <-cleaned:
		t.Errorf("Cleanup did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(proceed)
	if err := receive(t, cleaned, "Cleanup"); err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) > 0 {
		t.Errorf("%d pods left", len(pods.Items))
	}
}
