// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Texts and buffers, of the kernel or of user space, on their way into a record. */
#pragma once
#include "hook_fetch.h"

/* Entries of an array of struct iovec that are read. */
#define VECTOR_ENTRIES 32
/* Bytes of a text, its end included: what is longer than any text that it is compared with must not look like one of them. */
#define TEXT_MAX (PATH_MAX + 2)

/* One argument on its way into the record. */
struct reading {
	struct hook_scratch *s;
	struct value *value;
	const volatile struct hook_argument *argument;
	__u32 place;
	__u8 flags;
};

/* Sets the text of a value to what was put at the end of data. */
static __always_inline void add_text(struct hook_scratch *s, struct value *v, __u32 length)
{
	__u32 at = s->used;

	v->at = at;
	v->length = length;
	s->used = at + length;
}

static __always_inline void take_text(struct reading *r, __u32 length)
{
	add_text(r->s, r->value, length);
}

static __always_inline char *end_of_data(struct hook_scratch *s)
{
	return &s->data[s->used & (HOOK_DATA - 1)];
}

static __always_inline void read_text(struct reading *r, __u64 address, bool user)
{
	char *to = end_of_data(r->s);
	long length;

	if (user)
		length = bpf_probe_read_user_str(to, TEXT_MAX, (void *)address);
	else
		length = bpf_probe_read_kernel_str(to, TEXT_MAX, (void *)address);
	if (length < 0 && !user) /* functions of the kernel take pointers to user memory too */
		length = bpf_probe_read_user_str(to, TEXT_MAX, (void *)address);
	if (length < 0) {
		r->flags |= VALUE_UNREADABLE;
		return;
	}
	if (length == TEXT_MAX)
		r->flags |= VALUE_CUT;
	take_text(r, length > 0 ? length - 1 : 0);
}

/* Reads bytes of a buffer; returns how many. */
static __always_inline __u32 read_buffer(struct reading *r, __u64 address, __u64 size, bool user)
{
	char *to = end_of_data(r->s);
	__u64 count = size;

	if (count > r->argument->maximum)
		count = r->argument->maximum;
	barrier_var(count);
	if (count > HOOK_MARGIN)
		count = HOOK_MARGIN;
	if (!user && !bpf_probe_read_kernel(to, count, (void *)address))
		return count;
	if (bpf_probe_read_user(to, count, (void *)address)) { /* functions of the kernel take pointers to user memory too */
		r->flags |= VALUE_UNREADABLE;
		return 0;
	}
	return count;
}

static __always_inline void read_bytes(struct reading *r, __u64 address, __u64 size, bool user)
{
	struct bytes_value *v = reserve(r->s, sizeof(*v));
	__u32 count;

	if (!v)
		return;
	v->size = size;
	count = read_buffer(r, address, size, user);
	if (count < size)
		r->flags |= VALUE_CUT;
	take_text(r, count);
}

static long read_vector_entry(__u32 index, struct in_scratch *in)
{
	struct hook_scratch *s = in->s;
	struct vector_reading *v = &s->vector;
	__u64 at = s->used + v->length, count;
	struct iovec entry = {};

	if (index >= v->left || at > HOOK_DATA - HOOK_MARGIN)
		return 1;
	if (read_either(&entry, sizeof(entry), v->address + index * sizeof(entry), !v->copied)) {
		v->flags |= VALUE_UNREADABLE;
		return 1;
	}
	count = entry.iov_len;
	if (v->length + count > v->maximum)
		count = v->maximum - v->length;
	barrier_var(count);
	if (count > HOOK_MARGIN)
		return 1;
	if (bpf_probe_read_user(&s->data[at & (HOOK_DATA - 1)], count, entry.iov_base)) {
		v->flags |= VALUE_UNREADABLE;
		return 1;
	}
	v->length += count;
	return v->length >= v->maximum ? 1 : 0;
}

REPEATABLE(read_vector_entry, struct in_scratch, scratch_at, 8, VECTOR_ENTRIES / 8)

/* Reads what an array of struct iovec points at in user memory; size is that of all together, 0 if not known. */
static __always_inline void read_vector(struct reading *r, __u64 address, __u64 entries, __u64 size, bool copied)
{
	struct bytes_value *value = reserve(r->s, sizeof(*value));
	struct in_scratch in = { .s = r->s };
	struct vector_reading *v = &r->s->vector;

	if (!value)
		return;
	v->address = address;
	v->left = entries;
	v->length = 0;
	v->maximum = r->argument->maximum;
	v->copied = copied;
	v->flags = 0;
	repeat(VECTOR_ENTRIES, read_vector_entry, &in, r->s->slot);
	r->flags |= v->flags;
	value->size = size ? size : v->length;
	if (entries > VECTOR_ENTRIES || v->length >= v->maximum || size > v->length)
		r->flags |= VALUE_CUT;
	take_text(r, BOUNDED(v->length, HOOK_MARGIN));
}

#ifdef OLD_KERNEL

static __always_inline __u8 type_of_iter(struct iov_iter *iter)
{
	struct iov_iter___old *old = (void *)iter;

	if (bpf_core_field_exists(iter->iter_type))
		return BPF_CORE_READ(iter, iter_type);
	return BPF_CORE_READ(old, type) & ~1;
}

/* There are none before 6.0. */
#define IS_USER_BUFFER(type) \
	(bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) && (type) == bpf_core_enum_value(enum iter_type, ITER_UBUF))

#else

static __always_inline __u8 type_of_iter(struct iov_iter *iter)
{
	return BPF_CORE_READ(iter, iter_type);
}

#define IS_USER_BUFFER(type) ((type) == bpf_core_enum_value(enum iter_type, ITER_UBUF))

#endif

static __always_inline void read_iov_iter(struct reading *r, struct iov_iter *iter)
{
	__u64 count = BPF_CORE_READ(iter, count), offset = BPF_CORE_READ(iter, iov_offset);
	__u8 type = type_of_iter(iter);

	if (IS_USER_BUFFER(type)) {
		read_bytes(r, (__u64)BPF_CORE_READ(iter, ubuf) + offset, count, true);
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
		struct iov_iter___old *old = (void *)iter;
		__u64 address;

		if (bpf_core_field_exists(iter->__iov))
			address = (__u64)BPF_CORE_READ(iter, __iov);
		else
			address = (__u64)BPF_CORE_READ(old, iov);
		read_vector(r, address, BPF_CORE_READ(iter, nr_segs), count, true);
	} else { /* memory of the kernel: a socket's, a pipe's */
		r->flags |= VALUE_UNREADABLE;
	}
}
