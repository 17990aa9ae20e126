// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The rings to user space, and what is counted about them. */
#pragma once
#include "records.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Records to user space. Its size (4 MiB) holds a second of 5,000 short processes per second, should the tracer stall. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* Records that a flood of others must not keep out: of calls that were denied or whose process was signalled, or would have been,
 * and of new cgroups, by which containers are found. 1 MiB holds some 2,000 of them, and 31 of the longest. The reader polls. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} priority SEC(".maps");

/* What happened to records, by class. Per CPU: one writer, so no update is lost. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLASS_COUNT);
	__type(key, __u32);
	__type(value, struct counters);
} counts SEC(".maps");

/* Readers poll; they are woken only when this much waits (a power of two), and again whenever as much more does: a wake-up
 * interrupts the CPU, which would be most of what a record costs. */
#define WAKEUP_BYTES (256 << 10)

static __always_inline struct counters *counters_of(__u32 class)
{
	return bpf_map_lookup_elem(&counts, &class);
}

/* Whether to wake the reader for a record: it ends where end bytes wait. */
static __always_inline __u64 wakeup_at(__u64 end, __u64 size)
{
	return (end ^ (end - size)) >= WAKEUP_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* Whether to wake the reader for a record that is about to be handed over; for one that has its room in the ring already. */
static __always_inline __u64 wakeup(__u64 size)
{
	return wakeup_at(bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) + size, size);
}

static __always_inline __u64 wakeup_reserved(__u64 size)
{
	__u64 end = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);

	return wakeup_at(end < size ? size : end, size);
}

static __always_inline void count_sent(__u32 class, bool lost)
{
	struct counters *c = counters_of(class);

	if (!c)
		return;
	if (lost)
		c->ring_full++;
	else
		c->sent++;
}

/* Hands over a record that is in one piece. Returns false if it found no room, which is counted. */
static __always_inline bool send(__u32 class, void *record, __u64 size)
{
	bool lost = bpf_ringbuf_output(&events, record, size, wakeup(size));

	count_sent(class, lost);
	return !lost;
}

/* The same by the ring that floods do not fill. */
static __always_inline void send_first(__u32 class, void *record, __u64 size)
{
	count_sent(class, bpf_ringbuf_output(&priority, record, size, BPF_RB_NO_WAKEUP));
}

/* Adds the run of a program that began at start (boot time in ns) to the cost of its class. */
static __always_inline void account(__u32 class, __u64 start)
{
	struct counters *c = counters_of(class);

	if (!c)
		return;
	c->nanoseconds += bpf_ktime_get_boot_ns() - start;
	c->runs++;
}
