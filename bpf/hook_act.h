// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What is done about a call that matched, and the record of it. */
#pragma once
#include "hook_notes.h"
#include "hook_owner.h"
#include "hook_select.h"
#include "preemption.h"
#include "share.h"

/* include/uapi/asm-generic/errno-base.h */
#define EPERM 1
#define SIGKILL 9
/* Bytes of each argument that tell repeats apart, as in Tetragon. */
#define RATE_BYTES 40
#define RATE_ARGUMENTS 5

/* What counts as a repeat: the same function, actor and arguments. */
struct rate_key {
	__u32 hook, function;
	__u32 selector, actor;
	__u64 words[RATE_ARGUMENTS];
	char text[RATE_BYTES];
};

/* When it was last posted, boot time in ns. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct rate_key);
	__type(value, __u64);
} rate_limits SEC(".maps");

static __always_inline __u32 actor_of(__u8 scope)
{
	__u64 both = bpf_get_current_pid_tgid();

	if (scope == RATE_GLOBAL)
		return 0;
	return scope == RATE_PROCESS ? both >> 32 : both;
}

/* Whether the call repeats one that was posted less than the selector's interval ago. Not static: so it is verified once. */
__noinline int is_repeat(SCRATCH_PARAMETER, __u32 selector, __u64 now)
{
	TAKE_SCRATCH(s);
	struct rate_key key = {};
	const volatile struct hook_selector *chosen;
	__u64 *last, copied = now;

	if (!s || selector >= HOOK_SELECTORS)
		return 0;
	chosen = &hook_selectors[selector];
	key.hook = hook.hook;
	key.function = s->record.function;
	key.selector = selector;
	key.actor = actor_of(chosen->rate_scope);
	for (__u32 i = 0; i < RATE_ARGUMENTS; i++) {
		struct value *v = &s->values[i];
		__u32 at = v->at, length = v->length;
		__u64 size;

		if (i >= hook.arguments)
			break;
		if (hook_arguments[i].kind == KIND_NUMBER || hook_arguments[i].kind == KIND_SYSCALL ||
		    hook_arguments[i].kind == KIND_CAPABILITIES) {
			key.words[i] = v->number;
			continue;
		}
		if (!length) { /* no text: its struct, of which the header in front of it has the length */
			at = v->structure;
			length =
			    ((struct argument_header *)&s->data[(at - sizeof(struct argument_header)) & (HOOK_DATA - 1)])->length;
		}
		/* the last stands whole, and the others as sums */
		size = length;
		barrier_var(size); /* what is tested is what is used */
		if (size > RATE_BYTES)
			size = RATE_BYTES;
		bpf_probe_read_kernel(key.text, size, &s->data[at & (HOOK_DATA - 1)]);
		for (int w = 0; w < RATE_BYTES / 8; w++)
			key.words[i] = key.words[i] * 31 + ((__u64 *)key.text)[w];
	}
	last = bpf_map_lookup_elem(&rate_limits, &key);
	if (last && now - *last < chosen->rate_interval)
		return 1;
	bpf_map_update_elem(&rate_limits, &key, &copied, BPF_ANY);
	return 0;
}

static __always_inline void leave_register_note(__u64 thread)
{
	struct enforcer_note note = {};
	__u64 key = thread | REGISTER_NOTE;

	bpf_map_update_elem(&enforcer_notes, &key, &note, BPF_ANY);
}

/* Writes into the program's memory where an argument of a usdt is. */
static __always_inline void set_argument(void *ctx, const volatile struct hook_selector *chosen)
{
	const volatile struct hook_argument *a = &hook_arguments[chosen->place & (HOOK_ARGUMENTS - 1)];
	__u32 value = chosen->value;

	bpf_probe_write_user((void *)user_address(ctx, a), &value, sizeof(value));
}

/* What is done to the current process, and what else stops a process or what it does. */
#define ACTIONS_ON_CURRENT (ACTION_KILL | ACTION_SIGNAL | ACTION_NOTIFY_ENFORCER | ACTION_SET)
#define ENFORCING_ACTIONS (ACTIONS_ON_CURRENT | ACTION_OVERRIDE)
/* What changes something: the process, a socket's owner, a note for an enforcer. */
#define CHANGING_ACTIONS (ENFORCING_ACTIONS | ACTION_CLEAN_UP_NOTIFICATION | ACTION_TRACK_SOCK | ACTION_UNTRACK_SOCK)

