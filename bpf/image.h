// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Fills in an image_record and its strings: the same for an exec that happens now and for a process that runs already. */
#pragma once
#include "credentials.h"
#include "path.h"
#include "scope.h"
#include "task_identity.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */
/* How far up a parent outside of the scope is looked for. */
#define PARENT_STEPS 16

/* A record and its strings before they are put together. The buffers of paths overlap into what follows as far as the
 * verifier can tell, so the largest stands last. */
struct image_scratch {
	struct image_record record;
	char cgroup_path[CGROUP_PATH_MAX];
	char filename[PATH_MAX];
	char executable[PATH_MAX];
	char cwd[PATH_MAX];
	char parent_executable[PATH_MAX];
	char arguments[ARGUMENTS_MAX];
	__u32 executable_at, cwd_at, parent_executable_at, cgroup_end;
	struct path_walk walk;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct image_scratch);
} image_scratch SEC(".maps");

static __always_inline struct image_scratch *get_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&image_scratch, &zero);
}

/* What a walk writes to. */
enum walk_target {
	INTO_EXECUTABLE,
	INTO_CWD,
	INTO_PARENT_EXECUTABLE,
};

#ifdef OLD_KERNEL
static __always_inline struct in_walk *walk_at(__u32 handle, struct in_walk *in)
{
	struct image_scratch *s = get_scratch();

	if (!s)
		return NULL;
	in->walk = &s->walk;
	in->buffer = handle == INTO_EXECUTABLE ? s->executable : handle == INTO_CWD ? s->cwd : s->parent_executable;
	return in;
}
#endif

/* Joins the names of a cgroup and its ancestors to a path and returns its length; ids may be NULL. *end is where the path ends: in a map,
 * for the reason that struct path_walk is. */
static __always_inline __u32 fill_cgroup_path(char *to, volatile __u32 *end, __u64 *ids, struct cgroup *cgroup)
{
	__u32 depth = BPF_CORE_READ(cgroup, level), at;

	*end = 0;
	if (ids)
		ids[0] = BPF_CORE_READ(cgroup_ancestor(cgroup, 0), kn, id);
	for (__u32 level = 1; level < CGROUP_LEVELS; level++) {
		struct kernfs_node *kn;
		long length;

		at = *end;
		if (level > depth || at >= CGROUP_PATH_MAX - 1)
			break;
		kn = BPF_CORE_READ(cgroup_ancestor(cgroup, level), kn);
		if (ids)
			ids[level] = BPF_CORE_READ(kn, id);
		to[at & (CGROUP_PATH_MAX - 1)] = '/';
		at++;
		length = bpf_probe_read_kernel_str(&to[at & (CGROUP_PATH_MAX - 1)], COMPONENT_MAX, BPF_CORE_READ(kn, name));
		if (length > 0)
			at += length - 1;
		*end = at;
	}
	at = *end;
	return BOUNDED(at, CGROUP_PATH_MAX);
}

/*
 * The parent as the kernel has it. Outside of the scope of containers, though, it is for a moment one of the short-lived
 * processes with which a runtime enters a container (runc); what stays, and will reap the process, is the nearest subreaper
 * above (containerd-shim, conmon): that is the one that is reported.
 */
static __always_inline struct task_struct *parent_of(struct task_struct *task, __u32 *flags)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent), *above;
	struct signal_struct *signal;

	if (in_scope(parent))
		return parent;
	*flags |= RECORD_PARENT_OUTSIDE;
	if (!scope_cgroups)
		return parent;
	above = parent;
	for (int i = 0; i < PARENT_STEPS; i++) {
		if (BPF_CORE_READ(above, pid) == 0)
			break;
		signal = BPF_CORE_READ(above, signal);
		if (BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper))
			return above;
		above = BPF_CORE_READ(above, real_parent);
	}
	return parent;
}

static __always_inline void fill_executable(struct image_scratch *s, struct file *file)
{
	struct image_record *r = &s->record;
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	set_handle(&s->walk, INTO_EXECUTABLE);
	if (!path_resolve_of(&s->walk, s->executable, &s->executable_at, &file->f_path))
		r->header.flags |= RECORD_EXECUTABLE_CUT;
	r->executable_length = PATH_MAX - BOUNDED(s->executable_at, PATH_MAX);
	r->inode = BPF_CORE_READ(inode, i_ino);
	r->links = BPF_CORE_READ(inode, i_nlink);
	r->mode = BPF_CORE_READ(inode, i_mode);
	r->file_uid = BPF_CORE_READ(inode, i_uid.val);
	r->file_gid = BPF_CORE_READ(inode, i_gid.val);
}

