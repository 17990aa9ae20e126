// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// patience is how long a test waits for what comes at once.
const patience = 10 * time.Second

// said collects what a caller says.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(l event.Level, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, string(l)+": "+text)
}

func (s *said) want(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := slices.Sorted(slices.Values(s.lines))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("said:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// clock is one that a test moves on.
type clock struct{ nanoseconds atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(0, c.nanoseconds.Load()) }
func (c *clock) pass(d time.Duration) { c.nanoseconds.Add(int64(d)) }

func newClock() *clock {
	c := &clock{}
	c.pass(time.Hour)
	return c
}

func asks(urls ...string) *event.Event {
	return &event.Event{ProcessKprobe: &event.ProcessKprobe{Hooked: event.Hooked{Handling: event.Handling{URLs: urls}}}}
}

func asksNames(names ...string) *event.Event {
	return &event.Event{ProcessLoader: &event.ProcessLoader{Handling: event.Handling{Domains: names}}}
}

// counting is a server that tells of each request.
func counting(t *testing.T, handler http.HandlerFunc) (*httptest.Server, chan string) {
	requests := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r.Method + " " + r.URL.String()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server, requests
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// settled waits until no call is under way.
func settled(t *testing.T, c *Caller) {
	t.Helper()
	done := make(chan struct{})
	go func() { c.calls.Wait(); close(done) }()
	receive(t, done)
}

func TestFetch(t *testing.T) {
	server, requests := counting(t, func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "kubectl-trace-sec" {
			t.Errorf("user agent %q", r.UserAgent())
		}
		w.WriteHeader(http.StatusTeapot)
	})
	var s said
	passing := newClock()
	url := server.URL + "/canary?a=b"
	c := NewCaller(t.Context(), Allowed{urls: []string{url}}, Dependencies{Now: passing.now}, s.say)
	for range 3 { // two of them at once
		c.Event(asks(url))
	}
	settled(t, c)
	passing.pass(pause - 1)
	c.Event(asks(url))
	settled(t, c)
	if len(requests) != 1 {
		t.Errorf("%d requests within a moment", len(requests))
	}
	passing.pass(1)
	c.Event(asks(url))
	settled(t, c)
	c.Close()
	close(requests)
	var got []string
	for r := range requests {
		got = append(got, r)
	}
	if want := []string{"GET /canary?a=b", "GET /canary?a=b"}; !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
	s.want(t, "info: canary URL "+url+": fetched: 418 I'm a teapot",
		"info: canaries: 3 events asked again within 1s of a call: each is called once then")
}

// What a node invents is not fetched, however near it is to what a policy has.
func TestOnlyWhatPoliciesHave(t *testing.T) {
	server, requests := counting(t, func(http.ResponseWriter, *http.Request) {})
	var s said
	c := NewCaller(t.Context(), Allowed{urls: []string{server.URL + "/a"}, domains: []string{"a.example"}}, Dependencies{
		Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			t.Error("a name was looked up")
			return nil, io.EOF
		}},
	}, s.say)
	c.Event(asks(server.URL, server.URL+"/", server.URL+"/a/", server.URL+"/a?x", server.URL+"/A", "", "file:///etc/passwd", "a.example"))
	c.Event(asksNames("b.a.example", "example", "A.example", "", server.URL+"/a"))
	c.Event(&event.Event{Bye: &event.Bye{}})
	settled(t, c)
	c.Close()
	if len(requests) > 0 {
		t.Errorf("fetched %s", <-requests)
	}
	s.want(t, "warning: canaries: events asked 13 times for what is in none of the policies: a tracer or its node lies; nothing was called")
}

func TestFailures(t *testing.T) {
	var count atomic.Int32
	server, _ := counting(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/around":
			http.Redirect(w, r, fmt.Sprint("/around?", count.Add(1)), http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/far"):
			if n := len(r.URL.Path) - len("/far"); n < mostRedirects {
				http.Redirect(w, r, r.URL.Path+"r", http.StatusFound)
			}
		}
	})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	with := strings.Replace(gone.URL, "//", "//user:secret@", 1)
	urls := []string{server.URL + "/around", server.URL + "/far", with}
	var s said
	passing := newClock()
	c := NewCaller(t.Context(), Allowed{urls: urls}, Dependencies{Now: passing.now}, s.say)
	for range 2 {
		c.Event(asks(urls...))
		settled(t, c)
		passing.pass(pause)
	}
	c.Close()
	if n := count.Load(); n != 2*(mostRedirects+1) {
		t.Errorf("%d requests of one that redirects for ever, want %d", n, 2*(mostRedirects+1))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.lines)
	if len(s.lines) != 3 {
		t.Fatalf("said:\n%s", strings.Join(s.lines, "\n"))
	}
	for i, want := range []string{"/far: fetched: 200 OK", "more than 3 redirects", "connection refused"} {
		if !strings.Contains(strings.Join(s.lines, "\n"), want) {
			t.Errorf("%d: nobody said %q:\n%s", i, want, strings.Join(s.lines, "\n"))
		}
	}
	if strings.Contains(strings.Join(s.lines, "\n"), "secret") {
		t.Errorf("a password is shown:\n%s", strings.Join(s.lines, "\n"))
	}
}

