// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// endpoints of the socket that an event is about.
type endpoints struct {
	// is says that the event has told something of a socket; kind is what it is.
	is   bool
	kind kindWord
	// given: the address of the other end was an argument of the call.
	given         bool
	local, remote netip.AddrPort
	protocol      string
	path          string // of a Unix socket
}

// serving are event types in which the own end is the server.
var serving = []string{"accept", "accept4", "listen"}

// inProgress is the result of a connection that is being made, EINPROGRESS of uapi/asm-generic/errno.h.
const inProgress = -115

// endpoints are read from the socket address that was given, and from the socket where a hook has it.
func (e *Event) endpoints() (s endpoints) {
	if a := e.argument("socket"); a != nil && a.SockArg != nil {
		s.is, s.kind = true, kindOf(a.SockArg.Family)
		s.local, s.remote = endOf(a.SockArg.Saddr, a.SockArg.Sport), endOf(a.SockArg.Daddr, a.SockArg.Dport)
		s.protocol = protocolWord(a.SockArg)
	}
	switch a := e.argument("addr"); {
	case a == nil:
	case a.SockaddrArg != nil && a.SockaddrArg.Family == "": // none was given
	case a.SockaddrArg != nil:
		s.is, s.given, s.kind = true, true, kindOf(a.SockaddrArg.Family)
		s.remote = endOf(a.SockaddrArg.Addr, a.SockaddrArg.Port)
	case a.SockaddrUnArg != nil:
		s.is, s.given, s.kind, s.path = true, true, unixKind, a.SockaddrUnArg.Path
	}
	if kind, ok := copied(e.argument("resolved")); ok {
		s.is, s.kind = true, kind
	}
	if s.kind == ipv6Kind && s.remote.Addr().Is4() { // an IPv4 address that was mapped
		s.kind = ipv4Kind
	}
	return s
}

// socketFiles are what the kernel calls sockets as files (the names of struct proto, net/socket.c), and what they are.
var socketFiles = []struct {
	begin string
	kind  kindWord
}{{"/TCPv6", ipv6Kind}, {"/UDPv6", ipv6Kind}, {"/RAWv6", ipv6Kind}, {"/TCP", ipv4Kind}, {"/UDP", ipv4Kind}, {"/RAW", ipv4Kind}, {"/PING", ipv4Kind}, {"/UNIX", unixKind}}

// copied is what a descriptor is that was copied, if it is a socket.
func copied(a *event.Argument) (kind kindWord, ok bool) {
	if a == nil || a.FileArg == nil || !strings.HasPrefix(a.FileArg.Permission, "s") || !strings.HasSuffix(a.FileArg.Path, deleted) {
		return kind, false
	}
	for _, row := range socketFiles {
		if strings.HasPrefix(a.FileArg.Path, row.begin) {
			return row.kind, true
		}
	}
	return otherKind, true
}

func kindOf(family string) kindWord {
	switch family {
	case "AF_INET":
		return ipv4Kind
	case "AF_INET6":
		return ipv6Kind
	case "AF_UNIX":
		return unixKind
	}
	return otherKind
}

// endOf is an end of a connection; the zero value if it has no address.
func endOf(address string, port uint32) netip.AddrPort {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(port))
}

// protocolWords are what fd.l4proto says of the protocols of sockets.
var protocolWords = map[string]string{"IPPROTO_TCP": "tcp", "IPPROTO_UDP": "udp", "IPPROTO_ICMP": "icmp", "IPPROTO_ICMPV6": "icmp", "IPPROTO_RAW": "raw"}

func protocolWord(s *event.SockArg) string {
	if s.Type == "SOCK_RAW" {
		return "raw"
	}
	return protocolWords[s.Protocol]
}

// end says which end of a connection a field is about.
type end uint8

const (
	localEnd end = iota
	remoteEnd
	clientEnd
	serverEnd
)

// endNames are the letters of the fields.
var endNames = map[end]string{localEnd: "l", remoteEnd: "r", clientEnd: "c", serverEnd: "s"}

