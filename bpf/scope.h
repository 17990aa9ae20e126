// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Whether a task is one that is to be traced: the first question of every program. */
#pragma once
#include "kernel_memory.h"
#include "mixed.h"
#include "records.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Set before loading: which of the questions below is asked at all. */
const volatile bool scope_all;
const volatile bool scope_cgroups;
const volatile bool scope_processes;
/* Set before loading: the tracer's thread group id in the initial pid namespace. */
const volatile __u32 tracer_tgid;
/* Set before loading: how deep the tracer's pid namespace is nested; 0 for the initial one. */
const volatile __u32 tracer_pid_level;
/* Set before loading: the hierarchy in which cgroups are told apart: a v1 controller's number (enum cgroup_subsys_id of
 * the running kernel), or -1 for the unified hierarchy. */
const volatile __s32 scope_controller = -1;

/* What user space changes while programs run. */
struct scope_state {
	/* levels at which a target cgroup lies, one bit each: so that asking costs one look-up, not one per level */
	__u64 levels;
	/* one more after each change of target_cgroups and levels: verdicts of before are void */
	__u64 generation;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scope_state);
} scope_states SEC(".maps");

/* Cgroups (by id) that are targets with all below them, and which selections of workloads hold there: a bit each, in the
 * order in which user space numbers them. Below a pod's cgroup those of its containers may stand with bits of their own: the
 * deepest counts. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u64);
} target_cgroups SEC(".maps");

/* The bits of targets that are not told apart by pods: every selection holds. */
#define ALL_WORKLOADS (~0ULL)

/* Processes (thread group ids in the initial pid namespace) that are targets with all their descendants: entered at fork,
 * removed at exit. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u8);
} target_processes SEC(".maps");

/* The deepest target that a cgroup is in: its id, and its bits of target_cgroups. */
struct target {
	__u64 cgroup, workloads;
};

/* What was found about a cgroup: readers and writers need no lock, as parts of two writes do not go together. */
struct cgroup_verdict {
	/* the cgroup's id mixed with what follows */
	__u64 check;
	/* generation << 1 | is a target */
	__u64 verdict;
	/* of a target */
	struct target target;
};

/* Cgroups (by id, which is never used again) that are remembered, each in the one place that its id has (a power of two). */
#define CGROUP_VERDICTS 4096

/* Cgroups that were asked for. Every system call of every process on the node asks, so the answer has to be cheap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGROUP_VERDICTS);
	__type(key, __u32);
	__type(value, struct cgroup_verdict);
} cgroup_verdicts SEC(".maps");

static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = FIELD(struct task_struct, task, cgroups);
	struct cgroup_subsys_state *state;

	if (scope_controller < 0)
		return FIELD(struct css_set, set, dfl_cgrp);
	state = POINTER_AT((char *)set + bpf_core_field_offset(struct css_set, subsys) + sizeof(state) * scope_controller);
	return FIELD(struct cgroup_subsys_state, state, cgroup);
}

#ifdef OLD_KERNEL

/* How far up from a cgroup its ancestors are looked for. */
#define ANCESTOR_STEPS 32

/* The ancestor of a cgroup at a level; itself at its own. */
static __always_inline struct cgroup *cgroup_ancestor(struct cgroup *cgroup, __u32 level)
{
	struct cgroup___ids *with_ids = (void *)cgroup;
	struct cgroup_subsys_state *state;

	for (__u32 i = 0; i < ANCESTOR_STEPS; i++) {
		if (BPF_CORE_READ(cgroup, level) <= level)
			break;
		with_ids = (void *)cgroup;
		state = BPF_CORE_READ(with_ids, self.parent);
		cgroup = BPF_CORE_READ(state, cgroup);
	}
	return cgroup;
}

/* The id of the ancestor at a level. */
static __always_inline __u64 ancestor_id(struct cgroup *cgroup, __u32 level)
{
	struct cgroup___ids *with_ids = (void *)cgroup;
	__u64 id = 0;

	if (!bpf_core_field_exists(with_ids->ancestor_ids))
		return BPF_CORE_READ(cgroup_ancestor(cgroup, level), kn, id);
	bpf_probe_read_kernel(&id, sizeof(id),
			      (char *)cgroup + bpf_core_field_offset(struct cgroup___ids, ancestor_ids) + sizeof(id) * level);
	return id;
}

