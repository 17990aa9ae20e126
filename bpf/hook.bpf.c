// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//go:build ignore

/*
 * The programs of a policy's hooks. There is one for the entry of a function, one for its return and one that does both at
 * the return; user space decides what kind of program each is loaded as and where it is attached, and fills in what the
 * hook is to do.
 */
#include "hook_config.h"
#include "hook_record.h"

/* Set before loading, see hook_config.h. */
const volatile struct hook_config hook = {};
const volatile struct hook_argument hook_arguments[HOOK_ARGUMENTS] = {};
const volatile struct hook_filter hook_filters[HOOK_FILTERS] = {};
const volatile struct hook_selector hook_selectors[HOOK_SELECTORS] = {};

#include "hook_hash.h"
#include "hook_tell.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Keeps types in the object's BTF, from which the Go types are generated. */
const struct hook_record *keep_hook_record __attribute__((unused));
const struct argument_header *keep_argument_header __attribute__((unused));
const struct bytes_value *keep_bytes_value __attribute__((unused));
const struct file_value *keep_file_value __attribute__((unused));
const struct socket_value *keep_socket_value __attribute__((unused));
const struct unix_address_value *keep_unix_address_value __attribute__((unused));
const struct user_namespace_value *keep_user_namespace_value __attribute__((unused));
const struct module_value *keep_module_value __attribute__((unused));
const struct bpf_program_value *keep_bpf_program_value __attribute__((unused));
const struct bpf_map_value *keep_bpf_map_value __attribute__((unused));
const struct perf_event_value *keep_perf_event_value __attribute__((unused));
const struct process_state *keep_process_state __attribute__((unused));
const enum process_origin *keep_process_origin __attribute__((unused));
const enum value_source *keep_value_source __attribute__((unused));
const enum argument_flags *keep_argument_flags __attribute__((unused));
const enum argument_kind *keep_argument_kind __attribute__((unused));
const enum filter_subject *keep_filter_subject __attribute__((unused));
const enum filter_match *keep_filter_match __attribute__((unused));
const enum filter_flags *keep_filter_flags __attribute__((unused));
const enum expression_operation *keep_expression_operation __attribute__((unused));
const enum hook_actions *keep_hook_actions __attribute__((unused));
const enum hook_flags *keep_hook_flags __attribute__((unused));
const enum rate_scope *keep_rate_scope __attribute__((unused));
const enum hook_stage *keep_hook_stage __attribute__((unused));
const enum hook_record_flags *keep_hook_record_flags __attribute__((unused));
const enum argument_header_flags *keep_argument_header_flags __attribute__((unused));

/* Whether what is done depends on which selector matched. */
#define DEPENDS_ON_SELECTOR ((hook.actions & CHANGING_ACTIONS) && !(hook.flags & HOOK_ACTS_ALIKE))

/* Acts on a call of which the selector is known, and tells of it unless that is not wanted. */
static __always_inline int finish(void *ctx, struct hook_scratch *s, __u32 stages, struct call_context *call)
{
	struct hook_record *r = &s->record;
	__u32 actions = ACTION_POST, selector = r->selector;
	int verdict = 0;

	if (hook.selectors) {
		if (hook.flags & HOOK_ACTS_ALIKE)
			selector = 0;
		if (selector >= HOOK_SELECTORS)
			return 0;
		actions = 0;
		if (stages & STAGE_ENTRY)
			actions |= hook_selectors[selector].actions;
		if (stages & STAGE_RETURN)
			actions |= hook_selectors[selector].return_actions;
		if (!(stages & STAGE_ENTRY))
			actions |= ACTION_POST;
		if (hook.actions & CHANGING_ACTIONS) {
			verdict = enforce(ctx, s, &hook_selectors[selector], actions);
			track(s, &hook_selectors[selector], actions);
		}
	}
	track_result(s, stages);
	if (!(stages & STAGE_ENTRY))
		tell_return(ctx, s, actions, call ? call->told : TOLD_NOTHING);
	else if (is_enforcement(r) || ((actions & ACTION_POST) && !is_runtime(r->header.process.tgid)))
		tell_entry(ctx, s, stages, actions, call);
	if ((hook.actions & TAKING_ACTIONS) && (stages & STAGE_ENTRY) && (r->done & ACTION_POST))
		take_present(actions);
	return verdict;
}

