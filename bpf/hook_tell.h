// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What is told of a call, at its entry, at its return or at once, and what is counted instead. */
#pragma once
#include "hook_act.h"
#include "hook_begin.h"
#include "preemption.h"

/* Counts one more event of a kind that is not told. */
#define COUNT(counter)                                              \
	do {                                                        \
		hold_cpu();                                         \
		struct counters *counted = counters_of(CLASS_HOOK); \
		if (counted)                                        \
			counted->counter++;                         \
		release_cpu();                                      \
	} while (0)

#ifdef OLD_KERNEL

static const struct entry_note no_note;

static __always_inline struct entry_note *note_of_current(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&entry_notes, &thread);
}

static __always_inline struct entry_note *make_note_of_current(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&entry_notes, &thread, &no_note, BPF_NOEXIST);
	return bpf_map_lookup_elem(&entry_notes, &thread);
}

static __always_inline void forget_note_of_current(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&entry_notes, &thread);
}

#else

static __always_inline struct entry_note *note_of_current(void)
{
	return bpf_task_storage_get(&entry_notes, bpf_get_current_task_btf(), NULL, 0);
}

static __always_inline struct entry_note *make_note_of_current(void)
{
	return bpf_task_storage_get(&entry_notes, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* The note goes with the task. */
static __always_inline void forget_note_of_current(void)
{
}

#endif

/* Counts a call that did not return before the function was called again, as it calls itself: its return will not be told. */
static __always_inline void give_up(const struct entry_note *note)
{
	if ((hook.flags & HOOK_RETURN_DECIDES) && note->told != TOLD_ENFORCEMENT)
		COUNT(nested);
	else
		COUNT(returns_lost);
}

/* Leaves the return program what it needs; NULL if there is no room for it. */
static __always_inline struct entry_note *leave_note(struct hook_scratch *s)
{
	struct entry_note *note = make_note_of_current();

	if (!note)
		return NULL;
	if (note->entered && note->told != TOLD_NOTHING)
		give_up(note);
	note->entered = s->record.entered;
	note->candidates = s->candidates;
	note->told = TOLD_NOTHING;
	for (__u32 i = 0; i < HOOK_ARGUMENTS; i++) {
		if (i >= hook.arguments)
			break;
		note->words[i] = s->words[i];
	}
	return note;
}

/* Whether the entry repeats another within the time that its selector's rate limit gives. What is enforced is no repeat. */
static __always_inline bool is_limited(struct hook_scratch *s)
{
	__u32 selector = s->record.selector;

	return (hook.flags & HOOK_LIMITS) && hook.selectors && hook_selectors[selector & (HOOK_SELECTORS - 1)].rate_interval &&
	       !is_enforcement(&s->record) && is_repeat(HAND(s), selector, s->record.header.time);
}

/* Tells of the entry of a call, or of a call as a whole. note: what the return will find, NULL if there is none to come or
 * there was no room for it. */
static __always_inline void tell_entry(void *ctx, struct hook_scratch *s, __u32 stages, __u32 actions, struct entry_note *note)
{
	bool enforcement = is_enforcement(&s->record);
	bool decided_later = note && (hook.flags & HOOK_RETURN_DECIDES) && !enforcement;

	read_arguments(s, stages);
	if ((stages & STAGE_ENTRY) && is_limited(s)) {
		if (decided_later)
			note->told = TOLD_LIMITED;
		else
			COUNT(rate_limited);
		return;
	}
	s->record.done |= ACTION_POST;
	if (hook.flags & HOOK_HASHES) {
		s->deferred = actions;
		return;
	}
	if (post(ctx, s, actions, enforcement, decided_later ? LOSES_NOTHING : LOSES_EVENT)) {
		if (note)
			note->told = enforcement ? TOLD_ENFORCEMENT : TOLD;
		else if (hook.flags & HOOK_HAS_RETURN)
			COUNT(returns_lost);
	} else if (decided_later) {
		note->told = TOLD_LOST;
	}
}

/* Tells of the return of a call whose filters matched, if its entry was told or something was enforced now. */
static __always_inline void tell_return(void *ctx, struct hook_scratch *s, __u32 actions, __u32 told)
{
	bool enforcement = is_enforcement(&s->record);

	if (told == TOLD_LOST && !enforcement)
		COUNT(ring_full);
	if (told == TOLD_LIMITED && !enforcement)
		COUNT(rate_limited);
	if (told != TOLD && told != TOLD_ENFORCEMENT) {
		if (!enforcement)
			return;
		s->record.flags |= HOOK_RECORD_ALONE;
	}
	read_arguments(s, STAGE_RETURN);
	s->record.done |= ACTION_POST;
	/* Of a call that waits for a verdict the entry says nothing yet. */
	post(ctx, s, actions, enforcement || told == TOLD_ENFORCEMENT,
	     (s->record.flags & HOOK_RECORD_ALONE) || ((hook.flags & HOOK_RETURN_DECIDES) && told == TOLD) ? LOSES_EVENT
													   : LOSES_RETURN);
}
