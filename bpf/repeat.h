// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Loops whose number of turns only the data knows. Kernels since 5.17 have a helper for them. The programs for older ones (built with
 * OLD_KERNEL) make them of two global functions, each with a loop that is short enough for the verifier, which looks at a global function
 * once. There such functions take numbers only: what a turn works on stands in a map, and is found by a handle.
 */
#pragma once
#include "kernel_types.h"
#include <bpf/bpf_helpers.h>

#ifdef OLD_KERNEL

/* Defines what repeat() needs: step(index, in) is a turn, and find(handle, &room) what it works on, NULL if there is no such; it may use
 * the room. A turn that returns 1 is the last, as is number inner * outer. */
#define REPEATABLE(step, context, find, inner, outer) REPEATABLE_BY(__noinline, step, context, find, inner, outer)

/* The same where another function on the stack would be one too many: of the two one is a part of the caller. */
#define REPEATABLE_WITHIN(step, context, find, inner, outer) \
	REPEATABLE_BY(static __always_inline, step, context, find, inner, outer)

#define REPEATABLE_BY(linkage, step, context, find, inner, outer)        \
	__noinline int step##_some(__u32 handle, __u32 first, __u32 end) \
	{                                                                \
		context room = {}, *in = find(handle, &room);            \
                                                                         \
		if (!in)                                                 \
			return 1;                                        \
		for (__u32 i = 0; i < (inner); i++)                      \
			if (first + i >= end || step(first + i, in))     \
				return 1;                                \
		return 0;                                                \
	}                                                                \
                                                                         \
	linkage int step##_all(__u32 handle, __u32 end)                  \
	{                                                                \
		for (__u32 i = 0; i < (outer); i++)                      \
			if (step##_some(handle, i * (inner), end))       \
				return 1;                                \
		return 0;                                                \
	}

#define repeat(turns, step, in, handle) ((void)(in), step##_all(handle, turns))

/* The same where the verifier can look at each of the turns, of which there are at most so many. */
#define repeat_few(turns, step, in, most)                        \
	do {                                                     \
		for (__u32 turn_ = 0; turn_ < (most); turn_++)   \
			if (turn_ >= (turns) || step(turn_, in)) \
				break;                           \
	} while (0)

/* A function whose room on the stack is not to be taken while its caller calls such functions: they are many, and the stack is short. */
#define NOT_BESIDE_CALLS __noinline

/* What is derived from a pointer does not stay on the stack up to here, where it is derived again. */
#define DERIVED_ANEW(pointer) barrier_var(pointer)
/* The same for a value: until it is needed it stands in a field that is not. */
#define KEEP_IN(field, value) ((field) = (value))
#define KEPT_IN(field, value) (field)

#else

#define REPEATABLE(step, context, find, inner, outer)
#define REPEATABLE_WITHIN(step, context, find, inner, outer)
#define repeat(turns, step, in, handle) bpf_loop(turns, step, in, 0)
#define NOT_BESIDE_CALLS __always_inline
#define DERIVED_ANEW(pointer)
#define KEEP_IN(field, value)
#define KEPT_IN(field, value) (value)
#define repeat_few(turns, step, in, most) bpf_loop(turns, step, in, 0)

#endif