/* The selector that matched. What follows is verified for each of them, with its actions; only once, though, where the actions change
 * nothing, or are the same: there the verifier does not know which one it is. */
static __always_inline int chosen(struct hook_scratch *s, int selector)
{
	if (DEPENDS_ON_SELECTOR)
		return selector;
	s->chosen = selector;
	return s->chosen;
}

static __always_inline int work_at_entry(void *ctx, struct hook_scratch *s, __u32 stages)
{
	struct hook_record *r = &s->record;
	struct call_context *call = NULL;
	int selector = -1;

	find_layout(ctx, s);
	fetch_words(ctx, s, stages, NULL);
	if ((hook.flags & HOOK_FILTERS_CHEAPLY) && select(s, true) < 0)
		return 0;
	begin_arguments(s);
	if (hook.flags & HOOK_HAS_RETURN)
		for (__u32 i = 0; i < HOOK_ARGUMENTS; i++)
			s->words[i] = s->values[i].number;
	if (hook.selectors) {
		read_filtered(s, stages);
		selector = select(s, false);
		if (selector < 0)
			return 0;
		if (stages & STAGE_RETURN) {
			selector = select_at_return(s, s->candidates);
			if (selector < 0)
				return 0;
		}
	}
	selector = chosen(s, selector);
	begin_record(ctx, s, stages);
	r->selector = selector;
	if (hook.flags & HOOK_HAS_RETURN) {
		call = await_return(ctx, s);
		if (call)
			r->flags |= HOOK_RECORD_WAITS;
	}
	return finish(ctx, s, stages, call);
}

static __always_inline void work_at_return(void *ctx, struct hook_scratch *s, struct call_context *call, __u32 depth)
{
	struct hook_record *r = &s->record;
	int selector;

	fetch_words(ctx, s, STAGE_RETURN, call);
	begin_arguments(s);
	begin_record(ctx, s, STAGE_RETURN);
	r->entered = call->entered;
	r->depth = depth;
	r->selector = -1;
	if (hook.selectors) {
		read_filtered(s, STAGE_RETURN);
		selector = select_at_return(s, call->candidates);
		r->selector = chosen(s, selector);
		if (selector < 0) {
			r->flags |= HOOK_RECORD_VOID;
			if (call->told == TOLD || call->told == TOLD_ENFORCEMENT)
				post(ctx, s, 0, call->told == TOLD_ENFORCEMENT, LOSES_NOTHING);
			return;
		}
	}
	finish(ctx, s, STAGE_RETURN, call);
}

/* Whether the call is one that is to be looked at. Most calls on a node are not, so it comes before anything else. workloads
 * gets which selections hold for whom it is of: the owner of a tracked socket, else the current process. What has begun is
 * looked at to its end, whatever has become of its workload meanwhile. */
static __always_inline bool concerns(void *ctx, __u32 stages, __u64 *workloads)
{
	struct sock_owner *owner;

	if (!(hook.flags & HOOK_TELLS_WORKLOADS))
		return (hook.flags & HOOK_IN_SCOPE) || current_in_scope(current_task()) || owner_of_socket(ctx);
	owner = owner_of_socket(ctx);
	if (owner)
		*workloads = owner->workloads;
	else if (!current_in_scope_as(current_task(), workloads))
		return false;
	return !(stages & STAGE_ENTRY) || (*workloads & hook.workloads) == hook.workloads;
}

/* Of so many runs one is timed and stands for all: to ask the clock takes longer than most runs do. A prime, as hooks run in
 * turns. */
#define TIMED_RUNS 13

/* The scratch for a run, with the time (boot time in ns) at which it began if it is one that is timed; NULL if there is none. */
static __always_inline struct hook_scratch *begin(__u64 workloads)
{
	struct hook_scratch *s = take_scratch();

	if (s) {
		s->deferred = 0;
		s->began = s->runs ? 0 : bpf_ktime_get_boot_ns();
		s->runs = s->runs ? s->runs - 1 : TIMED_RUNS - 1;
		s->workloads = workloads;
	}
	return s;
}

