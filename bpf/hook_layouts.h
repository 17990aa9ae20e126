// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Where the arguments stand of system calls that share a program, though in each they stand elsewhere. */
#pragma once
#include "hook_scratch.h"
#include "kernel_memory.h"
#include "syscall_abi.h"

/* Layouts of one hook's system calls (a power of two). */
#define HOOK_LAYOUTS 16

/* Where one layout has a word: (the register that user space entered with at `offset` & mask) | constant. */
struct layout_word {
	__u32 offset;
	__s32 constant;
	__u64 mask;
};

/* Set before loading, as what hook_config.h has. */
const volatile struct layout_word hook_layouts[HOOK_LAYOUTS][HOOK_ARGUMENTS] = {};

/* The layouts of the hook's system calls by their places (place_of_call); user space makes room where there are any. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} call_layouts SEC(".maps");

/* Without branches, and without a constant of its own for each layout: so the verifier looks at it once. */
static __always_inline __u64 word_of_layout(struct hook_scratch *s, __u32 place)
{
	const volatile struct layout_word *w = &hook_layouts[s->layout & (HOOK_LAYOUTS - 1)][place & (HOOK_ARGUMENTS - 1)];

	return (word_at((char *)s->registers + w->offset) & w->mask) | w->constant;
}

/* Finds the layout of the system call that is entered or left, for FROM_LAYOUT. */
static __always_inline void find_layout(void *ctx, struct hook_scratch *s)
{
	__u32 place;
	__u8 *layout;

	if (!hook.layouts)
		return;
	s->registers = word_at(ctx);
	place = place_of_call(current_task(), word_at((char *)s->registers + hook.function_offset));
	layout = bpf_map_lookup_elem(&call_layouts, &place);
	s->layout = layout ? *layout : 0;
}
