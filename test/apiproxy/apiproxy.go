// SPDX-License-Identifier: Apache-2.0

// Package apiproxy is a proxy in front of an API server, for tests of what a real one does not do on demand: errors that pass,
// watches that break off or have expired, answers that get lost, and connections that are dead without an error. It speaks
// HTTP/2 and lets attach through. All methods may be called at the same time.
package apiproxy

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Fault is what happens to requests in place of what they ask for.
type Fault struct {
	// Match chooses the requests; nil: all.
	Match func(*http.Request) bool
	// Times is how many requests it happens to; 0: to all, until Clear.
	Times int
	// Status is answered: 410 as an expired resource version, 429 with RetryAfter, others as a plain API error.
	Status     int
	RetryAfter time.Duration
	// Delay before anything else happens. With a Status of 0, the request goes on after it.
	Delay time.Duration
	// Forward: the request is carried out, and its answer lost.
	Forward bool
}

// Proxy is a running proxy.
type Proxy struct {
	server   *httptest.Server
	listener *listener
	forward  http.Handler
	token    string

	mu      sync.Mutex
	faults  []*Fault
	watches map[*http.Request]context.CancelFunc
}

// New starts a proxy to the API server of target, with target's credentials. Close ends it.
func New(target *rest.Config) (*Proxy, error) {
	config := rest.CopyConfig(target)
	config.NextProtos = []string{"http/1.1"} // attach is an upgrade, which HTTP/2 does not have
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("apiproxy: %w", err)
	}
	host, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("apiproxy: %w", err)
	}
	p := &Proxy{token: rand.Text(), watches: map[*http.Request]context.CancelFunc{}}
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: host.Scheme, Host: host.Host, Path: host.Path})
			r.Out.Header.Del("Authorization")
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.listener = &listener{Listener: p.server.Listener}
	p.server.Listener = p.listener
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	return p, nil
}

// Close ends the proxy and all connections through it.
func (p *Proxy) Close() {
	p.listener.closeAll()
	p.CutWatches()
	p.server.CloseClientConnections()
	p.server.Close()
}

// Config leads through the proxy.
func (p *Proxy) Config() *rest.Config {
	return &rest.Config{Host: p.server.URL, BearerToken: p.token, TLSClientConfig: rest.TLSClientConfig{CAData: p.certificate()}}
}

func (p *Proxy) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
}

// WriteKubeconfig writes a kubeconfig that leads through the proxy.
func (p *Proxy) WriteKubeconfig(path string) error {
	c := clientcmdapi.NewConfig()
	c.Clusters["proxy"] = &clientcmdapi.Cluster{Server: p.server.URL, CertificateAuthorityData: p.certificate()}
	c.AuthInfos["proxy"] = &clientcmdapi.AuthInfo{Token: p.token}
	c.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy", AuthInfo: "proxy"}
	c.CurrentContext = "proxy"
	return clientcmd.WriteToFile(*c, path)
}

// Inject makes a fault happen, before those injected earlier.
func (p *Proxy) Inject(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = slices.Insert(p.faults, 0, &f)
}

// Clear ends all faults.
func (p *Proxy) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// CutWatches breaks off all watches, and says how many there were.
func (p *Proxy) CutWatches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cut := range p.watches {
		cut()
	}
	return len(p.watches)
}

// Freeze makes all connections of this moment dead without an error, as a network does that drops packets: nothing comes through
// any more in either direction. New connections work.
func (p *Proxy) Freeze() { p.listener.freeze() }

// CutUpload closes the next connection that brings more than so many bytes. Called again, it is about one more.
func (p *Proxy) CutUpload(bytes int64) {
	p.listener.mu.Lock()
	defer p.listener.mu.Unlock()
	p.listener.uploads = append(p.listener.uploads, bytes)
}

// Uncut is how many CutUploads have not happened.
func (p *Proxy) Uncut() int {
	p.listener.mu.Lock()
	defer p.listener.mu.Unlock()
	return len(p.listener.uploads)
}

// Verb matches requests by HTTP method and the end of their path, which "" leaves open.
func Verb(method, suffix string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == method && len(r.URL.Path) >= len(suffix) && r.URL.Path[len(r.URL.Path)-len(suffix):] == suffix
	}
}

// Watch matches watches.
func Watch(r *http.Request) bool {
	watches, _ := strconv.ParseBool(r.URL.Query().Get("watch"))
	return watches
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+p.token {
		answer(w, apierrors.NewUnauthorized("not the token of this proxy"))
		return
	}
	if f := p.fault(r); f != nil && f.happen(w, r, p.forward) {
		return
	}
	if Watch(r) {
		ctx, cut := context.WithCancel(r.Context())
		r = r.WithContext(ctx)
		p.track(r, cut)
		defer p.track(r, nil)
		defer cut()
	}
	p.forward.ServeHTTP(w, r)
}

func (p *Proxy) track(r *http.Request, cut context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cut == nil {
		delete(p.watches, r)
		return
	}
	p.watches[r] = cut
}

// fault is what happens to a request, counted; nil: nothing does.
func (p *Proxy) fault(r *http.Request) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, f := range p.faults {
		if f.Match != nil && !f.Match(r) {
			continue
		}
		if f.Times == 1 {
			p.faults = slices.Delete(p.faults, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return f
	}
	return nil
}

// happen says whether the request was answered.
func (f *Fault) happen(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
	if f.Forward {
		forward.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
	}
	switch f.Status {
	case 0:
		if f.Forward {
			panic(http.ErrAbortHandler)
		}
		return false
	case http.StatusGone:
		answer(w, apierrors.NewResourceExpired("injected"))
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
		answer(w, apierrors.NewTooManyRequests("injected", int(f.RetryAfter/time.Second)))
	case http.StatusInternalServerError:
		answer(w, apierrors.NewInternalError(errors.New("injected")))
	default:
		answer(w, apierrors.NewGenericServerResponse(f.Status, r.Method, schema.GroupResource{}, "", "injected", 0, true))
	}
	return true
}

func answer(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status) // the client may be gone
}