// An answer that never ends is not read for ever, and not much of it.
func TestLongAnswer(t *testing.T) {
	var sent atomic.Int64
	ended := make(chan struct{})
	server, _ := counting(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		part := make([]byte, mostBody)
		for {
			n, err := w.Write(part)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	var s said
	c := NewCaller(t.Context(), Allowed{urls: []string{server.URL}}, Dependencies{}, s.say)
	c.Event(asks(server.URL))
	settled(t, c)
	c.Close()
	receive(t, ended)
	s.want(t, "info: canary URL "+server.URL+": fetched: 200 OK")
}

// At most a few calls are under way, and the end does not wait for those that take long.
func TestMany(t *testing.T) {
	release := make(chan struct{})
	server, requests := counting(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	var urls []string
	for i := range 3 * mostAtOnce {
		urls = append(urls, fmt.Sprint(server.URL, "/", i))
	}
	var s said
	c := NewCaller(t.Context(), Allowed{urls: urls}, Dependencies{}, s.say)
	c.Event(asks(urls...))
	for range mostAtOnce {
		receive(t, requests)
	}
	began := time.Now()
	c.Close()
	if took := time.Since(began); took > endTime+patience/2 {
		t.Errorf("the end took %s", took)
	}
	if len(requests) > 0 {
		t.Errorf("more than %d at once", mostAtOnce)
	}
	s.want(t)
}

// nameServer answers every question with 192.0.2.7 (A) or nothing, but for names that begin with "missing", and tells the
// names. RFC 1035 section 4.
func nameServer(t *testing.T) (*net.Resolver, chan string) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	names := make(chan string, 100)
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(answer(buffer[:n], names), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", socket.LocalAddr().String())
	}}, names
}

func answer(question []byte, names chan<- string) []byte {
	const header = 12
	at, name := header, ""
	for question[at] != 0 {
		length := int(question[at])
		name += string(question[at+1:at+1+length]) + "."
		at += 1 + length
	}
	end := at + 5 // the empty label, type and class
	kind := binary.BigEndian.Uint16(question[at+1:])
	reply := append([]byte{question[0], question[1], 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0}, question[header:end]...)
	const address = 1
	switch {
	case strings.HasPrefix(name, "missing"):
		reply[3] = 3 // no such name
	case kind == address:
		names <- name
		reply[7] = 1
		reply = append(reply, 0xc0, header, 0, address, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7)
	}
	return reply
}

func TestLook(t *testing.T) {
	resolver, names := nameServer(t)
	var s said
	c := NewCaller(t.Context(), Allowed{domains: []string{"canary.example", "dotted.example.", "missing.example"}}, Dependencies{Resolver: resolver}, s.say)
	c.Event(asksNames("canary.example", "dotted.example.", "missing.example"))
	settled(t, c)
	c.Close()
	got := []string{receive(t, names), receive(t, names)}
	slices.Sort(got)
	if !slices.Equal(got, []string{"canary.example.", "dotted.example."}) || len(names) > 0 {
		t.Errorf("names %q and %d more", got, len(names))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.Join(s.lines, "\n")
	for _, want := range []string{"info: canary name canary.example: looked up: 192.0.2.7", "info: canary name dotted.example.: looked up: 192.0.2.7", "warning: canary name missing.example: failed: "} {
		if !strings.Contains(all, want) {
			t.Errorf("nobody said %q:\n%s", want, all)
		}
	}
}

func TestOf(t *testing.T) {
	const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: NAME}
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    return: true
    args: [{index: 0, type: file}]
    returnArg: {index: 0, type: int}
    selectors:
`
	file, err := policy.Parse("test", strings.NewReader(strings.Replace(text, "NAME", "both", 1)+
		`    - matchActions: [{action: GetUrl, argUrl: "https://canary.example/a"}, {action: DnsLookup, argFqdn: canary.example}]
    - matchReturnArgs: [{index: 0, operator: Equal, values: ["0"]}]
      matchReturnActions: [{action: GetUrl, argUrl: "http://canary.example/b"}]
---
`+strings.Replace(text, "NAME", "none", 1)+"    - matchActions: [{action: Post}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	a := Of(file.Policies)
	if !slices.Equal(a.urls, []string{"https://canary.example/a", "http://canary.example/b"}) || !slices.Equal(a.domains, []string{"canary.example"}) || !slices.Equal(a.Policies, []string{"both"}) {
		t.Errorf("%+v", a)
	}
}