/* Everything that is read the same way from a process that execs and from one that runs; the arguments are the caller's. */
static __always_inline void fill_image(struct image_scratch *s, struct task_struct *task, struct file *file)
{
	struct image_record *r = &s->record;
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct task_struct *parent;
	struct file *parent_file;

	__builtin_memset(r, 0, sizeof(*r));
	s->executable_at = s->cwd_at = s->parent_executable_at = PATH_MAX;
	fill_key(&r->header.process, task);
	parent = parent_of(task, &r->header.flags);
	fill_key(&r->header.parent, parent);
	r->header.cgroup = BPF_CORE_READ(cgroup_of(task), kn, id);
	fill_pids(&r->namespace_pid, &r->pid_namespace_level, task);
	r->auid = bpf_core_field_exists(struct task_struct, loginuid) ? BPF_CORE_READ(task, loginuid.val) : (__u32)-1;
	fill_namespaces(&r->namespaces, task);
	fill_credentials(&r->credentials, BPF_CORE_READ(task, real_cred));
	bpf_core_read(&r->comm, sizeof(r->comm), &task->comm);
	bpf_core_read(&r->parent_comm, sizeof(r->parent_comm), &parent->comm);
	r->cgroup_level = BPF_CORE_READ(cgroup_of(task), level);
	r->cgroup_path_length = fill_cgroup_path(s->cgroup_path, &s->cgroup_end, r->cgroup_ids, cgroup_of(task));
	if (!fs)
		return;
	if (file)
		fill_executable(s, file);
	set_handle(&s->walk, INTO_CWD);
	if (!path_resolve_of(&s->walk, s->cwd, &s->cwd_at, &fs->pwd))
		r->header.flags |= RECORD_CWD_CUT;
	r->cwd_length = PATH_MAX - BOUNDED(s->cwd_at, PATH_MAX);
	if (!(r->header.flags & RECORD_PARENT_OUTSIDE))
		return; /* its own record says it */
	parent_file = BPF_CORE_READ(parent, mm, exe_file);
	if (parent_file) {
		set_handle(&s->walk, INTO_PARENT_EXECUTABLE);
		path_resolve_of(&s->walk, s->parent_executable, &s->parent_executable_at, &parent_file->f_path);
		r->parent_executable_length = PATH_MAX - BOUNDED(s->parent_executable_at, PATH_MAX);
	}
}

/* Where argv stands in the memory of a task, and how much of it is read. */
static __always_inline unsigned long arguments_of(struct image_record *r, struct task_struct *task)
{
	unsigned long start = BPF_CORE_READ(task, mm, arg_start), length = BPF_CORE_READ(task, mm, arg_end) - start;

	if (length > ARGUMENTS_MAX) {
		length = ARGUMENTS_MAX;
		r->header.flags |= RECORD_ARGUMENTS_CUT;
	}
	r->arguments_length = length;
	return start;
}

/* The strings that follow an image_record, in the order of its lengths: each as part(where, length). */
#define FOR_EACH_STRING(s, part)                                                                                                \
	do {                                                                                                                    \
		part((s)->cgroup_path, (s)->record.cgroup_path_length, CGROUP_PATH_MAX);                                        \
		part((s)->filename, (s)->record.filename_length, PATH_MAX);                                                     \
		part(&(s)->executable[(s)->executable_at & (PATH_MAX - 1)], (s)->record.executable_length, PATH_MAX);           \
		part(&(s)->cwd[(s)->cwd_at & (PATH_MAX - 1)], (s)->record.cwd_length, PATH_MAX);                                \
		part(&(s)->parent_executable[(s)->parent_executable_at & (PATH_MAX - 1)], (s)->record.parent_executable_length, \
		     PATH_MAX);                                                                                                 \
		part((s)->arguments, (s)->record.arguments_length, ARGUMENTS_MAX);                                              \
	} while (0)
