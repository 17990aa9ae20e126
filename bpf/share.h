// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How much of the ring for events a target may hold, so that a flood of one does not keep out the events of others.
 *
 * A target's records may hold so many times the bytes that are free (the rule of switches that share memory between queues: Choudhury
 * and Hahne, Dynamic queue length thresholds, 1998). So one flood alone gets most of the ring; two get less each, and something stays
 * free whatever their number; who holds little is never over. There is no rate to configure: the reader's is what counts.
 *
 * What is held is counted by segments of the ring: a record belongs to the one in which it ends, and what belongs to segments that were
 * read is held no more. That errs by a segment at most, and towards telling: the one that is read at the moment counts for nobody, and
 * below one segment nothing is counted at all, so that without a flood this costs one look at the ring.
 */
#pragma once
#include "output.h"

/* The ring has 2^3 segments. */
#define SEGMENTS 8
/* Counters of a target, by segment number: a power of two, and more than can be unread at once, which is SEGMENTS and one in part. */
#define SEGMENT_COUNTERS 16
/* Set before loading: a segment has so many bits of bytes. That of a ring of 4 MiB. */
const volatile __u32 segment_bits = 19;

/* How many times what is free a target may hold. Of calls: one flood gets 3/4 of the ring, two get 3/7 each. */
#define CALLS_PER_FREE 3
/* Of forks, execs and exits, without which it is not known who does what: so that a flood of calls leaves room for those of its own
 * target, but also a flood of processes leaves room for others. It gets 9/10. */
#define LIFE_PER_FREE 9

/* After so long without a throttled event, in ns, a throttling has ended; the tracer looks five times as often. */
#define THROTTLING_ENDS 1000000000ULL

/* What a target holds, and what was kept from it. */
struct share {
	/* segment number << 32 | bytes */
	__u64 held[SEGMENT_COUNTERS];
	/* events that were not told since the beginning */
	__u64 throttled;
	/* boot time in ns of the first and the latest of those that are no further than THROTTLING_ENDS apart */
	__u64 first, latest;
};

/* By the id of the target's cgroup (share_of). Of those that come when it is full nothing is counted: they are told while there is
 * room in the ring, as all were without shares. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct share);
} shares SEC(".maps");

static const struct share empty_share;

static __always_inline __u64 unread_bytes(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
}

/* Whether so little is unread that nobody's share is looked at. */
static __always_inline bool is_calm(__u64 unread)
{
	return unread <= 1ULL << segment_bits;
}

/* What a share holds of what is unread, up to the position end. */
static __always_inline __u64 held_bytes(struct share *share, __u64 end, __u64 unread)
{
	/* behind the one in which the reader is */
	__u64 number = ((end - unread) >> segment_bits) + 1, held = 0;

	for (int i = 0; i < SEGMENTS; i++, number++) {
		__u64 counter = share->held[number & (SEGMENT_COUNTERS - 1)];

		/* a counter of an earlier round is of what was read */
		held += counter >> 32 == (__u32)number ? (__u32)counter : 0;
	}
	return held;
}

/* Whether a target holds more than so many times what is free. */
static __always_inline bool exceeds_share(__u64 cgroup, __u64 times)
{
	__u64 unread = unread_bytes(), size = (__u64)SEGMENTS << segment_bits, free = unread < size ? size - unread : 0;
	struct share *share;

	if (is_calm(unread))
		return false;
	share = bpf_map_lookup_elem(&shares, &cgroup);
	return share && held_bytes(share, bpf_ringbuf_query(&events, BPF_RB_PROD_POS), unread) > times * free;
}

/* The share of a cgroup, made if there is none; NULL if there is no room for it. */
static __always_inline struct share *share_of_cgroup(__u64 cgroup)
{
	struct share *share = bpf_map_lookup_elem(&shares, &cgroup);

	if (share)
		return share;
	bpf_map_update_elem(&shares, &cgroup, &empty_share, BPF_NOEXIST);
	return bpf_map_lookup_elem(&shares, &cgroup);
}

#ifdef OLD_KERNEL

/* Adds to the counter of a segment. No instruction compares and swaps before 5.12: of what several CPUs count when a segment begins only
 * one record may remain, and one that comes late from the round before may be counted in this one. */
static __always_inline void add_to_segment(__u64 *counter, __u64 number, __u64 size)
{
	if (*(volatile __u64 *)counter >> 32 == (__u32)number)
		__sync_fetch_and_add(counter, size);
	else
		*(volatile __u64 *)counter = (number << 32) + size;
}

#else

/* Adds to the counter of a segment. If another CPU was faster twice, it is not counted. */
static __always_inline void add_to_segment(__u64 *counter, __u64 number, __u64 size)
{
	for (int i = 0; i < 2; i++) {
		__u64 before = *(volatile __u64 *)counter;
		__u64 after = (before >> 32 == (__u32)number ? before : number << 32) + size;

		if (__sync_val_compare_and_swap(counter, before, after) == before)
			break;
	}
}

#endif

/* Counts a record that was handed over as held. Returns false if there was no room to. */
static __always_inline bool hold_share(__u64 cgroup, __u64 size)
{
	struct share *share;
	__u64 number;

	if (is_calm(unread_bytes()))
		return true;
	share = share_of_cgroup(cgroup);
	if (!share)
		return false;
	number = bpf_ringbuf_query(&events, BPF_RB_PROD_POS) >> segment_bits;
	add_to_segment(&share->held[number & (SEGMENT_COUNTERS - 1)], number, size);
	return true;
}

/* Counts an event that was not told because its target holds too much. The caller counts it by class. */
static __always_inline void count_at_share(__u64 cgroup)
{
	struct share *share = bpf_map_lookup_elem(&shares, &cgroup);
	__u64 now = bpf_ktime_get_boot_ns();

	if (!share)
		return;
	__sync_fetch_and_add(&share->throttled, 1);
	if (now - share->latest > THROTTLING_ENDS)
		share->first = now;
	share->latest = now;
}
