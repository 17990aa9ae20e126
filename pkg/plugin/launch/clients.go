// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/flowcontrol"
)

const (
	// pingAfter and pingTimeout find a connection that is dead without an error: together less than the tracer's Silence, while
	// client-go's own would take 45 s.
	pingAfter   = 5 * time.Second
	pingTimeout = 5 * time.Second
	// dialTimeout is for one TCP connection, and then for its TLS handshake.
	dialTimeout = 10 * time.Second
	idleTimeout = 30 * time.Second
)

// connection is a set of TCP connections to the API server and the clients that share them.
type connection struct {
	// api is for requests that answer at once, logs without a time limit.
	api, logs kubernetes.Interface
	objects   dynamic.Interface // of kinds that Kubernetes does not have; nil for a fake client
	transport *http.Transport   // nil for a fake client
}

// clients hand out the connection in use. Requests under way keep the one that they began with.
type clients struct {
	config *rest.Config // nil for a fake client

	mu      sync.Mutex
	current *connection
}

// newClients uses connections of its own, made from config, whose client-go defaults are too slow in finding dead ones. fallback
// is for when config is nil or no client can be made of it.
func newClients(fallback kubernetes.Interface, config *rest.Config) *clients {
	c := &clients{current: &connection{api: fallback, logs: fallback}}
	if config == nil {
		return c
	}
	c.config = rest.CopyConfig(config)
	if c.config.RateLimiter == nil && c.config.QPS > 0 { // one limit, however often the connection is replaced
		c.config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(c.config.QPS, c.config.Burst)
	}
	if fresh, err := newConnection(c.config); err == nil {
		c.current = fresh
	}
	return c
}

func (c *clients) get() *connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// replace makes later requests use new TCP connections, unless that was done since old was handed out: when a hundred tracers
// are silent at once, one new connection is enough. What others have under way on the old ones goes on.
func (c *clients) replace(old *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.config == nil || old != c.current {
		return
	}
	fresh, err := newConnection(c.config)
	if err != nil {
		return // the configuration was good before: a certificate's file is being replaced; the next time it works
	}
	c.current = fresh
	if old.transport != nil {
		old.transport.CloseIdleConnections()
	}
}

func newConnection(config *rest.Config) (*connection, error) {
	settings, err := config.TransportConfig()
	if err != nil {
		return nil, err
	}
	tlsConfig, err := transport.TLSConfigFor(settings)
	if err != nil {
		return nil, err
	}
	base := &http.Transport{
		Proxy:               config.Proxy,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: pingAfter}).DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConnsPerHost: 25,
		DisableCompression:  config.DisableCompression,
		ForceAttemptHTTP2:   os.Getenv("DISABLE_HTTP2") == "", // client-go's switch
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	if base.Proxy == nil {
		base.Proxy = utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
	}
	if settings.DialHolder != nil {
		base.DialContext = settings.DialHolder.Dial
	}
	wrapped, err := transport.HTTPWrappersForConfig(settings, base)
	if err != nil {
		return nil, err
	}
	api, err := kubernetes.NewForConfigAndClient(config, &http.Client{Transport: wrapped, Timeout: config.Timeout})
	if err != nil {
		return nil, err
	}
	objects, err := dynamic.NewForConfigAndClient(config, &http.Client{Transport: wrapped, Timeout: config.Timeout})
	if err != nil {
		return nil, err
	}
	untimed := rest.CopyConfig(config)
	untimed.Timeout = 0
	logs, err := kubernetes.NewForConfigAndClient(untimed, &http.Client{Transport: wrapped})
	if err != nil {
		return nil, err
	}
	return &connection{api: api, logs: logs, objects: objects, transport: base}, nil
}
