// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/apiproxy"
)

// behindProxy serves the fake cluster over HTTP, behind a proxy that makes faults. Watches see nothing: what a test needs to be
// seen, it asks for.
func (c *cluster) behindProxy(t *testing.T, change ...func(*Config)) (*Launcher, *apiproxy.Proxy) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(server.Close)
	proxy, err := apiproxy.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	config := testConfig()
	for _, f := range change {
		f(&config)
	}
	restConfig := WithTracerRateLimits(proxy.Config())
	restConfig.ContentType = runtime.ContentTypeJSON
	l := New(nil, restConfig, config)
	t.Cleanup(l.stop)
	return l, proxy
}

func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	if apiproxy.Watch(r) {
		w.Header().Set("Content-Type", "application/json")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	if strings.HasSuffix(r.URL.Path, "/log") {
		for i := 0; ; i++ { // a line for each that is asked for: the end of the request ends it
			fmt.Fprintf(w, "line %d\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-c.more:
			case <-r.Context().Done():
				return
			}
		}
	}
	answer, err := c.answer(r)
	w.Header().Set("Content-Type", "application/json")
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		status.ErrStatus.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
		w.WriteHeader(int(status.ErrStatus.Code))
		answer = &status.ErrStatus
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// answer knows what the launcher asks for of pods and namespaces.
func (c *cluster) answer(r *http.Request) (any, error) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/"), "/")
	ctx := r.Context()
	switch {
	case len(parts) == 1 && r.Method == http.MethodGet:
		return c.CoreV1().Namespaces().Get(ctx, parts[0], metav1.GetOptions{})
	case len(parts) == 1 && r.Method == http.MethodDelete:
		return metav1.Status{Status: metav1.StatusSuccess}, c.CoreV1().Namespaces().Delete(ctx, parts[0], metav1.DeleteOptions{})
	case r.Method == http.MethodPost:
		var pod corev1.Pod
		if err := json.NewDecoder(r.Body).Decode(&pod); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		c.hold()
		return c.CoreV1().Pods(parts[0]).Create(ctx, &pod, metav1.CreateOptions{DryRun: r.URL.Query()["dryRun"]})
	case len(parts) == 2 && r.Method == http.MethodGet:
		list, err := c.CoreV1().Pods(parts[0]).List(ctx, metav1.ListOptions{LabelSelector: r.URL.Query().Get("labelSelector")})
		if err == nil {
			list.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}
		}
		return list, err
	case r.Method == http.MethodGet:
		return c.CoreV1().Pods(parts[0]).Get(ctx, parts[2], metav1.GetOptions{})
	}
	var options metav1.DeleteOptions
	if err := json.NewDecoder(r.Body).Decode(&options); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return metav1.Status{Status: metav1.StatusSuccess}, c.CoreV1().Pods(parts[0]).Delete(ctx, parts[2], options)
}
