// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The beginning of a run: the words of the arguments, what filters need of them, and the record's head. */
#pragma once
#include "hook_judged.h"
#include "hook_owner.h"
#include "syscall_abi.h"

static __always_inline bool is_of_stage(__u32 place, __u32 stages)
{
	bool at_return = hook_arguments[place].flags & ARGUMENT_AT_RETURN;

	return stages & (at_return ? STAGE_RETURN : STAGE_ENTRY);
}

static __always_inline bool is_number(__u8 kind)
{
	return kind == KIND_NUMBER || kind == KIND_SYSCALL;
}

/* Fetches the words of all arguments of the stages: with them the cheap filters can be tried. */
static __always_inline void fetch_words(void *ctx, struct hook_scratch *s, __u32 stages, struct call_context *call)
{
	for (__u32 i = 0; i < HOOK_ARGUMENTS; i++) {
		struct value *v = &s->values[i];
		__u64 word = 0;

		if (i >= hook.arguments)
			break;
		v->known = v->readable = v->failed = v->cut = 0;
		v->length = 0;
		v->structure = 0;
		if (!is_of_stage(i, stages)) {
			v->number = call ? call->words[i] : 0;
			continue;
		}
		v->failed = fetch(ctx, s, &hook_arguments[i], call, &word);
		if (hook_arguments[i].kind == KIND_SYSCALL && is_compat(current_task()))
			word |= COMPAT_SYSCALL;
		v->number = word;
		v->readable = is_number(hook_arguments[i].kind) && !v->failed;
	}
}

/* How long a buffer is: what the argument for it says, but not more than the function says that it filled. */
static __always_inline __u64 size_of_buffer(struct hook_scratch *s, __u32 place)
{
	__u32 from = hook_arguments[place].beside, returned = hook.return_place;
	__u64 size = hook_arguments[place].maximum, filled;

	if (from < HOOK_ARGUMENTS)
		size = s->values[from].number;
	if ((hook.flags & HOOK_RETURNS_LENGTH) && (hook_arguments[place].flags & ARGUMENT_AT_RETURN) &&
	    returned < HOOK_ARGUMENTS) {
		filled = s->values[returned].number;
		if ((__s64)filled < 0)
			filled = 0;
		if (filled < size)
			size = filled;
	}
	return size;
}

/* Reads the arguments of the stages that are not known yet. */
static __always_inline void read_arguments(struct hook_scratch *s, __u32 stages)
{
	for (__u32 i = 0; i < HOOK_ARGUMENTS; i++) {
		if (i >= hook.arguments)
			break;
		if (!is_of_stage(i, stages) || s->values[i].known)
			continue;
		if (hook_arguments[i].flags & ARGUMENT_UNSENT)
			continue;
		read_argument(s, i, size_of_buffer(s, i));
	}
}

/* Reads those that filters need, but a file of which is known what they say. */
static __always_inline void read_filtered(struct hook_scratch *s, __u32 stages)
{
	for (__u32 i = 0; i < HOOK_ARGUMENTS; i++) {
		bool judged = (hook.flags & HOOK_JUDGES) && hook.judged == i;

		if (i >= hook.arguments)
			break;
		if (!is_of_stage(i, stages) || s->values[i].known || !(hook_arguments[i].flags & ARGUMENT_FILTERED))
			continue;
		if (judged && recall(HAND(s)))
			continue;
		read_argument(s, i, size_of_buffer(s, i));
		if (judged)
			judge(HAND(s));
	}
}

/* Begins a record as far as arguments that filters need are put into it: most calls come no further. */
static __always_inline void begin_arguments(struct hook_scratch *s)
{
	s->used = 0;
	s->judged = 0;
	s->record.argument_count = 0;
	s->record.flags = 0;
}

/* Fills the rest of a record. */
static __always_inline void begin_record(void *ctx, struct hook_scratch *s, __u32 stages)
{
	struct task_struct *task = current_task(), *leader;
	struct hook_record *r = &s->record;
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 arguments = r->argument_count, flags = r->flags;

	__builtin_memset(r, 0, sizeof(*r));
	r->argument_count = arguments;
	r->flags = flags;
	r->header.class = CLASS_HOOK;
	r->header.time = now;
	r->header.process.tgid = TRUSTED_FIELD(struct task_struct, task, tgid);
	leader = TRUSTED_FIELD(struct task_struct, task, group_leader);
	r->header.process.start = TRUSTED_FIELD(struct task_struct, leader, start_boottime);
	r->header.cgroup = current_cgroup_id(task);
	r->tid = bpf_get_current_pid_tgid();
	r->tracer_namespace_pid = tracer_pid_level ? pid_at_level(task, tracer_pid_level) : r->header.process.tgid;
	attribute(ctx, r);
	r->hook = hook.hook;
	r->function = hook.function;
	if (hook.flags & HOOK_IS_SYSCALL) {
		r->function = word_at((char *)word_at((char *)ctx + hook.function_base) + hook.function_offset);
		if (is_compat(task))
			r->flags |= HOOK_RECORD_COMPAT;
	}
	if (hook.flags & HOOK_HAS_COOKIE)
		r->function = bpf_get_attach_cookie(ctx);
	r->stage = stages;
	r->entered = now;
}
