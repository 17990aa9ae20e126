// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reading a field behind an address of the kernel. Kernels since 6.2 let a program say what an address points to; it is read
 * by an instruction then, which gives 0 where there is no memory, as the helper does that older kernels need.
 */
#pragma once
#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

extern void *bpf_rdonly_cast(const void *address, __u32 type) __ksym __weak;

/* The field of the struct of a type at an address, whatever the verifier knows of that. */
#define FIELD(type, address, field)                                                                    \
	({                                                                                             \
		type *at_ = (type *)(address);                                                         \
		typeof(at_->field) field_;                                                             \
		if (bpf_rdonly_cast)                                                                   \
			field_ = ((type *)bpf_rdonly_cast(at_, bpf_core_type_id_kernel(type)))->field; \
		else                                                                                   \
			field_ = BPF_CORE_READ(at_, field);                                            \
		field_;                                                                                \
	})

/* The pointer that stands at an address: the verifier takes it for that in a struct of the kernel which begins with one. */
#define POINTER_AT(address) ((void *)FIELD(struct list_head, address, next))

/* What stands at an address that nobody need be sure of; 0 where nothing does. */
static __always_inline __u64 word_at(const void *address)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), address);
	return word;
}

#ifdef OLD_KERNEL

/* Before 5.11 the verifier trusts no pointer to the current task. */
static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

#define TRUSTED_FIELD FIELD

#else

static __always_inline struct task_struct *current_task(void)
{
	return bpf_get_current_task_btf();
}

/* The same behind a pointer that the verifier trusts, as that to the current task: without a helper on all kernels. That the pointer is
 * cast all the same is for the verifier: it searches its names of types for each field that is read behind a pointer it trusts. */
#define TRUSTED_FIELD(type, pointer, field)                                                            \
	({                                                                                             \
		type *at_ = (pointer);                                                                 \
		typeof(at_->field) field_;                                                             \
		if (bpf_rdonly_cast)                                                                   \
			field_ = ((type *)bpf_rdonly_cast(at_, bpf_core_type_id_kernel(type)))->field; \
		else                                                                                   \
			field_ = at_->field;                                                           \
		field_;                                                                                \
	})

#endif
