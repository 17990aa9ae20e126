// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Paths in a mount namespace: from the dentry up through the mounts to the first of the namespace, as d_path() does, which may not
 * be called from here. In a container that is the container's root. It is not the task's own root: a task can choose that
 * (chroot), and with it what its files are called. Nothing is read from user memory.
 */
#pragma once
#include "kernel_memory.h"
#include "records.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Components and mounts that are followed at most. A path of PATH_MAX bytes can have 2,048 components; 512 keep the time
 * in the kernel bounded, and what is cut is marked. */
#define PATH_STEPS 512
/* The longest name of one component (NAME_MAX + 1, a power of two). */
#define COMPONENT_MAX 256

struct path_walk {
	char *buffer;
	/* where the path begins in buffer; it ends at PATH_MAX */
	__u32 at;
	__u32 done;
	struct dentry *dentry;
	struct vfsmount *mnt;
};

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
}

/* Puts a name of length bytes, and the slash if wanted, before what is in the buffer already; false when it is full. */
static __always_inline bool path_prepend(struct path_walk *w, const void *name, __u32 length, bool slash)
{
	__u32 at = w->at, need = length + slash;

	if (length >= COMPONENT_MAX || need > at)
		return false;
	at -= need;
	if (slash)
		w->buffer[at & (PATH_MAX - 1)] = '/';
	bpf_probe_read_kernel(&w->buffer[(at + slash) & (PATH_MAX - 1)], length & (COMPONENT_MAX - 1), name);
	w->at = at;
	return true;
}

/* Whether a mount is in a namespace, if only in that of the kernel's own mounts. */
static __always_inline bool is_mounted(struct mount *m)
{
	return FIELD(struct mount, m, mnt_ns) != NULL;
}

static long path_step(__u32 step, struct path_walk *w)
{
	/* copies: an access through our own struct would be taken for one to a kernel type */
	struct dentry *dentry = w->dentry, *parent, *mnt_root;
	struct vfsmount *mnt = w->mnt;
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
		w->dentry = FIELD(struct mount, m, mnt_mountpoint);
		w->mnt = (struct vfsmount *)((char *)above + bpf_core_field_offset(struct mount, mnt));
		return 0;
	}
	if (parent == dentry && !mnt) { /* the root of the file system: where that is mounted is not known */
		w->done = 1;
		return 1;
	}
	name = FIELD(struct dentry, dentry, d_name.name);
	if (!path_prepend(w, name, FIELD(struct dentry, dentry, d_name.len), true))
		return 1;
	if (parent == dentry) { /* a file outside of all directories: memfd, pipe */
		w->done = 1;
		return 1;
	}
	w->dentry = parent;
	return 0;
}

/*
 * Writes the path of a dentry in a mount (NULL: up to the root of its file system) to the end of buffer (PATH_MAX bytes, and
 * as many after it that the verifier must see but nobody writes) and sets *at to where it begins. " (deleted)" is added when
 * no directory names the file any more, unless the file may be one that is just being made. Returns false when the front of
 * the path is missing: there are too many components, or its mount was taken out of the namespace.
 */
static __always_inline bool path_resolve_in(char *buffer, __u32 *at, struct dentry *dentry, struct vfsmount *mnt, bool may_be_new)
{
	static const char deleted[] = " (deleted)";
	struct path_walk w = { .buffer = buffer, .at = PATH_MAX, .dentry = dentry, .mnt = mnt };

	if (!dentry) {
		*at = PATH_MAX;
		return false;
	}
	/* unhashed: unlinked, except for the roots of mounts, which never are in the hash */
	if (!may_be_new && !FIELD(struct dentry, dentry, d_hash.pprev) && dentry != FIELD(struct vfsmount, mnt, mnt_root))
		path_prepend(&w, deleted, sizeof(deleted) - 1, false);
	bpf_loop(PATH_STEPS, path_step, &w, 0);
	if (w.done && w.at == PATH_MAX)
		path_prepend(&w, "/", 1, false);
	*at = w.at;
	return w.done;
}

static __always_inline bool path_resolve(char *buffer, __u32 *at, const struct path *p)
{
	return path_resolve_in(buffer, at, FIELD(struct path, p, dentry), FIELD(struct path, p, mnt), false);
}
