// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"strconv"
	"strings"
)

// names are what numbers are called: by the number, and the rest in a map. A number without a name is shown in decimal.
type names struct {
	list []string
	more map[uint64]string
}

// named has the names of the numbers from first, in order; more is for numbers that are far apart.
func named(prefix string, first int, list string, more map[uint64]string) names {
	n := names{make([]string, first), map[uint64]string{}}
	for word := range strings.FieldsSeq(list) {
		n.list = append(n.list, prefix+word)
	}
	for number, word := range more {
		n.more[number] = prefix + word
	}
	return n
}

func (n *names) of(number uint64) string {
	if number < uint64(len(n.list)) && n.list[number] != "" {
		return n.list[number]
	}
	if name, ok := n.more[number]; ok {
		return name
	}
	return strconv.FormatUint(number, 10)
}

// The tables, from the kernel's headers: include/linux/socket.h, include/linux/net.h, include/uapi/linux/in.h,
// include/net/tcp_states.h, include/uapi/linux/bpf.h, include/uapi/linux/perf_event.h. Where Tetragon has other words, they
// are Tetragon's.
var (
	families = named("AF_", 0, `UNSPEC UNIX INET AX25 IPX APPLETALK NETROM BRIDGE ATMPVC X25 INET6 ROSE DECnet NETBEUI SECURITY
		KEY NETLINK PACKET ASH ECONET ATMSVC RDS SNA IRDA PPPOX WANPIPE LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN PHONET
		IEEE802154 CAIF ALG NFC VSOCK KCM QIPCRTR SMC XDP MCTP`, nil)

	socketTypes = named("SOCK_", 1, `STREAM DGRAM RAW RDM SEQPACKET DCCP PACKET`, map[uint64]string{10: "PACKET"})

	protocols = named("IPPROTO_", 0, "", map[uint64]string{
		0: "IP", 1: "ICMP", 2: "IGMP", 4: "IPIP", 6: "TCP", 8: "EGP", 12: "PUP", 17: "UDP", 22: "IDP", 29: "TP", 33: "DCCP",
		41: "IPV6", 43: "ROUTING", 44: "FRAGMENT", 46: "RSVP", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPV6", 59: "NONE",
		60: "DSTOPTS", 92: "MTP", 94: "BEETPH", 98: "ENCAP", 103: "PIM", 108: "COMP", 115: "L2TP", 132: "SCTP", 135: "MH",
		136: "UDPLITE", 137: "MPLS", 143: "ETHERNET", 144: "AGGFRAG", 255: "RAW", 256: "SMC", 262: "MPTCP",
	})

	tcpStates = named("TCP_", 1, `ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN
		CLOSING NEW_SYN_RECV BOUND_INACTIVE`, nil)

	progTypes = named("BPF_PROG_TYPE_", 0, `UNSPEC SOCKET_FILTER KPROBE SCHED_CLS SCHED_ACT TRACEPOINT XDP PERF_EVENT CGROUP_SKB
		CGROUP_SOCK LWT_IN LWT_OUT LWT_XMIT SOCK_OPS SK_SKB CGROUP_DEVICE SK_MSG RAW_TRACEPOINT CGROUP_SOCK_ADDR LWT_SEG6LOCAL
		LIRC_MODE2 SK_REUSEPORT FLOW_DISSECTOR CGROUP_SYSCTL RAW_TRACEPOINT_WRITABLE CGROUP_SOCKOPT TRACING STRUCT_OPS EXT LSM
		SK_LOOKUP SYSCALL NETFILTER`, nil)

	mapTypes = named("BPF_MAP_TYPE_", 0, `UNSPEC HASH ARRAY PROG_ARRAY PERF_EVENT_ARRAY PERCPU_HASH PERCPU_ARRAY STACK_TRACE
		CGROUP_ARRAY LRU_HASH LRU_PERCPU_HASH LPM_TRIE ARRAY_OF_MAPS HASH_OF_MAPS DEVMAP SOCKMAP CPUMAP XSKMAP SOCKHASH
		CGROUP_STORAGE REUSEPORT_SOCKARRAY PERCPU_CGROUP_STORAGE QUEUE STACK SK_STORAGE DEVMAP_HASH STRUCT_OPS RINGBUF
		INODE_STORAGE TASK_STORAGE BLOOM_FILTER USER_RINGBUF CGRP_STORAGE ARENA INSN_ARRAY`, nil)

	bpfCommands = named("BPF_", 0, `MAP_CREATE MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_GET_NEXT_KEY PROG_LOAD OBJ_PIN
		OBJ_GET PROG_ATTACH PROG_DETACH PROG_TEST_RUN PROG_GET_NEXT_ID MAP_GET_NEXT_ID PROG_GET_FD_BY_ID MAP_GET_FD_BY_ID
		OBJ_GET_INFO_BY_FD PROG_QUERY RAW_TRACEPOINT_OPEN BTF_LOAD BTF_GET_FD_BY_ID TASK_FD_QUERY MAP_LOOKUP_AND_DELETE_ELEM
		MAP_FREEZE BTF_GET_NEXT_ID MAP_LOOKUP_BATCH MAP_LOOKUP_AND_DELETE_BATCH MAP_UPDATE_BATCH MAP_DELETE_BATCH LINK_CREATE
		LINK_UPDATE LINK_GET_FD_BY_ID LINK_GET_NEXT_ID ENABLE_STATS ITER_CREATE LINK_DETACH PROG_BIND_MAP TOKEN_CREATE
		PROG_STREAM_READ_BY_FD PROG_ASSOC_STRUCT_OPS`, nil)

	perfTypes = named("PERF_TYPE_", 0, `HARDWARE SOFTWARE TRACEPOINT HW_CACHE RAW BREAKPOINT MAX`, nil)

	actions = named("KPROBE_ACTION_", 0, `UNKNOWN POST FOLLOWFD SIGKILL UNFOLLOWFD OVERRIDE COPYFD GETURL DNSLOOKUP NOPOST SIGNAL
		TRACKSOCK UNTRACKSOCK NOTIFYENFORCER CLEANUPENFORCERNOTIFICATION SET`, nil)
)

