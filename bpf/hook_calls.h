// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Calls that have not returned. A function may be called again before it returns, by itself or by what it calls, and of those calls
 * only some match: which one returns is told by its frame on the stack, which lies below those of its callers.
 */
#pragma once
#include "hook_act.h"
#include "hook_fetch.h"

/* How the entry of a call was told. */
enum entry_told {
	/* not at all, and where it should have been it was counted: nor is its return, unless that enforces */
	TOLD_NOTHING = 0,
	TOLD = 1,
	/* as an enforcement event, as its return will be */
	TOLD_ENFORCEMENT = 2,
	/* not at all, and of a hook whose filters at the return decide whether it is an event: it is counted there */
	TOLD_LOST = 3,
	TOLD_LIMITED = 4,
	TOLD_THROTTLED = 5,
};

/* Those of a thread, the innermost last. */
struct call_contexts {
	__u32 depth;
	__u32 reserved;
	struct call_context calls[CALLS_AWAITED];
};

#ifdef OLD_KERNEL

/* By thread, as bpf_get_current_pid_tgid() has it. Where there is no room the return is not told, which is counted. Programs of kprobes
 * may use no map that takes memory when it needs it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct call_contexts);
} call_contexts SEC(".maps");

static const struct call_contexts no_calls;

static __always_inline struct call_contexts *calls_of_current(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&call_contexts, &thread);
}

static __always_inline struct call_contexts *make_calls_of_current(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&call_contexts, &thread, &no_calls, BPF_NOEXIST);
	return bpf_map_lookup_elem(&call_contexts, &thread);
}

static __always_inline void forget_calls_of_current(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&call_contexts, &thread);
}

/* Gives the room back, unless a call is awaited in it. */
static __always_inline void returned(void)
{
	struct call_contexts *all = calls_of_current();

	if (all && !all->depth)
		forget_calls_of_current();
}

#else

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call_contexts);
} call_contexts SEC(".maps");

static __always_inline struct call_contexts *calls_of_current(void)
{
	return bpf_task_storage_get(&call_contexts, bpf_get_current_task_btf(), NULL, 0);
}

static __always_inline struct call_contexts *make_calls_of_current(void)
{
	return bpf_task_storage_get(&call_contexts, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* The room goes with the task. */
static __always_inline void returned(void)
{
}

#endif

#define HOOK_FRAMES (HOOK_FRAME_IS_CONTEXT | HOOK_FRAME_BELOW_CONTEXT | HOOK_FRAME_IS_STACK_POINTER)

/* Where the frame is of the call that is entered, or returns; 0 where it can't be told. */
static __always_inline __u64 frame_of(void *ctx, __u32 stages)
{
	__u64 frame;

	if (!(hook.flags & HOOK_FRAME_IS_STACK_POINTER))
		return hook.flags & HOOK_FRAMES ? context_address(ctx) : 0;
	frame = word_at((char *)ctx + hook.frame_offset);
	return stages & STAGE_ENTRY ? frame : frame - hook.frame_popped;
}

/* Counts a call of which the return will not be told, as it was not seen or nobody knows which one it was. */
static __always_inline void give_up(const struct call_context *call)
{
	if (call->told == TOLD_NOTHING)
		return;
	if ((hook.flags & HOOK_RETURN_DECIDES) && call->told != TOLD_ENFORCEMENT)
		COUNT(nested);
	else
		COUNT(returns_lost);
}

/* The innermost of the calls that are awaited; NULL if there is none. */
static __always_inline struct call_context *innermost(struct call_contexts *all)
{
	__u32 depth = all->depth;

	return depth == 0 || depth > CALLS_AWAITED ? NULL : &all->calls[(depth - 1) & (CALLS_AWAITED - 1)];
}

/* Leaves the return program what it needs; NULL if there is no room for it. */
static __always_inline struct call_context *await_return(void *ctx, struct hook_scratch *s)
{
	struct call_contexts *all = make_calls_of_current();
	__u64 frame = frame_of(ctx, STAGE_ENTRY);
	struct call_context *call;

	if (!all)
		return NULL;
	for (__u32 i = 0; i < CALLS_AWAITED; i++) { /* whose frames are gone have returned */
		call = innermost(all);
		if (!call || call->frame > frame)
			break;
		give_up(call);
		all->depth--;
	}
	if (all->depth >= CALLS_AWAITED)
		return NULL;
	s->record.depth = all->depth++;
	call = innermost(all);
	if (!call)
		return NULL;
	call->entered = s->record.entered;
	call->frame = frame;
	call->candidates = s->candidates;
	call->told = TOLD_NOTHING;
	for (__u32 i = 0; i < HOOK_ARGUMENTS; i++) {
		if (i >= hook.arguments)
			break;
		call->words[i] = s->words[i];
	}
	return call;
}

/* What was left for the return of this call, whose depth it gets; NULL if nothing was, as it did not match. */
static __always_inline struct call_context *returning(void *ctx, __u32 *depth)
{
	struct call_contexts *all = calls_of_current();
	__u64 frame;

	if (!all || !all->depth)
		return NULL;
	frame = frame_of(ctx, STAGE_RETURN);
	for (__u32 i = 0; i < CALLS_AWAITED; i++) {
		struct call_context *call = innermost(all);

		if (!call || call->frame > frame) /* of a caller */
			return NULL;
		*depth = --all->depth;
		if (call->frame == frame || (hook.flags & HOOK_FRAME_BELOW_CONTEXT))
			return call;
		give_up(call);
	}
	return NULL;
}
