// SPDX-License-Identifier: Apache-2.0

package render

import (
	"net/netip"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// connected is a connection from this end, of which the port may not be chosen yet.
func connected(e *event.Event) []piece {
	return twoEnds(e, argument(e, 0).SockArg, " -> ")
}

// accepted is the connection, which inet_csk_accept returns.
func accepted(e *event.Event) []piece {
	if k := e.ProcessKprobe; k != nil && k.Return != nil && k.Return.SockArg != nil {
		return twoEnds(e, k.Return.SockArg, " <- ")
	}
	return everything(e)
}

func listened(e *event.Event) []piece {
	s := argument(e, 0).SockArg
	if s == nil {
		return everything(e)
	}
	return attributes(protocol(s.Protocol) + " " + localEnd(s))
}

// closed is a connection with what went through it, or a listener.
func closed(e *event.Event) []piece {
	s, c := argument(e, 0).SockArg, e.Connection
	switch {
	case s != nil && s.State == "TCP_LISTEN":
		return append(listened(e), lasted(c)...)
	case c == nil:
		return connected(e)
	case c.Incoming:
		return append(twoEnds(e, s, " <- "), transferredBytes(c)...)
	}
	return append(connected(e), transferredBytes(c)...)
}

func transferredBytes(c *event.Connection) (pieces []piece) {
	if c.BytesSent != nil {
		pieces = append(pieces, piece{tonePlain, "sent " + wording.Counted(*c.BytesSent, "byte")})
	}
	if c.BytesReceived != nil {
		pieces = append(pieces, piece{tonePlain, "received " + wording.Counted(*c.BytesReceived, "byte")})
	}
	return append(pieces, lasted(c)...)
}

func lasted(c *event.Connection) []piece {
	if c == nil || c.DurationNs == nil {
		return nil
	}
	return []piece{{tonePlain, "in " + shortDuration(time.Duration(*c.DurationNs))}}
}

// messageSent is a message: what it asks a name server, and where it goes.
func messageSent(e *event.Event) []piece {
	s, c := argument(e, 0).SockArg, e.Connection
	if s == nil || c == nil {
		return everything(e)
	}
	var pieces []piece
	for _, q := range c.Questions {
		pieces = append(pieces, piece{toneArgument, quote(q.Name) + " " + q.Type})
	}
	to := ownEndpoint(c.RemoteAddress, c.RemotePort)
	if len(c.Questions) > 0 {
		return append(pieces, named("-> "+to, c.Remote)...)
	}
	pieces = append(pieces, named(protocol(s.Protocol)+" "+localEnd(s)+" -> "+to, c.Remote)...)
	if n, ok := argument(e, 2).Integer(); ok && n >= 0 {
		pieces = append(pieces, piece{tonePlain, wording.Counted(uint64(n), "byte")})
	}
	return pieces
}

// asksForNames has another word for messages to name servers.
func asksForNames(e *event.Event, r *row) {
	if e.Connection != nil && len(e.Connection.Questions) > 0 {
		r.emoji, r.ascii, r.word = "🔎", "?", "dns"
	}
}

func twoEnds(e *event.Event, s *event.SockArg, arrow string) []piece {
	if s == nil {
		return everything(e)
	}
	name := ""
	if e.Connection != nil {
		name = e.Connection.Remote
	}
	return named(protocol(s.Protocol)+" "+localEnd(s)+arrow+ownEndpoint(s.Daddr, s.Dport), name)
}

func named(text, name string) []piece {
	pieces := attributes(text)
	if name != "" {
		pieces = append(pieces, piece{toneSource, name})
	}
	return pieces
}

func localEnd(s *event.SockArg) string {
	if s.Sport == 0 {
		return plainAddress(s.Saddr)
	}
	return ownEndpoint(s.Saddr, s.Sport)
}

// ownEndpoint has brackets around IPv6, and IPv4 that is written as a part of it as what it is.
func ownEndpoint(address string, port uint32) string { return endpoint(plainAddress(address), port) }

func plainAddress(address string) string {
	if a, err := netip.ParseAddr(strings.TrimSpace(address)); err == nil {
		return a.Unmap().String()
	}
	return address
}
