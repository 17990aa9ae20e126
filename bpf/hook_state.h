// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What is remembered of each process since its exec, for filters that ask about then. */
#pragma once
#include "records.h"
#include <bpf/bpf_helpers.h>

struct process_state {
	/* bits of what the process matches, given by user space: programs (matchBinaries), process IDs whose descendants count */
	__u64 marks;
	/* those that it had before its latest exec */
	__u64 marks_before;
	struct namespaces namespaces;
	/* sets of capabilities: effective, inheritable, permitted */
	__u64 capabilities[3];
	/* enum process_origin */
	__u32 origin;
	__u32 reserved;
};

/* Where a process comes from; descendants inherit it. One of which nothing is known is taken for a container's. */
enum process_origin {
	/* it executed a program in the scope and outside of the runtime's mount namespace, or ran there when tracing began: it stays one
	 * of a container, wherever it goes */
	OF_CONTAINER = 1 << 0,
	/* it was put into its cgroup by somebody who was not in there, and has executed nothing in a container since: the runtime on
	 * its way into one */
	OF_RUNTIME = 1 << 1,
};

/* By thread group id: written at exec, fork and entering a cgroup, removed at exit; of processes that ran before, by user space. Who
 * finds no room matches no program and is taken for a container's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct process_state);
} process_states SEC(".maps");

/* Until when, boot time in ns, enforcing actions act. User space renews it for as long as it is awake: whoever froze or is debugging
 * it must not leave a node with hooks that nobody watches. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} armed_until SEC(".maps");

static __always_inline bool is_awake(__u64 now)
{
	__u32 zero = 0;
	__u64 *until = bpf_map_lookup_elem(&armed_until, &zero);

	return until && now < *until;
}

static __always_inline struct process_state *state_of(__u32 tgid)
{
	return bpf_map_lookup_elem(&process_states, &tgid);
}
