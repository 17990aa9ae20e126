// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Notes from hooks that cannot make a call fail to functions that can. */
#pragma once
#include "kernel_types.h"
#include <bpf/bpf_helpers.h>

/* What NotifyEnforcer leaves for the functions that enforce. */
/* In the key of a note to the program that sets registers, beside pid and tgid. */
#define REGISTER_NOTE (1ULL << 63)

struct enforcer_note {
	__s32 error;
	__u32 signal;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct enforcer_note);
} enforcer_notes SEC(".maps");
