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
	/* it, or who forked it, executed a program in the scope and outside of the runtime's mount namespace: what the runtime
	 * runs on its way into a container has not yet */
	__u32 of_container;
	__u32 reserved;
};

/* By thread group id: written at exec and fork, removed at exit; of processes that ran before, by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct process_state);
} process_states SEC(".maps");

static __always_inline struct process_state *state_of(__u32 tgid)
{
	return bpf_map_lookup_elem(&process_states, &tgid);
}
