// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//go:build ignore

/* The life of processes: fork, exec, exit; and the making of cgroups, by which later containers are found. */
#include "image.h"
#include "output.h"
#include "preemption.h"
#include "share.h"

/* Keeps the types of records in the object's BTF, from which the Go types are generated. */
const struct image_record *keep_image_record __attribute__((unused));
const struct fork_record *keep_fork_record __attribute__((unused));
const struct exit_record *keep_exit_record __attribute__((unused));
const struct cgroup_record *keep_cgroup_record __attribute__((unused));
const enum record_class *keep_record_class __attribute__((unused));
const enum record_flags *keep_record_flags __attribute__((unused));

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before loading: whether this kernel's sched_process_exit says if the whole thread group is dead (since 6.16). */
const volatile bool exit_tells_group_dead;

/* Whether the target that a task is in holds too much of the ring for its life to be told. Most of the time nobody is asked. */
static __always_inline bool is_over_share(struct task_struct *task)
{
	return !is_calm(unread_bytes()) && exceeds_share(share_of_task(task), LIFE_PER_FREE);
}

/* Counts an event as one that is not told because of that. */
static __always_inline void throttle(__u32 class, struct task_struct *task)
{
	struct counters *c = counters_of(class);

	count_at_share(share_of_task(task));
	if (c)
		c->throttled++;
}

/* Counts a record of so many bytes, which was handed over, as held by the target that a task is in. */
static __always_inline void hold(__u32 class, struct task_struct *task, __u64 size)
{
	struct counters *c = counters_of(class);

	if (!is_calm(unread_bytes()) && !hold_share(share_of_task(task), size) && c)
		c->shares_full++;
}

static __always_inline bool leads_its_threads(struct task_struct *task)
{
	return BPF_CORE_READ(task, pid) == BPF_CORE_READ(task, tgid);
}

#ifdef OLD_KERNEL

/* An image record in one piece: before 5.19 a ring takes no other whose length only the data knows. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[sizeof(struct image_record) + CGROUP_PATH_MAX + 4 * PATH_MAX + ARGUMENTS_MAX]);
} whole_image SEC(".maps");

static __always_inline void send_image(struct image_scratch *s, struct task_struct *task)
{
	__u64 at = sizeof(s->record);
	__u32 zero = 0;
	char *to = bpf_map_lookup_elem(&whole_image, &zero);

	if (!to)
		return;
	bpf_probe_read_kernel(to, sizeof(s->record), &s->record);
#define WRITE_PART(from, length, max)                                                \
	do {                                                                         \
		__u64 part_length = length;                                          \
		barrier_var(part_length); /* what is tested below is what is used */ \
		if (part_length <= max) {                                            \
			bpf_probe_read_kernel(to + at, part_length, from);           \
			at += part_length;                                           \
		}                                                                    \
	} while (0)
	FOR_EACH_STRING(s, WRITE_PART);
	if (send(CLASS_EXEC, to, at))
		hold(CLASS_EXEC, task, at);
}

#else

static __always_inline void send_image(struct image_scratch *s, struct task_struct *task)
{
	struct image_record *r = &s->record;
	struct counters *c = counters_of(CLASS_EXEC);
	struct bpf_dynptr to;
	__u32 at = sizeof(*r), size;

	if (!c)
		return;
	size = at + r->cgroup_path_length + r->filename_length + r->executable_length + r->cwd_length +
	       r->parent_executable_length + r->arguments_length;
	if (bpf_ringbuf_reserve_dynptr(&events, size, 0, &to)) {
		bpf_ringbuf_discard_dynptr(&to, 0);
		c->ring_full++;
		return;
	}
	bpf_dynptr_write(&to, 0, r, sizeof(*r), 0);
#define WRITE_PART(from, length, max)                                                \
	do {                                                                         \
		__u64 part_length = length;                                          \
		barrier_var(part_length); /* what is tested below is what is used */ \
		if (part_length <= max) {                                            \
			bpf_dynptr_write(&to, at, from, part_length, 0);             \
			at += part_length;                                           \
		}                                                                    \
	} while (0)
	FOR_EACH_STRING(s, WRITE_PART);
	bpf_ringbuf_submit_dynptr(&to, wakeup_reserved(size));
	c->sent++;
	hold(CLASS_EXEC, task, size);
}

