// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

const (
	// callTime is how long a call may take, endTime how long the calls under way are waited for at the end.
	callTime = 5 * time.Second
	endTime  = 2 * time.Second
	// pause between two calls of the same canary.
	pause = time.Second
	// mostAtOnce calls are under way at the same time; others wait, one of each canary at most.
	mostAtOnce    = 4
	mostRedirects = 3
	// mostBody is how much of an answer is read, in bytes.
	mostBody = 64 << 10
)

// Dependencies are what calls are made with; the zero value is what this machine has.
type Dependencies struct {
	// Transport of HTTP; nil for one that goes by the environment's proxies.
	Transport http.RoundTripper
	// Resolver of names; nil for this machine's.
	Resolver *net.Resolver
	// Now is the clock; nil for time.Now.
	Now func() time.Time
}

// Caller calls canaries. Event and Close are called by one goroutine at a time; say by any.
type Caller struct {
	allowed  Allowed
	client   http.Client
	resolver *net.Resolver
	now      func() time.Time
	say      func(l event.Level, text string)

	ctx    context.Context
	cancel context.CancelFunc
	calls  sync.WaitGroup
	slots  chan struct{}

	mu       sync.Mutex
	canaries map[string]*canary
	reported map[string]bool
	// strange counts what events asked for and no policy has.
	strange uint64
}

// canary is a URL or name that was called.
type canary struct {
	last    time.Time
	running bool
	// skipped calls: there had been one just before.
	skipped uint64
}

// NewCaller says what became of each canary's first call, and of one that ends otherwise than those before.
func NewCaller(ctx context.Context, allowed Allowed, with Dependencies, say func(l event.Level, text string)) *Caller {
	if with.Transport == nil {
		with.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: mostBody}
	}
	if with.Resolver == nil {
		with.Resolver = net.DefaultResolver
	}
	if with.Now == nil {
		with.Now = time.Now
	}
	c := &Caller{
		allowed: allowed, resolver: with.Resolver, now: with.Now, say: say,
		client: http.Client{Transport: with.Transport, Timeout: callTime, CheckRedirect: fewRedirects},
		slots:  make(chan struct{}, mostAtOnce), canaries: map[string]*canary{}, reported: map[string]bool{},
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

func fewRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > mostRedirects {
		return fmt.Errorf("more than %d redirects", mostRedirects)
	}
	return nil
}

// Event makes the calls that an event asks for. It does not wait for them.
func (c *Caller) Event(e *event.Event) {
	h := handlingOf(e)
	if h == nil {
		return
	}
	for _, text := range h.URLs {
		c.start(c.allowed.url(text), "URL ", text, c.fetch)
	}
	for _, text := range h.Domains {
		c.start(c.allowed.domain(text), "name ", text, c.look)
	}
}

func handlingOf(e *event.Event) *event.Handling {
	if h := e.Hooked(); h != nil {
		return &h.Handling
	}
	if e.ProcessLoader != nil {
		return &e.ProcessLoader.Handling
	}
	return nil
}

// start makes a call, unless the canary was called a moment ago. call says how it ended.
func (c *Caller) start(allowed bool, what, text string, call func(text string) (outcome string, err error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !allowed {
		c.strange++
		return
	}
	k := c.canaries[what+text]
	if k == nil {
		k = &canary{}
		c.canaries[what+text] = k
	}
	now := c.now()
	if k.running || !k.last.IsZero() && now.Sub(k.last) < pause {
		k.skipped++
		return
	}
	k.last, k.running = now, true
	c.calls.Go(func() {
		defer func() {
			c.mu.Lock()
			k.running = false
			c.mu.Unlock()
		}()
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-c.ctx.Done():
			return
		}
		outcome, err := call(text)
		c.tell(what, text, outcome, err)
	})
}

// tell says how a call ended, unless one of the same canary ended like that before.
func (c *Caller) tell(what, text, outcome string, err error) {
	if errors.Is(err, context.Canceled) { // the session is over
		return
	}
	l := event.LevelInfo
	if err != nil {
		l, outcome = event.LevelWarning, "failed"
	}
	key := what + text + " " + outcome
	c.mu.Lock()
	reported := c.reported[key]
	c.reported[key] = true
	c.mu.Unlock()
	if reported {
		return
	}
	if err != nil {
		outcome = "failed: " + err.Error()
	}
	c.say(l, "canary "+what+shown(text)+": "+outcome)
}

// shown is a URL without its password.
func shown(text string) string {
	if u, err := url.Parse(text); err == nil && u.User != nil {
		return u.Redacted()
	}
	return text
}

func (c *Caller) fetch(text string) (string, error) {
	request, err := http.NewRequestWithContext(c.ctx, http.MethodGet, text, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("User-Agent", "kubectl-trace-sec")
	answer, err := c.client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.CopyN(io.Discard, answer.Body, mostBody); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return "fetched: " + answer.Status, nil
}

// look asks for the addresses of a name, as it is: no search domain is tried.
func (c *Caller) look(name string) (string, error) {
	ctx, cancel := context.WithTimeout(c.ctx, callTime)
	defer cancel()
	addresses, err := c.resolver.LookupHost(ctx, strings.TrimSuffix(name, ".")+".")
	if err != nil {
		return "", err
	}
	return "looked up: " + strings.Join(addresses, ", "), nil
}

// Close waits a moment for calls under way, ends those that take longer, and says what was not called.
func (c *Caller) Close() {
	timer := time.AfterFunc(endTime, c.cancel)
	c.calls.Wait()
	timer.Stop()
	c.cancel()
	skipped := uint64(0)
	for _, k := range c.canaries {
		skipped += k.skipped
	}
	if skipped > 0 {
		c.say(event.LevelInfo, fmt.Sprintf("canaries: %d events asked again within %s of a call: each is called once then", skipped, pause))
	}
	if c.strange > 0 {
		c.say(event.LevelWarning, fmt.Sprintf("canaries: events asked %d times for what is in none of the policies: a tracer or its node lies; nothing was called", c.strange))
	}
}