/* Ends a run. Only the counters need the CPU held; while it is, the verifier allows no global function, which comparing texts
 * is. */
static __always_inline void end(struct hook_scratch *s)
{
	__u64 took = s->began ? (bpf_ktime_get_boot_ns() - s->began) * TIMED_RUNS : 0;
	struct counters *c;

	give_back(s);
	hold_to_count();
	c = counters_of(CLASS_HOOK);
	if (c) {
		c->nanoseconds += took;
		c->runs++;
	}
	release_counted();
}

/* Counts a run that found no scratch, and returns what the function is to return: where it could be told to fail it is, since
 * nobody knows whether it would have to. */
static __always_inline int without_scratch(__u32 stages, const struct call_context *call)
{
	if (call && !(hook.flags & HOOK_RETURN_DECIDES))
		COUNT(returns_lost);
	else
		COUNT(busy);
	return (stages & STAGE_ENTRY) && (hook.flags & HOOK_ARMED) && (hook.actions & ENFORCING_ACTIONS) &&
		       is_awake(bpf_ktime_get_boot_ns())
		   ? -EPERM
		   : 0;
}

static __always_inline int run_held(void *ctx, __u32 stages)
{
	struct call_context *call = NULL;
	struct hook_scratch *s;
	__u64 workloads = 0;
	__u32 depth = 0;
	int verdict = 0;

	if (!(stages & STAGE_ENTRY)) {
		call = returning(ctx, &depth);
		if (!call)
			return 0;
	}
	if (!concerns(ctx, stages, &workloads))
		return 0;
	s = begin(workloads);
	if (!s)
		return without_scratch(stages, call);
	if (stages & STAGE_ENTRY)
		verdict = work_at_entry(ctx, s, stages);
	else
		work_at_return(ctx, s, call, depth);
	end(s);
	return verdict;
}

static __always_inline int run(void *ctx, __u32 stages)
{
	int verdict;

	if (hook.flags & HOOK_HOLDS_CPU)
		hold_cpu();
	verdict = run_held(ctx, stages);
	if (!(stages & STAGE_ENTRY))
		returned();
	if (hook.flags & HOOK_HOLDS_CPU)
		release_cpu();
	return verdict;
}

/* What a function that decides returns: an error, or 0 to allow. */
static __always_inline int within_errors(int verdict)
{
	if ((hook.flags & HOOK_DISCARDS) && verdict == 1)
		return 1;
	return verdict < 0 && verdict >= -4095 ? verdict : 0;
}

/* The function is entered. */
SEC("hook/entry")
int hook_entry(void *ctx)
{
	int verdict = run(ctx, STAGE_ENTRY);

	if (!(hook.flags & HOOK_DENIES))
		return 0;
	if (hook.flags & HOOK_OVERRIDES) {
		if (verdict < 0)
			bpf_override_return(ctx, (long)verdict);
		return 0;
	}
	return within_errors(verdict);
}

/* As hook_entry, of an LSM hook that may sleep. */
SEC("hook/hashing")
int hook_hashing(__u64 *ctx)
{
	__u64 workloads = 0;
	struct hook_scratch *s;
	int verdict = 0;

	if (!concerns(ctx, STAGE_ENTRY, &workloads))
		return 0;
	s = begin(workloads);
	if (!s)
		return within_errors(without_scratch(STAGE_ENTRY, NULL));
	verdict = work_at_entry(ctx, s, STAGE_ENTRY);
	if (s->deferred) {
		read_hash(ctx, s);
		post(ctx, s, s->deferred, is_enforcement(&s->record), LOSES_EVENT);
	}
	end(s);
	return within_errors(verdict);
}

/* The function returns, and there was an entry. */
SEC("hook/return")
int hook_return(void *ctx)
{
	run(ctx, STAGE_RETURN);
	return 0;
}

/* The function returns, and its arguments are still what they were: one program for both. */
SEC("hook/both")
int hook_both(void *ctx)
{
	run(ctx, STAGE_ENTRY | STAGE_RETURN);
	return 0;
}

#ifdef OLD_KERNEL
/* A thread ends: a function that it was in does not return. Attached beside a return program. */
SEC("hook/gone")
int hook_gone(void *ctx)
{
	forget_calls_of_current();
	return 0;
}
#endif
