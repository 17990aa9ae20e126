// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"net/netip"
	"slices"
	"strconv"
)

// NetOperation is something that is done to sockets.
type NetOperation struct {
	// Name is that of the flag.
	Name string
	// Listens: it is what servers do.
	Listens bool
	// Asked: it is watched only when it is asked for.
	Asked bool
	hooks func(Net) []Hook
}

var netOperations = []NetOperation{
	{Name: "connect", hooks: Net.connecting},
	{Name: "accept", Listens: true, hooks: Net.accepting},
	{Name: "listen", Listens: true, hooks: Net.listening},
	{Name: "close", hooks: Net.closing},
	{Name: "dns", hooks: Net.asking},
	{Name: "udp", Asked: true, hooks: Net.sending},
}

// NetOperations are all that can be watched.
func NetOperations() []NetOperation { return slices.Clone(netOperations) }

// Ports are the ports from First to Last.
type Ports struct{ First, Last uint16 }

func (p Ports) String() string {
	first, last := strconv.Itoa(int(p.First)), strconv.Itoa(int(p.Last))
	if first == last {
		return first
	}
	return first + ":" + last
}

// Net says which operations, with which other ends.
type Net struct {
	// Operations are names of NetOperations.
	Operations []string
	// To and NotTo are about the address of the other end; Ports about the port that is connected or sent to, or listened on.
	To, NotTo []netip.Prefix
	Ports     []Ports
}

// NetPolicy is the name of the policy of Net.
const NetPolicy = "net"

// Functions of the kernel that the events of a policy of Net are about.
const (
	NetConnect = "tcp_connect"
	NetAccept  = "inet_csk_accept"
	NetListen  = "inet_csk_listen_start"
	NetClose   = "tcp_close"
	NetSend    = "security_socket_sendmsg"
)

// Labels of arguments. What was sent is what is acknowledged and what lies between the two numbers, of which a SYN and a FIN
// are one each; what was received counts a FIN, too.
const (
	NetReceived     = "received"
	NetAcknowledged = "acknowledged"
	NetWritten      = "write_seq"
	NetUnanswered   = "snd_una"
	// NetTo is where a message goes when its socket is not connected.
	NetTo      = "to"
	NetPayload = "payload"
	NetSize    = "size"
)

// DNSPort is where name servers listen.
const DNSPort = 53

// Policy watches sockets. Tetragon takes it as well.
func (n Net) Policy() Policy {
	p := Policy{Name: NetPolicy}
	for _, o := range netOperations {
		if n.watches(o.Name) {
			p.Kprobes = append(p.Kprobes, o.hooks(n)...)
		}
	}
	return p
}

func (n Net) watches(operation string) bool { return slices.Contains(n.Operations, operation) }

// Holds says whether the other end is one that is asked for.
func (n Net) Holds(address netip.Addr, port uint16) bool {
	in := func(prefixes []netip.Prefix) bool {
		return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
	}
	return (len(n.To) == 0 || in(n.To)) && !in(n.NotTo) && n.HoldsPort(port)
}

// HoldsPort says whether a port is one that is asked for.
func (n Net) HoldsPort(port uint16) bool {
	return len(n.Ports) == 0 || slices.ContainsFunc(n.Ports, func(p Ports) bool { return p.First <= port && port <= p.Last })
}

// anyEnd says whether nothing is asked of the other end's address.
func (n Net) anyEnd() bool { return len(n.To)+len(n.NotTo) == 0 }

var socketArgument = Argument{Index: 0, Type: "sock"}

func (n Net) connecting() []Hook {
	h := ofKernel(NetConnect, socketArgument)
	h.Selectors = selecting(n.remote("D", 0), n.ports("DPort", 0))
	return []Hook{h}
}

func (n Net) accepting() []Hook {
	h := ofKernel(NetAccept)
	h.Return, h.ReturnArg = true, &Argument{Type: "sock"}
	if filters := slices.Concat(n.remote("D", 0), n.ports("SPort", 0)); len(filters) > 0 {
		h.Selectors = []Selector{{MatchReturnArgs: filters}}
	}
	return []Hook{h}
}

// listening has no other end: where one is asked for, it is not watched.
func (n Net) listening() []Hook {
	if !n.anyEnd() {
		return nil
	}
	h := ofKernel(NetListen, socketArgument)
	h.Selectors = selecting(n.ports("SPort", 0))
	return []Hook{h}
}

