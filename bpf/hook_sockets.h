// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Both ends of a connection, from a socket, a packet or an address. */
#pragma once
#include "hook_fetch.h"
#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10
/* include/uapi/linux/if_ether.h, in.h */
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
/* TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_LISTEN, include/net/tcp_states.h: while a socket begins to connect there may be the port
 * of its last try. */
#define HAD_A_PORT (1U << 1 | 1U << 8 | 1U << 10)

/* An IPv4 address as part of IPv6 (::ffff:a.b.c.d). */
static __always_inline void map_address(__u64 *to, __be32 address)
{
	__be32 *words = (__be32 *)to;

	to[0] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

static __always_inline struct socket_value *new_socket_value(struct hook_scratch *s)
{
	struct socket_value *v = reserve(s, sizeof(*v));

	if (v)
		__builtin_memset(v, 0, sizeof(*v));
	return v;
}

/* state: the one that the socket is about to get; 0: that which it has. */
static __always_inline void read_sock(struct hook_scratch *s, struct value *value, struct sock *sk, __u16 state)
{
	struct socket_value *v = new_socket_value(s);

	if (!v)
		return;
	v->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	v->type = BPF_CORE_READ(sk, sk_type);
	v->protocol = BPF_CORE_READ(sk, sk_protocol);
	v->state = state ? state : BPF_CORE_READ(sk, __sk_common.skc_state);
	v->mark = BPF_CORE_READ(sk, sk_mark);
	v->priority = BPF_CORE_READ(sk, sk_priority);
	v->cookie = (__u64)sk; /* that of the kernel is 0 until somebody asks for it */
	if (v->family == AF_INET6) {
		bpf_core_read(v->source, sizeof(v->source), &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(v->destination, sizeof(v->destination), &sk->__sk_common.skc_v6_daddr);
	} else if (v->family == AF_INET) {
		map_address(v->source, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_address(v->destination, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		return;
	}
	v->source_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	/* A port that the kernel chose it has taken back when it tells of the last state: here it still stands. */
	if (!v->source_port && HAD_A_PORT & (1U << (v->state & 31)))
		v->source_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	v->destination_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline void read_packet(struct socket_value *v, unsigned char *network, unsigned char *transport, __u16 protocol)
{
	__u8 next = 0;
	__be16 ports[2] = {};

	if (protocol == ETH_P_IP) {
		__be32 addresses[2] = {};

		bpf_probe_read_kernel(&next, sizeof(next), network + 9);
		bpf_probe_read_kernel(addresses, sizeof(addresses), network + 12);
		v->family = AF_INET;
		map_address(v->source, addresses[0]);
		map_address(v->destination, addresses[1]);
	} else if (protocol == ETH_P_IPV6) {
		bpf_probe_read_kernel(&next, sizeof(next), network + 6);
		bpf_probe_read_kernel(v->source, sizeof(v->source), network + 8);
		bpf_probe_read_kernel(v->destination, sizeof(v->destination), network + 24);
		v->family = AF_INET6;
	} else {
		return;
	}
	v->protocol = next;
	bpf_probe_read_kernel(ports, sizeof(ports), transport);
	if (next == 6 || next == 17 || next == 132) { /* TCP, UDP, SCTP: the ports come first */
		v->source_port = bpf_ntohs(ports[0]);
		v->destination_port = bpf_ntohs(ports[1]);
	}
}

static __always_inline void read_skb(struct hook_scratch *s, struct value *value, struct sk_buff *skb)
{
	struct socket_value *v = new_socket_value(s);
	unsigned char *head = BPF_CORE_READ(skb, head);

	if (!v)
		return;
	v->hash = BPF_CORE_READ(skb, hash);
	v->length = BPF_CORE_READ(skb, len);
	v->mark = BPF_CORE_READ(skb, mark);
	v->priority = BPF_CORE_READ(skb, priority);
	read_packet(v, head + BPF_CORE_READ(skb, network_header), head + BPF_CORE_READ(skb, transport_header),
		    bpf_ntohs(BPF_CORE_READ(skb, protocol)));
}

/* A sockaddr is the source of the filters, whatever it is used for. */
static __always_inline bool read_sockaddr(struct hook_scratch *s, struct value *value, __u64 address, bool user)
{
	struct socket_value *v = new_socket_value(s);
	__be16 port = 0;
	__u16 family = 0;
	__be32 v4 = 0;

	if (!v)
		return false;
	if (read_either(&family, sizeof(family), address, user))
		return false;
	v->family = family;
	if (family != AF_INET && family != AF_INET6)
		return true;
	read_either(&port, sizeof(port), address + 2, user);
	v->source_port = bpf_ntohs(port);
	if (family == AF_INET) {
		read_either(&v4, sizeof(v4), address + 4, user);
		map_address(v->source, v4);
	} else {
		read_either(v->source, sizeof(v->source), address + 8, user);
	}
	return true;
}
