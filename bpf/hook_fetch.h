// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The number or pointer that an argument is, before it is known what stands behind it. */
#pragma once
#include "hook_layouts.h"
#include "kernel_memory.h"
#include "scope.h"

/* Calls of a function by one thread, one in the other, of which the returns are awaited (a power of two). */
#define CALLS_AWAITED 4

/* What an entry program leaves for the return program of the same call. */
struct call_context {
	__u64 entered;
	/* where the call's frame is on the stack, 0 where that is not known */
	__u64 frame;
	/* selectors whose filters at the entry hold, bits */
	__u32 candidates;
	/* enum entry_told */
	__u32 told;
	__u64 words[HOOK_ARGUMENTS];
};

#define SLOT(n)                                                                               \
	case 8 * (n):                                                                         \
		asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(word) : "r"(ctx), "i"(8 * (n))); \
		return word

/* The word at an offset of the context. What the verifier allows to be loaded, it allows by an instruction that has the offset
 * in itself; the offset is constant, so one of them stays. */
static __always_inline __u64 slot_at(void *ctx, __u32 offset)
{
	__u64 word;

	switch (offset) {
		/* clang-format off */
		SLOT(0); SLOT(1); SLOT(2); SLOT(3); SLOT(4); SLOT(5); SLOT(6); SLOT(7); SLOT(8); SLOT(9); SLOT(10); SLOT(11);
		SLOT(12); SLOT(13); SLOT(14); SLOT(15); SLOT(16); SLOT(17); SLOT(18); SLOT(19); SLOT(20); SLOT(21); SLOT(22);
		SLOT(23); SLOT(24); SLOT(25); SLOT(26); SLOT(27); SLOT(28); SLOT(29); SLOT(30); SLOT(31); SLOT(32); SLOT(33);
		/* clang-format on */
	}
	return word_at((char *)ctx + offset);
}

/* The register at an offset of a struct pt_regs. */
static __always_inline __u64 register_at(__u64 registers, __u32 offset)
{
	if (bpf_rdonly_cast)
		return *(
		    __u64 *)((char *)bpf_rdonly_cast((void *)registers, bpf_core_type_id_kernel(struct pt_regs___entered_x86)) +
			     offset);
	return word_at((char *)registers + offset);
}

#define PAGE 4096

/* Has a page of user memory brought in: the helpers that read what programs have do not wait for that. */
static __always_inline void bring_in(__u64 address)
{
	char byte;

	if (hook.flags & HOOK_SLEEPS)
		bpf_copy_from_user(&byte, sizeof(byte), (void *)address);
}

/* The same for a text or a buffer, of which at most two pages are read. */
static __always_inline void bring_in_pages(__u64 address)
{
	bring_in(address);
	bring_in((address | (PAGE - 1)) + 1);
	bring_in((address | (PAGE - 1)) + 1 + PAGE);
}

/* The context's address as a number: with a pointer the verifier does not let us compute. */
static __always_inline __u64 context_address(void *ctx)
{
	return word_at(&ctx);
}

/* Where an argument of FROM_USER_MEMORY is. */
static __always_inline __u64 user_address(void *ctx, const volatile struct hook_argument *a)
{
	__u64 address = word_at((char *)ctx + a->offset) + a->constant;

	if (a->index != NOWHERE)
		address += word_at((char *)ctx + a->index) * a->scale;
	return address;
}

/* Frames in which a caller is looked for: the first are of the program and of what called it. */
#define CALLER_FRAMES 6

/* Whether one of the functions that an argument of FROM_CALLERS names is among the callers. Not inlined: its frames would be on
 * the stack of everything else that is called. */
static __noinline bool is_called_by(void *ctx, const volatile struct hook_argument *a)
{
	__u64 frames[CALLER_FRAMES] = {};

	if (bpf_get_stack(ctx, frames, sizeof(frames), 0) <= 0)
		return false;
	for (__u32 i = 0; i < CALLER_FRAMES; i++) {
		__u64 distance = frames[i] - 1 - a->constant; /* a call at a function's end returns behind it */

		for (__u32 w = 0; w + 1 < RESOLVE_STEPS; w += 2) {
			if (w >= a->scale)
				break;
			if (distance >= a->walk[w] && distance - a->walk[w] < a->walk[w + 1])
				return true;
		}
	}
	return false;
}

