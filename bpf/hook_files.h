// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Files with their paths, from what the kernel or a program has of them. */
#pragma once
#include "hook_reading.h"
#include "path.h"

/* Puts the path of a dentry in a mount behind its file_value. */
static __always_inline void read_path(struct reading *r, struct dentry *dentry, struct vfsmount *mnt, __u32 fd)
{
	struct file_value *v = reserve(r->s, sizeof(*v));
	struct fs_struct *fs = bpf_get_current_task_btf()->fs;
	struct inode *inode = FIELD(struct dentry, dentry, d_inode);
	__u32 at = PATH_MAX, length;

	if (!v)
		return;
	v->inode = FIELD(struct inode, inode, i_ino);
	v->mode = FIELD(struct inode, inode, i_mode);
	v->fd = fd;
	r->value->number = v->mode;
	if (!path_resolve_in(r->s->path, &at, dentry, mnt, &fs->root))
		r->flags |= VALUE_PATH_CUT;
	length = PATH_MAX - BOUNDED(at, PATH_MAX);
	barrier_var(length);
	if (length > PATH_MAX)
		return;
	bpf_probe_read_kernel(end_of_data(r->s), length, &r->s->path[at & (PATH_MAX - 1)]);
	take_text(r, length);
}

static __always_inline void read_file(struct reading *r, struct file *file, __u32 fd)
{
	if (!file) {
		r->flags |= VALUE_ABSENT;
		return;
	}
	read_path(r, FIELD(struct file, file, f_path.dentry), FIELD(struct file, file, f_path.mnt), fd);
}

static __always_inline struct file *file_of(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	struct file **files = table->fd, *file = NULL;

	if (fd >= table->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

/* Puts a path of user memory behind a file_value; one that is relative begins with the working directory. */
static __always_inline void read_user_path(struct reading *r, __u64 address)
{
	struct file_value *v = reserve(r->s, sizeof(*v));
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	__u32 at = PATH_MAX, begin, length = 0;
	char first = 0;
	long written;

	if (!v)
		return;
	__builtin_memset(v, 0, sizeof(*v));
	begin = r->s->used;
	if (bpf_probe_read_user(&first, sizeof(first), (void *)address)) {
		r->flags |= VALUE_UNREADABLE;
		return;
	}
	if (first != '/') {
		if (!path_resolve(r->s->path, &at, &fs->pwd, &fs->root))
			r->flags |= VALUE_PATH_CUT;
		length = PATH_MAX - BOUNDED(at, PATH_MAX);
		barrier_var(length);
		if (length > PATH_MAX)
			return;
		bpf_probe_read_kernel(end_of_data(r->s), length, &r->s->path[at & (PATH_MAX - 1)]);
		if (length != 1) { /* not the root, which ends with a slash itself */
			r->s->data[(begin + length) & (HOOK_DATA - 1)] = '/';
			length++;
		}
		r->s->used += length;
	}
	written = bpf_probe_read_user_str(end_of_data(r->s), PATH_MAX, (void *)address);
	r->s->used = begin;
	if (written < 0)
		r->flags |= VALUE_UNREADABLE;
	else
		take_text(r, length + written - 1);
}

/* What a descriptor's file is, or has: the socket. */
static __always_inline __u64 object_of(__u32 fd, __u8 kind)
{
	struct file *file = file_of(fd);
	const __u32 type_bits = 00170000, socket = 0140000; /* S_IFMT, S_IFSOCK, include/uapi/linux/stat.h */

	if (kind != KIND_SOCKET)
		return (__u64)file;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & type_bits) != socket)
		return 0;
	return (__u64)BPF_CORE_READ(file, private_data);
}
