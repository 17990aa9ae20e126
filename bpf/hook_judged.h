// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What filters said of a file's path before. Most reads and writes are of a file that was read or written a moment ago, and
 * putting its path together and comparing it costs many times what it takes to see that the path is still the same one.
 */
#pragma once
#include "hook_arguments.h"
#include "hook_select.h"
#include "mixed.h"

/* Paths that are remembered (a power of two), by a part of their prints. */
#define JUDGED_PATHS 4096
/* Names and mounts on the way up that a print is made of; what lies deeper is judged anew each time. */
#define PRINT_STEPS 64
/* Of those so many are looked at in a row: not where a loop is no helper. */
#ifdef OLD_KERNEL
#define SHORT_PATH 0
#else
#define SHORT_PATH 8
#endif
/* A verdict holds for so many ticks of the kernel's clock, 1/10 s to 1 s by how the kernel was built: should two paths ever have
 * the same print, that is how long one is taken for the other. */
#define JUDGED_TICKS 100
/* In d_flags: the file system has names of its own, of which different ones may be equal. include/linux/dcache.h, the same in all
 * kernels. */
#define DCACHE_OP_HASH 1

/* What was said of a path: readers and writers need no lock, as one half does not go with the other half of another write. */
struct judged_path {
	/* the path's print XOR the mixed verdict */
	__u64 check;
	/* ticks << 32 | bits of the filters that held */
	__u64 verdict;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JUDGED_PATHS);
	__type(key, __u32);
	__type(value, struct judged_path);
} judged_paths SEC(".maps");

struct dentry_head {
	__u32 flags;
	__u64 hash_len;
	struct dentry *parent;
};

/* Bytes at the beginning of a dentry that are read at once where each field would take a helper: kernels before 6.2 have all of
 * struct dentry_head in them. */
#define HEAD_BYTES 40

static __always_inline struct dentry_head head_of(struct dentry *dentry)
{
	struct dentry_head head = {};
	__u64 words[HEAD_BYTES / 8] = {};
	const __u32 flags = bpf_core_field_offset(struct dentry, d_flags),
		    hash_len = bpf_core_field_offset(struct dentry, d_name.hash_len),
		    parent = bpf_core_field_offset(struct dentry, d_parent);

	if (bpf_rdonly_cast || flags || hash_len > HEAD_BYTES - 8 || parent > HEAD_BYTES - 8) {
		head.flags = FIELD(struct dentry, dentry, d_flags);
		head.hash_len = FIELD(struct dentry, dentry, d_name.hash_len);
		head.parent = FIELD(struct dentry, dentry, d_parent);
		return head;
	}
	bpf_probe_read_kernel(words, sizeof(words), dentry);
	head.flags = words[0];
	head.hash_len = *(__u64 *)((char *)words + hash_len);
	head.parent = *(struct dentry **)((char *)words + parent);
	return head;
}

/* One dentry on the way up: where it is in memory and what it is called, by the kernel's hash and the length. Returns 1 at the end. */
static __always_inline long print_one(struct path_print *p)
{
	struct vfsmount *mnt = (struct vfsmount *)p->mnt;
	struct dentry *dentry = (struct dentry *)p->dentry;
	struct dentry_head head;
	struct mount *m, *above;

	p->sum = mixed(p->sum, p->dentry);
	if (p->dentry == p->mnt_root) {
		m = mount_of(mnt);
		above = FIELD(struct mount, m, mnt_parent);
		if (above == m) {
			p->done = is_mounted(m);
			return 1;
		}
		p->dentry = (__u64)FIELD(struct mount, m, mnt_mountpoint);
		mnt = (struct vfsmount *)((char *)above + bpf_core_field_offset(struct mount, mnt));
		p->mnt = (__u64)mnt;
		p->mnt_root = (__u64)FIELD(struct vfsmount, mnt, mnt_root);
		p->sum = mixed(p->sum, p->mnt);
		return 0;
	}
	head = head_of(dentry);
	if (head.flags & DCACHE_OP_HASH)
		return 1;
	p->sum = mixed(p->sum, head.hash_len);
	if (head.parent == dentry) {
		p->done = 1;
		return 1;
	}
	p->dentry = (__u64)head.parent;
	return 0;
}

static long print_step(__u32 step, struct in_scratch *in)
{
	return print_one(&in->s->print);
}