#else

/* The ancestor of a cgroup at a level; itself at its own. */
static __always_inline struct cgroup *cgroup_ancestor(struct cgroup *cgroup, __u32 level)
{
	struct cgroup *ancestor = NULL;

	bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
			      (char *)cgroup + bpf_core_field_offset(struct cgroup, ancestors) + sizeof(ancestor) * level);
	return ancestor;
}

/* The id of the ancestor at a level. */
static __always_inline __u64 ancestor_id(struct cgroup *cgroup, __u32 level)
{
	return BPF_CORE_READ(cgroup_ancestor(cgroup, level), kn, id);
}

#endif

/* Whether a cgroup is a target, or one above it. Where deepest is not NULL it gets the deepest that is. */
static __always_inline bool cgroup_is_target(struct cgroup *cgroup, __u64 levels, struct target *deepest)
{
	__u32 depth = BPF_CORE_READ(cgroup, level);
	bool found = false;

	for (__u32 level = 0; level < CGROUP_LEVELS; level++) {
		__u64 id, *bits;

		if (level > depth)
			break;
		if (!(levels & (1ULL << level)))
			continue;
		id = ancestor_id(cgroup, level);
		bits = bpf_map_lookup_elem(&target_cgroups, &id);
		if (!bits)
			continue;
		if (!deepest)
			return true;
		deepest->cgroup = id;
		deepest->workloads = *bits;
		found = true;
	}
	return found;
}

static __always_inline bool process_is_target(__u32 tgid)
{
	return bpf_map_lookup_elem(&target_processes, &tgid) != NULL;
}

static __always_inline struct scope_state *get_scope_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scope_states, &zero);
}

static __always_inline bool in_scope(struct task_struct *task)
{
	struct scope_state *state = get_scope_state();

	if (scope_all)
		return true;
	if (scope_cgroups && state && cgroup_is_target(cgroup_of(task), state->levels, NULL))
		return true;
	return scope_processes && process_is_target(BPF_CORE_READ(task, tgid));
}

/* The cgroup of the current task: its id. Loads without a helper: the task is one that the verifier trusts. */
static __always_inline __u64 current_cgroup_id(struct task_struct *task)
{
	struct css_set *set;
	struct cgroup *cgroup;
	struct kernfs_node *node;

	if (scope_controller >= 0) {
		cgroup = cgroup_of(task);
		node = FIELD(struct cgroup, cgroup, kn);
		return FIELD(struct kernfs_node, node, id);
	}
	set = TRUSTED_FIELD(struct task_struct, task, cgroups);
	cgroup = TRUSTED_FIELD(struct css_set, set, dfl_cgrp);
	node = TRUSTED_FIELD(struct cgroup, cgroup, kn);
	return TRUSTED_FIELD(struct kernfs_node, node, id);
}

static __always_inline struct cgroup_verdict *place_of_cgroup(__u64 id)
{
	__u32 index = id & (CGROUP_VERDICTS - 1);

	return bpf_map_lookup_elem(&cgroup_verdicts, &index);
}

static __always_inline __u64 check_of(__u64 id, __u64 verdict, __u64 workloads, __u64 target)
{
	return mixed(mixed(mixed(id, verdict), workloads), target);
}

/* Whether what is remembered in a place is of a cgroup, and all from one write: of that verdict and workloads were read. */
static __always_inline bool is_of(struct cgroup_verdict *known, __u64 id, __u64 verdict, __u64 workloads)
{
	return *(volatile __u64 *)&known->check == check_of(id, verdict, workloads, *(volatile __u64 *)&known->target.cgroup);
}

#ifdef OLD_KERNEL

/* Without a barrier, for which there is no instruction before 5.12: on arm64, where loads overtake each other, the verdict on a cgroup that
 * is asked for while targets change may be that of before, until they change again. */