// closing is about connections and listeners: a socket that never was one has no port at the other end.
func (n Net) closing() []Hook {
	h := ofKernel(NetClose, socketArgument,
		Argument{Index: 0, Type: "uint64", BTFType: "tcp_sock", Resolve: "bytes_received", Label: NetReceived},
		Argument{Index: 0, Type: "uint64", BTFType: "tcp_sock", Resolve: "bytes_acked", Label: NetAcknowledged},
		Argument{Index: 0, Type: "uint32", BTFType: "tcp_sock", Resolve: "write_seq", Label: NetWritten},
		Argument{Index: 0, Type: "uint32", BTFType: "tcp_sock", Resolve: "snd_una", Label: NetUnanswered})
	connected := append([]Filter{{Index: 0, Operator: "NotDPort", Values: []string{"0"}}}, n.remote("D", 0)...)
	if len(n.Ports) > 0 { // the end that listened has the port
		h.Selectors = append(selecting(connected, n.ports("DPort", 0)), selecting(connected, n.ports("SPort", 0))...)
	} else {
		h.Selectors = selecting(connected)
	}
	if n.watches("listen") && n.anyEnd() {
		h.Selectors = append(h.Selectors, selecting([]Filter{{Index: 0, Operator: "State", Values: []string{"TCP_LISTEN"}}}, n.ports("SPort", 0))...)
	}
	return []Hook{h}
}

// asking is about messages to name servers.
func (n Net) asking() []Hook {
	if !n.HoldsPort(DNSPort) {
		return nil
	}
	only := n
	only.Ports = []Ports{{DNSPort, DNSPort}}
	return only.messages(nil, Argument{Index: 1, Type: "iov_iter", Resolve: "msg_iter", Label: NetPayload})
}

// sending is about all messages, but for those that asking is about if that is watched as well.
func (n Net) sending() []Hook {
	if n.watches("dns") {
		return n.messages([]Ports{{DNSPort, DNSPort}})
	}
	return n.messages(nil)
}

// messages are UDP's: those of connected sockets, and those with an address of their own.
func (n Net) messages(but []Ports, more ...Argument) []Hook {
	h := ofKernel(NetSend, append([]Argument{
		{Index: 0, Type: "socket"},
		{Index: 1, Type: "sockaddr", Resolve: "msg_name", Label: NetTo},
		{Index: 2, Type: "int", Label: NetSize},
	}, more...)...)
	udp := Filter{Index: 0, Operator: "Protocol", Values: []string{"IPPROTO_UDP"}}
	addressed := []Filter{udp, {Index: 1, Operator: "Family", Values: []string{"AF_INET", "AF_INET6"}}}
	connected := []Filter{udp, {Index: 0, Operator: "NotDPort", Values: append([]string{"0"}, texts(but)...)}}
	if len(but) > 0 {
		addressed = append(addressed, Filter{Index: 1, Operator: "NotSPort", Values: texts(but)})
	}
	// What a sockaddr holds is its source to filters, whatever it is used for.
	h.Selectors = append(selecting(addressed, n.remote("S", 1), n.ports("SPort", 1)),
		selecting(connected, n.remote("D", 0), n.ports("DPort", 0))...)
	return []Hook{h}
}

// remote are the filters on the address of the other end, which is an argument's source (S) or destination (D).
func (n Net) remote(side string, argument int) (filters []Filter) {
	if len(n.To) > 0 {
		filters = append(filters, Filter{Index: argument, Operator: side + "Addr", Values: texts(n.To)})
	}
	if len(n.NotTo) > 0 {
		filters = append(filters, Filter{Index: argument, Operator: "Not" + side + "Addr", Values: texts(n.NotTo)})
	}
	return filters
}

func (n Net) ports(operator string, argument int) []Filter {
	if len(n.Ports) == 0 {
		return nil
	}
	return []Filter{{Index: argument, Operator: operator, Values: texts(n.Ports)}}
}

func texts[T interface{ String() string }](values []T) (all []string) {
	for _, v := range values {
		all = append(all, v.String())
	}
	return all
}

// selecting is one selector with all filters; none without any.
func selecting(filters ...[]Filter) []Selector {
	if all := slices.Concat(filters...); len(all) > 0 {
		return []Selector{{MatchArgs: all}}
	}
	return nil
}
