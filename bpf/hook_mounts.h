// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Where in the current mount namespace an entry of a directory is, of which no mount is told: what is asked about attributes. */
#pragma once
#include "hook_scratch.h"
#include "path.h"

/* Mounts of a file system, in all namespaces of the node, that are looked at: a node of 110 pods has some thousands. */
#define MOUNTS_OF_FILE_SYSTEM 16384

static __always_inline bool mounts_are_a_list(void)
{
	return bpf_core_field_exists(struct mount___list, mnt_instance);
}

static __always_inline struct mount *mount_at(void *entry)
{
	return (struct mount *)((char *)entry - bpf_core_field_offset(struct mount___list, mnt_instance));
}

static __always_inline struct mount *mount_after(struct mount *m)
{
	struct mount___list *in_list = (void *)m;
	struct mount___chain *in_chain = (void *)m;

	if (mounts_are_a_list())
		return mount_at(FIELD(struct mount___list, in_list, mnt_instance.next));
	return FIELD(struct mount___chain, in_chain, mnt_next_for_sb);
}

static long ascend(__u32 step, struct ascent *a)
{
	struct dentry *dentry = a->dentry, *parent;

	if (dentry == a->root) {
		a->reached = 1;
		return 1;
	}
	parent = FIELD(struct dentry, dentry, d_parent);
	if (parent == dentry)
		return 1;
	a->dentry = parent;
	return 0;
}

#ifdef OLD_KERNEL

static __always_inline struct mount_search *search_at(__u32 slot, struct mount_search *room)
{
	struct hook_scratch *s = scratch_of(slot);

	return s ? &s->search : NULL;
}

static __always_inline struct ascent *ascent_at(__u32 slot, struct ascent *room)
{
	struct hook_scratch *s = scratch_of(slot);

	return s ? &s->search.ascent : NULL;
}

#define ASCENT(s) (&(s)->ascent)
#define SEARCH(s) (&(s)->search)

#else

#define ASCENT(s) (&(struct ascent){})
#define SEARCH(s) (&(struct mount_search){})

#endif

REPEATABLE(ascend, struct ascent, ascent_at, 32, PATH_STEPS / 32)

static __always_inline bool is_below(struct mount_search *s, struct dentry *root)
{
	struct ascent *a = ASCENT(s);

	a->dentry = s->dentry;
	a->root = root;
	a->reached = 0;
	repeat(PATH_STEPS, ascend, a, s->handle);
	return a->reached;
}

static long try_mount(__u32 step, struct mount_search *s)
{
	struct mount *m = s->next;
	struct vfsmount *mnt = (struct vfsmount *)((char *)m + bpf_core_field_offset(struct mount, mnt));

	if (!m ||
	    (mounts_are_a_list() && (void *)((char *)m + bpf_core_field_offset(struct mount___list, mnt_instance)) == s->end)) {
		s->done = 1;
		return 1;
	}
	s->next = mount_after(m);
	if (FIELD(struct mount, m, mnt_ns) != s->namespace || !is_below(s, FIELD(struct vfsmount, mnt, mnt_root)))
		return 0;
	s->found = mnt;
	s->done = 1;
	return 1;
}

REPEATABLE(try_mount, struct mount_search, search_at, 128, MOUNTS_OF_FILE_SYSTEM / 128)

/* A mount of the current namespace in which an entry is; NULL if there is none, as for what a file system does in another one below
 * (overlay). all is false when there were too many to look at all of them. */
static __always_inline struct vfsmount *mount_of_entry(struct hook_scratch *scratch, struct dentry *dentry, bool *all)
{
	struct task_struct *task = current_task();
	struct super_block *sb = FIELD(struct dentry, dentry, d_sb);
	struct super_block___list *with_list = (void *)sb;
	struct super_block___chain *with_chain = (void *)sb;
	struct nsproxy *proxy = TRUSTED_FIELD(struct task_struct, task, nsproxy);
	struct mount_search *s = SEARCH(scratch);

	s->dentry = dentry;
	s->namespace = TRUSTED_FIELD(struct nsproxy, proxy, mnt_ns);
	s->found = NULL;
	s->done = 0;
	s->handle = scratch->slot;
	if (mounts_are_a_list()) {
		s->end = (char *)sb + bpf_core_field_offset(struct super_block___list, s_mounts);
		s->next = mount_at(FIELD(struct super_block___list, with_list, s_mounts.next));
	} else {
		s->next = FIELD(struct super_block___chain, with_chain, s_mounts);
	}
	repeat(MOUNTS_OF_FILE_SYSTEM, try_mount, s, s->handle);
	*all = s->done;
	return s->found;
}