/* What has the state of a process begin anew. */
#define TAKING_ACTIONS (ACTION_TAKE_NAMESPACES | ACTION_TAKE_CAPABILITIES)

/* Whether a process is the container runtime's, on its way into a container: the current one, or the owner of a socket. One of which
 * nothing is known is not: a map that is full exempts nobody. */
static __always_inline bool is_runtime(__u32 tgid)
{
	struct process_state *state;

	if (!(hook.flags & HOOK_WITHOUT_RUNTIME))
		return false;
	state = state_of(tgid);
	return state && state->origin & OF_RUNTIME;
}

/* Whether something may be done to the current process. Packets of a tracked socket are handled by whatever process happens to
 * run: one that is no target has nothing to do with it. */
static __always_inline bool is_concerned(struct hook_scratch *s)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 workloads = 0;

	if (!(hook.flags & HOOK_TRACKS_SOCKETS) || s->record.header.process.tgid == tgid)
		return true;
	return current_in_scope_as(current_task(), &workloads) && (workloads & hook.workloads) == hook.workloads &&
	       !is_runtime(tgid);
}

/* Whether the process is about to execute something in a container, whoever it is. */
static __always_inline bool executes_in_container(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return (hook.flags & HOOK_AT_EXEC) && BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) != hook.runtime_mount_namespace;
}

/* Does what changes something; returns what the function is to return, 0 to let it be. */
static __always_inline int enforce(void *ctx, struct hook_scratch *s, const volatile struct hook_selector *chosen, __u32 actions)
{
	__u64 thread = bpf_get_current_pid_tgid();
	int verdict = 0;

	if (actions & ACTION_CLEAN_UP_NOTIFICATION) {
		bpf_map_delete_elem(&enforcer_notes, &thread);
		s->record.done |= ACTION_CLEAN_UP_NOTIFICATION;
	}
	if (is_runtime(s->record.header.process.tgid) && !executes_in_container())
		return 0;
	if (!(hook.flags & HOOK_ARMED) || !is_awake(s->record.header.time)) {
		s->record.would |= actions & ENFORCING_ACTIONS;
		return 0;
	}
	if (!is_concerned(s)) {
		s->record.would |= actions & ACTIONS_ON_CURRENT;
		if (actions & ACTION_KILL)
			verdict = chosen->error;
		actions &= ~ACTIONS_ON_CURRENT;
	}
	if (actions & ACTION_KILL) {
		bpf_send_signal(SIGKILL);
		verdict = chosen->error;
		s->record.done |= ACTION_KILL;
	}
	if (actions & ACTION_SIGNAL) {
		bpf_send_signal(chosen->signal);
		s->record.done |= ACTION_SIGNAL;
	}
	if (actions & ACTION_OVERRIDE) {
		verdict = chosen->error;
		if (hook.flags & HOOK_SETS_REGISTERS)
			leave_register_note(thread);
		if (hook.flags & (HOOK_DENIES | HOOK_SETS_REGISTERS))
			s->record.done |= ACTION_OVERRIDE;
		else
			s->record.would |= ACTION_OVERRIDE;
	}
	if (actions & ACTION_NOTIFY_ENFORCER) {
		struct enforcer_note note = { .error = chosen->error, .signal = chosen->signal };

		if (chosen->signal) /* as good here as at the enforcer, and sooner */
			bpf_send_signal(chosen->signal);
		if (chosen->error)
			bpf_map_update_elem(&enforcer_notes, &thread, &note, BPF_ANY);
		s->record.done |= ACTION_NOTIFY_ENFORCER;
	}
	if ((hook.flags & HOOK_SETS) && (actions & ACTION_SET)) {
		set_argument(ctx, chosen);
		s->record.done |= ACTION_SET;
	}
	return verdict;
}

static __always_inline __u32 add_stack(void *ctx, struct hook_scratch *s, __u64 flags)
{
	long length;

	if (s->used > HOOK_DATA - 8)
		return 0;
	length = bpf_get_stack(ctx, end_of_data(s), STACK_DEPTH * sizeof(__u64), flags);
	if (length <= 0)
		return 0;
	s->used += length;
	return length;
}

/* hold_cpu and release_cpu for what a program counts, unless it holds the CPU all the time. */
static __always_inline void hold_to_count(void)
{
	if (!(hook.flags & HOOK_HOLDS_CPU))
		hold_cpu();
}

