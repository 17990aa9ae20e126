// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Filters and selectors: what a call is compared with. */
#pragma once
#include "hook_arguments.h"
#include "hook_match.h"
#include "hook_state.h"
#include "task_identity.h"

#define USES(bits, bit) ((bits) & (1U << (bit)))
/* Bits of a file's mode that say its type, include/uapi/linux/stat.h. */
#define S_IFMT 00170000

static __always_inline __u64 capabilities_of(const struct cred *cred, __u32 set)
{
	__u64 bits = 0;

	if (set == 0)
		bpf_core_read(&bits, sizeof(bits), &cred->cap_effective);
	else if (set == 1)
		bpf_core_read(&bits, sizeof(bits), &cred->cap_inheritable);
	else
		bpf_core_read(&bits, sizeof(bits), &cred->cap_permitted);
	return bits;
}

static __always_inline struct process_state *current_state(void)
{
	return state_of(bpf_get_current_pid_tgid() >> 32);
}

static __always_inline __u64 namespace_changes(const struct namespaces *now)
{
	struct process_state *then = current_state();
	const __u32 *a, *b = (const __u32 *)now;
	__u64 changes = 0;

	if (!then)
		return 0;
	a = (__u32 *)&then->namespaces;
	for (int i = 0; i < sizeof(*now) / sizeof(*a); i++)
		if (a[i] != b[i])
			changes |= 1ULL << i;
	return changes;
}

/* Changes of the current process begin anew with what it has now. Not static, as has_text. */
VERIFIED_ONCE int take_present(__u32 actions)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct process_state *state = current_state();

	if (!state)
		return 0;
	if (actions & ACTION_TAKE_NAMESPACES)
		fill_namespaces(&state->namespaces, task);
	if (actions & ACTION_TAKE_CAPABILITIES)
		for (int set = 0; set < 3; set++)
			state->capabilities[set] = capabilities_of(BPF_CORE_READ(task, cred), set);
	return 0;
}

static __always_inline __u64 number_of_process(const volatile struct hook_filter *f)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct namespaces now = {};
	struct process_state *state;

	if (f->subject == SUBJECT_NAMESPACE || f->subject == SUBJECT_NAMESPACE_CHANGES)
		fill_namespaces(&now, task);
	switch (f->subject) {
	case SUBJECT_PID:
		return bpf_get_current_pid_tgid() >> 32;
	case SUBJECT_NAMESPACE_PID:
		return namespace_pid_of(task);
	case SUBJECT_NAMESPACE: {
		__u32 place = f->place;

		return place < sizeof(now) / sizeof(__u32) ? ((__u32 *)&now)[place] : 0;
	}
	case SUBJECT_CAPABILITIES:
		return capabilities_of(BPF_CORE_READ(task, cred), f->place);
	case SUBJECT_NAMESPACE_CHANGES:
		return namespace_changes(&now);
	case SUBJECT_CAPABILITY_CHANGES:
		state = current_state();
		return state && f->place < 3
			   ? state->capabilities[f->place] ^ capabilities_of(BPF_CORE_READ(task, cred), f->place)
			   : 0;
	case SUBJECT_MARKS:
		state = current_state();
		return state ? state->marks : 0;
	case SUBJECT_MARKS_BEFORE:
		state = current_state();
		return state ? state->marks_before : 0;
	case SUBJECT_PARENT_MARKS:
		state = state_of(BPF_CORE_READ(task, real_parent, tgid));
		return state ? state->marks : 0;
	case SUBJECT_IN_USER_NAMESPACE:
		return BPF_CORE_READ(task, cred, user_ns, level) > 0;
	}
	return 0;
}

static __always_inline __u64 number_of_socket(const volatile struct hook_filter *f, struct socket_value *v)
{
	switch (f->subject) {
	case SUBJECT_SOURCE_PORT:
		return v->source_port;
	case SUBJECT_DESTINATION_PORT:
		return v->destination_port;
	case SUBJECT_PROTOCOL:
		return v->protocol;
	case SUBJECT_FAMILY:
		return v->family;
	case SUBJECT_STATE:
		return v->state;
	}
	return 0;
}

static __always_inline bool is_about_socket(__u8 subject)
{
	return (subject >= SUBJECT_SOURCE_PORT && subject <= SUBJECT_STATE) || subject == SUBJECT_SOURCE ||
	       subject == SUBJECT_DESTINATION;
}

static __always_inline bool is_about_argument(__u8 subject)
{
	return subject <= SUBJECT_DESTINATION || subject == SUBJECT_GAINED;
}

/* Whether the value of a filter's argument, or the number, is what the filter wants. */
static NOT_BESIDE_CALLS bool matches(struct hook_scratch *s, const volatile struct hook_filter *f, struct value *value)
{
	struct socket_value *socket = (struct socket_value *)&s->data[value->structure & (HOOK_DATA - 1)];
	__u64 number;

	if (f->subject == SUBJECT_EXPRESSION)
		return match_expression(s, f->first, f->count);
	if (f->subject == SUBJECT_SOURCE)
		return match_address(socket->source, f->first, f->count);
	if (f->subject == SUBJECT_DESTINATION)
		return match_address(socket->destination, f->first, f->count);
	if (f->subject == SUBJECT_NUMBER)
		number = value->number;
	else if (f->subject == SUBJECT_FILE_TYPE)
		number = value->number & S_IFMT;
	else if (f->subject == SUBJECT_GAINED)
		number = s->values[f->other & (HOOK_ARGUMENTS - 1)].number & ~value->number;
	else if (is_about_socket(f->subject))
		number = hook_arguments[f->place & (HOOK_ARGUMENTS - 1)].kind == KIND_SOCKADDR_UN ? value->number
												  : number_of_socket(f, socket);
	else if (f->subject == SUBJECT_WORKLOADS)
		number = s->workloads;
	else
		number = number_of_process(f);
	if (f->match == MATCH_MASK)
		return number & f->operand;
	return match_range(number ^ f->operand, f->first, f->count);
}

