// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"net/netip"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// mostOpen is how many connections and listeners are remembered at once; beyond that all are forgotten, and of those no duration is told.
const mostOpen = 100_000

// Names says what is at an address, empty for what it does not know. It must not wait for anything.
type Names func(netip.Addr) string

// ConnectionTracker remembers connections from their beginning to their end. Its methods may be called at the same time.
type ConnectionTracker struct {
	asked compose.Net
	names Names

	mu   sync.Mutex
	open map[socket]opened
}

// socket is a socket of a node by its number in events.
type socket struct {
	node   string
	number uint64
}

type opened struct {
	at       time.Time
	incoming bool
}

// NewConnectionTracker is for the events of a policy. names may be nil: nothing is named.
func NewConnectionTracker(asked compose.Net, names Names) *ConnectionTracker {
	if names == nil {
		names = func(netip.Addr) string { return "" }
	}
	return &ConnectionTracker{asked: asked, names: names, open: map[socket]opened{}}
}

// completions of the functions that a policy of compose.Net is about. They say whether the event is shown.
var completions = map[string]func(*ConnectionTracker, *event.Event) bool{
	compose.NetConnect: (*ConnectionTracker).use,
	compose.NetAccept:  (*ConnectionTracker).accept,
	compose.NetListen:  (*ConnectionTracker).use,
	compose.NetClose:   (*ConnectionTracker).close,
	compose.NetSend:    (*ConnectionTracker).send,
}

// Pass sets the event's Connection and says whether it is one that was asked for: a stage of the pipeline.
func (c *ConnectionTracker) Pass(it *pipeline.Item) bool {
	e := it.Event
	k := e.ProcessKprobe
	if k == nil || k.PolicyName != compose.NetPolicy {
		return true
	}
	complete, ok := completions[k.FunctionName]
	return !ok || complete(c, e)
}

// use completes the event of a process that connects or listens.
func (c *ConnectionTracker) use(e *event.Event) bool {
	if s := socketOf(e); s != nil {
		c.begin(e, s, false)
		e.Connection = c.ends(s)
	}
	return true
}

func (c *ConnectionTracker) accept(e *event.Event) bool {
	if r := e.ProcessKprobe.Return; r != nil && r.SockArg != nil {
		c.begin(e, r.SockArg, true)
		e.Connection = c.ends(r.SockArg)
		e.Connection.Incoming = true
	}
	return true
}

func (c *ConnectionTracker) close(e *event.Event) bool {
	s := socketOf(e)
	if s == nil {
		return true
	}
	began, known := c.end(e, s)
	e.Connection = c.ends(s)
	e.Connection.Incoming = began.incoming
	if known && e.Time != nil {
		if took := e.Time.Sub(began.at); took >= 0 {
			e.Connection.DurationNs = new(uint64(took))
		}
	}
	if s.State != listening {
		e.Connection.BytesSent, e.Connection.BytesReceived = transferred(e, s.State, known && !began.incoming)
	}
	return true
}

func (c *ConnectionTracker) send(e *event.Event) bool {
	s := socketOf(e)
	if s == nil {
		return true
	}
	address, port := s.Daddr, s.Dport
	if to := labelled(e, compose.NetTo); to != nil && to.SockaddrArg != nil && to.SockaddrArg.Port != 0 {
		address, port = to.SockaddrArg.Addr, to.SockaddrArg.Port
	}
	e.Connection = &event.Connection{
		Local: c.name(s.Saddr), Remote: c.name(address), RemoteAddress: address, RemotePort: port, Questions: questions(payload(e)),
	}
	// A connected socket may send elsewhere, which the kernel side does not compare then.
	remote, err := netip.ParseAddr(address)
	if payload(e) != nil && port != compose.DNSPort {
		return false
	}
	return err != nil || c.asked.Holds(remote, uint16(port))
}

// ends are the names of both ends.
func (c *ConnectionTracker) ends(s *event.SockArg) *event.Connection {
	return &event.Connection{Local: c.name(s.Saddr), Remote: c.name(s.Daddr)}
}

// name of an address that can be somebody's.
func (c *ConnectionTracker) name(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Unmap().IsUnspecified() || a.Unmap().IsLoopback() {
		return ""
	}
	return c.names(a)
}

func (c *ConnectionTracker) begin(e *event.Event, s *event.SockArg, incoming bool) {
	if e.Time == nil || s.Cookie == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= mostOpen {
		clear(c.open)
	}
	c.open[socket{e.NodeName, s.Cookie}] = opened{e.Time.Time, incoming}
}

// end is how a connection began, false when that was not seen.
func (c *ConnectionTracker) end(e *event.Event, s *event.SockArg) (opened, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := socket{e.NodeName, s.Cookie}
	began, known := c.open[key]
	delete(c.open, key)
	return began, known
}

// socketOf is the socket that a function was called with.
func socketOf(e *event.Event) *event.SockArg {
	if args := e.ProcessKprobe.Args; len(args) > 0 {
		return args[0].SockArg
	}
	return nil
}

// labelled is the argument with a label, nil if there is none.
func labelled(e *event.Event, label string) *event.Argument {
	args := e.ProcessKprobe.Args
	for i := range args {
		if args[i].Label == label {
			return &args[i]
		}
	}
	return nil
}

// payload is what of a message was read; nil if nothing was asked for.
func payload(e *event.Event) []byte {
	a := labelled(e, compose.NetPayload)
	switch {
	case a == nil:
		return nil
	case a.TruncatedBytesArg != nil:
		return a.TruncatedBytesArg.BytesArg
	case a.BytesArg != nil:
		return a.BytesArg
	}
	return []byte{} // asked for, and not read
}
