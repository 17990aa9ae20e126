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

/* FMODE_BACKING of include/linux/fs.h: bit 25, and 24 since 6.14. */
#define MAY_BE_BACKING (3 << 24)

/*
 * What a program maps of an overlay is the file of a layer: by which path it was opened stands behind that (since 6.7; before, it was the
 * file's own). The mode says so by a bit that means something else on other kernels, where no path stands there.
 */
static __always_inline void find_as_opened(struct place_of_file *at, struct file *file)
{
	struct super_block *sb;
	struct dentry *dentry;
	struct vfsmount *mnt;

	if (!bpf_core_field_exists(struct backing_file, user_path) || !(FIELD(struct file, file, f_mode) & MAY_BE_BACKING))
		return;
	dentry = FIELD(struct backing_file, file, user_path.dentry);
	mnt = FIELD(struct backing_file, file, user_path.mnt);
	sb = FIELD(struct dentry, dentry, d_sb);
	if (!sb || sb != FIELD(struct vfsmount, mnt, mnt_sb))
		return;
	at->dentry = dentry;
	at->mnt = mnt;
}

static __always_inline struct place_of_file place_of(struct file *file)
{
	struct place_of_file at = { .dentry = FIELD(struct file, file, f_path.dentry),
				    .mnt = FIELD(struct file, file, f_path.mnt) };

	find_as_opened(&at, file);
	return at;
}

/* Puts the path from which s->walk begins behind its file_value, as the argument in `place`; returns enum argument_header_flags. Not
 * static: so it is verified once, and not for each argument. */
__noinline int put_path(SCRATCH_PARAMETER, __u32 place, __u32 fd)
{
	TAKE_SCRATCH(s);
	struct dentry *dentry;
	struct file_value *v;
	struct inode *inode;
	struct value *value;
	__u32 at, length;
	bool all;

	if (!s || place >= HOOK_ARGUMENTS)
		return 0;
	v = reserve(s, sizeof(*v));
	if (!v)
		return 0;
	value = &s->values[place];
	dentry = (struct dentry *)s->walk.dentry;
	inode = FIELD(struct dentry, dentry, d_inode);
	v->inode = FIELD(struct inode, inode, i_ino);
	v->mode = FIELD(struct inode, inode, i_mode);
	v->fd = fd;
	value->number = v->mode;
	all = path_resolve(&s->walk, s->path);
	DERIVED_ANEW(s); /* value too */
	value = &s->values[place];
	value->cut = !all;
	at = s->walk.at;
	length = PATH_MAX - BOUNDED(at, PATH_MAX);
	barrier_var(length);
	if (length > PATH_MAX)
		return 0;
	bpf_probe_read_kernel(end_of_data(s), length, &s->path[at & (PATH_MAX - 1)]);
	add_text(s, value, length);
	return value->cut ? VALUE_PATH_CUT : 0;
}

/* Puts the path of a dentry in a mount, NULL for that of its file system alone, behind its file_value. */
static __always_inline void read_path_in(struct reading *r, struct dentry *dentry, struct vfsmount *mnt, __u32 fd,
					 bool may_be_new)
{
	path_begin(&r->s->walk, dentry, mnt, may_be_new);
	r->flags |= put_path(HAND(r->s), r->place, fd);
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
		mnt = mount_of_entry(r->s, dentry, &all);
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
	struct task_struct *task = current_task();
	struct files_struct *opened = TRUSTED_FIELD(struct task_struct, task, files);
	struct fdtable *table = TRUSTED_FIELD(struct files_struct, opened, fdt);
	struct file **files = TRUSTED_FIELD(struct fdtable, table, fd);

	if (fd >= TRUSTED_FIELD(struct fdtable, table, max_fds))
		return NULL;
	return POINTER_AT(files + fd);
}

/* Where a path of user memory that is relative begins: at the descriptor that is the argument beside it, if there is one and
 * it stands for a directory, else at the working directory. */
static __always_inline struct path *beginning_of(const volatile struct hook_argument *a, struct fs_struct *fs, __s32 descriptor)
{
	const __s32 at_working_directory = -100; /* AT_FDCWD, include/uapi/linux/fcntl.h */
	struct file *file;

	if (a->beside >= HOOK_ARGUMENTS || descriptor == at_working_directory)
		return &fs->pwd;
	file = file_of(descriptor);
	return file ? __builtin_preserve_access_index(&file->f_path) : NULL;
}