static __always_inline __u64 generation_of(struct scope_state *state)
{
	return *(volatile __u64 *)&state->generation;
}

/* Inlined: programs with functions of their own make no tail calls on arm64 before 6.0, and stacks are short. */
#define SELDOM_NEEDED static __always_inline

#else

/* With a barrier: where the generation is new, so is what was changed before it. */
static __always_inline __u64 generation_of(struct scope_state *state)
{
	return __sync_fetch_and_add(&state->generation, 0);
}

#define SELDOM_NEEDED static __noinline

#endif

/* Finds out whether the cgroup of the current task is a target, and remembers it. Not inlined: it is seldom needed. */
SELDOM_NEEDED bool find_cgroup_verdict(struct scope_state *state, struct cgroup_verdict *place, __u64 id, __u64 *workloads)
{
	__u64 generation = generation_of(state), verdict;
	struct target target = {};

	verdict = generation << 1 | cgroup_is_target(cgroup_of(current_task()), state->levels, &target);
	*(volatile __u64 *)&place->verdict = verdict;
	*(volatile __u64 *)&place->target.workloads = target.workloads;
	*(volatile __u64 *)&place->target.cgroup = target.cgroup;
	*(volatile __u64 *)&place->check = check_of(id, verdict, target.workloads, target.cgroup);
	*workloads = target.workloads;
	return verdict & 1;
}

/* Whether the cgroup of the current task is a target; workloads gets its bits then. */
static __always_inline bool current_cgroup_is_target(struct task_struct *task, __u64 *workloads)
{
	struct scope_state *state = get_scope_state();
	__u64 id = current_cgroup_id(task), verdict, bits;
	struct cgroup_verdict *known = place_of_cgroup(id);

	if (!state || !known)
		return false;
	verdict = *(volatile __u64 *)&known->verdict;
	bits = *(volatile __u64 *)&known->target.workloads;
	if (verdict >> 1 != *(volatile __u64 *)&state->generation || !is_of(known, id, verdict, bits))
		return find_cgroup_verdict(state, known, id, workloads);
	*workloads = bits;
	return verdict & 1;
}

/* The cgroup by which a task's records are held to a share: that of the deepest target that it is in, else its own. */
static __always_inline __u64 share_of_task(struct task_struct *task)
{
	struct scope_state *state = get_scope_state();
	struct cgroup *cgroup = cgroup_of(task);
	struct target target = {};

	if (scope_cgroups && !scope_all && state && cgroup_is_target(cgroup, state->levels, &target))
		return target.cgroup;
	return BPF_CORE_READ(cgroup, kn, id);
}

/* The same by the id of a task's cgroup, as far as it is known. */
static __always_inline __u64 share_of(__u64 cgroup)
{
	struct cgroup_verdict *known = scope_cgroups && !scope_all ? place_of_cgroup(cgroup) : NULL;
	__u64 target;

	if (!known)
		return cgroup;
	target = *(volatile __u64 *)&known->target.cgroup;
	return target && is_of(known, cgroup, *(volatile __u64 *)&known->verdict, *(volatile __u64 *)&known->target.workloads)
		   ? target
		   : cgroup;
}

/* Whether the current task is the tracer's: what it does to tell of events must not be events. */
static __always_inline bool is_tracer(struct task_struct *task)
{
	return TRUSTED_FIELD(struct task_struct, task, tgid) == tracer_tgid;
}

/* in_scope of the current task (of current_task: to ask for it costs more than most of this), for programs that run often;
 * workloads gets which selections hold for it then. The tracer itself never is. */
static __always_inline bool current_in_scope_as(struct task_struct *task, __u64 *workloads)
{
	if (is_tracer(task))
		return false;
	if (scope_cgroups && !scope_all && current_cgroup_is_target(task, workloads))
		return true;
	*workloads = ALL_WORKLOADS;
	return scope_all || (scope_processes && process_is_target(TRUSTED_FIELD(struct task_struct, task, tgid)));
}

static __always_inline bool current_in_scope(struct task_struct *task)
{
	__u64 workloads;

	return current_in_scope_as(task, &workloads);
}
