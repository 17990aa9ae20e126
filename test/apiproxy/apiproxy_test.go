// SPDX-License-Identifier: Apache-2.0

package apiproxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// server answers lists with an empty one, and watches with a line and silence.
func server(t *testing.T) (target *rest.Config, requests *atomic.Int32) {
	requests = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Header.Get("Authorization") != "Bearer target" {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/json")
		if Watch(r) {
			fmt.Fprintln(w, `{"type":"BOOKMARK"}`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		fmt.Fprintln(w, `{"apiVersion":"v1","kind":"PodList","items":[]}`)
	}))
	t.Cleanup(s.Close)
	return &rest.Config{Host: s.URL, BearerToken: "target"}, requests
}

func proxied(t *testing.T) (*Proxy, *kubernetes.Clientset, *atomic.Int32) {
	target, requests := server(t)
	p, err := New(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	client, err := kubernetes.NewForConfig(p.Config())
	if err != nil {
		t.Fatal(err)
	}
	return p, client, requests
}

func list(t *testing.T, client kubernetes.Interface, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err := client.CoreV1().Pods("x").List(ctx, metav1.ListOptions{})
	return err
}

func TestFaults(t *testing.T) {
	p, client, requests := proxied(t)
	for name, test := range map[string]struct {
		fault Fault
		is    func(error) bool
	}{
		"500":         {Fault{Status: 500}, apierrors.IsInternalError},
		"503":         {Fault{Status: 503}, apierrors.IsServiceUnavailable},
		"410":         {Fault{Status: 410}, apierrors.IsResourceExpired},
		"lost answer": {Fault{Forward: true}, func(err error) bool { return err != nil }},
	} {
		before := requests.Load()
		test.fault.Times = 1
		p.Inject(test.fault)
		if err := list(t, client, 10*time.Second); !test.is(err) {
			t.Errorf("%s: %v", name, err)
		}
		if reached := requests.Load() > before; reached != test.fault.Forward {
			t.Errorf("%s: the API server was reached: %t", name, reached)
		}
		if err := list(t, client, 10*time.Second); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
	p.Inject(Fault{Match: Verb("GET", "/pods"), Status: 429, Times: 2, RetryAfter: 0})
	p.Inject(Fault{Match: Verb("POST", "/pods"), Status: 500})
	err := list(t, client, 10*time.Second)
	for err != nil && apierrors.IsTooManyRequests(err) {
		err = list(t, client, 10*time.Second)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestCutWatches(t *testing.T) {
	p, client, _ := proxied(t)
	stream, err := client.CoreV1().RESTClient().Get().AbsPath("/api/v1/pods").Param("watch", "1").Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stream)
	if !lines.Scan() {
		t.Fatal(lines.Err())
	}
	if cut := p.CutWatches(); cut != 1 {
		t.Errorf("%d watches", cut)
	}
	if lines.Scan() || lines.Err() == nil {
		t.Errorf("line %q, error %v", lines.Text(), lines.Err())
	}
}

func TestFreeze(t *testing.T) {
	p, client, _ := proxied(t)
	if err := list(t, client, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	p.Freeze()
	if err := list(t, client, 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("over a dead connection: %v", err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := p.WriteKubeconfig(path); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.NextProtos = []string{"http/1.1"} // another transport than client's
	if client, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if err := list(t, client, 10*time.Second); err != nil {
		t.Errorf("over a new connection: %v", err)
	}
}

func TestTokenIsAskedFor(t *testing.T) {
	p, _, requests := proxied(t)
	config := p.Config()
	config.BearerToken = "guessed"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := list(t, client, 10*time.Second); !apierrors.IsUnauthorized(err) || requests.Load() > 0 {
		t.Errorf("%v, %d requests", err, requests.Load())
	}
}