#endif

static __always_inline void tell_exec(struct task_struct *task, struct linux_binprm *binprm)
{
	__u64 began = bpf_ktime_get_boot_ns();
	struct image_scratch *s;
	unsigned long arguments;
	const char *filename;
	long length;

	if (!in_scope(task))
		return;
	if (is_over_share(task)) {
		throttle(CLASS_EXEC, task);
		return;
	}
	s = get_scratch();
	if (!s)
		return;
	fill_image(s, task, BPF_CORE_READ(binprm, file));
	s->record.header.class = CLASS_EXEC;
	s->record.header.time = bpf_ktime_get_boot_ns();
	filename = BPF_CORE_READ(binprm, filename);
	if (filename != BPF_CORE_READ(binprm, interp))
		s->record.header.flags |= RECORD_INTERPRETED;
	length = bpf_probe_read_kernel_str(s->filename, sizeof(s->filename), filename);
	s->record.filename_length = length > 0 ? length - 1 : 0;
	arguments = arguments_of(&s->record, task);
	if (bpf_probe_read_user(s->arguments, BOUNDED(s->record.arguments_length, ARGUMENTS_MAX), (void *)arguments)) {
		s->record.header.flags |= RECORD_ARGUMENTS_UNREADABLE;
		s->record.arguments_length = 0;
	}
	send_image(s, task);
	account(CLASS_EXEC, began);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	hold_cpu();
	tell_exec(task, binprm);
	release_cpu();
	return 0;
}

static __always_inline void tell_fork(struct task_struct *parent, struct task_struct *child)
{
	__u64 began = bpf_ktime_get_boot_ns();
	struct fork_record r = {};
	__u32 tgid = BPF_CORE_READ(child, tgid);

	if (!leads_its_threads(child))
		return; /* a thread */
	if (scope_processes && process_is_target(BPF_CORE_READ(parent, tgid))) {
		__u8 one = 1;

		if (bpf_map_update_elem(&target_processes, &tgid, &one, BPF_ANY)) {
			struct counters *c = counters_of(CLASS_FORK);

			if (c)
				c->scope_full++;
		}
	}
	if (!in_scope(child))
		return;
	if (is_over_share(child)) { /* no event, so it is not throttled: it counts as if the ring were full */
		count_sent(CLASS_FORK, true);
		return;
	}
	r.header.class = CLASS_FORK;
	r.header.time = bpf_ktime_get_boot_ns();
	fill_key(&r.header.process, child);
	fill_key(&r.forker, parent);
	fill_key(&r.header.parent, parent_of(child, &r.header.flags));
	r.header.cgroup = BPF_CORE_READ(cgroup_of(child), kn, id);
	fill_pids(&r.namespace_pid, &r.pid_namespace_level, child);
	bpf_core_read(&r.comm, sizeof(r.comm), &child->comm);
	if (send(CLASS_FORK, &r, sizeof(r)))
		hold(CLASS_FORK, child, sizeof(r));
	account(CLASS_FORK, began);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	hold_cpu();
	tell_fork(parent, child);
	release_cpu();
	return 0;
}

/* wait(2)'s status: that of the group when one was set (exit_group, a deadly signal), else the leader's. */
static __always_inline __u32 wait_status(struct task_struct *task)
{
	const __u32 SIGNAL_GROUP_EXIT = 4; /* include/linux/sched/signal.h */

	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(task, signal, group_exit_code);
	return BPF_CORE_READ(task, group_leader, exit_code);
}

