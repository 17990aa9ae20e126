// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Which of the two ABIs of a kernel a system call came by. */
#pragma once
#include "kernel_memory.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Whether the current task (of current_task) is in a system call of the ABI for 32 bits. */
static __always_inline bool is_compat(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.status))
		return TRUSTED_FIELD(struct task_struct, task, thread_info.status) &
		       2; /* TS_COMPAT, arch/x86/include/asm/thread_info.h */
	return TRUSTED_FIELD(struct task_struct, task, thread_info.flags) &
	       (1 << 22); /* TIF_32BIT, arch/arm64/include/asm/thread_info.h */
}
