// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Where a record is put together before it is handed over, and what the filters know of it. */
#pragma once
#include "hook_config.h"
#include "hook_record.h"
#include "output.h"
#include "path.h"
#include "repeat.h"

/* Bytes of all arguments of a record together (a power of two). */
#define HOOK_DATA (32 << 10)
/* How much one write can reach beyond: the longest buffer. */
#define HOOK_MARGIN (8 << 10)
/* Addresses of a stack that are kept: the kernel's own limit (kernel.perf_event_max_stack). */
#define STACK_DEPTH 127
/* Numbers that an expression can have at hand (a power of two). */
#define EXPRESSION_DEPTH 64
/* Programs that can be at work on one CPU at the same time: one that is interrupted, or preempted, keeps its scratch. */
#define SCRATCH_SLOTS 4

/* What is known of an argument once it was read. */
struct value {
	/* the number, or the first word: a pointer */
	__u64 number;
	/* its text in data: where and how long */
	__u32 at, length;
	/* where its struct is in data */
	__u32 structure;
	/* is in data already; could be read; step of the walk at which it could not, from 1; the text lacks its front */
	__u8 known, readable, failed, cut;
};

/* A text that is compared with others. */
struct text_match {
	/* the text in data, and where in it the other is compared */
	__u32 at, length, offset;
	/* operand of the first of the others */
	__u32 first;
	/* the one that is compared: the operand at which it begins, and its bytes */
	__u32 words, size;
	/* enum filter_match */
	__u32 match, ignore_case;
	__u32 different, found;
};

/* The print of a path while it is made; see hook_judged.h. Addresses become numbers here: with those in registers the verifier
 * does not let us compute. */
struct path_print {
	volatile __u64 dentry, mnt, mnt_root;
	__u64 sum;
	__u64 done;
	/* the print before the path was read */
	__u64 before;
};

/* What is taken from the end of a path of user memory. */
struct path_cut {
	/* the path in data */
	__u32 begin, length;
	/* the name goes too, and what remains is its directory */
	__u32 name;
	__u32 passed_name;
};

/* An array of struct iovec of which one entry is read after the other. */
struct vector_reading {
	__u64 address, left;
	/* bytes that were read, and that are read at most */
	__u64 length, maximum;
	/* the array itself is a copy in kernel memory */
	__u32 copied;
	/* enum argument_header_flags */
	__u32 flags;
};

/* A way up from an entry to a root. */
struct ascent {
	struct dentry *dentry, *root;
	__u32 reached;
};

/* A search for the mount in which an entry is; see hook_mounts.h. */
struct mount_search {
	struct dentry *dentry;
	struct mnt_namespace *namespace;
	struct mount *next;
	/* where a list ends that is a circle */
	void *end;
	struct vfsmount *found;
	/* all were looked at */
	__u32 done;
	/* by which repeat() finds it */
	__u32 handle;
#ifdef OLD_KERNEL
	struct ascent ascent;
#endif
};

struct hook_scratch {
	__u32 busy;
	/* end of what is in data */
	__u32 used;
	/* actions of a record that is posted later */
	__u32 deferred;
	/* verdict holds: bits of the filters of the judged argument that are true */
	__u32 judged;
	__u64 verdict;
	/* when the run began, 0 if it is not timed, and how many are not before the next that is */
	__u64 began;
	__u32 runs;
	/* selectors whose filters at the entry hold, bits */
	__u32 candidates;
	/* the system call's layout, and where its registers are (of hook.layouts) */
	__u32 layout;
	__u64 registers;
	/* the selector that matched */
	volatile __s32 chosen;
	/* the number of this scratch: how global functions find it before 5.12, and loops (see repeat.h) */
	__u32 slot;
	/* selections of workloads that hold for whom the call is of (of HOOK_TELLS_WORKLOADS) */
	__u64 workloads;
	struct path_print print;
	struct path_walk walk;
	struct path_cut cut;
	struct vector_reading vector;
	struct value values[HOOK_ARGUMENTS];
	/* the numbers of values as they were at the entry; not on the stack, which is short */
	__u64 words[HOOK_ARGUMENTS];
	struct text_match text;
	char path[2 * PATH_MAX];
	/* of an expression; deeper ones are refused */
	__u64 stack[EXPRESSION_DEPTH];
#ifdef OLD_KERNEL
	/* how many of them there are */
	volatile __u32 depth;
	/* operand of the first operation of one */
	__u32 expression;
	struct mount_search search;
#endif
	struct hook_record record;
	/* record and data are handed over in one piece */
	char data[HOOK_DATA + HOOK_MARGIN];
};