/* Takes one byte from the end of a path: slashes, then the name if that is wanted, then the slashes before it. */
static long cut_path(__u32 step, struct in_scratch *in)
{
	struct hook_scratch *s = in->s;
	struct path_cut *c = &s->cut;
	bool slash;

	if (c->length <= 1)
		return 1;
	slash = s->data[(c->begin + c->length - 1) & (HOOK_DATA - 1)] == '/';
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

REPEATABLE(cut_path, struct in_scratch, scratch_at, 64, PATH_MAX / 64)

/* How often "./" is left out at the beginning of a path. */
#define MOST_DOTS 4

/* The address of a path in user memory behind "./" at its beginning: "./name" is the name. *first gets the byte that is there. */
static __always_inline __u64 behind_dots(__u64 address, char *first)
{
	char next[2] = {};

	for (__u32 i = 0; i < MOST_DOTS && *first == '.'; i++) {
		if (bpf_probe_read_user(next, sizeof(next), (void *)(address + 1)) || next[0] != '/' || !next[1] ||
		    next[1] == '/')
			break;
		address += 2;
		*first = next[1];
	}
	return address;
}

/* Puts the path of the directory in which a path of user memory begins to the end of data, and the slash between both; returns
 * how long that is. first: the first byte of the path. */
static __always_inline __u32 put_directory(struct hook_scratch *s, char first)
{
	__u32 at = s->walk.at, length;

	length = PATH_MAX - BOUNDED(at, PATH_MAX);
	barrier_var(length);
	if (length > PATH_MAX)
		return 0;
	bpf_probe_read_kernel(end_of_data(s), length, &s->path[at & (PATH_MAX - 1)]);
	if (first == '/' && length == 1) /* the namespace's own root */
		return 0;
	if (first == '/' || length == 1) /* the root ends with a slash itself */
		return length;
	s->data[(s->used + length) & (HOOK_DATA - 1)] = '/';
	return length + 1;
}

/* Puts a path of user memory behind a file_value, made absolute in the mount namespace, as the argument in `place`; returns enum
 * argument_header_flags. Not static, as put_path. */
__noinline int put_user_path(SCRATCH_PARAMETER, __u32 place, __u64 address, __s32 descriptor)
{
	TAKE_SCRATCH(s);
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct in_scratch in = { .s = s };
	__u32 flags = 0, length;
	struct file_value *v;
	struct path *base;
	char first = 0;
	long written;

	if (!s || place >= HOOK_ARGUMENTS)
		return 0;
	v = reserve(s, sizeof(*v));
	if (!v)
		return 0;
	__builtin_memset(v, 0, sizeof(*v));
	if (bpf_probe_read_user(&first, sizeof(first), (void *)address))
		return VALUE_UNREADABLE;
	address = behind_dots(address, &first);
	base = first == '/' ? &fs->root : beginning_of(&hook_arguments[place], fs, descriptor);
	path_begin(&s->walk, base ? FIELD(struct path, base, dentry) : NULL, base ? FIELD(struct path, base, mnt) : NULL, false);
	KEEP_IN(s->cut.passed_name, base != NULL);
	if (!path_resolve(&s->walk, s->path)) {
		flags |= VALUE_PATH_CUT;
		s->values[place].cut = KEPT_IN(s->cut.passed_name, base != NULL); /* without it the call fails */
	}
	length = put_directory(s, first);
	s->cut.begin = s->used;
	s->used += length;
	written = bpf_probe_read_user_str(end_of_data(s), PATH_MAX, (void *)address);
	s->used = s->cut.begin;
	if (written < 0)
		return flags | VALUE_UNREADABLE;
	s->cut.length = length + written - 1;
	s->cut.name = hook_arguments[place].constant;
	s->cut.passed_name = 0;
	repeat(PATH_MAX, cut_path, &in, s->slot);
	length = s->cut.length;
	add_text(s, &s->values[place], BOUNDED(length, 2 * PATH_MAX));
	return flags;
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
