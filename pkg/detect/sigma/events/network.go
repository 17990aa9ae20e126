// SPDX-License-Identifier: Apache-2.0

package events

import (
	"net/netip"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// connection is what an event tells of one.
type connection struct {
	// incoming: the other end opened it.
	incoming      bool
	local, remote netip.AddrPort
	// protocol is tcp or udp, empty when it is not told.
	protocol string
}

// destination is the end that was connected to, source the one that connected.
func (c *connection) destination() netip.AddrPort {
	if c.incoming {
		return c.local
	}
	return c.remote
}

func (c *connection) source() netip.AddrPort {
	if c.incoming {
		return c.remote
	}
	return c.local
}

// protocolTCP is how events name it; tcp_connect tells of its connections.
const protocolTCP = "IPPROTO_TCP"

// connectionOf reads an event of a hook on sockets; ok is false for one that is not about an IP connection, or that another hook
// tells of.
func connectionOf(e *event.Event, h *Hook) (c connection, ok bool) {
	args := e.Hooked().Args
	var s *event.SockArg
	if h.Operation == OpAccept {
		if k := e.ProcessKprobe; k != nil && k.Return != nil {
			s = k.Return.SockArg
		}
		c.incoming = true
	} else if len(args) > 0 {
		s = args[0].SockArg
	}
	if s != nil {
		c.local, c.remote = end(s.Saddr, s.Sport), end(s.Daddr, s.Dport)
		c.protocol = strings.ToLower(strings.TrimPrefix(s.Protocol, "IPPROTO_"))
	}
	if len(h.Arguments) > 1 { // the address that is connected to is an argument
		if s != nil && s.Protocol == protocolTCP {
			return c, false
		}
		if len(args) > 1 && args[1].SockaddrArg != nil {
			c.remote = end(args[1].SockaddrArg.Addr, args[1].SockaddrArg.Port)
		}
	}
	return c, c.remote.Addr().IsValid()
}

// end is an address and port; IPv4 that is written as a part of IPv6 is IPv4.
func end(address string, port uint32) netip.AddrPort {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(port))
}
