// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What tells a task from others: its key, its number in its own pid namespace, the namespaces it is in. */
#pragma once
#include "records.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

static __always_inline void fill_key(struct task_key *key, struct task_struct *task)
{
	key->tgid = BPF_CORE_READ(task, tgid);
	key->start = BPF_CORE_READ(task, group_leader, start_boottime);
	key->reserved = 0;
}

static __always_inline void fill_pids(__u32 *namespace_pid, __u32 *level, struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	struct upid number = {};

	*level = BPF_CORE_READ(pid, level);
	bpf_core_read(&number, sizeof(number),
		      (char *)pid + bpf_core_field_offset(struct pid, numbers) + bpf_core_type_size(struct upid) * (*level & 31));
	*namespace_pid = number.nr;
}

/* Its process ID in a pid namespace above its own, or in its own, by how deep that is nested; 0 if it is not in it. */
static __always_inline __u32 pid_at_level(struct task_struct *task, __u32 level)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	struct upid number = {};

	if (level > BPF_CORE_READ(pid, level))
		return 0;
	bpf_core_read(&number, sizeof(number),
		      (char *)pid + bpf_core_field_offset(struct pid, numbers) + bpf_core_type_size(struct upid) * (level & 31));
	return number.nr;
}

/* Its ID in its own pid namespace; 0 in the host's, as policies write it. */
static __always_inline __u32 namespace_pid_of(struct task_struct *task)
{
	__u32 pid = 0, level = 0;

	fill_pids(&pid, &level, task);
	return level ? pid : 0;
}

static __always_inline struct pid_namespace *pid_namespace_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	struct upid *number = (struct upid *)((char *)pid + bpf_core_field_offset(struct pid, numbers) +
					      bpf_core_type_size(struct upid) * (BPF_CORE_READ(pid, level) & 31));

	return BPF_CORE_READ(number, ns);
}

static __always_inline void fill_namespaces(struct namespaces *to, struct task_struct *task)
{
	struct nsproxy *proxy = BPF_CORE_READ(task, nsproxy);

	to->pid = BPF_CORE_READ(pid_namespace_of(task), ns.inum);
	to->user = BPF_CORE_READ(task, real_cred, user_ns, ns.inum);
	if (!proxy) /* a zombie */
		return;
	to->uts = BPF_CORE_READ(proxy, uts_ns, ns.inum);
	to->ipc = BPF_CORE_READ(proxy, ipc_ns, ns.inum);
	to->mnt = BPF_CORE_READ(proxy, mnt_ns, ns.inum);
	to->pid_for_children = BPF_CORE_READ(proxy, pid_ns_for_children, ns.inum);
	to->net = BPF_CORE_READ(proxy, net_ns, ns.inum);
	to->time = BPF_CORE_READ(proxy, time_ns, ns.inum);
	to->time_for_children = BPF_CORE_READ(proxy, time_ns_for_children, ns.inum);
	to->cgroup = BPF_CORE_READ(proxy, cgroup_ns, ns.inum);
}
