// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func isIP(family uint16) bool { return family == unix.AF_INET || family == unix.AF_INET6 }

// address is an IP address in text, empty for other families. Words hold it in network order, IPv4 mapped into IPv6.
func address(words [2]uint64, family uint16) string {
	if !isIP(family) {
		return ""
	}
	var raw [16]byte
	binary.NativeEndian.PutUint64(raw[:8], words[0])
	binary.NativeEndian.PutUint64(raw[8:], words[1])
	a := netip.AddrFrom16(raw)
	if family == unix.AF_INET {
		a = a.Unmap()
	}
	return a.String()
}

func showSock(to *event.Argument, a *Argument, m *Machine) bool {
	var v bpf.HookSocketValue
	if _, ok := cut(&v, a.Raw); !ok {
		return false
	}
	if m.SocketNumber != nil && v.Cookie != 0 {
		v.Cookie = m.SocketNumber(v.Cookie)
	}
	to.SockArg = &event.SockArg{
		Family: event.FamilyName(v.Family), Type: event.SocketTypeName(v.Type), Protocol: event.ProtocolName(v.Protocol),
		Mark: v.Mark, Priority: v.Priority, Cookie: v.Cookie, State: event.TCPStateName(uint8(v.State)),
		Saddr: address(v.Source, v.Family), Daddr: address(v.Destination, v.Family),
		Sport: uint32(v.SourcePort), Dport: uint32(v.DestinationPort),
	}
	return true
}

// SocketNumbers makes numbers that tell sockets apart and do not say where the kernel has them.
func SocketNumbers() func(address uint64) uint64 {
	seed := maphash.MakeSeed()
	return func(address uint64) uint64 { return maphash.Comparable(seed, address) }
}

func noSock(to *event.Argument) { to.SockArg = &event.SockArg{} }

func showSkb(to *event.Argument, a *Argument, _ *Machine) bool {
	var v bpf.HookSocketValue
	if _, ok := cut(&v, a.Raw); !ok {
		return false
	}
	skb := &event.SkbArg{
		Hash: v.Hash, Len: v.Length, Priority: v.Priority, Mark: v.Mark, Proto: uint32(v.Protocol),
		Saddr: address(v.Source, v.Family), Daddr: address(v.Destination, v.Family),
		Sport: uint32(v.SourcePort), Dport: uint32(v.DestinationPort),
	}
	if isIP(v.Family) { // else there is no IP header that could name them
		skb.Family, skb.Protocol = event.FamilyName(v.Family), event.ProtocolName(v.Protocol)
	}
	to.SkbArg = skb
	return true
}

func noSkb(to *event.Argument) { to.SkbArg = &event.SkbArg{} }

func showSockaddr(to *event.Argument, a *Argument, _ *Machine) bool {
	var v bpf.HookSocketValue
	if _, ok := cut(&v, a.Raw); !ok {
		return false
	}
	shown := &event.SockaddrArg{Family: event.FamilyName(v.Family), Addr: event.InvalidIP}
	if isIP(v.Family) {
		shown.Addr, shown.Port = address(v.Source, v.Family), uint32(v.SourcePort)
	}
	to.SockaddrArg = shown
	return true
}

func noSockaddr(to *event.Argument) { to.SockaddrArg = &event.SockaddrArg{} }

func showUnixAddress(to *event.Argument, a *Argument, _ *Machine) bool {
	var v bpf.HookUnixAddressValue
	path, ok := cut(&v, a.Raw)
	if !ok {
		return false
	}
	to.SockaddrUnArg = &event.SockaddrUnArg{Family: event.FamilyName(uint16(v.Family))}
	if v.Family == unix.AF_UNIX { // else these bytes are no name, and perhaps not of the address at all
		to.SockaddrUnArg.Path = unixPath(path)
	}
	return true
}

// unixPath is the name of a Unix socket. A path ends at its first zero byte; an abstract name begins with one, and may hold
// more of them.
func unixPath(raw []byte) string {
	if len(raw) > 0 && raw[0] == 0 {
		abstract := bytes.TrimRight(raw[1:], "\x00")
		if len(abstract) == 0 {
			return "" // a socket without a name
		}
		return "@" + text(abstract)
	}
	path, _, _ := bytes.Cut(raw, []byte{0})
	return text(path)
}

func noUnixAddress(to *event.Argument) { to.SockaddrUnArg = &event.SockaddrUnArg{} }