static __always_inline void tell_exit(unsigned long long *ctx, struct task_struct *task)
{
	__u64 began = bpf_ktime_get_boot_ns();
	struct exit_record r = {};
	__u32 tgid = BPF_CORE_READ(task, tgid);
	bool dead;

	/* Without the argument two last threads that leave together may both see nobody alive: user space drops the second. */
	dead = exit_tells_group_dead ? (bool)ctx[1] : BPF_CORE_READ(task, signal, live.counter) == 0;
	if (!dead || !in_scope(task))
		return;
	r.header.class = CLASS_EXIT;
	r.header.time = bpf_ktime_get_boot_ns();
	fill_key(&r.header.process, task);
	fill_key(&r.header.parent, BPF_CORE_READ(task, real_parent));
	r.header.cgroup = BPF_CORE_READ(cgroup_of(task), kn, id);
	r.code = wait_status(task);
	r.uid = BPF_CORE_READ(task, real_cred, euid.val);
	bpf_core_read(&r.comm, sizeof(r.comm), &task->comm);
	if (is_over_share(task))
		throttle(CLASS_EXIT, task);
	else if (send(CLASS_EXIT, &r, sizeof(r)))
		hold(CLASS_EXIT, task, sizeof(r));
	if (scope_processes)
		bpf_map_delete_elem(&target_processes, &tgid);
	account(CLASS_EXIT, began);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	hold_cpu();
	tell_exit(ctx, task);
	release_cpu();
	return 0;
}

/* A cgroup's record and path before they are put together. */
struct cgroup_scratch {
	struct cgroup_record record;
	char path[CGROUP_PATH_MAX + COMPONENT_MAX];
	__u32 end;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgroup_scratch);
} cgroup_scratch SEC(".maps");

/* Sends a record about a cgroup of the hierarchy that scopes; process is whom it is about, NULL for nobody. */
static __always_inline void send_cgroup(__u32 class, struct cgroup *cgroup, struct task_struct *process)
{
	__u64 began = bpf_ktime_get_boot_ns();
	struct cgroup_scratch *s;
	__u32 zero = 0, length;

	s = bpf_map_lookup_elem(&cgroup_scratch, &zero);
	if (!s)
		return;
	__builtin_memset(&s->record, 0, sizeof(s->record));
	s->record.header.class = class;
	s->record.header.time = began;
	s->record.header.cgroup = BPF_CORE_READ(cgroup, kn, id);
	if (process)
		fill_key(&s->record.header.process, process);
	s->record.level = BPF_CORE_READ(cgroup, level);
	length = fill_cgroup_path(s->path, &s->end, s->record.cgroup_ids, cgroup);
	s->record.cgroup_path_length = length;
	if (length <= CGROUP_PATH_MAX)
		send_first(class, s, sizeof(s->record) + length);
	account(class, began);
}

/* Whether a cgroup is one of the hierarchy that scopes, as the task's is. */
static __always_inline bool scopes(struct cgroup *cgroup, struct task_struct *task)
{
	return BPF_CORE_READ(cgroup, root) == BPF_CORE_READ(cgroup_of(task), root);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *cgroup)
{
	hold_cpu();
	if (scopes(cgroup, (struct task_struct *)bpf_get_current_task()))
		send_cgroup(CLASS_CGROUP, cgroup, NULL);
	release_cpu();
	return 0;
}

/* Nothing is in it any more, and its id is never used again. In the ring that floods fill: who makes and removes cgroups all the time must
 * not keep out what passes floods. */
SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_removed, struct cgroup *cgroup)
{
	struct record_header r = { .class = CLASS_CGROUP_GONE };

	hold_cpu();
	if (scopes(cgroup, (struct task_struct *)bpf_get_current_task())) {
		r.time = bpf_ktime_get_boot_ns();
		r.cgroup = BPF_CORE_READ(cgroup, kn, id);
		send(CLASS_CGROUP_GONE, &r, sizeof(r));
	}
	release_cpu();
	return 0;
}

/* It is there already. Whether it came from the scope user space knows: of the cgroup before, the kernel knows nothing any more. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(process_moved, struct cgroup *cgroup, const char *path, struct task_struct *task)
{
	hold_cpu();
	if (scope_cgroups && scopes(cgroup, task) && !in_scope(task))
		send_cgroup(CLASS_MOVE, cgroup, task);
	release_cpu();
	return 0;
}
