// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// TCP states, include/net/tcp_states.h.
const (
	tcpEstablished = 1
	tcpSynSent     = 2
	tcpFinWait1    = 4
	tcpClose       = 7
	tcpCloseWait   = 8
	tcpLastAck     = 9
	tcpListen      = 10
)

// shutdownMask in sk_shutdown: neither side will be heard any more, include/net/sock.h.
const shutdownMask = 3

var (
	isTCP       = []when{isOf(of(slot(0), bpf.HookArgumentKindKIND_SOCK, 0), bpf.HookFilterSubjectSUBJECT_PROTOCOL, unix.IPPROTO_TCP)}
	socketIsTCP = isOf(socketOf(argument(0)), bpf.HookFilterSubjectSUBJECT_PROTOCOL, unix.IPPROTO_TCP)
	// isSocket: the descriptor is a socket, of any family.
	isSocket = when{value: socketOf(argument(0)), subject: bpf.HookFilterSubjectSUBJECT_FAMILY, min: unix.AF_UNIX, max: math.MaxUint16}
)

// isOf says of a socket what it has to be.
func isOf(socket seen, subject bpf.HookFilterSubject, number uint64) when {
	return when{value: socket, subject: subject, min: number, max: number}
}

// newState is the third argument of inet_sock_set_state, oldState the second.
func newState(min, max uint64) when { return when{value: slot(2), min: min, max: max} }
func oldState(min, max uint64) when { return when{value: slot(1), min: min, max: max} }

// closing is tcp_close as far as a process does it, so that nobody is told of another's: packets change states, too, while any
// process runs.
var closing = []equal{
	{event: "inet_sock_set_state", arguments: []seen{slot(0)}, when: append(isTCP, newState(tcpFinWait1, tcpFinWait1)), note: "a connection is closed when it is shut down for writing; that of one that the other end has reset is not seen"},
	{event: "inet_sock_set_state", arguments: []seen{slot(0)}, when: append(isTCP, newState(tcpLastAck, tcpLastAck))},
	{event: "inet_sock_set_state", arguments: []seen{slot(0)}, when: append(isTCP, newState(tcpClose, tcpClose), oldState(tcpListen, tcpListen))},
	broughtDown(tcpSynSent),
	broughtDown(tcpEstablished),
	broughtDown(tcpCloseWait),
}

// broughtDown is a socket that its process closes at once, without a last word to the other end or with unread data: of those
// that a packet or a timer ends, the kernel changes sk_shutdown only after the state.
func broughtDown(from uint64) equal {
	isDown := when{value: field(slot(0), "sock", "sk_shutdown"), min: shutdownMask, max: shutdownMask}
	return equal{event: "inet_sock_set_state", arguments: []seen{slot(0)}, when: append(isTCP, newState(tcpClose, tcpClose), oldState(from, from), isDown)}
}

// messageLayout is how what a program gives sendmsg and sendmmsg lies in memory.
type messageLayout struct {
	name, vector, entries, sent, distance uint32
	word                                  uint8
}

var (
	// nativeMessage is struct user_msghdr and struct mmsghdr of include/linux/socket.h, compatMessage what include/net/compat.h has.
	nativeMessage = messageLayout{name: 0, vector: 16, entries: 24, sent: 56, distance: 64, word: word}
	compatMessage = messageLayout{name: 0, vector: 8, entries: 12, sent: 28, distance: 32, word: compatWord}
)

// sending is security_socket_sendmsg, of a message that was sent.
var sending = []equal{
	{exit: []string{"sendto"}, arguments: []seen{socketOf(argument(0)), nil, returns}, parts: message(argument(4), buffer(argument(1), returns)),
		when: []when{succeeded, isSocket}, note: "only messages that are sent are seen, of what sendmmsg sends at once the first two; not what is sent by sendfile and splice"},
	{exit: []string{"write"}, arguments: []seen{socketOf(argument(0)), nil, returns}, parts: message(is(0), buffer(argument(1), returns)),
		when: []when{succeeded, isSocket}},
	{exit: []string{"writev"}, arguments: []seen{socketOf(argument(0)), nil, returns}, parts: message(is(0), vector(argument(1), argument(2))),
		when: []when{succeeded, isSocket}},
	{exit: []string{"sendmsg"}, arguments: []seen{socketOf(argument(0)), nil, returns}, parts: messageAt(0),
		when: []when{succeeded, isSocket}},
	oneOfMany(0), oneOfMany(1),
}

// oneOfMany is message n of those that sendmmsg sends: resolvers ask for addresses of IPv4 and of IPv6 that way.
func oneOfMany(n uint32) equal {
	sent := inMessage(n, func(l *messageLayout) (uint32, uint8) { return l.sent, 4 })
	return equal{exit: []string{"sendmmsg"}, arguments: []seen{socketOf(argument(0)), nil, sent}, parts: messageAt(n),
		when: []when{{value: returns, min: uint64(n) + 1, max: noError}, isSocket}}
}

// messageAt is the struct msghdr that is number n of those behind the second argument.
func messageAt(n uint32) []part {
	return message(inMessage(n, func(l *messageLayout) (uint32, uint8) { return l.name, l.word }),
		vector(inMessage(n, func(l *messageLayout) (uint32, uint8) { return l.vector, l.word }),
			inMessage(n, func(l *messageLayout) (uint32, uint8) { return l.entries, l.word })))
}

// inMessage is a number in message n, of which field says where it is and how many bytes it has.
func inMessage(n uint32, field func(*messageLayout) (offset uint32, size uint8)) seen {
	return func(node *Node, e *equal) (source, error) {
		layout := &nativeMessage
		if e.compat {
			layout = &compatMessage
		}
		offset, size := field(layout)
		return inMemory(argument(1), n*layout.distance+offset, size)(node, e)
	}
}

// message is the struct msghdr that the function has as its second argument.
func message(name, content seen) []part {
	return []part{
		{1, "msg_name", of(name, bpf.HookArgumentKindKIND_SOCKADDR, bpf.HookArgumentFlagsARGUMENT_USER)},
		{1, "msg_iter", content},
	}
}

func buffer(pointer, size seen) seen {
	return ofSize(of(pointer, bpf.HookArgumentKindKIND_BYTES, bpf.HookArgumentFlagsARGUMENT_USER), size)
}

func vector(pointer, entries seen) seen {
	return ofSize(of(pointer, bpf.HookArgumentKindKIND_BYTES, bpf.HookArgumentFlagsARGUMENT_USER|bpf.HookArgumentFlagsARGUMENT_VECTOR), entries)
}