// end is the address of an end; zero if it is not known.
func (e *Event) end(which end) netip.AddrPort {
	serves := slices.Contains(serving, e.kind.Name)
	switch {
	case which == localEnd, which == serverEnd && serves, which == clientEnd && !serves:
		return e.socket.local
	}
	return e.socket.remote
}

// hasEnds says whether the connection has ends: not if it could not be made. If it is not told, the value is not delivered.
func (e *Event) hasEnds(v *compare.Value) bool {
	switch {
	case !e.socket.is:
		v.State = compare.NotDelivered
		return false
	case e.socket.kind != ipv4Kind && e.socket.kind != ipv6Kind:
		return false
	case e.kind.Name == "connect" && e.hasResult && e.result < 0 && e.result != inProgress:
		return false
	}
	return true
}

// socketGivers are those of fields of connections.
var socketGivers = makeSocketGivers()

func makeSocketGivers() map[string]giver {
	all := map[string]giver{
		"fd.ip":  func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { e.bothAddresses(v) },
		"fd.net": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { e.bothAddresses(v) },
		"fd.port": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
			switch {
			case !e.hasEnds(v):
			case e.socket.local.IsValid():
				v.SetPorts(e.socket.remote.Port(), e.socket.local.Port())
			default:
				v.SetPort(e.socket.remote.Port())
			}
		},
		"fd.l4proto": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
			if e.socket.protocol == "" {
				v.State = compare.NotDelivered
				return
			}
			v.SetText(e.socket.protocol)
		},
		"fd.sockfamily": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
			switch {
			case !e.socket.is:
				v.State = compare.NotDelivered
			case e.socket.kind == unixKind:
				v.SetText("unix")
			case e.socket.kind != otherKind:
				v.SetText("ip")
			}
		},
		"fd.connected":    ofMessage(false),
		"fd.name_changed": ofMessage(true),
	}
	for which, letter := range endNames {
		all["fd."+letter+"ip"] = ofEnd(which, func(_ *Event, at netip.AddrPort, v *compare.Value) { v.SetAddress(at.Addr()) })
		all["fd."+letter+"net"] = all["fd."+letter+"ip"]
		all["fd."+letter+"port"] = ofEnd(which, func(_ *Event, at netip.AddrPort, v *compare.Value) { v.SetPort(at.Port()) })
		all["fd."+letter+"ip.name"] = ofEnd(which, func(e *Event, at netip.AddrPort, v *compare.Value) { e.names(at.Addr(), v) })
	}
	return all
}

// ofMessage: a message with an address of its own goes over a socket that is not connected, to a peer that may be new; one without goes
// to the peer of its connection.
func ofMessage(given bool) giver {
	return func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if a := e.argument("addr"); e.kind.Name == "connect" || a == nil || a.ErrorArg != nil {
			v.State = compare.NotDelivered
			return
		}
		v.SetBool(e.socket.given == given)
	}
}

func (e *Event) bothAddresses(v *compare.Value) {
	if e.hasEnds(v) {
		v.SetAddresses(e.socket.remote.Addr(), e.socket.local.Addr())
	}
}

// ofEnd gives something of one end.
func ofEnd(which end, give func(e *Event, at netip.AddrPort, v *compare.Value)) giver {
	return func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if !e.hasEnds(v) {
			return
		}
		at := e.end(which)
		if !at.IsValid() {
			v.State = compare.NotDelivered
			return
		}
		give(e, at, v)
	}
}

func (e *Event) names(address netip.Addr, v *compare.Value) {
	if e.Names == nil {
		v.State = compare.NotDelivered
		return
	}
	names, known := e.Names(address)
	if !known {
		v.State = compare.NotDelivered
		return
	}
	v.State, v.Texts = compare.Present, names
}

// connection gives fd.name of a socket: the client's end first, where it is known.
func (e *Event) connection(v *compare.Value) {
	if e.socket.kind == unixKind {
		v.SetText(e.socket.path)
		return
	}
	if !e.hasEnds(v) {
		return
	}
	var ends []string
	for _, which := range []end{clientEnd, serverEnd} {
		if at := e.end(which); at.IsValid() {
			ends = append(ends, at.String())
		}
	}
	v.SetText(strings.Join(ends, "->"))
}