/* What loops know of their work. The rest is in the scratch: the stack is short, and of what is there the verifier follows each value,
 * so that it looks at a loop many times. */
struct in_scratch {
	struct hook_scratch *s;
};

/* SCRATCH_SLOTS for each possible CPU; user space sets the number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct hook_scratch);
} hook_scratches SEC(".maps");

#ifdef OLD_KERNEL

static __always_inline struct hook_scratch *scratch_of(__u32 slot)
{
	return bpf_map_lookup_elem(&hook_scratches, &slot);
}

static __always_inline struct in_scratch *scratch_at(__u32 slot, struct in_scratch *in)
{
	in->s = scratch_of(slot);
	return in->s ? in : NULL;
}

static __always_inline struct in_walk *walk_at(__u32 slot, struct in_walk *in)
{
	struct hook_scratch *s = scratch_of(slot);

	if (!s)
		return NULL;
	in->walk = &s->walk;
	in->buffer = s->path;
	return in;
}

/* How a global function is handed the scratch: by its number. The first declaration in the function takes it. */
#define SCRATCH_PARAMETER __u32 slot_
#define TAKE_SCRATCH(s) struct hook_scratch *s = scratch_of(slot_)
#define HAND(s) ((s)->slot)

/* For what is such a function elsewhere, and would be one too many on the stack here: what it calls is verified once anyway. */
#define VERIFIED_ONCE static __always_inline

/* The slot is the program's whose one is the only one. No instruction compares and swaps before 5.12. */
static __always_inline bool take_slot(struct hook_scratch *s)
{
	__sync_fetch_and_add(&s->busy, 1);
	if (*(volatile __u32 *)&s->busy == 1)
		return true;
	__sync_fetch_and_add(&s->busy, -1);
	return false;
}

static __always_inline void number(struct hook_scratch *s, __u32 slot)
{
	s->slot = slot;
	s->walk.handle = slot;
}

/* Others may have a one in it too, for a moment. */
static __always_inline void give_back(struct hook_scratch *s)
{
	__sync_fetch_and_add(&s->busy, -1);
}

#else

#define SCRATCH_PARAMETER struct hook_scratch *s
#define TAKE_SCRATCH(s)
#define HAND(s) (s)
#define VERIFIED_ONCE __noinline

static __always_inline bool take_slot(struct hook_scratch *s)
{
	return __sync_val_compare_and_swap(&s->busy, 0, 1) == 0;
}

static __always_inline void number(struct hook_scratch *s, __u32 slot)
{
}

/* A store is enough: slots are taken by programs on their own CPU only. */
static __always_inline void give_back(struct hook_scratch *s)
{
	*(volatile __u32 *)&s->busy = 0;
}

#endif

static __always_inline struct hook_scratch *take_scratch(void)
{
	__u32 first = bpf_get_smp_processor_id() * SCRATCH_SLOTS;

	for (int i = 0; i < SCRATCH_SLOTS; i++) {
		__u32 slot = first + i;
		struct hook_scratch *s = bpf_map_lookup_elem(&hook_scratches, &slot);

		if (s && take_slot(s)) {
			number(s, slot);
			return s;
		}
	}
	return NULL;
}

/* Room for the struct of an argument; NULL when data is full. Size is a constant. */
static __always_inline void *reserve(struct hook_scratch *s, __u32 size)
{
	__u32 at = s->used;

	if (at > HOOK_DATA - 8)
		return NULL;
	at &= HOOK_DATA - 1;
	s->used = at + ((size + 7) & ~7U);
	return &s->data[at];
}
