// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/apiproxy"
)

var creates = apiproxy.Verb(http.MethodPost, "/pods")

// What passes does not cost a node: errors of the API server, an overload, a lost answer, a dead connection.
func TestStartTriesAgain(t *testing.T) {
	for name, fault := range map[string]apiproxy.Fault{
		"500":         {Status: 500, Times: 3},
		"503":         {Status: 503, Times: 3},
		"429":         {Status: 429, Times: 3},
		"lost answer": {Forward: true, Times: 1},
		"quota":       {Status: 409, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			l, proxy := c.behindProxy(t)
			fault.Match = creates
			proxy.Inject(fault)
			tracer, err := l.Start(soon(t), testTracerConfig("n1"))
			if err != nil {
				t.Fatal(err)
			}
			if tracer.UID() != "uid-of-n1" || podsLeft(t, c) != 1 {
				t.Errorf("UID %q, %d pods", tracer.UID(), podsLeft(t, c))
			}
		})
	}
}

// What does not pass within the startup timeout says so, and is no refusal.
func TestStartGivesUp(t *testing.T) {
	l, proxy := newCluster(t).behindProxy(t, func(c *Config) { c.StartupTimeout = 300 * time.Millisecond })
	proxy.Inject(apiproxy.Fault{Match: creates, Status: 500})
	_, err := l.Start(soon(t), testTracerConfig("n1"))
	var failed *NodeError
	if !errors.As(err, &failed) || failed.Reason != APIUnavailable || failed.Node != "n1" || !strings.Contains(err.Error(), "injected") {
		t.Errorf("error %v", err)
	}
}

// A webhook may take 30 s: it is not cut off before, and so not taken for a refusal.
func TestStartWaitsForASlowWebhook(t *testing.T) {
	const webhook = 30 * time.Second
	c := newCluster(t)
	var allowed atomic.Int64
	l, _ := c.behindProxy(t)
	l.clients.config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if deadline, ok := r.Context().Deadline(); creates(r) && ok {
				allowed.Store(int64(time.Until(deadline)))
			}
			return next.RoundTrip(r)
		})
	})
	l.clients.replace(l.clients.get())
	start(t, l, "n1")
	if got := time.Duration(allowed.Load()); got <= webhook || l.config.startupTimeout() <= webhook {
		t.Errorf("a Create may take %s, in a startup timeout of %s", got, l.config.startupTimeout())
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A namespace that another session is just deleting is waited for and made anew.
func TestStartWhenTheNamespaceGoes(t *testing.T) {
	c := newCluster(t)
	var attempts atomic.Int32
	c.refuse = func(bool) error {
		if attempts.Add(1) == 1 {
			return namespaceGoes()
		}
		if _, err := c.Tracker().Get(namespaces, "", "trace-sec"); err != nil {
			return noNamespace()
		}
		return nil
	}
	l := c.launcher(t)
	start(t, l, "n1")
	if !namespaceThere(t, c) {
		t.Error("the namespace was not made")
	}
	if err := l.Cleanup(soon(t)); err != nil || namespaceThere(t, c) {
		t.Errorf("the namespace is left: %v", err)
	}
}

// A node's second tracer takes the place of its first, also while that one still runs as far as is known.
func TestStartAgain(t *testing.T) {
	for name, before := range map[string]corev1.PodStatus{
		"OOM-killed": terminated(137, "OOMKilled", ""),
		"evicted":    {Phase: corev1.PodFailed, Reason: "Evicted"},
		"runs":       running(),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			l := c.launcher(t)
			first := start(t, l, "n1")
			c.setStatus(t, first.Name(), before)
			c.uid = "second"
			second := start(t, l, "n1")
			if second.UID() != "second" || podsLeft(t, c) != 1 {
				t.Errorf("UID %q, %d pods", second.UID(), podsLeft(t, c))
			}
		})
	}
}

// Cleanup ends what tries again.
func TestCleanupEndsRetries(t *testing.T) {
	l, proxy := newCluster(t).behindProxy(t)
	proxy.Inject(apiproxy.Fault{Match: creates, Status: 500})
	result := make(chan error, 1)
	go func() {
		_, err := l.Start(context.WithoutCancel(t.Context()), testTracerConfig("n1"))
		result <- err
	}()
	for l.creating() == 0 {
		if !sleep(soon(t), time.Millisecond) {
			t.Fatal("Start has not begun")
		}
	}
	if err := l.Cleanup(soon(t)); err != nil {
		t.Error(err)
	}
	if err := receive(t, result, "Start"); !errors.Is(err, ErrClosed) {
		t.Errorf("Start: %v", err)
	}
}

// Ctrl-C during Create: the pod that comes into being afterwards must not be left.
func TestCleanupWaitsForCreate(t *testing.T) {
	for name, limit := range map[string]time.Duration{"in time": 10 * time.Second, "too late": 500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			creating, proceed := make(chan struct{}), make(chan struct{})
			c.hold = func() {
				close(creating)
				<-proceed
			}
			l, _ := c.behindProxy(t)
			ctx, interrupt := context.WithCancel(t.Context())
			started := make(chan error, 1)
			go func() {
				_, err := l.Start(ctx, testTracerConfig("n1"))
				started <- err
			}()
			receive(t, creating, "Create")
			interrupt()
			if err := receive(t, started, "Start"); !errors.Is(err, context.Canceled) {
				t.Errorf("Start: %v", err)
			}
			if l.creating() != 1 {
				t.Error("the Create under way is not known of")
			}
			cleaned := make(chan error, 1)
			late := limit < time.Second
			go func() {
				ctx, cancel := boundedBy(t, limit)
				defer cancel()
				cleaned <- l.Cleanup(ctx)
			}()
			if late {
				var remains *Remains
				if err := receive(t, cleaned, "Cleanup"); !errors.As(err, &remains) || remains.Coming != 1 {
					t.Errorf("Cleanup: %v", err)
				}
			}
			close(proceed)
			if !late {
				if err := receive(t, cleaned, "Cleanup"); err != nil {
					t.Error(err)
				}
			}
			for ctx := soon(t); l.creating() > 0 || podsLeft(t, c) > 0; {
				if !sleep(ctx, time.Millisecond) {
					t.Fatalf("%d pods left, %d coming", podsLeft(t, c), l.creating())
				}
			}
		})
	}
}