/* Whether words and pointers are those of the ABI for 32 bits: what the upper half of a register has is not looked at there. */
static __always_inline bool is_narrow(const volatile struct hook_argument *a)
{
	return a->source == FROM_REGISTERS && a->scale;
}

static __always_inline __u64 first_word(void *ctx, struct hook_scratch *s, const volatile struct hook_argument *a,
					struct call_context *call)
{
	switch (a->source) {
	case FROM_CONTEXT:
		return word_at((char *)ctx + a->offset);
	case FROM_SLOT:
		return slot_at(ctx, a->offset);
	case FROM_REGISTERS: {
		__u64 word = register_at(slot_at(ctx, a->base), a->offset);

		return is_narrow(a) ? (__u32)word : word;
	}
	case FROM_LAYOUT:
		return s ? word_of_layout(s, a->offset) : 0;
	case FROM_TASK:
		return bpf_get_current_task();
	case FROM_CONSTANT:
		return a->constant;
	case FROM_ENTRY:
		return call ? call->words[a->offset & (HOOK_ARGUMENTS - 1)] : 0;
	case FROM_DATA_LOCATION:
		return context_address(ctx) + (word_at((char *)ctx + a->offset) & 0xffff);
	case FROM_CONTEXT_ADDRESS:
		return context_address(ctx) + a->offset;
	case FROM_CALLERS:
		return is_called_by(ctx, a) ? a->offset : 0;
	case FROM_USER_MEMORY: {
		__u64 word = 0, address = user_address(ctx, a);

		bring_in(address);
		bpf_probe_read_user(&word, BOUNDED(a->size, 8), (void *)address);
		return word;
	}
	}
	return 0;
}

static __always_inline long read_memory(const volatile struct hook_argument *a, void *to, __u32 size, __u64 address)
{
	if (a->flags & ARGUMENT_USER) {
		bring_in(address);
		return bpf_probe_read_user(to, size, (void *)address);
	}
	return bpf_probe_read_kernel(to, size, (void *)address);
}

/*
 * Walks from the first word to the value. Returns 0, or at which step (from 1) memory could not be read. Without steps the
 * word is the value.
 */
static __always_inline __u32 walk(const volatile struct hook_argument *a, __u64 *value)
{
	__u64 address = *value, word = 0;

	for (__u32 i = 0; i < RESOLVE_STEPS; i++) {
		if (i >= a->steps)
			break;
		if (i > 0) {
			word = 0;
			if (read_memory(a, &word, sizeof(word), address))
				return i;
			address = is_narrow(a) ? (__u32)word : word;
		}
		if (!address)
			return i + 1;
		address += a->walk[i];
	}
	if (a->flags & ARGUMENT_ADDRESS) {
		*value = address;
		return 0;
	}
	word = 0;
	if (read_memory(a, &word, BOUNDED(a->size, 8), address))
		return a->steps;
	*value = word;
	return 0;
}

/* Reads the word of an argument into its value: for numbers that is all there is. */
static __always_inline __u32 fetch(void *ctx, struct hook_scratch *s, const volatile struct hook_argument *a,
				   struct call_context *call, __u64 *word)
{
	__u64 value = first_word(ctx, s, a, call);
	__u32 failed = 0;

	if (a->steps)
		failed = walk(a, &value);
	if (a->shift_left || a->shift_right) { /* the verifier lets no pointer be shifted, not by 0 either */
		value <<= a->shift_left & 63;
		if (a->flags & ARGUMENT_SIGNED)
			value = (__s64)value >> (a->shift_right & 63);
		else
			value >>= a->shift_right & 63;
	}
	*word = value;
	return failed;
}

static __always_inline long read_either(void *to, __u32 size, __u64 address, bool user)
{
	return user ? bpf_probe_read_user(to, size, (void *)address) : bpf_probe_read_kernel(to, size, (void *)address);
}
