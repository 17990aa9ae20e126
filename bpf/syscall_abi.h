// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Which of the two ABIs of a kernel a system call came by, and the place of its number in tables. */
#pragma once
#include "kernel_memory.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Numbers of system calls; every architecture has fewer. */
#define SYSCALLS 1024
/* The ABI for 32 bits has numbers of its own: they stand behind those of the native one. */
#define COMPAT SYSCALLS
/* The x32 ABI sets this bit in the numbers of the native one, arch/x86/include/uapi/asm/unistd.h. */
#define X32 0x40000000

/* Whether the current task (of current_task) is in a system call of the ABI for 32 bits. */
static __always_inline bool is_compat(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.status))
		return TRUSTED_FIELD(struct task_struct, task, thread_info.status) &
		       2; /* TS_COMPAT, arch/x86/include/asm/thread_info.h */
	return TRUSTED_FIELD(struct task_struct, task, thread_info.flags) &
	       (1 << 22); /* TIF_32BIT, arch/arm64/include/asm/thread_info.h */
}

/* The place of a system call that the current task makes. */
static __always_inline __u32 place_of_call(struct task_struct *task, long number)
{
	return is_compat(task) ? COMPAT + (number & (SYSCALLS - 1)) : number & ~X32;
}
