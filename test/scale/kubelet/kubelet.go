// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// Script is what the tracer of a node does.
type Script struct {
	// EventsPerSecond that it tells of, from its hello on.
	EventsPerSecond int
	// Failure is how it fails; empty: it does not.
	Failure Failure
	// After is how long after its hello it fails.
	After time.Duration
}

// Failure is a way to fail.
type Failure string

// The failures.
const (
	// NeverStarts: the image cannot be pulled.
	NeverStarts Failure = "never starts"
	// Killed: out of memory, without a word.
	Killed Failure = "killed"
	// LogFails: the kubelet answers with an error when it is asked for the log.
	LogFails Failure = "log fails"
	// Silent: it runs, and says nothing any more.
	Silent Failure = "silent"
)

// Failures are all of them.
var Failures = []Failure{NeverStarts, Killed, LogFails, Silent}

// Kubelet is the process. Its methods may be called at the same time.
type Kubelet struct {
	client kubernetes.Interface
	// Requests that it made to the API server itself, so that they can be told from those of others.
	Requests atomic.Int64
	server   *httptest.Server
	script   func(node string) Script
	nodes    []string

	mu   sync.Mutex
	pods map[types.UID]*pod
	// byName are those of the pods by namespace and name.
	byName map[types.NamespacedName]*pod
	work   sync.WaitGroup
}

// Start registers count nodes, each a Ready one, and serves their pods until ctx ends. script says what the tracer on a node does.
func Start(ctx context.Context, config *rest.Config, count int, script func(node string) Script) (*Kubelet, error) {
	k := &Kubelet{script: script, pods: map[types.UID]*pod{}, byName: map[types.NamespacedName]*pod{}}
	counted := rest.CopyConfig(config)
	counted.QPS, counted.Burst = 1000, 2000
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper { return counter{next, &k.Requests} })
	var err error
	if k.client, err = kubernetes.NewForConfig(counted); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.log)
	mux.HandleFunc("POST /attach/{namespace}/{pod}/{container}", k.attach)
	k.server = httptest.NewUnstartedServer(mux)
	k.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	k.server.StartTLS()
	if err := k.register(ctx, count); err != nil {
		return nil, errors.Join(err, k.Stop(context.WithoutCancel(ctx)))
	}
	if err := k.watch(ctx); err != nil {
		return nil, errors.Join(err, k.Stop(context.WithoutCancel(ctx)))
	}
	return k, nil
}

// counter counts requests.
type counter struct {
	next  http.RoundTripper
	count *atomic.Int64
}

func (c counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.count.Add(1)
	return c.next.RoundTrip(r)
}

// port that the API server reaches all nodes at.
func (k *Kubelet) port() (host string, port int32, err error) {
	address, err := url.Parse(k.server.URL)
	if err != nil {
		return "", 0, err
	}
	number, err := strconv.ParseInt(address.Port(), 10, 32)
	return address.Hostname(), int32(number), err
}

// find returns the pod that a request is about.
func (k *Kubelet) find(r *http.Request) *pod {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.byName[types.NamespacedName{Namespace: r.PathValue("namespace"), Name: r.PathValue("pod")}]
}

// log serves the log of a tracer, as a kubelet does: lines with their times, and more as they come.
func (k *Kubelet) log(w http.ResponseWriter, r *http.Request) {
	p := k.find(r)
	if p == nil || p.tracer == nil {
		http.Error(w, "container is waiting to start", http.StatusBadRequest)
		return
	}
	if p.tracer.script.Failure == LogFails && p.tracer.failed() {
		http.Error(w, "failed to try resolving symlinks in path: made to fail", http.StatusInternalServerError)
		return
	}
	since, _ := time.Parse(time.RFC3339, r.URL.Query().Get("sinceTime")) // none: all
	follow := r.URL.Query().Get("follow") == "true"
	flusher, _ := w.(http.Flusher)
	for next := 0; ; {
		lines, more, over := p.tracer.log.from(next)
		for _, line := range lines {
			if line.at.Before(since) {
				continue
			}
			if _, err := fmt.Fprintf(w, "%s %s", line.at.Format(time.RFC3339Nano), line.text); err != nil {
				return
			}
		}
		next += len(lines)
		flusher.Flush()
		if len(lines) == 0 && (over || !follow) {
			return
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

// attach takes what is written to a tracer's standard input.
func (k *Kubelet) attach(w http.ResponseWriter, r *http.Request) {
	p := k.find(r)
	if p == nil || p.tracer == nil {
		http.Error(w, "container not found", http.StatusNotFound)
		return
	}
	streams := make(chan httpstream.Stream, 4)
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if connection == nil {
		return
	}
	defer connection.Close()
	for {
		select {
		case s := <-streams:
			if s.Headers().Get(corev1.StreamType) == corev1.StreamTypeStdin {
				p.tracer.read(s)
			}
		case <-connection.CloseChan():
			return
		case <-p.tracer.over:
			return
		}
	}
}

// Stop removes the nodes.
func (k *Kubelet) Stop(ctx context.Context) error {
	errs := k.deregister(ctx)
	k.server.CloseClientConnections()
	k.server.Close()
	return errs
}

// Emitted is how many events the tracers have told of.
func (k *Kubelet) Emitted() (sum uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		if p.tracer != nil {
			sum += p.tracer.emitted.Load()
		}
	}
	return sum
}