// FamilyName is the name of an address family (AF_INET).
func FamilyName(family uint16) string { return families.of(uint64(family)) }

// SocketTypeName is the name of a socket's type (SOCK_STREAM).
func SocketTypeName(socketType uint16) string { return socketTypes.of(uint64(socketType)) }

// ProtocolName is the name of an IP protocol (IPPROTO_TCP).
func ProtocolName(protocol uint16) string { return protocols.of(uint64(protocol)) }

// TCPStateName is the name of a TCP socket's state (TCP_ESTABLISHED).
func TCPStateName(state uint8) string { return tcpStates.of(uint64(state)) }

// ProgTypeName is the name of a BPF program's type (BPF_PROG_TYPE_KPROBE).
func ProgTypeName(progType uint32) string { return progTypes.of(uint64(progType)) }

// MapTypeName is the name of a BPF map's type (BPF_MAP_TYPE_HASH).
func MapTypeName(mapType uint32) string { return mapTypes.of(uint64(mapType)) }

// BpfCommandName is the name of a command of the system call bpf (BPF_PROG_LOAD).
func BpfCommandName(command uint32) string { return bpfCommands.of(uint64(command)) }

// PerfTypeName is the name of a perf event's type (PERF_TYPE_SOFTWARE).
func PerfTypeName(perfType uint32) string { return perfTypes.of(uint64(perfType)) }

// ActionName is the name of an action (KPROBE_ACTION_POST), by Tetragon's number: Post is 1.
func ActionName(action uint32) string { return actions.of(uint64(action)) }

// bitNames are what the bits of a set are called.
type bitNames []struct {
	bit  int
	name string
}

// of lists the set bits; one without a name by its value in decimal.
func (n bitNames) of(set uint64) (words []string) {
	for _, b := range n {
		if set&(1<<b.bit) != 0 {
			words = append(words, b.name)
			set &^= 1 << b.bit
		}
	}
	for bit := range 64 {
		if set&(1<<bit) != 0 {
			words = append(words, strconv.FormatUint(1<<bit, 10))
		}
	}
	return words
}

// taints of a module, from include/linux/panic.h; the names are Tetragon's.
var taints = bitNames{
	{0, "TAINT_PROPRIETARY_MODULE"}, {1, "TAINT_FORCED_MODULE"}, {2, "TAINT_FORCED_UNLOAD_MODULE"}, {10, "TAINT_STAGED_MODULE"},
	{12, "TAINT_OUT_OF_TREE_MODULE"}, {13, "TAINT_UNSIGNED_MODULE"}, {15, "TAINT_KERNEL_LIVE_PATCH_MODULE"}, {18, "TAINT_TEST_MODULE"},
}

// securebits from include/uapi/linux/securebits.h; the names are Tetragon's.
var securebits = bitNames{
	{0, "SecBitNoRoot"}, {1, "SecBitNoRootLocked"}, {2, "SecBitNoSetUidFixup"}, {3, "SecBitNoSetUidFixupLocked"},
	{4, "SecBitKeepCaps"}, {5, "SecBitKeepCapsLocked"}, {6, "SecBitNoCapAmbientRaise"}, {7, "SecBitNoCapAmbientRaiseLocked"},
}

// TaintNames lists what taints a kernel module (TAINT_UNSIGNED_MODULE).
func TaintNames(set uint64) []string { return taints.of(set) }

// SecurebitNames lists the securebits of a process (SecBitKeepCaps).
func SecurebitNames(set uint32) []string { return securebits.of(uint64(set)) }

// CapabilityName is the name of a capability (CAP_SYS_ADMIN), as CapabilitySet has it.
func CapabilityName(capability int32) string {
	if capability < 0 || capability > 63 {
		return strconv.FormatInt(int64(capability), 10)
	}
	return CapabilitySet(1 << capability)[0]
}

// CapabilityDigits is a set of capabilities as kernel_cap_t_arg and the like show it: 16 hex digits.
func CapabilityDigits(set uint64) string { return fmt.Sprintf("%016x", set) }
