// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Files with their paths, from what the kernel or a program has of them. */
#pragma once
#include "hook_mounts.h"
#include "hook_reading.h"
#include "path.h"

struct place_of_file {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

static __always_inline struct place_of_file place_of(struct file *file)
{
	struct place_of_file at = { .dentry = FIELD(struct file, file, f_path.dentry),
				    .mnt = FIELD(struct file, file, f_path.mnt) };

	return at;
}

/* Puts the path of a dentry in a mount, NULL for that of its file system alone, behind its file_value. */
static __always_inline void read_path_in(struct reading *r, struct dentry *dentry, struct vfsmount *mnt, __u32 fd,
					 bool may_be_new)
{
	struct file_value *v = reserve(r->s, sizeof(*v));
	struct inode *inode = FIELD(struct dentry, dentry, d_inode);
	__u32 at = PATH_MAX, length;

	if (!v)
		return;
	v->inode = FIELD(struct inode, inode, i_ino);
	v->mode = FIELD(struct inode, inode, i_mode);
	v->fd = fd;
	r->value->number = v->mode;
	if (!path_resolve_in(r->s->path, &at, dentry, mnt, may_be_new)) {
		r->flags |= VALUE_PATH_CUT;
		r->value->cut = 1;
	}
	length = PATH_MAX - BOUNDED(at, PATH_MAX);
	barrier_var(length);
	if (length > PATH_MAX)
		return;
	bpf_probe_read_kernel(end_of_data(r->s), length, &r->s->path[at & (PATH_MAX - 1)]);
	take_text(r, length);
}

static __always_inline void read_path(struct reading *r, struct dentry *dentry, struct vfsmount *mnt, __u32 fd)
{
	read_path_in(r, dentry, mnt, fd, false);
}

/* The entry of a directory; beside is the struct path of that directory, which tells the mount, or NULL: then it is looked for. */
static __always_inline void read_dentry(struct reading *r, struct dentry *dentry, struct path *beside)
{
	struct vfsmount *mnt = NULL;
	bool all = true;

	if (beside)
		mnt = BPF_CORE_READ(beside, mnt);
	else
		mnt = mount_of_entry(dentry, &all);
	read_path_in(r, dentry, mnt, 0, true);
	if (!all) {
		r->flags |= VALUE_PATH_CUT;
		r->value->cut = 1;
	}
}

static __always_inline void read_file(struct reading *r, struct file *file, __u32 fd)
{
	struct place_of_file at = place_of(file);

	if (!file) {
		r->flags |= VALUE_ABSENT;
		return;
	}
	read_path(r, at.dentry, at.mnt, fd);
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

/* Where a path of user memory that is relative begins: at the descriptor that is the argument beside it, if there is one and
 * it stands for a directory, else at the working directory. */
static __always_inline struct path *beginning_of(struct reading *r, struct fs_struct *fs, __s32 descriptor)
{
	const __s32 at_working_directory = -100; /* AT_FDCWD, include/uapi/linux/fcntl.h */
	struct file *file;

	if (r->argument->beside >= HOOK_ARGUMENTS || descriptor == at_working_directory)
		return &fs->pwd;
	file = file_of(descriptor);
	return file ? __builtin_preserve_access_index(&file->f_path) : NULL;
}

struct path_cut {
	struct hook_scratch *s;
	__u32 begin, length;
	/* the name goes too, and what remains is its directory */
	__u32 name;
	__u32 passed_name;
};

/* Takes one byte from the end of a path: slashes, then the name if that is wanted, then the slashes before it. */
static long cut_path(__u32 step, struct path_cut *c)
{
	bool slash;

	if (c->length <= 1)
		return 1;
	slash = c->s->data[(c->begin + c->length - 1) & (HOOK_DATA - 1)] == '/';
	if (!slash && c->passed_name)
		return 1;
	if (!slash && !c->name)
		return 1;
	if (!slash)
		c->name = 2; /* in it */
	else if (c->name == 2)
		c->passed_name = 1;
	c->length--;
	return 0;
}

/* How often "./" is left out at the beginning of a path. */
#define MOST_DOTS 4

/* Puts a path of user memory behind a file_value, made absolute in the mount namespace. */
static __always_inline void read_user_path(struct reading *r, __u64 address, __s32 descriptor)
{
	struct file_value *v = reserve(r->s, sizeof(*v));
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct path_cut cut = { .s = r->s, .name = r->argument->constant };
	__u32 at = PATH_MAX, length = 0;
	struct path *base;
	char first = 0;
	long written;

	if (!v)
		return;
	__builtin_memset(v, 0, sizeof(*v));
	cut.begin = r->s->used;
	if (bpf_probe_read_user(&first, sizeof(first), (void *)address)) {
		r->flags |= VALUE_UNREADABLE;
		return;
	}
	for (__u32 i = 0; i < MOST_DOTS && first == '.'; i++) { /* "./name" is the name */
		char next[2] = {};

		if (bpf_probe_read_user(next, sizeof(next), (void *)(address + 1)) || next[0] != '/' || !next[1] ||
		    next[1] == '/')
			break;
		address += 2;
		first = next[1];
	}
	base = first == '/' ? &fs->root : beginning_of(r, fs, descriptor);
	if (!base) { /* the call fails */
		r->flags |= VALUE_PATH_CUT;
	} else if (!path_resolve(r->s->path, &at, base)) {
		r->flags |= VALUE_PATH_CUT;
		r->value->cut = 1;
	}
	length = PATH_MAX - BOUNDED(at, PATH_MAX);
	barrier_var(length);
	if (length > PATH_MAX)
		return;
	bpf_probe_read_kernel(end_of_data(r->s), length, &r->s->path[at & (PATH_MAX - 1)]);
	if (first == '/' && length == 1) { /* the namespace's own root */
		length = 0;
	} else if (first != '/' && length != 1) { /* not the root, which ends with a slash itself */
		r->s->data[(cut.begin + length) & (HOOK_DATA - 1)] = '/';
		length++;
	}
	r->s->used += length;
	written = bpf_probe_read_user_str(end_of_data(r->s), PATH_MAX, (void *)address);
	r->s->used = cut.begin;
	if (written < 0) {
		r->flags |= VALUE_UNREADABLE;
		return;
	}
	cut.length = length + written - 1;
	bpf_loop(PATH_MAX, cut_path, &cut, 0);
	take_text(r, BOUNDED(cut.length, 2 * PATH_MAX));
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

/* Where the file is that an argument of some kinds stands for; nowhere for others. */
static __always_inline struct place_of_file locate(const volatile struct hook_argument *a, __u64 word)
{
	struct place_of_file nowhere = {};
	struct file *file = (void *)word;

	if (a->kind == KIND_FD)
		file = file_of(word);
	else if (a->flags & ARGUMENT_FROM_FD)
		file = (void *)object_of(word, a->kind);
	else if (a->kind == KIND_KIOCB)
		file = BPF_CORE_READ((struct kiocb *)word, ki_filp);
	if (!file || (a->kind != KIND_FD && a->kind != KIND_FILE && a->kind != KIND_KIOCB))
		return nowhere;
	return place_of(file);
}
