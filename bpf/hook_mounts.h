// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Where in the current mount namespace an entry of a directory is, of which no mount is told: what is asked about attributes. */
#pragma once
#include "path.h"

/* Mounts of a file system, in all namespaces of the node, that are looked at: a node of 110 pods has some thousands. */
#define MOUNTS_OF_FILE_SYSTEM 16384

struct mount_search {
	struct dentry *dentry;
	struct mnt_namespace *namespace;
	struct mount *next;
	/* where a list ends that is a circle */
	void *end;
	struct vfsmount *found;
	/* all were looked at */
	__u32 done;
};

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

struct ascent {
	struct dentry *dentry, *root;
	__u32 reached;
};

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

static __always_inline bool is_below(struct dentry *dentry, struct dentry *root)
{
	struct ascent a = { .dentry = dentry, .root = root };

	bpf_loop(PATH_STEPS, ascend, &a, 0);
	return a.reached;
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
	if (FIELD(struct mount, m, mnt_ns) != s->namespace || !is_below(s->dentry, FIELD(struct vfsmount, mnt, mnt_root)))
		return 0;
	s->found = mnt;
	s->done = 1;
	return 1;
}

/* A mount of the current namespace in which an entry is; NULL if there is none, as for what a file system does in another one below
 * (overlay). all is false when there were too many to look at all of them. */
static __always_inline struct vfsmount *mount_of_entry(struct dentry *dentry, bool *all)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct super_block *sb = FIELD(struct dentry, dentry, d_sb);
	struct super_block___list *with_list = (void *)sb;
	struct super_block___chain *with_chain = (void *)sb;
	struct nsproxy *proxy = TRUSTED_FIELD(struct task_struct, task, nsproxy);
	struct mount_search s = { .dentry = dentry, .namespace = TRUSTED_FIELD(struct nsproxy, proxy, mnt_ns) };

	if (mounts_are_a_list()) {
		s.end = (char *)sb + bpf_core_field_offset(struct super_block___list, s_mounts);
		s.next = mount_at(FIELD(struct super_block___list, with_list, s_mounts.next));
	} else {
		s.next = FIELD(struct super_block___chain, with_chain, s_mounts);
	}
	bpf_loop(MOUNTS_OF_FILE_SYSTEM, try_mount, &s, 0);
	*all = s.done;
	return s.found;
}
