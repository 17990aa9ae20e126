// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//go:build ignore

/*
 * Keeps process_states: what filters ask of a process that is decided when it executes a program or is forked, so that a
 * hook has to look at bits only. Loaded when a policy has such a filter.
 */
#include "hook_config.h"
#include "hook_record.h"

#include "credentials.h"
#include "hook_match.h"
#include "hook_state.h"
#include "path.h"
#include "scope.h"
#include "task_identity.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MARKS 64

/* Set before loading. Mark number i is given to what filter i matches: the text of the program, or a process ID. */
const volatile struct hook_filter marks[MARKS] = {};
const volatile __u32 mark_count;
/* Marks that descendants have too. */
const volatile __u64 inherited_marks;
/* Processes outside of the scope are noted as well: parents are asked for. */
const volatile bool note_everywhere;
/* Inode number of the mount namespace that the container runtime runs in; 0 if nobody asks. */
const volatile __u32 runtime_mount_namespace;
/* As in process.bpf.c. */
const volatile bool exit_tells_group_dead;

static __always_inline bool is_noted(struct task_struct *task)
{
	return note_everywhere || in_scope(task);
}

static __always_inline void fill_state(struct process_state *state, struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);

	fill_namespaces(&state->namespaces, task);
	bpf_core_read(&state->capabilities[0], sizeof(__u64), &cred->cap_effective);
	bpf_core_read(&state->capabilities[1], sizeof(__u64), &cred->cap_inheritable);
	bpf_core_read(&state->capabilities[2], sizeof(__u64), &cred->cap_permitted);
}

/* Whether one of the process's IDs is one that a mark asks for. */
static __always_inline bool has_pid(const volatile struct hook_filter *mark, __u32 pid, __u32 namespace_pid)
{
	if (mark->subject == SUBJECT_PID)
		return match_range(pid, mark->first, mark->count);
	return match_range(namespace_pid, mark->first, mark->count);
}

static __always_inline __u64 marks_of_pids(struct task_struct *task)
{
	__u32 pid = BPF_CORE_READ(task, tgid), namespace_pid = namespace_pid_of(task);
	__u64 found = 0;

	for (__u32 i = 0; i < MARKS; i++) {
		if (i >= mark_count)
			break;
		if (marks[i].subject != SUBJECT_TEXT && has_pid(&marks[i], pid, namespace_pid))
			found |= 1ULL << i;
	}
	return found;
}

/* The marks of IDs in a pid namespace: who enters another one, as what is executed in a container does, is no descendant there. */
static __always_inline __u64 marks_of_namespace(void)
{
	__u64 all = 0;

	for (__u32 i = 0; i < MARKS; i++) {
		if (i >= mark_count)
			break;
		if (marks[i].subject == SUBJECT_NAMESPACE_PID)
			all |= 1ULL << i;
	}
	return all;
}

/* Whether the text of place 0, the path of the file that runs, is what mark i asks for. What the call names it (place 1) whoever executes
 * it chooses: it counts only for what is no more than told. Not static: so it is verified once, and not for each mark. */
VERIFIED_ONCE int names_program(SCRATCH_PARAMETER, __u32 i)
{
	TAKE_SCRATCH(s);
	if (!s || i >= MARKS)
		return 0;
	if (match_text(s, &s->values[0], marks[i].match, false, marks[i].first, marks[i].count))
		return 1;
	return (marks[i].flags & FILTER_NAMED) &&
	       match_text(s, &s->values[1], marks[i].match, false, marks[i].first, marks[i].count);
}

static __always_inline __u64 marks_of_program(struct hook_scratch *s)
{
	__u64 found = 0;

	for (__u32 i = 0; i < MARKS; i++) {
		if (i >= mark_count)
			break;
		if (marks[i].subject == SUBJECT_TEXT && names_program(HAND(s), i))
			found |= 1ULL << i;
	}
	return found;
}

/* Puts both texts that name the program into data. */
static __always_inline void read_program(struct hook_scratch *s, struct linux_binprm *binprm)
{
	struct file *file = BPF_CORE_READ(binprm, file);
	__u32 at = PATH_MAX, length;
	long written;

	if (!path_resolve_of(&s->walk, s->path, &at, &file->f_path))
		at = PATH_MAX; /* what is known is the end of a path, which may look like another one */
	length = PATH_MAX - BOUNDED(at, PATH_MAX);
	barrier_var(length);
	if (length > PATH_MAX)
		return;
	bpf_probe_read_kernel(s->data, length, &s->path[at & (PATH_MAX - 1)]);
	s->values[0].at = 0;
	s->values[0].length = length;
	written = bpf_probe_read_kernel_str(&s->data[PATH_MAX], PATH_MAX, BPF_CORE_READ(binprm, filename));
	s->values[1].at = PATH_MAX;
	s->values[1].length = written > 0 ? written - 1 : 0;
}

static __always_inline void note(__u32 tgid, struct process_state *state)
{
	struct counters *c;

	if (!bpf_map_update_elem(&process_states, &tgid, state, BPF_ANY))
		return;
	c = counters_of(CLASS_EXEC);
	if (c)
		c->states_full++;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(note_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct process_state *before = state_of(tgid), state = {};
	struct hook_scratch *s;

	/* What was known of it is so no more; should it come into the scope, user space notes it. But what left a container is watched
	 * on: it may come back, and is not the runtime then. */
	if (!is_noted(task) && !(before && before->origin & OF_CONTAINER)) {
		if (before)
			bpf_map_delete_elem(&process_states, &tgid);
		return 0;
	}
	if (before) {
		state.marks = before->marks & inherited_marks;
		state.marks_before = before->marks;
		state.origin = before->origin;
	}
	state.marks |= marks_of_pids(task);
	if (!before)
		state.marks_before = state.marks;
	fill_state(&state, task);
	/* What enters the node's mount namespace from a container does not become the runtime. */
	if (in_scope(task) && state.namespaces.mnt != runtime_mount_namespace)
		state.origin = OF_CONTAINER;
	s = take_scratch();
	if (s) {
		read_program(s, binprm);
		state.marks |= marks_of_program(s);
		give_back(s);
	}
	note(tgid, &state);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(note_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = BPF_CORE_READ(child, tgid);
	struct process_state *above = state_of(BPF_CORE_READ(parent, tgid)), state = {};

	if (BPF_CORE_READ(child, pid) != tgid)
		return 0; /* a thread */
	if (above)
		bpf_probe_read_kernel(&state, sizeof(state), above);
	else if (is_noted(child))
		fill_state(&state, child);
	else
		return 0;
	if (pid_namespace_of(child) != pid_namespace_of(parent))
		state.marks &= ~marks_of_namespace();
	state.marks |= marks_of_pids(child);
	/* Made in a cgroup of the scope from outside (CLONE_INTO_CGROUP). */
	if (runtime_mount_namespace && !(state.origin & OF_CONTAINER) && in_scope(child) && !in_scope(parent))
		state.origin = OF_RUNTIME;
	note(tgid, &state);
	return 0;
}

/* A process, or a thread of it, was put into a cgroup. In which one does not matter: it may be one that comes into the scope at once. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(note_attach, struct cgroup *cgroup, const char *path, struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct process_state *before = state_of(tgid), state = {};

	if (before && before->origin)
		return 0;
	if (before)
		bpf_probe_read_kernel(&state, sizeof(state), before);
	else
		fill_state(&state, task);
	state.origin = OF_RUNTIME;
	note(tgid, &state);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(note_exit, struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if (exit_tells_group_dead ? (bool)ctx[1] : BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&process_states, &tgid);
	return 0;
}
