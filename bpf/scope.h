// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Whether a task is one that is to be traced: the first question of every program. */
#pragma once
#include "kernel_memory.h"
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
	/* one more after each change of target_cgroups: verdicts of before are void */
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

struct cgroup_verdict {
	/* generation << 1 | is a target */
	__u64 verdict;
	/* of a target: its bits of target_cgroups */
	__u64 workloads;
};

/* Cgroups (by id, which is never used again) that were asked for. Every system call of every process on the node asks, so the
 * answer has to be cheap. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct cgroup_verdict);
} cgroup_verdicts SEC(".maps");

static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;

	if (scope_controller < 0)
		return BPF_CORE_READ(set, dfl_cgrp);
	bpf_probe_read_kernel(&state, sizeof(state),
			      (char *)set + bpf_core_field_offset(struct css_set, subsys) + sizeof(state) * scope_controller);
	return BPF_CORE_READ(state, cgroup);
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

/* Whether a cgroup is a target, or one above it. Where workloads is not NULL it gets the bits of the deepest that is. */
static __always_inline bool cgroup_is_target(struct cgroup *cgroup, __u64 levels, __u64 *workloads)
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
		if (!workloads)
			return true;
		*workloads = *bits;
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
static __always_inline __u64 current_cgroup_id(void)
{
	struct task_struct *task = current_task();
	struct css_set *set;
	struct cgroup *cgroup;
	struct kernfs_node *node;

	if (scope_controller >= 0)
		return BPF_CORE_READ(cgroup_of(task), kn, id);
	set = TRUSTED_FIELD(struct task_struct, task, cgroups);
	cgroup = TRUSTED_FIELD(struct css_set, set, dfl_cgrp);
	node = TRUSTED_FIELD(struct cgroup, cgroup, kn);
	return TRUSTED_FIELD(struct kernfs_node, node, id);
}

/* Whether the cgroup of the current task is a target; workloads gets its bits then. */
static __always_inline bool current_cgroup_is_target(__u64 *workloads)
{
	struct scope_state *state = get_scope_state();
	struct cgroup_verdict made = {}, *known;
	__u64 id = current_cgroup_id(), generation;

	if (!state)
		return false;
	generation = state->generation;
	known = bpf_map_lookup_elem(&cgroup_verdicts, &id);
	if (known && known->verdict >> 1 == generation) {
		*workloads = known->workloads;
		return known->verdict & 1;
	}
	made.verdict = generation << 1 | cgroup_is_target(cgroup_of(current_task()), state->levels, &made.workloads);
	bpf_map_update_elem(&cgroup_verdicts, &id, &made, BPF_ANY);
	*workloads = made.workloads;
	return made.verdict & 1;
}

static __always_inline __u32 current_tgid(void)
{
	struct task_struct *task = current_task();

	return TRUSTED_FIELD(struct task_struct, task, tgid);
}

/* Whether the current task belongs to the tracer: what it does to tell of events must not be events. */
static __always_inline bool is_tracer(void)
{
	return current_tgid() == tracer_tgid;
}

/* in_scope of the current task, for programs that run often; workloads gets which selections hold for it then. The tracer
 * itself never is. */
static __always_inline bool current_in_scope_as(__u64 *workloads)
{
	if (is_tracer())
		return false;
	if (scope_cgroups && !scope_all && current_cgroup_is_target(workloads))
		return true;
	*workloads = ALL_WORKLOADS;
	return scope_all || (scope_processes && process_is_target(current_tgid()));
}

static __always_inline bool current_in_scope(void)
{
	__u64 workloads;

	return current_in_scope_as(&workloads);
}