static __always_inline void release_counted(void)
{
	if (!(hook.flags & HOOK_HOLDS_CPU))
		release_cpu();
}

/* Counts one more event of a kind that is not told. */
#define COUNT(counter)                                              \
	do {                                                        \
		hold_to_count();                                    \
		struct counters *counted = counters_of(CLASS_HOOK); \
		if (counted)                                        \
			counted->counter++;                         \
		release_counted();                                  \
	} while (0)

/* Bytes of the longest hash. */
#define HASH_MAX 64

/* Whether something was done to who made the call, or would have been. */
static __always_inline bool is_enforcement(const struct hook_record *r)
{
	return (hook.actions & ENFORCING_ACTIONS) && ((r->done | r->would) & ENFORCING_ACTIONS);
}

/* What it means when a record finds no room. */
enum post_loss {
	/* an event is lost */
	LOSES_EVENT,
	/* an event is told without its return */
	LOSES_RETURN,
	/* whoever waits for the record takes its absence for what it says, or somebody else counts */
	LOSES_NOTHING,
};

/* Counts a record by whether it was handed over; the CPU is held. */
static __always_inline void count_post(bool lost, bool enforcement, enum post_loss loss)
{
	struct counters *c = counters_of(CLASS_HOOK);

	if (!c)
		return;
	barrier(); /* both tests in one would be arithmetic with a pointer */
	if (!lost)
		c->sent++;
	else if (loss == LOSES_RETURN)
		c->returns_lost++;
	else if (loss == LOSES_EVENT && enforcement)
		c->enforcements_full++;
	else if (loss == LOSES_EVENT)
		c->ring_full++;
}

/* Whether the target that a call is of holds too much of the ring for the call to be told. Not static, as the two that follow: so they
 * are verified once. */
__noinline int is_over_share(SCRATCH_PARAMETER)
{
	TAKE_SCRATCH(s);
	return s && exceeds_share(share_of(s->record.header.cgroup), CALLS_PER_FREE);
}

/* Counts the call as one that is not told because of that. */
__noinline int throttle(SCRATCH_PARAMETER)
{
	TAKE_SCRATCH(s);
	if (!s)
		return 0;
	count_at_share(share_of(s->record.header.cgroup));
	COUNT(throttled);
	return 0;
}

/* Counts a record of so many bytes as held by the target that its call is of. */
__noinline int count_held(SCRATCH_PARAMETER, __u64 size)
{
	TAKE_SCRATCH(s);
	if (s && !hold_share(share_of(s->record.header.cgroup), size))
		COUNT(shares_full);
	return 0;
}

/* Hands the record over, as an enforcement event or as another. Returns false if it found no room, which is counted. */
static __always_inline bool post(void *ctx, struct hook_scratch *s, __u32 actions, bool enforcement, enum post_loss loss)
{
	struct hook_record *r = &s->record;
	bool lost = true;
	bool first = (hook.actions & ENFORCING_ACTIONS) && enforcement;
	__u64 size;

	r->argument_length = s->used;
	if (actions & ACTION_KERNEL_STACK)
		r->kernel_stack_length = add_stack(ctx, s, 0);
	if (actions & ACTION_USER_STACK)
		r->user_stack_length = add_stack(ctx, s, BPF_F_USER_STACK);
	if (r->hash_length && s->used <= HOOK_DATA - HASH_MAX) {
		bpf_probe_read_kernel(end_of_data(s), HASH_MAX, s->path);
		s->used += HASH_MAX;
	} else {
		r->hash_length = 0;
	}
	size = sizeof(*r) + s->used;
	barrier_var(size);
	hold_to_count();
	if (size <= sizeof(*r) + HOOK_DATA) {
		if (first)
			lost = bpf_ringbuf_output(&priority, r, size, BPF_RB_NO_WAKEUP);
		else /* the symbols of a user stack can be had only while the process lives */
			lost = bpf_ringbuf_output(&events, r, size,
						  (actions & ACTION_USER_STACK) || (hook.flags & HOOK_WAKES) ? BPF_RB_FORCE_WAKEUP
													     : wakeup(size));
	}
	count_post(lost, enforcement, loss);
	release_counted();
	if (!lost && !first)
		count_held(HAND(s), size);
	return !lost;
}
