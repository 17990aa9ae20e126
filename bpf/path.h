// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Paths in a mount namespace: from the dentry up through the mounts to the first of the namespace, as d_path() does, which may not
 * be called from here. In a container that is the container's root. It is not the task's own root: a task can choose that
 * (chroot), and with it what its files are called. Nothing is read from user memory.
 */
#pragma once
#include "kernel_memory.h"
#include "records.h"
#include "repeat.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Components and mounts that are followed at most. A path of PATH_MAX bytes can have 2,048 components; 512 keep the time
 * in the kernel bounded, and what is cut is marked. */
#define PATH_STEPS 512
/* The longest name of one component (NAME_MAX + 1, a power of two). */
#define COMPONENT_MAX 256

/* A walk from a dentry in a mount (0: up to the root of its file system). It stands in a map: of what is on its stack the verifier
 * follows each value, and would look at the walk many times. */
struct path_walk {
	volatile __u64 dentry, mnt;
	/* where the path begins in the buffer; it ends at PATH_MAX */
	volatile __u32 at;
	volatile __u32 done;
	/* the file may be one that is just being made */
	__u32 may_be_new;
	/* by which repeat() finds it */
	__u32 handle;
};

struct in_walk {
	struct path_walk *walk;
	char *buffer;
};

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
}

/* Puts a name of length bytes, and the slash if wanted, before what is in the buffer already; false when it is full. */
static __always_inline bool path_prepend(struct in_walk *in, const void *name, __u32 length, bool slash)
{
	__u32 at = in->walk->at, need = length + slash;

	if (length >= COMPONENT_MAX || need > at)
		return false;
	at -= need;
	if (slash)
		in->buffer[at & (PATH_MAX - 1)] = '/';
	bpf_probe_read_kernel(&in->buffer[(at + slash) & (PATH_MAX - 1)], length & (COMPONENT_MAX - 1), name);
	in->walk->at = at;
	return true;
}

/* Whether a mount is in a namespace, if only in that of the kernel's own mounts. */
static __always_inline bool is_mounted(struct mount *m)
{
	return FIELD(struct mount, m, mnt_ns) != NULL;
}

static long path_step(__u32 step, struct in_walk *in)
{
	struct path_walk *w = in->walk;
	/* copies: an access through our own struct would be taken for one to a kernel type */
	struct dentry *dentry = (struct dentry *)w->dentry, *parent, *mnt_root;
	struct vfsmount *mnt = (struct vfsmount *)w->mnt;
	const unsigned char *name;

	mnt_root = FIELD(struct vfsmount, mnt, mnt_root);
	parent = FIELD(struct dentry, dentry, d_parent);
	if (dentry == mnt_root) {
		struct mount *m = mount_of(mnt);
		struct mount *above = FIELD(struct mount, m, mnt_parent);

		if (above ==
		    m) { /* the first of the namespace, one of the kernel's own, or one that is mounted nowhere (any more) */
			w->done = is_mounted(m);
			return 1;
		}
		w->dentry = (__u64)FIELD(struct mount, m, mnt_mountpoint);
		w->mnt = (__u64)above + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	if (parent == dentry && !mnt) { /* the root of the file system: where that is mounted is not known */
		w->done = 1;
		return 1;
	}
	name = FIELD(struct dentry, dentry, d_name.name);
	if (!path_prepend(in, name, FIELD(struct dentry, dentry, d_name.len), true))
		return 1;
	if (parent == dentry) { /* a file outside of all directories: memfd, pipe */
		w->done = 1;
		return 1;
	}
	w->dentry = (__u64)parent;
	return 0;
}

#ifdef OLD_KERNEL
/* Finds the walk of a handle; each object has its own. */
static __always_inline struct in_walk *walk_at(__u32 handle, struct in_walk *in);
#define set_handle(walk, number) ((walk)->handle = (number))
#else
#define set_handle(walk, number)
#endif
REPEATABLE(path_step, struct in_walk, walk_at, 32, 16)

static __always_inline void path_begin(struct path_walk *w, struct dentry *dentry, struct vfsmount *mnt, bool may_be_new)
{
	w->dentry = (__u64)dentry;
	w->mnt = (__u64)mnt;
	w->may_be_new = may_be_new;
}

/*
 * Writes the path from where a walk begins to the end of buffer (PATH_MAX bytes, and as many after it that the verifier must see
 * but nobody writes) and sets w->at to where it begins. " (deleted)" is added when no directory names the file any more, unless the
 * file may be one that is just being made. Returns false when the front of the path is missing: there are too many components, or
 * its mount was taken out of the namespace.
 */
static __always_inline bool path_resolve(struct path_walk *w, char *buffer)
{
	static const char deleted[] = " (deleted)";
	struct in_walk in = { .walk = w, .buffer = buffer };
	struct dentry *dentry = (struct dentry *)w->dentry;
	struct vfsmount *mnt = (struct vfsmount *)w->mnt;

	w->at = PATH_MAX;
	w->done = 0;
	if (!dentry)
		return false;
	/* unhashed: unlinked, except for the roots of mounts, which never are in the hash */
	if (!w->may_be_new && !FIELD(struct dentry, dentry, d_hash.pprev) && dentry != FIELD(struct vfsmount, mnt, mnt_root))
		path_prepend(&in, deleted, sizeof(deleted) - 1, false);
	repeat(PATH_STEPS, path_step, &in, w->handle);
	if (w->done && w->at == PATH_MAX)
		path_prepend(&in, "/", 1, false);
	return w->done;
}

/* path_resolve of a struct path; *at is set to where the path begins in buffer. */
static __always_inline bool path_resolve_of(struct path_walk *w, char *buffer, __u32 *at, const struct path *p)
{
	bool all;

	path_begin(w, FIELD(struct path, p, dentry), FIELD(struct path, p, mnt), false);
	all = path_resolve(w, buffer);
	*at = w->at;
	return all;
}
