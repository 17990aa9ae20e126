// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
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

// countUp runs a program again and again whose argument is one more each time.
const countUp = `i=0; while sleep 0.1; do /bin/echo $i >/dev/null; i=$((i+1)); done`

// What the network and the API server do to a session that runs, and to its end.
func TestNetworkFailures(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], countUp))
	t.Run("by", func(t *testing.T) {
		t.Run("hanging connections", func(t *testing.T) {
			t.Parallel()
			s.apart(t).outlivesFrozenConnections()
		})
		t.Run("refused deletion", func(t *testing.T) {
			t.Parallel()
			s.apart(t).endsWithoutCleanup()
		})
	})
}

// outlivesFrozenConnections: connections that hang without a word cost time, but no event.
func (s *scene) outlivesFrozenConnections() {
	proxy, config := newProxy(s.T)
	r := s.startWith([]string{"KUBECONFIG=" + config}, "exec", "busy")
	counts := func(e *event.Event) bool { return execOf(e, "busy", "/bin/echo") }
	r.await("event", counts)
	proxy.Inject(apiproxy.Fault{Match: apiproxy.Verb(http.MethodGet, "/log"), Status: http.StatusInternalServerError, Times: 2})
	frozen := time.Now()
	proxy.Freeze()
	r.await("event after that", func(e *event.Event) bool { return counts(e) && e.Time.After(frozen.Add(10*time.Second)) })
	if got := r.end(); got.code != 0 {
		s.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	next := -1
	for i := range r.events {
		if e := &r.events[i]; counts(e) {
			got, err := strconv.Atoi(e.ProcessExec.Process.Arguments)
			if err != nil || next >= 0 && got != next {
				s.Errorf("after %d comes %q", next-1, e.ProcessExec.Process.Arguments)
			}
			next = got + 1
		}
	}
}

// endsWithoutCleanup: what can't be removed is named, and makes the command fail, in time.
func (s *scene) endsWithoutCleanup() {
	proxy, config := newProxy(s.T)
	cmd := s.command("exec", "busy", "-o", "compact")
	cmd.Env = append(cmd.Env, "KUBECONFIG="+config)
	b := s.backgroundOf(cmd)
	b.eventuallyDoing("events", func() bool { return strings.Count(b.out.String(), "\n") > 2 })
	proxy.Inject(apiproxy.Fault{Match: apiproxy.Verb(http.MethodDelete, ""), Status: http.StatusInternalServerError})
	if code := s.within(cmd, 1); code != 1 || !strings.Contains(b.err.String(), "kubectl trace-sec cleanup") {
		s.Errorf("exit code %d, stderr:\n%s", code, b.err.String())
	}
	for _, pod := range s.tracerPods(s.Context()) {
		if !strings.Contains(b.err.String(), pod.Name) {
			s.Errorf("it is not said that pod %s is left:\n%s", pod.Name, b.err.String())
		}
	}
	if got := s.run("cleanup", "--all-sessions"); got.code != 0 {
		s.Errorf("cleanup: exit code %d, stderr %q", got.code, got.stderr)
	}
}