static __always_inline int text_of_filter(struct hook_scratch *s, __u32 index)
{
	const volatile struct hook_filter *f;

	if (!s || index >= HOOK_FILTERS)
		return 0;
	f = &hook_filters[index];
	return match_text(s, &s->values[f->place & (HOOK_ARGUMENTS - 1)], f->match, f->flags & FILTER_IGNORE_CASE, f->first,
			  f->count);
}

#ifdef OLD_KERNEL
/* A function more would be one too many on the stack: what it calls is verified once anyway. */
#define has_text(s, index) text_of_filter(s, index)
#else
/* Whether the text that filter number index is about is what it asks for. Not static: so it is verified once, and not for each
 * filter. */
__noinline int has_text(struct hook_scratch *s, __u32 index)
{
	return text_of_filter(s, index);
}
#endif

/* Whether filter number index asks for the path that verdicts are remembered of. */
static __always_inline bool is_judged(__u32 index)
{
	const volatile struct hook_filter *f = &hook_filters[index];

	return (hook.flags & HOOK_JUDGES) && index < JUDGED_FILTERS && f->subject == SUBJECT_TEXT && f->place == hook.judged;
}

/* Whether a filter on a path of which the end alone is known can be decided. */
static __always_inline bool is_known_end(struct hook_scratch *s, __u32 index)
{
	__u8 match = hook_filters[index].match;

	return match == MATCH_POSTFIX || (match == MATCH_SUBSTRING && has_text(s, index));
}

/* Tries filter number index. cheap: those that need more than numbers are taken for true. */
static __noinline int try_filter(struct hook_scratch *s, __u32 index, bool cheap)
{
	const volatile struct hook_filter *f;
	struct value *value;
	bool negated;

	if (!s || index >= HOOK_FILTERS)
		return 0;
	f = &hook_filters[index];
	if (cheap && !(f->flags & FILTER_CHEAP))
		return 1;
	negated = f->flags & FILTER_NEGATED;
	value = &s->values[f->place & (HOOK_ARGUMENTS - 1)];
	/* what could not be read is nothing, and so not what is asked for */
	if (is_about_argument(f->subject) && !value->readable)
		return negated;
	if (s->judged && is_judged(index))
		return (s->verdict >> (index & 63) & 1) != negated;
	if (f->subject == SUBJECT_TEXT && value->cut && !is_known_end(s, index))
		return !(f->flags & FILTER_LETS_BE);
	if (f->subject == SUBJECT_TEXT)
		return (has_text(s, index) != 0) != negated;
	return matches(s, f, value) != negated;
}

/* Whether all filters of a selector hold that belong to the stage. */
static __always_inline bool try_selector(struct hook_scratch *s, __u32 selector, bool cheap, __u8 stage)
{
	__u32 first = hook_selectors[selector].first, count = hook_selectors[selector].count;

	for (__u32 i = 0; i < HOOK_FILTERS; i++) {
		if (i >= count || first + i >= HOOK_FILTERS)
			break;
		if ((hook_filters[first + i].flags & FILTER_AT_RETURN) != stage)
			continue;
		if (!try_filter(s, first + i, cheap))
			return false;
	}
	return true;
}

/* Whether the filters hold that are no selector's; of cheap ones that were tried before nobody asks again. */
static __always_inline bool meets_conditions(struct hook_scratch *s, bool cheap)
{
	for (__u32 i = 0; i < HOOK_FILTERS; i++) {
		if (i >= hook.conditions)
			break;
		if (!cheap && (hook.flags & HOOK_FILTERS_CHEAPLY) && (hook_filters[i].flags & FILTER_CHEAP))
			continue;
		if (!try_filter(s, i, cheap))
			return false;
	}
	return true;
}

/* The first of the selectors that matched at the entry, bits of candidates, whose filters at the return hold too; -1 if none does. The
 * loop keeps the number one that the verifier knows. */
static __always_inline int select_at_return(struct hook_scratch *s, __u32 candidates)
{
	for (__u32 i = 0; i < HOOK_SELECTORS; i++) {
		if (i >= hook.selectors)
			break;
		if ((candidates & (1U << i)) && try_selector(s, i, false, FILTER_AT_RETURN))
			return i;
	}
	return -1;
}

/* The first selector of which all filters at the entry hold; -1 if none does. Where filters at the return decide, s->candidates has all
 * of those. */
static __always_inline int select(struct hook_scratch *s, bool cheap)
{
	int first = -1;

	s->candidates = 0;
	if (!meets_conditions(s, cheap))
		return -1;
	for (__u32 i = 0; i < HOOK_SELECTORS; i++) {
		if (i >= hook.selectors)
			break;
		if (!try_selector(s, i, cheap, 0))
			continue;
		s->candidates |= 1U << i;
		if (first < 0)
			first = i;
		if (cheap || !(hook.flags & HOOK_RETURN_DECIDES))
			break;
	}
	return first;
}
