// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What is told of a call, at its entry, at its return or at once, and what is counted instead. */
#pragma once
#include "hook_begin.h"
#include "hook_calls.h"

/* Whether the entry repeats another within the time that its selector's rate limit gives. What is enforced is no repeat. */
static __always_inline bool is_limited(struct hook_scratch *s)
{
	__u32 selector = s->record.selector;

	return (hook.flags & HOOK_LIMITS) && hook.selectors && hook_selectors[selector & (HOOK_SELECTORS - 1)].rate_interval &&
	       !is_enforcement(&s->record) && is_repeat(HAND(s), selector, s->record.header.time);
}

/* Whether a call is not told because its target holds too much of the ring, which is counted; where decider is not NULL, at the return
 * that decides whether it is an event. What is enforced is told all the same. */
static __always_inline bool is_left_out(struct hook_scratch *s, bool enforcement, struct call_context *decider)
{
	if (enforcement || !is_over_share(HAND(s)))
		return false;
	if (decider)
		decider->told = TOLD_THROTTLED;
	else
		throttle(HAND(s));
	return true;
}

/* Tells of the entry of a call, or of a call as a whole. call: what the return will find, NULL if there is none to come or
 * there was no room for it. */
static __always_inline void tell_entry(void *ctx, struct hook_scratch *s, __u32 stages, __u32 actions, struct call_context *call)
{
	bool enforcement = is_enforcement(&s->record);
	bool return_decides = (hook.flags & HOOK_HAS_RETURN) && (hook.flags & HOOK_RETURN_DECIDES) && !enforcement;
	bool decided_later = call && return_decides;

	if (!(hook.flags & HOOK_LIMITS) && is_left_out(s, enforcement, decided_later ? call : NULL))
		return;
	read_arguments(s, stages);
	if ((stages & STAGE_ENTRY) && is_limited(s)) {
		if (decided_later)
			call->told = TOLD_LIMITED;
		else
			COUNT(rate_limited);
		return;
	}
	if ((hook.flags & HOOK_LIMITS) && is_left_out(s, enforcement, decided_later ? call : NULL))
		return;
	s->record.done |= ACTION_POST;
	if (hook.flags & HOOK_HASHES) {
		s->deferred = actions;
		return;
	}
	if (post(ctx, s, actions, enforcement, return_decides ? LOSES_NOTHING : LOSES_EVENT)) {
		if (call)
			call->told = enforcement ? TOLD_ENFORCEMENT : TOLD;
		else if (hook.flags & HOOK_HAS_RETURN)
			COUNT(returns_lost);
	} else if (decided_later) {
		call->told = TOLD_LOST;
	} else if (return_decides) { /* nobody will know whether it was an event */
		COUNT(nested);
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
	if (told == TOLD_THROTTLED && !enforcement)
		throttle(HAND(s));
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
