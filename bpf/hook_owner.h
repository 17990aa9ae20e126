// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Whose a socket is: packets are handled by whatever process happens to run. */
#pragma once
#include "hook_fetch.h"

struct sock_owner {
	struct task_key process;
	__u32 tid;
	__u32 reserved;
	__u64 cgroup;
	/* selections of workloads that held for it */
	__u64 workloads;
};

/* By the address of the struct sock: of the sockets that TrackSock has seen, the latest (Tetragon's number). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32000);
	__type(key, __u64);
	__type(value, struct sock_owner);
} sock_owners SEC(".maps");

/* The struct sock that an argument's word stands for. */
static __always_inline __u64 sock_of(__u32 place, __u64 word)
{
	if (hook_arguments[place & (HOOK_ARGUMENTS - 1)].kind == KIND_SOCKET)
		return (__u64)BPF_CORE_READ((struct socket *)word, sk);
	if (hook_arguments[place & (HOOK_ARGUMENTS - 1)].kind == KIND_SKB)
		return (__u64)BPF_CORE_READ((struct sk_buff *)word, sk);
	return word;
}

/* The owner of the socket that the hook is about; NULL if it is not tracked. */
static __always_inline struct sock_owner *owner_of_socket(void *ctx)
{
	__u64 word = 0;

	if (!(hook.flags & HOOK_TRACKS_SOCKETS) || hook.sock_place >= HOOK_ARGUMENTS)
		return NULL;
	fetch(ctx, NULL, &hook_arguments[hook.sock_place], NULL, &word);
	word = sock_of(hook.sock_place, word);
	return bpf_map_lookup_elem(&sock_owners, &word);
}

/* Makes the record one of the socket's owner. */
static __always_inline void attribute(void *ctx, struct hook_record *r)
{
	struct sock_owner *owner = owner_of_socket(ctx);

	if (!owner)
		return;
	r->header.process.start = owner->process.start;
	r->header.process.tgid = owner->process.tgid;
	r->header.cgroup = owner->cgroup;
	r->tid = owner->tid;
}

static __always_inline void track_sock(struct hook_scratch *s, __u64 sock)
{
	struct sock_owner owner = {};

	if (!sock)
		return;
	owner.process.start = s->record.header.process.start;
	owner.process.tgid = s->record.header.process.tgid;
	owner.tid = s->record.tid;
	owner.cgroup = s->record.header.cgroup;
	owner.workloads = s->workloads;
	bpf_map_update_elem(&sock_owners, &sock, &owner, BPF_ANY);
}

static __always_inline void track(struct hook_scratch *s, const volatile struct hook_selector *chosen, __u32 actions)
{
	__u32 place = chosen->place & (HOOK_ARGUMENTS - 1);
	__u64 sock = sock_of(place, s->values[place].number);

	s->record.done |= actions & (ACTION_TRACK_SOCK | ACTION_UNTRACK_SOCK);
	if (actions & ACTION_TRACK_SOCK)
		track_sock(s, sock);
	if (actions & ACTION_UNTRACK_SOCK)
		bpf_map_delete_elem(&sock_owners, &sock);
}

static __always_inline void track_result(struct hook_scratch *s, __u32 stages)
{
	__u32 place = hook.return_place;
	__u64 sock;

	if (!(stages & STAGE_RETURN) || place >= HOOK_ARGUMENTS)
		return;
	sock = sock_of(place, s->values[place].number);
	if (hook.flags & HOOK_TRACKS_RESULT)
		track_sock(s, sock);
	if (hook.flags & HOOK_UNTRACKS_RESULT)
		bpf_map_delete_elem(&sock_owners, &sock);
}
