// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Namespace is a kind of Linux namespace; the order is Tetragon's.
type Namespace uint8

// The namespaces.
const (
	NamespaceUTS Namespace = iota
	NamespaceIPC
	NamespaceMount
	NamespacePID
	NamespacePIDForChildren
	NamespaceNet
	NamespaceTime
	NamespaceTimeForChildren
	NamespaceCgroup
	NamespaceUser
)

// CapabilitySet is one of a process's sets.
type CapabilitySet uint8

// The sets.
const (
	Effective CapabilitySet = iota
	Inheritable
	Permitted
)

// vocabulary is names of numbers. They are compared without regard to case and with or without the prefix.
type vocabulary struct {
	prefix string
	// list has the names without the prefix, in the order of their numbers from first; empty where a number has none.
	list  []string
	first uint64
	// more are names outside of the list, further names of its numbers among them.
	more map[string]uint64
}

func (v *vocabulary) lookup(text string) (uint64, bool) {
	short := strings.TrimPrefix(strings.ToLower(text), strings.ToLower(v.prefix))
	for i, name := range v.list {
		if name != "" && strings.EqualFold(name, short) {
			return v.first + uint64(i), true
		}
	}
	for name, number := range v.more {
		if strings.EqualFold(name, short) {
			return number, true
		}
	}
	return 0, false
}

func (v *vocabulary) names() (all []string) {
	for _, name := range v.list {
		if name != "" {
			all = append(all, v.prefix+name)
		}
	}
	for name := range v.more {
		all = append(all, v.prefix+name)
	}
	slices.Sort(all)
	return all
}

// name of a number, the number itself where it has none.
func (v *vocabulary) name(number uint64) string {
	if i := number - v.first; i < uint64(len(v.list)) && v.list[i] != "" {
		return v.prefix + v.list[i]
	}
	return strconv.FormatUint(number, 10)
}

func words(text string) []string { return strings.Fields(text) }

// capabilities by bit, from include/uapi/linux/capability.h.
var capabilities = &vocabulary{prefix: "CAP_", list: event.CapabilityNames()}

// families of addresses, from include/linux/socket.h.
var families = &vocabulary{prefix: "AF_", list: words(`UNSPEC UNIX INET AX25 IPX APPLETALK NETROM BRIDGE ATMPVC X25 INET6 ROSE DECnet
	NETBEUI SECURITY KEY NETLINK PACKET ASH ECONET ATMSVC RDS SNA IRDA PPPOX WANPIPE LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN
	PHONET IEEE802154 CAIF ALG NFC VSOCK KCM QIPCRTR SMC XDP MCTP`), more: map[string]uint64{"LOCAL": 1, "ROUTE": 16}}

// protocols of IP, from include/uapi/linux/in.h and in6.h.
var protocols = &vocabulary{prefix: "IPPROTO_", more: map[string]uint64{
	"IP": 0, "HOPOPTS": 0, "ICMP": 1, "IGMP": 2, "IPIP": 4, "TCP": 6, "EGP": 8, "PUP": 12, "UDP": 17, "IDP": 22, "TP": 29,
	"DCCP": 33, "IPV6": 41, "ROUTING": 43, "FRAGMENT": 44, "RSVP": 46, "GRE": 47, "ESP": 50, "AH": 51, "ICMPV6": 58, "NONE": 59,
	"DSTOPTS": 60, "MTP": 92, "BEETPH": 94, "ENCAP": 98, "PIM": 103, "COMP": 108, "L2TP": 115, "SCTP": 132, "MH": 135,
	"UDPLITE": 136, "MPLS": 137, "ETHERNET": 143, "AGGFRAG": 144, "RAW": 255, "SMC": 256, "MPTCP": 262,
}}

// states of a TCP socket, from include/net/tcp_states.h.
var states = &vocabulary{prefix: "TCP_", first: 1, list: words(`ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE
	CLOSE_WAIT LAST_ACK LISTEN CLOSING NEW_SYN_RECV BOUND_INACTIVE`)}

// fileTypes by the S_IFMT bits of a file's mode, include/uapi/linux/stat.h.
var fileTypes = &vocabulary{more: map[string]uint64{
	"sock": 0o140000, "socket": 0o140000, "lnk": 0o120000, "link": 0o120000, "reg": 0o100000, "regular": 0o100000,
	"blk": 0o060000, "block": 0o060000, "dir": 0o040000, "chr": 0o020000, "char": 0o020000, "fifo": 0o010000, "pipe": 0o010000,
}}

// namespaces in the order of the constants.
var namespaces = &vocabulary{list: words("Uts Ipc Mnt Pid PidForChildren Net Time TimeForChildren Cgroup User")}

// capabilitySets in the order of the constants.
var capabilitySets = &vocabulary{list: words("Effective Inheritable Permitted")}

// rateLimitScopes in the order of the constants.
var rateLimitScopes = &vocabulary{list: words("thread process global")}

// String is the namespace's name in a policy.
func (n Namespace) String() string { return namespaces.name(uint64(n)) }

// String is the set's name in a policy.
func (s CapabilitySet) String() string { return capabilitySets.name(uint64(s)) }
