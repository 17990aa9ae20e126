// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/apiproxy"
)

// namespaceThere says whether the tracers' namespace exists and is not being deleted.
func (s *scene) namespaceThere(ctx context.Context) bool {
	s.Helper()
	n, err := client.CoreV1().Namespaces().Get(ctx, s.tracers, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		s.Error(err)
	}
	return err == nil && n.DeletionTimestamp == nil
}

// The session that made the namespace leaves it to one that goes on; the last one out removes it.
func TestOverlappingSessions(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	first := s.start("exec", "busy")
	first.awaitHello(s.nodes[0])
	second := s.start("exec", "busy")
	second.awaitHello(s.nodes[0])
	if got := first.end(); got.code != 0 {
		t.Errorf("first: exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	if pods := s.tracerPods(t.Context()); len(pods) != 1 || !s.namespaceThere(t.Context()) {
		t.Errorf("%d tracer pods, namespace there: %t", len(pods), s.namespaceThere(t.Context()))
	}
	if got := second.end(); got.code != 0 {
		t.Errorf("second: exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	if s.namespaceThere(t.Context()) {
		t.Error("the namespace is left")
	}
}

// newProxy returns a proxy to the cluster and a kubeconfig that leads through it.
func newProxy(t *testing.T) (*apiproxy.Proxy, string) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := apiproxy.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := proxy.WriteKubeconfig(path); err != nil {
		t.Fatal(err)
	}
	return proxy, path
}

var createPod = apiproxy.Verb(http.MethodPost, "/pods")

// A preflight that fails in the namespace that it made removes it.
func TestPreflightThatFails(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	proxy, config := newProxy(t)
	var made atomic.Bool
	proxy.Inject(apiproxy.Fault{Status: http.StatusForbidden, Match: func(r *http.Request) bool {
		return createPod(r) && made.Load()
	}})
	proxy.Inject(apiproxy.Fault{Match: func(r *http.Request) bool { // and nothing happens to it
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/namespaces") {
			made.Store(true)
		}
		return false
	}})
	cmd := s.command("exec", "busy")
	cmd.Env = append(cmd.Env, "KUBECONFIG="+config)
	out, err := cmd.CombinedOutput()
	if exitCode(err) != 1 || !made.Load() || !strings.Contains(string(out), "cannot create the tracer pod") {
		t.Errorf("exit code %d, namespace made: %t, output:\n%s", exitCode(err), made.Load(), out)
	}
	if s.namespaceThere(t.Context()) {
		t.Error("the namespace is left")
	}
}

// An API server that fails in passing costs nothing: the node is traced, through cut and expired watches, and all is removed.
func TestPassingAPIErrors(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	proxy, config := newProxy(t)
	started := func(r *http.Request) bool { return createPod(r) && r.URL.Query().Get("dryRun") == "" }
	proxy.Inject(apiproxy.Fault{Match: createPod, Status: http.StatusServiceUnavailable, Times: 1})
	proxy.Inject(apiproxy.Fault{Match: started, Status: http.StatusInternalServerError, Times: 2})
	proxy.Inject(apiproxy.Fault{Match: started, Status: http.StatusTooManyRequests, Times: 1})
	proxy.Inject(apiproxy.Fault{Match: started, Forward: true, Times: 1}) // its answer gets lost
	proxy.Inject(apiproxy.Fault{Match: apiproxy.Watch, Status: http.StatusGone, Times: 1})
	cmd := s.command("exec", "busy", "-o", "compact")
	cmd.Env = append(cmd.Env, "KUBECONFIG="+config)
	b := s.backgroundOf(cmd)
	lines := func() int { return strings.Count(b.out.String(), "\n") }
	s.eventually("events", func(context.Context) bool { return lines() > 5 })
	if proxy.CutWatches() == 0 {
		t.Error("there was no watch")
	}
	proxy.Inject(apiproxy.Fault{Match: apiproxy.Watch, Status: http.StatusGone, Times: 2})
	before := lines()
	s.eventually("events after the watches were cut", func(context.Context) bool { return lines() > before+5 })
	proxy.Inject(apiproxy.Fault{Match: apiproxy.Verb(http.MethodDelete, ""), Status: http.StatusInternalServerError, Times: 2})
	_ = b.cmd.Process.Signal(syscall.SIGINT)
	if code := exitCode(b.cmd.Wait()); code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", code, b.err.String())
	}
}
