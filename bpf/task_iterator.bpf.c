// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//go:build ignore

/*
 * The processes that run already, as image records, and the idle task of the kernel: its namespaces are the host's. The
 * iterator shows what the reader's pid namespace holds, so pids and parents come out right wherever the reader runs.
 */
#include "image.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The namespaces of the kernel's idle task: what has the same is in the host's. Read once, at the first task. */
struct namespaces host_namespaces;

/* How far the reader can be below the idle task. */
#define READER_DEPTH 64

static __always_inline void read_host_namespaces(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	for (int i = 0; i < READER_DEPTH; i++) {
		if (BPF_CORE_READ(task, pid) == 0) {
			fill_namespaces(&host_namespaces, task);
			return;
		}
		task = BPF_CORE_READ(task, real_parent);
	}
}

static __always_inline __u32 pid_as_reader_sees_it(struct task_struct *task)
{
	struct task_struct *reader = (struct task_struct *)bpf_get_current_task();

	return pid_at_level(task, BPF_CORE_READ(reader, thread_pid, level));
}

#ifdef OLD_KERNEL
/* The memory of another process can be read since 5.18: what it was called with, user space has to find out. */
#define TASK_ITERATOR "iter/task"
#define read_arguments(s, task)
#else
#define TASK_ITERATOR "iter.s/task"

static __always_inline void read_arguments(struct image_scratch *s, struct task_struct *task)
{
	unsigned long arguments = arguments_of(&s->record, task);

	if (s->record.arguments_length > 0 &&
	    bpf_copy_from_user_task(s->arguments, BOUNDED(s->record.arguments_length, ARGUMENTS_MAX), (void *)arguments, task,
				    0)) {
		s->record.header.flags |= RECORD_ARGUMENTS_UNREADABLE;
		s->record.arguments_length = 0;
	}
}
#endif

SEC(TASK_ITERATOR)
int tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct image_scratch *s;

	if (ctx->meta->seq_num == 0)
		read_host_namespaces();
	if (!task || task->pid != task->tgid)
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	fill_image(s, task, BPF_CORE_READ(task, mm, exe_file));
	s->record.header.class = CLASS_EXEC;
	s->record.header.time = s->record.header.process.start;
	s->record.reader_pid = pid_as_reader_sees_it(task);
	s->record.filename_length = 0;
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		s->record.header.flags |= RECORD_KERNEL_THREAD;
	else
		read_arguments(s, task);
	bpf_seq_write(seq, &s->record, sizeof(s->record));
#define WRITE_PART(from, length, max)                                                \
	do {                                                                         \
		__u64 part_length = length;                                          \
		barrier_var(part_length); /* what is tested below is what is used */ \
		if (part_length <= max)                                              \
			bpf_seq_write(seq, from, part_length);                       \
	} while (0)
	FOR_EACH_STRING(s, WRITE_PART);
	return 0;
}