REPEATABLE(print_step, struct in_scratch, scratch_at, 16, PRINT_STEPS / 16)

/* Goes up to the end. Most paths have but few names: those are looked at without the calls that a loop of this kind is made of. */
static __always_inline void print_up(struct hook_scratch *s)
{
	struct in_scratch in = { .s = s };

	for (__u32 i = 0; i < SHORT_PATH; i++)
		if (print_one(&s->print))
			return;
	repeat(PRINT_STEPS - SHORT_PATH, print_step, &in, s->slot);
}

/*
 * Makes the print of a file's path: of all that path_resolve() would look at, but of the hashes of names in the place of the
 * names. 0 if there is none.
 */
static __always_inline __u64 print_of(struct hook_scratch *s, const volatile struct hook_argument *a, __u64 word)
{
	struct path_print *p = &s->print;
	struct place_of_file at = locate(a, word);

	if (!at.dentry || !at.mnt)
		return 0;
	p->dentry = (__u64)at.dentry;
	p->mnt = (__u64)at.mnt;
	p->mnt_root = (__u64)FIELD(struct vfsmount, at.mnt, mnt_root);
	p->done = 0;
	p->sum = mixed(hook.judging, FIELD(struct dentry, at.dentry, d_hash.pprev) != NULL);
	p->sum = mixed(p->sum, p->mnt);
	print_up(s);
	return p->done ? p->sum : 0;
}

static __always_inline struct judged_path *judged_of(__u64 print)
{
	__u32 index = print & (JUDGED_PATHS - 1);

	return bpf_map_lookup_elem(&judged_paths, &index);
}

/* Makes the print of the judged argument as it is now. Not static, as those that follow: so they are verified once. */
VERIFIED_ONCE int make_print(SCRATCH_PARAMETER)
{
	TAKE_SCRATCH(s);
	const __u32 place = hook.judged & (HOOK_ARGUMENTS - 1);

	if (s && (hook.flags & HOOK_JUDGES))
		s->print.sum = print_of(s, &hook_arguments[place], s->values[place].number);
	return 0;
}

/* Takes what was said of the path of the judged argument; returns 0 if nothing was. */
VERIFIED_ONCE int recall(SCRATCH_PARAMETER)
{
	TAKE_SCRATCH(s);
	const __u32 place = hook.judged & (HOOK_ARGUMENTS - 1);
	struct judged_path *j;
	__u64 verdict;

	if (!s || !(hook.flags & HOOK_JUDGES))
		return 0;
	make_print(HAND(s));
	s->print.before = s->print.sum;
	if (!s->print.sum)
		return 0;
	j = judged_of(s->print.sum);
	if (!j)
		return 0;
	verdict = *(volatile __u64 *)&j->verdict;
	if ((*(volatile __u64 *)&j->check ^ mixed(0, verdict)) != s->print.sum)
		return 0;
	if ((__u32)(bpf_jiffies64() - (verdict >> 32)) >= JUDGED_TICKS)
		return 0;
	s->verdict = verdict;
	s->judged = 1;
	s->values[place].readable = 1;
	return 1;
}

/* Asks all filters of the judged argument, which was read, and remembers what they say, unless the path is another one by now: what was
 * read is not sure to be what the print was made of. */
VERIFIED_ONCE int judge(SCRATCH_PARAMETER)
{
	TAKE_SCRATCH(s);
	const __u32 place = hook.judged & (HOOK_ARGUMENTS - 1);
	struct judged_path *j;
	__u64 verdict = 0;

	if (!s || !(hook.flags & HOOK_JUDGES))
		return 0;
	if (!s->print.before || !s->values[place].readable || s->values[place].cut)
		return 0;
	for (__u32 i = 0; i < JUDGED_FILTERS; i++)
		if (is_judged(i) && has_text(s, i))
			verdict |= 1ULL << i;
	s->verdict = verdict;
	s->judged = 1;
	make_print(HAND(s));
	if (s->print.sum != s->print.before)
		return 0;
	verdict |= bpf_jiffies64() << 32;
	j = judged_of(s->print.sum);
	if (!j)
		return 0;
	*(volatile __u64 *)&j->verdict = verdict;
	*(volatile __u64 *)&j->check = s->print.sum ^ mixed(0, verdict);
	return 0;
}
